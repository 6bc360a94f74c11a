//! What the shapes of error bodies have in common.

use serde_json::Value;

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
    /// `{"status": "error", "error": {"code", "message", "details"}}` mostly, where `details` is a text, an object with
    /// `message`, or one with `errors` (each with `property`, `constraints` and perhaps `children`); `{"message"}` or
    /// `{"error": text}` from other filters; `{"error": code, "error_description"}` from the token endpoint.
    pub(super) fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(body) else {
            return Self { is_page: is_page(body), ..Self::default() };
        };
        let error = body.get("error").unwrap_or(&Value::Null);
        let details = error.get("details").or_else(|| body.get("details")).unwrap_or(&Value::Null);
        let mut complaints = Vec::new();
        for errors in
            [details.get("errors"), error.get("errors"), body.get("errors"), details.as_array().map(|_| details)]
        {
            collect(errors.unwrap_or(&Value::Null), "", &mut complaints);
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

/// The first of the places that says something.
fn said<'a>(places: impl IntoIterator<Item = Option<&'a Value>>) -> Vec<String> {
    places.into_iter().flatten().map(lines).find(|lines| !lines.is_empty()).unwrap_or_default()
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
