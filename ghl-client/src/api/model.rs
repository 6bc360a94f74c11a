//! How the generated models are read and written.
//!
//! Answers are read only and keep what they do not know; bodies are written only. Every field is an `Option`: an answer may
//! lack it, a body leaves it out. A field that a body must have is refused before sending when it is missing.
//!
//! The macros expand to as little as the compiler can check quickly: reading is one visitor shared by all models, writing goes
//! through `dyn` ([ADR 8](https://github.com/sidecar-crm/sidecar/blob/main/docs/adr/0008-generated-layer.md)).

#![allow(
    dead_code,
    unused_macros,
    unused_imports,
    reason = "what is used depends on the families that are compiled in"
)]

use std::{borrow::Cow, collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::Value;
use sidecar_core::{Error, ErrorKind, Result, http::Answer, model::Key};

use super::{
    operation::Generation,
    value::{Either, File, Nullable, Number, Object, Secret},
};

/// An answer's fields, as a macro has written them.
pub(crate) trait Fields: Default {
    /// Reads the value of `key` if it is one of the fields.
    fn set<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error>;

    /// Where everything else goes.
    fn extra(&mut self) -> &mut Object;
}

/// Reads any answer.
#[derive(Debug)]
pub(crate) struct Fill<T>(pub(crate) PhantomData<T>);

impl<'de, T: Fields> Visitor<'de> for Fill<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut answer = T::default();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            if !answer.set(key.as_str(), &mut map)? {
                let value = map.next_value()?;
                answer.extra().insert(key.into_string(), value);
            }
        }
        Ok(answer)
    }
}

/// Reads a field; an error names it.
pub(crate) fn field<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    key: &str,
    map: &mut A,
) -> Result<bool, A::Error> {
    *slot = map.next_value().map_err(|error| A::Error::custom(format_args!("{key}: {error}")))?;
    Ok(true)
}

/// Says what of an answer no field of its model took up.
pub trait Unknown {
    /// Adds the path of each unknown field, such as `contact.customFields.colour`; `path` is that of this value.
    fn unknown(&self, path: &str, found: &mut Vec<String>);
}

