//! What the shapes of error bodies have in common.

use http::StatusCode;
use serde_json::Value;

/// The most bytes of a body without any structure that are taken for somebody's words.
const FEW_WORDS: usize = 500;

/// A refusal's body, taken apart; each part may be absent.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// The complaints, one or several.
    pub(super) messages: Vec<String>,
    /// What was refused field by field, if anything was.
    pub(super) is_validation: bool,
    /// A code for programs: the name of the provider's exception, `NOT_FOUND`, `invalid_grant`.
    pub(super) code: Option<String>,
    /// It is a web page: not the API has answered but something before it.
    pub(super) is_page: bool,
}

impl Wire {
    /// `{"status": "error", "error": {"code", "message", "details"}}` mostly, where `details` is a text, a list of texts, an object
    /// with `message`, or one with `errors` (texts, or each with `property`, `constraints` and perhaps `children`); `{"message"}` or
    /// `{"error": text}` from other filters; `{"error": code, "error_description"}` from the token endpoint; or only a text, or a list
    /// of them.
    pub(super) fn read(bytes: &[u8]) -> Self {
        let body = match serde_json::from_slice::<Value>(bytes) {
            Ok(Value::Object(body)) => body,
            Ok(other) => return Self { messages: lines(&other), ..Self::default() },
            Err(_) => return Self { is_page: is_page(bytes), messages: words(bytes), ..Self::default() },
        };
        let error = body.get("error").unwrap_or(&Value::Null);
        let details = error.get("details").or_else(|| body.get("details")).unwrap_or(&Value::Null);
        let lists = [details.get("errors"), error.get("errors"), body.get("errors"), Some(details)];
        let mut complaints = Vec::new();
        for errors in lists.into_iter().flatten() {
            collect(errors, "", &mut complaints);
        }
        let is_validation = !complaints.is_empty();
        if complaints.is_empty() {
            complaints = said([
                details.get("message"),
                body.get("error_description"),
                error.get("message"),
                body.get("message"),
                Some(details),
                Some(error),
            ]);
            for errors in lists.into_iter().flatten().filter(|list| list.is_array()) {
                complaints.extend(lines(errors));
            }
            tidy(&mut complaints);
        }
        let code = [error.get("code"), Some(error).filter(|error| is_code(error)), body.get("code")];
        Self {
            messages: complaints,
            is_validation,
            code: code.into_iter().flatten().find_map(Value::as_str).filter(|code| !code.is_empty()).map(str::to_owned),
            is_page: false,
        }
    }

    pub(super) fn message(&self) -> String {
        self.messages.join("; ")
    }
}

/// The first of the places that says something of its own, or else the first that says anything.
fn said<'a>(places: impl IntoIterator<Item = Option<&'a Value>>) -> Vec<String> {
    let mut spoken = places.into_iter().flatten().map(lines).filter(|lines| !lines.is_empty()).peekable();
    let first = spoken.peek().cloned().unwrap_or_default();
    spoken.find(|lines| !lines.iter().all(|line| is_empty_phrase(line))).unwrap_or(first)
}

/// Says nothing twice, and no phrase beside a reason.
fn tidy(complaints: &mut Vec<String>) {
    let mut seen = Vec::new();
    let has_reason = complaints.iter().any(|line| !is_empty_phrase(line));
    complaints.retain(|line| {
        let is_new = !seen.contains(line);
        seen.push(line.clone());
        is_new && !(has_reason && is_empty_phrase(line))
    });
}

/// Whether it only repeats what the status says: `Bad Request`, or the name of the exception in words, `Bad Request Exception`.
fn is_empty_phrase(text: &str) -> bool {
    let text = text.trim().trim_end_matches('.').to_lowercase();
    let phrase = text.strip_suffix(" exception").unwrap_or(&text);
    let reasons = (400..600).filter_map(|code| StatusCode::from_u16(code).ok()?.canonical_reason());
    phrase == "http" || reasons.map(str::to_lowercase).any(|reason| reason == phrase)
}

/// A short text that is no page and nothing else with a structure.
fn words(body: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(body).unwrap_or_default().trim();
    let is_plain =
        !text.starts_with(['<', '{', '[']) && !text.chars().any(|char| char.is_control() && !char.is_whitespace());
    let fits = is_plain && !text.is_empty() && text.len() <= FEW_WORDS;
    fits.then(|| text.split_whitespace().collect::<Vec<_>>().join(" ")).into_iter().collect()
}

fn lines(message: &Value) -> Vec<String> {
    match message {
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(lines).collect(),
        _ => Vec::new(),
    }
}

/// The complaints of a validation, nested fields by their path: `attendee.timeZone must be a string`.
fn collect(errors: &Value, at: &str, found: &mut Vec<String>) {
    for error in errors.as_array().map(Vec::as_slice).unwrap_or_default() {
        let property = error.get("property").and_then(Value::as_str).unwrap_or_default();
        let path = if at.is_empty() { property.to_owned() } else { format!("{at}.{property}") };
        for constraint in error.get("constraints").and_then(Value::as_object).into_iter().flatten() {
            if let Some(text) = constraint.1.as_str() {
                let named = !path.is_empty() && !text.contains(property);
                found.push(if named || !at.is_empty() { format!("{path}: {text}") } else { text.to_owned() });
            }
        }
        collect(error.get("children").unwrap_or(&Value::Null), &path, found);
        // A Zod issue has its words and a path instead.
        if error.get("constraints").is_none()
            && let Some(text) = error.get("message").and_then(Value::as_str)
        {
            let path =
                error.get("path").and_then(Value::as_array).map(|path| join(path)).filter(|path| !path.is_empty());
            found.push(path.map_or_else(|| text.to_owned(), |path| format!("{path}: {text}")));
        }
    }
}

fn join(path: &[Value]) -> String {
    let part = |part: &Value| part.as_str().map_or_else(|| part.to_string(), str::to_owned);
    path.iter().map(part).collect::<Vec<_>>().join(".")
}

/// `invalid_grant` is a code, `Bad Request` a reason phrase.
fn is_code(error: &Value) -> bool {
    error.as_str().is_some_and(|error| !error.contains(' ') && error.contains('_'))
}

fn is_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.len() > 5 && (start[..5].eq_ignore_ascii_case(b"<html") || start[..5].eq_ignore_ascii_case(b"<!doc"))
}
