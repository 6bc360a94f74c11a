use http::Method;
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, http::Call};

use super::TokenKinds;
use crate::config::ApiVersion;

/// An operation of the API, as its endpoint family declares it.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) version: ApiVersion,
    pub(crate) accepts: TokenKinds,
    /// Its body is a form with files, also without one.
    pub(crate) form: bool,
    v3: InV3,
}

/// What of an operation is otherwise in v3.
#[derive(Debug, Clone, Copy)]
enum InV3 {
    Same,
    /// Another path.
    At(&'static str),
    /// Other names of parameters of the query, or of fields of the body and of what stands in its lists.
    Renamed(&'static [(&'static str, &'static str)]),
    /// It is gone, or has become another one, which is named.
    Gone(&'static str),
}

/// How an operation goes over the wire in the version in force.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire {
    pub(crate) path: &'static str,
    names: &'static [(&'static str, &'static str)],
}

impl Wire {
    /// A query parameter's name, by the dated versions' one.
    pub(crate) fn name(&self, dated: &'static str) -> &'static str {
        self.renamed(dated).unwrap_or(dated)
    }

    fn renamed(&self, dated: &str) -> Option<&'static str> {
        self.names.iter().find(|(known, _)| *known == dated).map(|(_, name)| *name)
    }

    /// The body under the names that are in force.
    pub(crate) fn body(&self, body: Map<String, Value>) -> Map<String, Value> {
        if self.names.is_empty() {
            return body;
        }
        let list = |value| match value {
            Value::Array(items) => items.into_iter().map(|item| self.item(item)).collect(),
            other => other,
        };
        self.fields(body).into_iter().map(|(name, value)| (name, list(value))).collect()
    }

    fn item(&self, item: Value) -> Value {
        match item {
            Value::Object(fields) => self.fields(fields).into(),
            other => other,
        }
    }

    fn fields(&self, fields: Map<String, Value>) -> Map<String, Value> {
        fields.into_iter().map(|(name, value)| (self.renamed(&name).map_or(name, str::to_owned), value)).collect()
    }
}

impl Operation {
    /// An operation for a location's tokens, as most are.
    pub(crate) const fn new(name: &'static str, method: Method, path: &'static str, version: ApiVersion) -> Self {
        Self { name, method, path, version, accepts: TokenKinds::LOCATION_ACCESS, form: false, v3: InV3::Same }
    }

    /// The same for other kinds of token.
    pub(crate) const fn accepting(mut self, kinds: TokenKinds) -> Self {
        self.accepts = kinds;
        self
    }

    /// The same with a form for a body.
    pub(crate) const fn with_form(mut self) -> Self {
        self.form = true;
        self
    }

    /// It has another path in v3.
    pub(crate) const fn in_v3_at(mut self, path: &'static str) -> Self {
        self.v3 = InV3::At(path);
        self
    }

    /// Parameters of its query or fields of its body have other names in v3: the dated versions' and v3's.
    pub(crate) const fn renamed_in_v3(mut self, names: &'static [(&'static str, &'static str)]) -> Self {
        self.v3 = InV3::Renamed(names);
        self
    }

    /// v3 lacks it.
    pub(crate) const fn gone_in_v3(self) -> Self {
        self.replaced_in_v3("")
    }

    /// v3 has another operation in its place, which is called so.
    pub(crate) const fn replaced_in_v3(mut self, by: &'static str) -> Self {
        self.v3 = InV3::Gone(by);
        self
    }

    /// How it goes over the wire in v3, or else in a dated version.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the version lacks it.
    pub(crate) fn wire(&self, v3: bool) -> Result<Wire> {
        let (path, names) = match (self.v3, v3) {
            (InV3::Gone(""), true) => {
                return Err(lacks("v3 lacks this operation: ask for its dated version with `.version(…)`".to_owned()));
            }
            (InV3::Gone(other), true) => {
                return Err(lacks(format!("v3 has `{other}` in place of this operation: call that")));
            }
            (InV3::At(path), true) => (path, &[][..]),
            (InV3::Renamed(names), true) => (self.path, names),
            _ => (self.path, &[][..]),
        };
        Ok(Wire { path, names })
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> Call {
        Call::new(self.name, self.method.clone(), self.path, arguments)
    }
}

fn lacks(why: String) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
}
