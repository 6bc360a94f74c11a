//! How models are written: answers keep the fields they do not know, enums the values they do not know.
//!
//! The macros expand to plain `serde` implementations. Field names are the wire's, so that a reader can search for them.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error, MapAccess, Visitor},
    forward_to_deserialize_any,
    ser::SerializeMap,
};
use serde_json::Value;

mod unknown;

pub use unknown::Unknown;
#[doc(hidden)]
pub use unknown::{LookInto, LookPast, join};

/// The fields of an answer that its model does not name.
pub type Extra = serde_json::Map<String, Value>;

/// A struct read from and written to JSON that keeps unknown fields in `extra`.
///
/// Each field is declared as `"wireName" rust_name: Type`; an `Option` may be absent or null, anything else is required.
/// [`Unknown`](crate::model::Unknown) names what is in `extra`, at any depth.
///
/// ```
/// sidecar_core::model! {
///     /// A tag.
///     pub struct Tag {
///         /// Its id.
///         "id" id: String,
///         /// Its label.
///         "tagLabel" label: Option<String>,
///     }
/// }
/// let tag: Tag = serde_json::from_str(r#"{"id": "t1", "colour": "red"}"#)?;
/// assert_eq!((tag.id.as_str(), &tag.extra["colour"]), ("t1", &"red".into()));
/// assert_eq!(serde_json::to_string(&tag)?, r#"{"id":"t1","colour":"red"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! model {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($(#[$doc:meta])* $wire:literal $field:ident: $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $name {
            $($(#[$doc])* pub $field: $type,)*
            /// What the provider sent beyond these fields.
            pub extra: $crate::model::Extra,
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                struct Fields;
                impl<'de> ::serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }

                    fn visit_map<A: ::serde::de::MapAccess<'de>>(self, mut map: A) -> ::std::result::Result<$name, A::Error> {
                        $(let mut $field: ::std::option::Option<$type> = None;)*
                        let mut extra = $crate::model::Extra::new();
                        while let Some(key) = map.next_key::<$crate::model::Key<'de>>()? {
                            match key.as_str() {
                                $($wire => $field = Some($crate::model::value(&mut map, $wire)?),)*
                                _ => { extra.insert(key.into_string(), map.next_value()?); }
                            }
                        }
                        Ok($name {
                            $($field: match $field {
                                Some(value) => value,
                                None => $crate::model::absent($wire)?,
                            },)*
                            extra,
                        })
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                #[allow(unused_imports, reason = "a model may have only optional or only required fields")]
                use $crate::model::{PutAlways as _, PutOption as _};
                use ::serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $((&$crate::model::Entry(&self.$field)).put(&mut map, $wire)?;)*
                for (name, value) in &self.extra {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }

        impl $crate::model::Unknown for $name {
            fn unknown(&self, path: &str, found: &mut ::std::vec::Vec<::std::string::String>) {
                #[allow(unused_imports, reason = "a model may have no field that can be looked into, or only such fields")]
                use $crate::model::{LookInto as _, LookPast as _};
                $((&$crate::model::Entry(&self.$field)).look(path, $wire, found);)*
                found.extend(self.extra.keys().map(|name| $crate::model::join(path, name)));
            }
        }
    };
}

/// An enum whose wire values are text and that keeps values it does not know.
///
/// ```
/// sidecar_core::open_enum! {
///     /// A colour.
///     pub enum Colour {
///         /// Red.
///         Red = "red",
///     }
/// }
/// let seen: Vec<Colour> = serde_json::from_str(r#"["red", "mauve"]"#)?;
/// assert_eq!(seen, [Colour::Red, Colour::Other("mauve".into())]);
/// assert_eq!(Colour::from("red").as_str(), "red");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[macro_export]
macro_rules! open_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident = $wire:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        $vis enum $name {
            $($(#[$doc])* $variant,)*
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

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                $crate::model::Key::deserialize(deserializer).map(|value| Self::from(value.as_str()))
            }
        }
    };
}

/// A text that is borrowed from the input where it can be. For the macros.
#[doc(hidden)]
#[derive(Debug)]
pub struct Key<'de>(Cow<'de, str>);

impl Key<'_> {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E>(self, text: String) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// A field's value; its error names the field. For the macros.
#[doc(hidden)]
pub fn value<'de, T: Deserialize<'de>, A: MapAccess<'de>>(map: &mut A, wire: &'static str) -> Result<T, A::Error> {
    map.next_value().map_err(|error| A::Error::custom(format_args!("{wire}: {error}")))
}

/// A field to be written. An `Option` that is `None` is left out: the macros call `put` with both traits in scope, and
/// method lookup finds the one for `Option` first, because it needs one reference less.
#[doc(hidden)]
#[derive(Debug)]
pub struct Entry<'a, T>(pub &'a T);

#[doc(hidden)]
pub trait PutOption {
    fn put<M: SerializeMap>(&self, map: &mut M, wire: &'static str) -> Result<(), M::Error>;
}

impl<T: Serialize> PutOption for Entry<'_, Option<T>> {
    fn put<M: SerializeMap>(&self, map: &mut M, wire: &'static str) -> Result<(), M::Error> {
        self.0.as_ref().map_or(Ok(()), |value| map.serialize_entry(wire, value))
    }
}

#[doc(hidden)]
pub trait PutAlways {
    fn put<M: SerializeMap>(&self, map: &mut M, wire: &'static str) -> Result<(), M::Error>;
}

impl<T: Serialize> PutAlways for &Entry<'_, T> {
    fn put<M: SerializeMap>(&self, map: &mut M, wire: &'static str) -> Result<(), M::Error> {
        map.serialize_entry(wire, self.0)
    }
}

/// What an absent field becomes: `None` for an `Option`, an error for anything else. For the macros.
#[doc(hidden)]
pub fn absent<T: DeserializeOwned, E: Error>(wire: &'static str) -> Result<T, E> {
    T::deserialize(Missing(wire, PhantomData))
}

struct Missing<E>(&'static str, PhantomData<E>);

impl<'de, E: Error> Deserializer<'de> for Missing<E> {
    type Error = E;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, E> {
        Err(E::missing_field(self.0))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, E> {
        visitor.visit_none()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
