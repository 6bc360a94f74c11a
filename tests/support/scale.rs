//! The number of repetitions in quick and full runs.

/// Returns `true` if the run uses the full counts (`SIDECAR_TESTS=full`).
pub fn is_full_scale() -> bool {
    std::env::var("SIDECAR_TESTS").is_ok_and(|scale| scale == "full")
}

/// Returns the full count, or the quick one, which is at least a twentieth of it.
///
/// # Panics
/// If the quick count is less than a twentieth of the full one.
pub fn scaled(full: usize, quick: usize) -> usize {
    assert!(quick * 20 >= full, "{quick} is less than a twentieth of {full}");
    if is_full_scale() { full } else { quick }
}
