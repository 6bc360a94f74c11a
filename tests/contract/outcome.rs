use sidecar_core::{Error, ErrorKind};
use sidecar_tests::is_full_scale;

/// The outcome of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The operation, such as `contacts.create_contact v2`.
    pub(crate) operation: String,
    /// Whether it was called with all arguments.
    pub(crate) full: bool,
    /// Whether the response has a named type.
    pub(crate) typed: bool,
    /// Whether the status was 2xx.
    pub(crate) accepted: bool,
    /// The error if it was not accepted or not decoded.
    pub(crate) error: Option<String>,
    /// The paths of unknown fields in the response.
    pub(crate) unknown: Vec<String>,
}

/// Returns the error with the response body.
pub(crate) fn error_text(error: &Error) -> String {
    let body = error.body().map(str::to_owned).unwrap_or_default();
    let detail = if error.kind() == ErrorKind::Decode { String::new() } else { body };
    format!("{error} {detail}").chars().take(900).collect()
}

/// Returns whether to send all arguments, for each pass over the operations.
pub(crate) fn argument_sets() -> &'static [bool] {
    if is_full_scale() { &[false, true] } else { &[false] }
}
