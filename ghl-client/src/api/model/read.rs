use std::{collections::BTreeMap, fmt, marker::PhantomData};

use serde::{
    Deserialize,
    de::{DeserializeOwned, Error as _, MapAccess, Visitor},
};
use serde_json::Value;
use sidecar_core::{Result, http::Response, model::Key};

use super::look::Parts;
use crate::api::value::{Either, Number, Object};

/// An answer's fields, as a macro has written them.
pub(crate) trait Fields: Default {
    /// Reads the value of `key`.
    fn set<'de, A: MapAccess<'de>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error>;
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
            answer.set(key.as_str(), &mut map)?;
        }
        Ok(answer)
    }
}

/// Reads a field; an error names it.
pub(crate) fn field<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    key: &str,
    map: &mut A,
) -> Result<(), A::Error> {
    *slot = map.next_value().map_err(|error| A::Error::custom(format_args!("{key}: {error}")))?;
    Ok(())
}

/// Keeps what is no field of the model.
pub(crate) fn keep<'de, A: MapAccess<'de>>(extra: &mut Object, key: &str, map: &mut A) -> Result<(), A::Error> {
    extra.insert(key.to_owned(), map.next_value()?);
    Ok(())
}

/// Reads a boolean that may come as a text.
pub(crate) fn flag<'de, A: MapAccess<'de>>(slot: &mut Option<bool>, key: &str, map: &mut A) -> Result<(), A::Error> {
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
    Ok(())
}

/// Reads a text that may come as a number or a boolean.
pub(crate) fn text<'de, A: MapAccess<'de>>(slot: &mut Option<String>, key: &str, map: &mut A) -> Result<(), A::Error> {
    let mut value: Option<Either<String, Either<bool, serde_json::Number>>> = None;
    field(&mut value, key, map)?;
    *slot = value.map(|value| match value {
        Either::First(text) => text,
        Either::Second(Either::First(flag)) => flag.to_string(),
        Either::Second(Either::Second(number)) => number.to_string(),
    });
    Ok(())
}

/// Reads a list whose only item may come alone.
pub(crate) fn list<'de, T: DeserializeOwned, A: MapAccess<'de>>(
    slot: &mut Option<Vec<T>>,
    key: &str,
    map: &mut A,
) -> Result<(), A::Error> {
    let mut value: Option<Value> = None;
    field(&mut value, key, map)?;
    let items = match value {
        None => return Ok(()),
        Some(Value::Array(items)) => items,
        Some(alone) => vec![alone],
    };
    let read = items.into_iter().map(T::deserialize).collect::<Result<_, _>>();
    *slot = Some(read.map_err(|error| A::Error::custom(format_args!("{key}: {error}")))?);
    Ok(())
}

/// Something that an answer can be read as.
pub trait Decode: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`](sidecar_core::ErrorKind::Decode), naming the operation and the field.
    fn decode(answer: Response) -> Result<Self>;
}

/// An answer that the specification does not describe, or that is no JSON: status, headers and bytes.
impl Decode for Response {
    fn decode(answer: Response) -> Result<Self> {
        Ok(answer)
    }
}

impl<T: Parts + DeserializeOwned> Decode for T {
    fn decode(answer: Response) -> Result<Self> {
        answer.json()
    }
}

macro_rules! decode_json {
    ($([$($parameter:ident)*] $type:ty,)*) => {$(
        impl<$($parameter: DeserializeOwned)*> Decode for $type {
            #[inline]
            fn decode(answer: Response) -> Result<Self> {
                answer.json()
            }
        }
    )*};
}

decode_json! { [] Value, [] Object, [] bool, [] Number, [T] Vec<T>, [T] Option<T>, [T] BTreeMap<String, T>, }

/// A text, in quotes as JSON has it or bare.
impl Decode for String {
    fn decode(answer: Response) -> Result<Self> {
        let bare = || std::str::from_utf8(&answer.body).map(str::to_owned);
        answer.json().or_else(|error| bare().map_err(|_| error))
    }
}

impl<A: DeserializeOwned, B: DeserializeOwned> Decode for Either<A, B> {
    fn decode(answer: Response) -> Result<Self> {
        answer.json()
    }
}
