use std::{collections::BTreeMap, fmt};

use serde_json::Value;
use sidecar_core::http::Answer;

use crate::api::value::{Either, File, Nullable, Number, Object, Secret};

/// Says what of an answer no field of its model took up.
pub trait Unknown {
    /// Adds the path of each unknown field, such as `contact.customFields.colour`; `path` is that of this value.
    fn unknown(&self, path: &str, found: &mut Vec<String>);
}

/// A field as it can be looked at.
pub(crate) trait Part: fmt::Debug + Unknown {}

impl<T: fmt::Debug + Unknown> Part for T {}

/// What is done with a model's fields and what it kept beyond them.
pub(crate) type Look<'a> = dyn FnMut(&[(&'static str, &dyn Part)], &Object) + 'a;

/// What a model lets be looked at; everything that looks at it is compiled once.
pub(crate) trait Parts {
    /// Hands out its fields with their names, and what it kept beyond them.
    fn parts(&self, look: &mut Look<'_>) {
        let _ = look; // A text has none.
    }
}

impl<T: Parts> Parts for Box<T> {
    fn parts(&self, look: &mut Look<'_>) {
        (**self).parts(look);
    }
}

impl<T: Parts> Unknown for T {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        self.parts(&mut |fields, extra| {
            for (name, value) in fields {
                value.unknown(&join(path, name), found);
            }
            found.extend(extra.keys().map(|name| join(path, name)));
        });
    }
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

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

macro_rules! nothing_unknown {
    ($($type:ty)*) => {$(
        impl Unknown for $type {
            fn unknown(&self, _: &str, _: &mut Vec<String>) {}
        }
    )*};
}

nothing_unknown! { Answer Value Object String bool Number Secret File }

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
