use std::fmt;

pub use sidecar_core::model::Unknown;
use sidecar_core::model::join;

use crate::api::value::{Either, File, Nullable, Number, Object, Secret};

/// A field as it can be looked at.
pub(crate) trait Part: fmt::Debug + Unknown {}

impl<T: fmt::Debug + Unknown> Part for T {}

/// What is done with a model's fields and what it kept beyond them.
pub(crate) type Look<'a> = dyn FnMut(&[(&'static str, &dyn Part)], &Object) + 'a;

/// What a model lets be looked at; everything that looks at it is compiled once.
pub(crate) trait Parts {
    /// Hands out its fields with their names, and what it kept beyond them.
    fn parts(&self, look: &mut Look<'_>);
}

/// What of a model none of its fields took up.
pub(crate) fn unknown(model: &dyn Parts, path: &str, found: &mut Vec<String>) {
    model.parts(&mut |fields, extra| {
        for (name, value) in fields {
            value.unknown(&join(path, name), found);
        }
        found.extend(extra.keys().map(|name| join(path, name)));
    });
}

/// Shows a model as its own `Debug` would.
pub(crate) fn show(model: &dyn Parts, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = f.debug_struct(name);
    model.parts(&mut |fields, extra| {
        for (name, value) in fields {
            shown.field(name, value);
        }
        shown.field("extra", extra);
    });
    shown.finish()
}

impl Unknown for Number {}
impl Unknown for Secret {}
impl Unknown for File {}

impl<T: Unknown> Unknown for Nullable<T> {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        if let Self::Value(value) = self {
            value.unknown(path, found);
        }
    }
}

impl<A: Unknown, B: Unknown> Unknown for Either<A, B> {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        match self {
            Self::First(value) => value.unknown(path, found),
            Self::Second(value) => value.unknown(path, found),
        }
    }
}
