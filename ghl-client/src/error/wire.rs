//! What the shapes of error bodies have in common.

use serde_json::Value;

/// A refusal's body, taken apart; each part may be absent.
#[derive(Debug, Default)]
pub(super) struct Wire {
    /// The complaints, one or several.
    pub(super) messages: Vec<String>,
    /// A code for programs, where there is one.
    pub(super) code: Option<String>,
    /// What the provider advises to do (v3).
    pub(super) resolution: Option<String>,
    pub(super) trace: Option<String>,
    pub(super) meta: Value,
    /// It is a web page: not the API has answered but something before it.
    pub(super) is_page: bool,
}

impl Wire {
    /// Four shapes: `{"statusCode", "message": text or list, "error": reason phrase, "traceId", "meta"}` nearly everywhere,
    /// `{"status": number, "message"}` from uploads and some filters, `{"error": {"code", "message", "details",
    /// "resolution"}}` in v3, and `{"error": code, "error_description"}` from the token endpoint.
    pub(super) fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(mut body)) = serde_json::from_slice::<Value>(body) else {
            return Self { is_page: is_page(body), ..Self::default() };
        };
        let nested = body.get("error").filter(|error| error.is_object()).cloned().unwrap_or_default();
        let message = [body.get("message"), nested.get("message"), body.get("error_description"), body.get("msg")];
        let messages = message.into_iter().flatten().map(lines).find(|lines| !lines.is_empty()).unwrap_or_default();
        Self {
            messages,
            code: text(nested.get("code")).or_else(|| text(body.get("error")).filter(|error| is_code(error))),
            resolution: text(nested.get("resolution")),
            trace: text(body.get("traceId")).or_else(|| text(nested.get("traceId"))),
            meta: body.remove("meta").unwrap_or_default(),
            is_page: false,
        }
    }

    pub(super) fn message(&self) -> String {
        self.messages.join("; ")
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// `invalid_grant` is a code, `Bad Request` a reason phrase.
fn is_code(error: &str) -> bool {
    !error.contains(' ') && error.contains('_')
}

fn lines(message: &Value) -> Vec<String> {
    match message {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        }
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}

fn is_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    start.len() > 5 && (start[..5].eq_ignore_ascii_case(b"<html") || start[..5].eq_ignore_ascii_case(b"<!doc"))
}
