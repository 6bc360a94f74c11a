//! Crash points for tests that kill the process at the worst moment.

/// Ends the process as `kill -9` would, if a test has set an action for this point.
#[cfg(feature = "failpoints")]
pub(crate) fn crash_point(name: &str) {
    fail::eval(name, |_| std::process::abort());
}

/// Does nothing without the `failpoints` feature.
#[cfg(not(feature = "failpoints"))]
pub(crate) fn crash_point(_: &str) {}
