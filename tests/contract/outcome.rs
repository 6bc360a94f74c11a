use sidecar_core::{Error, ErrorKind};

/// What became of a call.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What was called, such as `contacts.create_contact v2`.
    pub(crate) operation: String,
    /// Whether it had all arguments that there are.
    pub(crate) full: bool,
    /// Whether the answer has a type of its own.
    pub(crate) typed: bool,
    /// Whether it was answered 2xx.
    pub(crate) accepted: bool,
    /// Why it was not accepted, or not read.
    pub(crate) error: Option<String>,
    /// Where the answer has fields that no field of the type took up.
    pub(crate) unknown: Vec<String>,
}

/// The error with what the server said of it.
pub(crate) fn told(error: &Error) -> String {
    let body = error.body().map(str::to_owned).unwrap_or_default();
    let detail = if error.kind() == ErrorKind::Decode { String::new() } else { body };
    format!("{error} {detail}").chars().take(900).collect()
}

/// Few arguments; many too, where everything is asked for.
pub(crate) fn fullness() -> &'static [bool] {
    if std::env::var_os("SIDECAR_TESTS").is_some_and(|asked| asked == "full") { &[false, true] } else { &[false] }
}
