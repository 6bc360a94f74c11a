//! How the generated models are read and written.
//!
//! Answers are read only and keep what they do not know; bodies are written only. Every field is an `Option`: an answer may
//! lack it, a body leaves it out. A field that a body must have is refused before sending when it is missing.
//!
//! The macros expand to as little as the compiler can check quickly: reading is one visitor shared by all models, everything
//! else goes through `dyn`
//! ([ADR 8](https://github.com/sidecar-crm/sidecar/blob/main/docs/adr/0008-generated-layer.md)).

#![allow(
    dead_code,
    unused_macros,
    unused_imports,
    reason = "what is used depends on the families that are compiled in"
)]

mod look;
mod read;
mod write;

pub use self::{
    look::Unknown,
    read::Decode,
    write::{Files, Write},
};
pub(crate) use self::{
    look::{Look, Parts, show, unknown},
    read::{Fields, Fill, field, flag, keep, list, text},
    write::{LookWritten, Name, Written, show_written},
};

/// What reads a field, unless it is an ordinary one.
macro_rules! reader {
    () => {
        $crate::api::model::field
    };
    ($reader:ident) => {
        $crate::api::model::$reader
    };
}
pub(crate) use reader;

/// A field's names: one for both generations, one for each, or one that only one of them has.
macro_rules! name {
    ($wire:literal) => {
        $crate::api::model::Name::new($wire, $wire)
    };
    ($v2:literal / $v3:literal) => {
        $crate::api::model::Name::new($v2, $v3)
    };
    ($wire:literal @ v2) => {
        $crate::api::model::Name::new($wire, "")
    };
    ($wire:literal @ v3) => {
        $crate::api::model::Name::new("", $wire)
    };
}
pub(crate) use name;

/// A model that is read: `field: Type = "name" | "other name",`.
macro_rules! answer {
    ($name:ident { $($(#[$doc:meta])* $field:ident: $type:ty = $wire:literal $(| $alias:literal)* $(~ $reader:ident)?,)* }) => {
        #[doc = concat!("`", stringify!($name), "`, as it is read.")]
        #[derive(Clone, Default)]
        pub struct $name {
            $(#[doc = concat!("`", $wire, "`.")] $(#[$doc])* pub $field: Option<$type>,)*
            /// What the provider sent beyond these fields.
            pub extra: $crate::api::Object,
        }
        $crate::api::model::read_fields! { $name { $($field = $wire $(| $alias)* $(~ $reader)?,)* } }
    };
}
pub(crate) use answer;

/// A model that is written: `field: Type = "name" required,`; see `name!` for others.
macro_rules! body {
    ($name:ident { $($(#[$doc:meta])* $field:ident: $type:ty = $v2:literal $(/ $v3:literal)? $(| $alias:literal)* $(~ $reader:ident)? $(@ $only:ident)? $($required:ident)?,)* }) => {
        #[doc = concat!("`", stringify!($name), "`, as it is sent; what is `None` is left out.")]
        #[derive(Clone, Default)]
        pub struct $name {
            $($(#[$doc])* pub $field: Option<$type>,)*
        }
        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::api::model::show_written(self, stringify!($name), f)
            }
        }
        $crate::api::model::write_fields! { $name => { $($field = $v2 $(/ $v3)? $(@ $only)? $($required)?,)* } }
    };
}
pub(crate) use body;

/// A model that is read and written; unknown fields that were read are written again.
macro_rules! both {
    ($name:ident { $($(#[$doc:meta])* $field:ident: $type:ty = $v2:literal $(/ $v3:literal)? $(| $alias:literal)* $(~ $reader:ident)? $(@ $only:ident)? $($required:ident)?,)* }) => {
        #[doc = concat!("`", stringify!($name), "`, as it is read and sent; what is `None` is left out.")]
        #[derive(Clone, Default)]
        pub struct $name {
            $($(#[$doc])* pub $field: Option<$type>,)*
            /// What the provider sent beyond these fields.
            pub extra: $crate::api::Object,
        }
        $crate::api::model::read_fields! { $name { $($field = $v2 $(| $v3)? $(| $alias)* $(~ $reader)?,)* } }
        $crate::api::model::write_fields! { $name, extra => { $($field = $v2 $(/ $v3)? $(@ $only)? $($required)?,)* } }
    };
}
pub(crate) use both;

/// How a model's fields are read.
macro_rules! read_fields {
    ($name:ident { $($field:ident = $wire:literal $(| $alias:literal)* $(~ $reader:ident)?,)* }) => {
        impl $crate::api::model::Fields for $name {
            fn set<'de, A: ::serde::de::MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
                match key {
                    $($wire $(| $alias)* => $crate::api::model::reader!($($reader)?)(&mut self.$field, key, map),)*
                    _ => $crate::api::model::keep(&mut self.extra, key, map),
                }
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($crate::api::model::Fill(::std::marker::PhantomData))
            }
        }

        impl $crate::api::model::Parts for $name {
            fn parts(&self, look: &mut $crate::api::model::Look<'_>) {
                look(&[$(($wire, &self.$field)),*], &self.extra);
            }
        }

        impl $crate::api::model::Unknown for $name {
            fn unknown(&self, path: &str, found: &mut Vec<String>) {
                $crate::api::model::unknown(self, path, found);
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::api::model::show(self, stringify!($name), f)
            }
        }
    };
}
pub(crate) use read_fields;

/// How a model's fields are written, over what is there already.
macro_rules! write_fields {
    ($name:ident $(, $extra:ident)? => { $($field:ident = $v2:literal $(/ $v3:literal)? $(@ $only:ident)? $($required:ident)?,)* }) => {
        impl $crate::api::model::Written for $name {
            fn fields(&self, look: &mut $crate::api::model::LookWritten<'_>) {
                look(&[$(($crate::api::model::name!($v2 $(/ $v3)? $(@ $only)?)$(.$required())?, &self.$field)),*]);
            }
            $(fn base(&self) -> $crate::api::Object {
                self.$extra.clone()
            })?
        }
    };
}
pub(crate) use write_fields;

/// An open enum of texts.
macro_rules! values {
    ($name:ident { $($variant:ident = $wire:literal,)* }) => {
        #[doc = concat!("The values of `", stringify!($name), "`.")]
        #[derive(Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", $wire, "`.")] $variant,)*
            /// A value that this version of the crate does not know, as sent.
            Other(::std::sync::Arc<str>),
        }

        impl $name {
            /// The value as it stands on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)*
                    Self::Other(value) => value,
                }
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                match value {
                    $($wire => Self::$variant,)*
                    other => Self::Other(other.into()),
                }
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                ::sidecar_core::model::Key::deserialize(deserializer).map(|value| Self::from(value.as_str()))
            }
        }

        impl $crate::api::model::Unknown for $name {}

        impl $crate::api::model::Written for $name {
            fn text(&self) -> Option<&str> {
                Some(self.as_str())
            }
        }
    };
}
pub(crate) use values;
