use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Entry;
use crate::{Page, http::Response};

/// Says what of an answer no field of its model took up. What has no fields has nothing unknown.
///
/// ```
/// use sidecar_core::model::Unknown as _;
/// sidecar_core::model! {
///     /// A tag.
///     pub struct Tag {
///         /// Its id.
///         "id" id: String,
///         /// The tags below it.
///         "below" below: Option<Vec<Tag>>,
///     }
/// }
/// let tag: Tag = serde_json::from_str(r#"{"id": "t1", "below": [{"id": "t2", "colour": "red"}]}"#)?;
/// let mut found = Vec::new();
/// tag.unknown("", &mut found);
/// assert_eq!(found, ["below.colour"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
pub trait Unknown {
    /// Adds the path of each unknown field, such as `contact.customFields.colour`; `path` is that of this value.
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        let _ = (path, found);
    }
}

/// The path of a field.
pub fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// Looks into a field. The macros call `look` with both traits in scope: method lookup finds this one first where the field's
/// type can be looked into, because it needs one reference less.
#[doc(hidden)]
pub trait LookInto {
    fn look(&self, path: &str, wire: &'static str, found: &mut Vec<String>);
}

impl<T: Unknown> LookInto for Entry<'_, T> {
    fn look(&self, path: &str, wire: &'static str, found: &mut Vec<String>) {
        self.0.unknown(&join(path, wire), found);
    }
}

#[doc(hidden)]
pub trait LookPast {
    fn look(&self, path: &str, wire: &'static str, found: &mut Vec<String>);
}

impl<T> LookPast for &Entry<'_, T> {
    fn look(&self, _: &str, _: &'static str, _: &mut Vec<String>) {}
}

macro_rules! nothing_unknown {
    ($($type:ty)*) => { $(impl Unknown for $type {})* };
}

nothing_unknown! { () Response Value Map<String, Value> String bool }

impl<T: Unknown> Unknown for Box<T> {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        (**self).unknown(path, found);
    }
}

impl<T: Unknown> Unknown for Vec<T> {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        self.iter().for_each(|item| item.unknown(path, found));
    }
}

impl<T: Unknown> Unknown for Option<T> {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        self.iter().for_each(|value| value.unknown(path, found));
    }
}

impl<T: Unknown> Unknown for BTreeMap<String, T> {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        self.values().for_each(|value| value.unknown(&join(path, "*"), found));
    }
}

impl<T: Unknown, C> Unknown for Page<T, C> {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        self.items.unknown(path, found);
    }
}
