use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

pub use crate::model::File;

/// An object whose fields the specification does not name.
pub type Object = serde_json::Map<String, Value>;

/// A number of the wire, whole or decimal; texts that hold a number are read too, because the provider sends both.
///
/// ```
/// use ghl_client::api::Number;
/// assert_eq!(serde_json::from_str::<Number>("\"12\"")?, Number::from(12));
/// assert_eq!(Number::from(0.5).as_f64(), 0.5);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A whole number.
    Whole(i64),
    /// Any other.
    Decimal(f64),
}

impl Number {
    /// As a float; whole numbers beyond 2⁵³ are rounded.
    #[expect(clippy::cast_precision_loss, reason = "said above")]
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Decimal(number) => number,
        }
    }

    /// The whole number, if it is one.
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Whole(number) => Some(number),
            Self::Decimal(_) => None,
        }
    }
}

impl From<i32> for Number {
    fn from(number: i32) -> Self {
        Self::Whole(number.into())
    }
}

impl From<u32> for Number {
    fn from(number: u32) -> Self {
        Self::Whole(number.into())
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Decimal(number)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Decimal(number) => number.fmt(f),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Decimal(number) => serializer.serialize_f64(*number),
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Numeric)
    }
}

struct Numeric;

impl de::Visitor<'_> for Numeric {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E>(self, number: i64) -> Result<Number, E> {
        Ok(Number::Whole(number))
    }

    #[expect(clippy::cast_precision_loss, reason = "beyond 2⁶³ there is no whole number to keep")]
    fn visit_u64<E>(self, number: u64) -> Result<Number, E> {
        Ok(i64::try_from(number).map_or(Number::Decimal(number as f64), Number::Whole))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Number, E> {
        Ok(Number::Decimal(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        let decimal = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(Number::Decimal);
        let number = text.parse().map(Number::Whole).ok().or_else(decimal);
        number.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// One of two shapes, where the specification allows both or its two generations differ. The first is tried first.
#[derive(Debug, Clone, PartialEq)]
pub enum Either<A, B> {
    /// The first shape.
    First(A),
    /// The second.
    Second(B),
}

impl<'de, A: de::DeserializeOwned, B: de::DeserializeOwned> Deserialize<'de> for Either<A, B> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let first = match A::deserialize(&value) {
            Ok(first) => return Ok(Self::First(first)),
            Err(error) => error,
        };
        let neither = |second| de::Error::custom(format_args!("neither of two shapes: {first}; {second}"));
        B::deserialize(&value).map(Self::Second).map_err(neither)
    }
}

/// A field that may be sent as `null`, which is something else than leaving it out.
#[derive(Debug, Clone, PartialEq)]
pub enum Nullable<T> {
    /// `null`.
    Null,
    /// A value.
    Value(T),
}

impl<T> From<T> for Nullable<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Null, Self::Value))
    }
}

/// A text that is never printed: a token or a password.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl Secret {
    /// The text, to be used and not kept.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}
