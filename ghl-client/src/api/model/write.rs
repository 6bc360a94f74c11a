use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde_json::Value;
use sidecar_core::{Error, ErrorKind, Result};

use crate::api::{
    operation::Generation,
    value::{Either, File, Nullable, Number, Object, Secret},
};

/// The files of a request with the names of their fields.
pub type Files = Vec<(Cow<'static, str>, File)>;

/// Something that a request is made of.
pub trait Write: fmt::Debug + Send + Sync {
    /// Its value on the wire of a generation; the files in it go to `files`, in whose place it is `null`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when a required field is missing, or one is set that the generation lacks.
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

/// What a body's macro knows of a field: its name in v2 and in v3, empty where the generation lacks it, and which of them require
/// it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    pub(crate) v2: &'static str,
    pub(crate) v3: &'static str,
    pub(crate) required: [bool; 2],
}

/// What is done with a body's fields.
pub(crate) type LookWritten<'a> = dyn FnMut(&[(Name, &dyn Write)]) + 'a;

/// What a body lets be written; everything that writes it is compiled once.
pub(crate) trait Written: fmt::Debug + Send + Sync {
    /// Hands out its fields with their names.
    fn fields(&self, look: &mut LookWritten<'_>) {
        let _ = look;
    }

    /// What they are written over.
    fn base(&self) -> Object {
        Object::new()
    }

    /// What is written instead, where it is a text.
    fn text(&self) -> Option<&str> {
        None
    }
}

impl<T: Written> Written for Box<T> {
    fn fields(&self, look: &mut LookWritten<'_>) {
        (**self).fields(look);
    }

    fn base(&self) -> Object {
        (**self).base()
    }

    fn text(&self) -> Option<&str> {
        (**self).text()
    }
}

impl<T: Written> Write for T {
    fn write(&self, generation: Generation, files: &mut Files) -> Result<Value> {
        if let Some(text) = self.text() {
            return Ok(text.into());
        }
        let (mut object, mut outcome) = (self.base(), Ok(()));
        self.fields(&mut |fields| {
            outcome = fields.iter().try_for_each(|(name, value)| put(&mut object, name, *value, generation, files));
        });
        outcome.map(|()| object.into())
    }
}

/// Shows what is set of a body.
pub(crate) fn show_written(body: &dyn Written, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut shown = f.debug_struct(name);
    body.fields(&mut |fields| {
        for (name, value) in fields.iter().filter(|(_, value)| value.is_set()) {
            shown.field(if name.v2.is_empty() { name.v3 } else { name.v2 }, value);
        }
    });
    shown.finish_non_exhaustive()
}

fn put(object: &mut Object, name: &Name, value: &dyn Write, generation: Generation, files: &mut Files) -> Result<()> {
    let [v2, v3] = name.required;
    let (wire, other, required) = match generation {
        Generation::V2 => (name.v2, name.v3, v2),
        Generation::V3 => (name.v3, name.v2, v3),
    };
    let config = |why| Err(Error::new(ErrorKind::InvalidInput, why));
    match (value.is_set(), wire.is_empty()) {
        (true, false) => insert(object, wire.into(), value, generation, files),
        (true, true) => {
            config(format!("{generation} has no field `{other}`: leave it out, or ask for the other version"))
        }
        (false, false) if required => config(format!("the field `{wire}` is required: set it")),
        (false, _) => Ok(()),
    }
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
        json.map(Value::Number)
            .ok_or_else(|| Error::new(ErrorKind::InvalidInput, format!("{self} is no number of JSON")))
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
        Self { v2, v3, required: [false, false] }
    }

    pub(crate) const fn required(self) -> Self {
        Self { required: [true, true], ..self }
    }

    pub(crate) const fn required_v2(self) -> Self {
        Self { required: [true, false], ..self }
    }

    pub(crate) const fn required_v3(self) -> Self {
        Self { required: [false, true], ..self }
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macro writes models for everybody")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::model::body;

    body! { Sample {
        /// In both.
        always: bool = "always" required,
        /// In v2 an option.
        newer: bool = "newer" required_v3,
        /// In v3 an option, called otherwise.
        older: bool = "older" / "oldest" required_v2,
    } }

    #[test]
    fn a_field_is_missed_in_the_generation_that_requires_it() {
        let write = |sample: &Sample, generation| sample.write(generation, &mut Files::new());
        let missing = |sample: &Sample, generation| write(sample, generation).unwrap_err().to_string();
        let mut sample = Sample::default();
        assert_eq!(missing(&sample, Generation::V3), "the field `always` is required: set it");
        sample.always = Some(true);
        assert_eq!(missing(&sample, Generation::V2), "the field `older` is required: set it");
        assert_eq!(missing(&sample, Generation::V3), "the field `newer` is required: set it");
        sample.newer = Some(false);
        assert_eq!(write(&sample, Generation::V3).unwrap(), json!({"always": true, "newer": false}));
        (sample.newer, sample.older) = (None, Some(true));
        assert_eq!(write(&sample, Generation::V2).unwrap(), json!({"always": true, "older": true}));
    }
}