/// Adds what a model kept as unknown, and what is unknown below its fields.
pub(crate) fn unknown(fields: &[(&str, &dyn Unknown)], extra: &Object, path: &str, found: &mut Vec<String>) {
    for (name, value) in fields {
        value.unknown(&join(path, name), found);
    }
    found.extend(extra.keys().map(|name| join(path, name)));
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

impl<T: Unknown> Unknown for Box<T> {
    fn unknown(&self, path: &str, found: &mut Vec<String>) {
        (**self).unknown(path, found);
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

/// Reads a boolean that may come as a text.
pub(crate) fn flag<'de, A: MapAccess<'de>>(slot: &mut Option<bool>, key: &str, map: &mut A) -> Result<bool, A::Error> {
    let mut value: Option<Either<bool, String>> = None;
    field(&mut value, key, map)?;
    *slot = match value {
        None => None,
        Some(Either::First(flag)) => Some(flag),
        Some(Either::Second(text)) if text.is_empty() => None,
        Some(Either::Second(text)) => {
            let wrong = |_| A::Error::custom(format_args!("{key}: invalid value: string {text:?}, expected a boolean"));
            Some(text.parse().map_err(wrong)?)
        }
    };
    Ok(true)
}

/// Reads a text that may come as a number or a boolean.
pub(crate) fn text<'de, A: MapAccess<'de>>(
    slot: &mut Option<String>,
    key: &str,
    map: &mut A,
) -> Result<bool, A::Error> {
    let mut value: Option<Either<String, Either<bool, serde_json::Number>>> = None;
    field(&mut value, key, map)?;
    *slot = value.map(|value| match value {
        Either::First(text) => text,
        Either::Second(Either::First(flag)) => flag.to_string(),
        Either::Second(Either::Second(number)) => number.to_string(),
    });
    Ok(true)
}

/// Reads a list whose only item may come alone.
pub(crate) fn list<'de, T: DeserializeOwned, A: MapAccess<'de>>(
    slot: &mut Option<Vec<T>>,
    key: &str,
    map: &mut A,
) -> Result<bool, A::Error> {
    let mut value: Option<Value> = None;
    field(&mut value, key, map)?;
    let items = match value {
        None => return Ok(true),
        Some(Value::Array(items)) => items,
        Some(alone) => vec![alone],
    };
    let read = items.into_iter().map(T::deserialize).collect::<Result<_, _>>();
    *slot = Some(read.map_err(|error| A::Error::custom(format_args!("{key}: {error}")))?);
    Ok(true)
}

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

/// Something that an answer can be read as.
pub trait Decode: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`], naming the operation and the field.
    fn decode(answer: Answer) -> Result<Self>;
}

/// An answer that the specification does not describe, or that is no JSON: status, headers and bytes.
impl Decode for Answer {
    fn decode(answer: Answer) -> Result<Self> {
        Ok(answer)
    }
}

macro_rules! decode_json {
    ($([$($parameter:ident)*] $type:ty,)*) => {$(
        impl<$($parameter: DeserializeOwned)*> Decode for $type {
            #[inline]
            fn decode(answer: Answer) -> Result<Self> {
                answer.json()
            }
        }
    )*};
}

decode_json! { [] Value, [] Object, [] bool, [] Number, [T] Vec<T>, [T] Option<T>, [T] BTreeMap<String, T>, }

/// A text, in quotes as JSON has it or bare.
impl Decode for String {
    fn decode(answer: Answer) -> Result<Self> {
        let bare = || std::str::from_utf8(&answer.body).map(str::to_owned);
        answer.json().or_else(|error| bare().map_err(|_| error))
    }
}

impl<A: DeserializeOwned, B: DeserializeOwned> Decode for Either<A, B> {
    fn decode(answer: Answer) -> Result<Self> {
        answer.json()
    }
}

/// The files of a request with the names of their fields.
pub type Files = Vec<(Cow<'static, str>, File)>;

/// Something that a request is made of.
pub trait Write: fmt::Debug + Send + Sync {
    /// Its value on the wire of a generation; the files in it go to `files`, in whose place it is `null`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when a required field is missing, or one is set that the generation lacks.
    fn write(&self, generation: Generation, files: &mut Files) -> Result<Value>;

    /// Whether there is something to write; a field that is not set is left out.
    fn is_set(&self) -> bool {
        true
    }
}

impl<T: Write> Write for Option<T> {
    fn write(&self, generation: Generation, files: &mut Files) -> Result<Value> {
        self.as_ref().map_or(Ok(Value::Null), |value| value.write(generation, files))
    }

    fn is_set(&self) -> bool {
        self.is_some()
    }
}

/// What a body's macro knows of a field: its name in v2 and in v3, empty where the generation lacks it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    pub(crate) v2: &'static str,
    pub(crate) v3: &'static str,
    pub(crate) required: bool,
}

/// Writes the fields of a body.
pub(crate) fn put(
    object: &mut Object,
    generation: Generation,
    files: &mut Files,
    fields: &[(Name, &dyn Write)],
) -> Result<()> {
    let config = |why| Err(Error::new(ErrorKind::Config, why));
    for (name, value) in fields {
        let (wire, other) = match generation {
            Generation::V2 => (name.v2, name.v3),
            Generation::V3 => (name.v3, name.v2),
        };
        match (value.is_set(), wire.is_empty()) {
            (true, false) => insert(object, wire.into(), *value, generation, files)?,
            (true, true) => {
                return config(format!(
                    "{generation} has no field `{other}`: leave it out, or ask for the other version"
                ));
            }
            (false, false) if name.required => return config(format!("the field `{wire}` is required: set it")),
            (false, _) => {}
        }
    }
    Ok(())
}

/// Writes a value, or leaves it to `files` under its name.
fn insert(
    object: &mut Object,
    name: Cow<'static, str>,
    value: &dyn Write,
    generation: Generation,
    files: &mut Files,
) -> Result<()> {
    let before = files.len();
    let value = value.write(generation, files)?;
    if files.len() == before {
        object.insert(name.into_owned(), value);
        return Ok(());
    }
    files[before..].iter_mut().filter(|(field, _)| field.is_empty()).for_each(|(field, _)| *field = name.clone());
    Ok(())
}

macro_rules! write_value {
    ($($type:ty: $value:ident => $json:expr,)*) => {$(
        impl Write for $type {
            fn write(&self, _: Generation, _: &mut Files) -> Result<Value> {
                let $value = self;
                Ok($json)
            }
        }
    )*};
}

write_value! {
    String: text => text.as_str().into(),
    bool: value => (*value).into(),
    Value: value => value.clone(),
    Object: fields => fields.clone().into(),
    Secret: text => text.expose().into(),
}

impl Write for Number {
    fn write(&self, _: Generation, _: &mut Files) -> Result<Value> {
        let json = match self {
            Self::Whole(number) => Some((*number).into()),
            Self::Decimal(number) => serde_json::Number::from_f64(*number),
        };
        json.map(Value::Number).ok_or_else(|| Error::new(ErrorKind::Config, format!("{self} is no number of JSON")))
    }
}

impl Write for File {
    fn write(&self, _: Generation, files: &mut Files) -> Result<Value> {
        files.push(("".into(), self.clone()));
        Ok(Value::Null)
    }
}

impl<T: Write> Write for Vec<T> {
    fn write(&self, generation: Generation, files: &mut Files) -> Result<Value> {
        self.iter().map(|item| item.write(generation, files)).collect::<Result<_>>().map(Value::Array)
    }
}

impl<T: Write> Write for BTreeMap<String, T> {
    fn write(&self, generation: Generation, files: &mut Files) -> Result<Value> {
        let mut object = Object::new();
        for (name, value) in self {
            insert(&mut object, name.clone().into(), value, generation, files)?;
        }
        Ok(object.into())
    }
}

impl<T: Write> Write for Box<T> {
    fn write(&self, generation: Generation, files: &mut Files) -> Result<Value> {
        (**self).write(generation, files)
    }
}

impl<T: Write> Write for Nullable<T> {
    fn write(&self, generation: Generation, files: &mut Files) -> Result<Value> {
        match self {
            Self::Null => Ok(Value::Null),
            Self::Value(value) => value.write(generation, files),
        }
    }
}

impl<A: Write, B: Write> Write for Either<A, B> {
    fn write(&self, generation: Generation, files: &mut Files) -> Result<Value> {
        match self {
            Self::First(value) => value.write(generation, files),
            Self::Second(value) => value.write(generation, files),
        }
    }
}

impl Name {
    pub(crate) const fn new(v2: &'static str, v3: &'static str) -> Self {
        Self { v2, v3, required: false }
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: true, ..self }
    }
}

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
        #[derive(Debug, Clone, Default)]
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
        #[derive(Debug, Clone, Default)]
        pub struct $name {
            $($(#[$doc])* pub $field: Option<$type>,)*
        }
        $crate::api::model::write_fields! { $name, Default::default() => { $($field = $v2 $(/ $v3)? $(@ $only)? $($required)?,)* } }
    };
}
pub(crate) use body;

/// A model that is read and written; unknown fields that were read are written again.
macro_rules! both {
    ($name:ident { $($(#[$doc:meta])* $field:ident: $type:ty = $v2:literal $(/ $v3:literal)? $(| $alias:literal)* $(~ $reader:ident)? $(@ $only:ident)? $($required:ident)?,)* }) => {
        #[doc = concat!("`", stringify!($name), "`, as it is read and sent; what is `None` is left out.")]
        #[derive(Debug, Clone, Default)]
        pub struct $name {
            $($(#[$doc])* pub $field: Option<$type>,)*
            /// What the provider sent beyond these fields.
            pub extra: $crate::api::Object,
        }
        $crate::api::model::read_fields! { $name { $($field = $v2 $(| $v3)? $(| $alias)* $(~ $reader)?,)* } }
        $crate::api::model::write_fields! { $name, .extra => { $($field = $v2 $(/ $v3)? $(@ $only)? $($required)?,)* } }
    };
}
pub(crate) use both;

/// How a model's fields are read.
macro_rules! read_fields {
    ($name:ident { $($field:ident = $wire:literal $(| $alias:literal)* $(~ $reader:ident)?,)* }) => {
        impl $crate::api::model::Fields for $name {
            #[allow(unused_variables, reason = "a model may have no fields")]
            fn set<'de, A: ::serde::de::MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<bool, A::Error> {
                match key {
                    $($wire $(| $alias)* => $crate::api::model::reader!($($reader)?)(&mut self.$field, key, map),)*
                    _ => Ok(false),
                }
            }

            fn extra(&mut self) -> &mut $crate::api::Object {
                &mut self.extra
            }
        }

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_map($crate::api::model::Fill(::std::marker::PhantomData))
            }
        }

        impl $crate::api::Unknown for $name {
            fn unknown(&self, path: &str, found: &mut Vec<String>) {
                $crate::api::model::unknown(&[$(($wire, &self.$field)),*], &self.extra, path, found);
            }
        }

        impl $crate::api::Decode for $name {
            #[inline]
            fn decode(answer: ::sidecar_core::http::Answer) -> ::sidecar_core::Result<Self> {
                answer.json()
            }
        }
    };
}
pub(crate) use read_fields;

/// How a model's fields are written, over what is there already.
macro_rules! write_fields {
    ($name:ident, $(.$extra:ident)? $(Default::$default:ident())? => { $($field:ident = $v2:literal $(/ $v3:literal)? $(@ $only:ident)? $($required:ident)?,)* }) => {
        impl $crate::api::Write for $name {
            #[allow(unused_variables, unused_mut, reason = "a model may have no fields")]
            fn write(
                &self,
                generation: $crate::api::Generation,
                files: &mut $crate::api::model::Files,
            ) -> ::sidecar_core::Result<::serde_json::Value> {
                let mut object: $crate::api::Object = $(self.$extra.clone())? $(Default::$default())?;
                $crate::api::model::put(
                    &mut object,
                    generation,
                    files,
                    &[$(($crate::api::model::name!($v2 $(/ $v3)? $(@ $only)?)$(.$required())?, &self.$field)),*],
                )?;
                Ok(object.into())
            }
        }
    };
}
pub(crate) use write_fields;

/// An open enum that is only read.
macro_rules! read_values {
    ($name:ident { $($variant:ident = $wire:literal,)* }) => {
        ::sidecar_core::open_enum! {
            #[doc = concat!("The values of `", stringify!($name), "`.")]
            pub enum $name {
                $(#[doc = concat!("`", $wire, "`.")] $variant = $wire,)*
            }
        }
        impl $crate::api::Unknown for $name {
            fn unknown(&self, _: &str, _: &mut Vec<String>) {}
        }
    };
}
pub(crate) use read_values;

/// An open enum that is written too.
macro_rules! written_values {
    ($name:ident { $($variant:ident = $wire:literal,)* }) => {
        $crate::api::model::read_values! { $name { $($variant = $wire,)* } }
        impl $crate::api::Write for $name {
            fn write(
                &self,
                _: $crate::api::Generation,
                _: &mut $crate::api::model::Files,
            ) -> ::sidecar_core::Result<::serde_json::Value> {
                Ok(self.as_str().into())
            }
        }
    };
}
pub(crate) use written_values;
