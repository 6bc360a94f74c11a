use http::StatusCode;

use crate::ErrorKind;

/// The message of an error response in lower case, to be searched for the phrases that distinguish errors.
#[derive(Debug)]
pub struct MessageText(String);

impl MessageText {
    /// Takes a message in any case.
    pub fn new(message: &str) -> Self {
        Self(message.to_lowercase())
    }

    /// Returns whether the message contains one of these phrases, which are in lower case.
    pub fn contains_any(&self, phrases: &[&str]) -> bool {
        phrases.iter().any(|phrase| self.0.contains(phrase))
    }

    /// Returns whether the message contains this word, not only a longer one.
    pub fn has_word(&self, word: &str) -> bool {
        self.0.split(|char: char| !char.is_alphanumeric()).any(|found| found == word)
    }
}

/// Returns whether the body is a web page: a proxy or firewall responded instead of the API.
pub fn is_html(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.len() > 5 && (start[..5].eq_ignore_ascii_case(b"<html") || start[..5].eq_ignore_ascii_case(b"<!doc"))
}

/// Returns whether the text is an error code of RFC 6749, such as `invalid_grant`, rather than a reason phrase, such as `Bad Request`.
pub fn is_oauth_code(text: &str) -> bool {
    !text.contains(' ') && text.contains('_')
}

/// Returns the kind of an error of which only the status is understood.
pub fn kind_of_status(status: StatusCode) -> ErrorKind {
    match status {
        _ if status.is_server_error() => ErrorKind::Server,
        StatusCode::REQUEST_TIMEOUT => ErrorKind::Transport,
        StatusCode::CONFLICT => ErrorKind::Conflict,
        // A redirect or another response that an API never sends: a proxy or a wrong base URL.
        _ if !status.is_client_error() => ErrorKind::Decode,
        _ => ErrorKind::Rejected,
    }
}

/// Returns the text of an error: the provider's messages, or the status's reason phrase, and what to do about it.
pub fn describe(messages: &[String], status: StatusCode, advice: &str) -> String {
    let text = match messages {
        [] => status.canonical_reason().unwrap_or("a response without a message").to_owned(),
        messages => messages.join("; "),
    };
    if advice.is_empty() { text } else { format!("{text} ({advice})") }
}
