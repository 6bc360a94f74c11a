//! The fields that the formats of error bodies have in common.

use serde_json::Value;
use sidecar_core::client::{is_html, is_oauth_code};

/// The parts of an error body; each may be absent.
#[derive(Debug, Default)]
pub(super) struct ErrorBody {
    /// The messages, one per violation.
    pub(super) messages: Vec<String>,
    /// The error code.
    pub(super) code: Option<String>,
    /// The provider's advice (v3).
    pub(super) resolution: Option<String>,
    pub(super) trace: Option<String>,
    pub(super) meta: Value,
    /// The body is a web page, from a proxy or firewall instead of the API.
    pub(super) is_html: bool,
}

impl ErrorBody {
    /// Four formats: `{"statusCode", "message": text or list, "error": reason phrase, "traceId", "meta"}` almost everywhere,
    /// `{"status": number, "message"}` from uploads and some filters, `{"error": {"code", "message", "details",
    /// "resolution"}}` in v3, and `{"error": code, "error_description"}` from the token endpoint.
    pub(super) fn read(body: &[u8]) -> Self {
        let Ok(Value::Object(mut body)) = sidecar_core::json::from_slice::<Value>(body) else {
            return Self { is_html: is_html(body), ..Self::default() };
        };
        let nested = body.get("error").filter(|error| error.is_object()).cloned().unwrap_or_default();
        let message = [body.get("message"), nested.get("message"), body.get("error_description"), body.get("msg")];
        let messages = message.into_iter().flatten().map(lines).find(|lines| !lines.is_empty()).unwrap_or_default();
        Self {
            messages,
            code: text(nested.get("code")).or_else(|| text(body.get("error")).filter(|error| is_oauth_code(error))),
            resolution: text(nested.get("resolution")),
            trace: text(body.get("traceId")).or_else(|| text(nested.get("traceId"))),
            meta: body.remove("meta").unwrap_or_default(),
            is_html: false,
        }
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
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
