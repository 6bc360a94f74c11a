//! Values for required fields.

use ghl_client::api::{File, Generation, Secret};
use serde_json::Value;

/// A text, which is also a time.
pub(crate) fn text() -> String {
    "2026-03-01T10:00:00Z".to_owned()
}

pub(crate) fn id() -> String {
    "abc123".to_owned()
}

pub(crate) fn secret() -> Secret {
    text().into()
}

/// Where the specification says nothing.
pub(crate) fn any() -> Value {
    Value::Object(serde_json::Map::new())
}

pub(crate) fn file() -> File {
    File { name: "a.txt".to_owned(), media: "text/plain".to_owned(), content: b"hello".to_vec() }
}

/// Does something for one generation alone.
pub(crate) fn only(generation: Generation, wanted: Generation, then: impl FnOnce()) {
    if generation == wanted {
        then();
    }
}
