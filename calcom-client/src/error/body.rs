//! The fields that the formats of error bodies have in common.

use http::StatusCode;
use serde_json::Value;
use sidecar_core::client::{is_html, is_oauth_code};

/// The longest unstructured body in bytes that is used as a message.
const MAX_PLAIN_MESSAGE_BYTES: usize = 500;

/// The parts of an error body; each may be absent.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    /// The messages, one per violation.
    pub(super) messages: Vec<String>,
    /// Whether the messages concern single fields.
    pub(super) is_validation: bool,
    /// The error code: the name of the provider's exception, `NOT_FOUND`, `invalid_grant`.
    pub(super) code: Option<String>,
    /// The body is a web page, from a proxy or firewall instead of the API.
    pub(super) is_html: bool,
}

impl ErrorBody {
    /// `{"status": "error", "error": {"code", "message", "details"}}` mostly, where `details` is a text, a list of texts, an object
    /// with `message`, or one with `errors` (texts, or each with `property`, `constraints` and perhaps `children`); `{"message"}` or
    /// `{"error": text}` from other filters; `{"error": code, "error_description"}` from the token endpoint; or only a text, or a list
    /// of them.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let body = match sidecar_core::json::from_slice::<Value>(bytes) {
            Ok(Value::Object(body)) => body,
            Ok(other) => return Self { messages: texts(&other), ..Self::default() },
            Err(_) => return Self { is_html: is_html(bytes), messages: plain_message(bytes), ..Self::default() },
        };
        let error = body.get("error").unwrap_or(&Value::Null);
        let details = error.get("details").or_else(|| body.get("details")).unwrap_or(&Value::Null);
        let lists = [details.get("errors"), error.get("errors"), body.get("errors"), Some(details)];
        let mut messages = Vec::new();
        for errors in lists.into_iter().flatten() {
            collect_violations(errors, "", &mut messages);
        }
        let is_validation = !messages.is_empty();
        if messages.is_empty() {
            messages = informative([
                details.get("message"),
                body.get("error_description"),
                error.get("message"),
                body.get("message"),
                Some(details),
                Some(error),
            ]);
            for errors in lists.into_iter().flatten().filter(|list| list.is_array()) {
                messages.extend(texts(errors));
            }
            remove_redundant(&mut messages);
        }
        let code = [
            error.get("code"),
            Some(error).filter(|error| error.as_str().is_some_and(is_oauth_code)),
            body.get("code"),
        ];
        Self {
            messages,
            is_validation,
            code: code.into_iter().flatten().find_map(Value::as_str).filter(|code| !code.is_empty()).map(str::to_owned),
            is_html: false,
        }
    }
}

/// Returns the first text that is more than a reason phrase, or else the first text.
fn informative<'a>(candidates: impl IntoIterator<Item = Option<&'a Value>>) -> Vec<String> {
    let mut texts = candidates.into_iter().flatten().map(texts).filter(|lines| !lines.is_empty()).peekable();
    let first = texts.peek().cloned().unwrap_or_default();
    texts.find(|lines| !lines.iter().all(|line| is_reason_phrase(line))).unwrap_or(first)
}

/// Removes duplicates, and reason phrases next to a reason.
fn remove_redundant(messages: &mut Vec<String>) {
    let mut seen = Vec::new();
    let has_reason = messages.iter().any(|line| !is_reason_phrase(line));
    messages.retain(|line| {
        let is_new = !seen.contains(line);
        seen.push(line.clone());
        is_new && !(has_reason && is_reason_phrase(line))
    });
}

/// Returns whether the text only repeats the status: `Bad Request`, or the name of the exception, `Bad Request Exception`.
fn is_reason_phrase(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.').to_lowercase();
    let phrase = text.strip_suffix(" exception").unwrap_or(&text);
    let reasons = (400..600).filter_map(|code| StatusCode::from_u16(code).ok()?.canonical_reason());
    phrase == "http" || reasons.map(str::to_lowercase).any(|reason| reason == phrase)
}

/// Returns a short text without structure.
fn plain_message(body: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(body).unwrap_or_default().trim();
    let is_plain =
        !text.starts_with(['<', '{', '[']) && !text.chars().any(|char| char.is_control() && !char.is_whitespace());
    let fits = is_plain && !text.is_empty() && text.len() <= MAX_PLAIN_MESSAGE_BYTES;
    fits.then(|| text.split_whitespace().collect::<Vec<_>>().join(" ")).into_iter().collect()
}

/// Returns the non-empty texts of a text or a list.
fn texts(message: &Value) -> Vec<String> {
    match message {
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Collects the messages of a validation, with the paths of nested fields: `attendee.timeZone must be a string`.
fn collect_violations(errors: &Value, parent: &str, found: &mut Vec<String>) {
    for error in errors.as_array().map(Vec::as_slice).unwrap_or_default() {
        let property = error.get("property").and_then(Value::as_str).unwrap_or_default();
        let path = if parent.is_empty() { property.to_owned() } else { format!("{parent}.{property}") };
        for constraint in error.get("constraints").and_then(Value::as_object).into_iter().flatten() {
            if let Some(text) = constraint.1.as_str() {
                let needs_path = !path.is_empty() && !text.contains(property);
                found.push(if needs_path || !parent.is_empty() { format!("{path}: {text}") } else { text.to_owned() });
            }
        }
        collect_violations(error.get("children").unwrap_or(&Value::Null), &path, found);
        // A Zod issue has `message` and `path` instead.
        if error.get("constraints").is_none()
            && let Some(text) = error.get("message").and_then(Value::as_str)
        {
            let path =
                error.get("path").and_then(Value::as_array).map(|path| join_path(path)).filter(|path| !path.is_empty());
            found.push(path.map_or_else(|| text.to_owned(), |path| format!("{path}: {text}")));
        }
    }
}

fn join_path(path: &[Value]) -> String {
    let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    path.iter().map(part).collect::<Vec<_>>().join(".")
}
