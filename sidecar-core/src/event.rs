//! Webhook events that are not (yet) understood: kept whole and visible, never an error to the sender.

use serde_json::Value;

/// An event whose kind is unknown, or whose kind is known but whose shape has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct UnknownEvent {
    /// The kind as sent; empty when the body names none.
    pub kind: String,
    /// The whole body.
    pub raw: Value,
    /// For a known kind: what did not fit, naming the field.
    pub why: Option<String>,
}
