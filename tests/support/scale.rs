//! How much of what was asked for is done.

/// Whether the asked counts are wanted (`SIDECAR_TESTS=full`).
pub fn full() -> bool {
    std::env::var("SIDECAR_TESTS").is_ok_and(|scale| scale == "full")
}

/// The asked count, or the quick one (at least a twentieth of it).
///
/// # Panics
/// When the quick count is less than a twentieth of the asked one.
pub fn scaled(asked: usize, quick: usize) -> usize {
    assert!(quick * 20 >= asked, "{quick} is less than a twentieth of {asked}");
    if full() { asked } else { quick }
}
