use http::Method;
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, http::Call};

use super::TokenKinds;
use crate::config::ApiVersion;

/// An operation of the API, declared by its family.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) name: &'static str,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) version: ApiVersion,
    pub(crate) accepts: TokenKinds,
    /// The body is a multipart form, with or without files.
    pub(crate) form: bool,
    v3: V3Mapping,
}

/// How an operation differs in v3.
#[derive(Debug, Clone, Copy)]
enum V3Mapping {
    Same,
    /// The path differs.
    Path(&'static str),
    /// Names of query parameters differ, or of fields of the body and of the objects in its lists: (dated, v3).
    Renamed(&'static [(&'static str, &'static str)]),
    /// v3 does not have the operation.
    Removed,
    /// v3 has this other operation instead.
    ReplacedBy(&'static str),
}

/// The path and the names of an operation in the version in force.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WireFormat {
    pub(crate) path: &'static str,
    names: &'static [(&'static str, &'static str)],
}

impl WireFormat {
    /// Returns the name of a query parameter, given that of the dated versions.
    pub(crate) fn name(&self, dated: &'static str) -> &'static str {
        self.renamed(dated).unwrap_or(dated)
    }

    fn renamed(&self, dated: &str) -> Option<&'static str> {
        self.names.iter().find(|(known, _)| *known == dated).map(|(_, name)| *name)
    }

    /// Returns the body with the names in force.
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
    /// An operation that accepts a location's tokens, as most do.
    pub(crate) const fn new(name: &'static str, method: Method, path: &'static str, version: ApiVersion) -> Self {
        Self { name, method, path, version, accepts: TokenKinds::LOCATION_ACCESS, form: false, v3: V3Mapping::Same }
    }

    /// Accepts these kinds of token instead.
    pub(crate) const fn accepting(mut self, kinds: TokenKinds) -> Self {
        self.accepts = kinds;
        self
    }

    /// Sends the body as a multipart form.
    pub(crate) const fn with_form(mut self) -> Self {
        self.form = true;
        self
    }

    /// Sets the path in v3.
    pub(crate) const fn v3_path(mut self, path: &'static str) -> Self {
        self.v3 = V3Mapping::Path(path);
        self
    }

    /// Sets names of query parameters or body fields that differ in v3: (dated, v3).
    pub(crate) const fn v3_names(mut self, names: &'static [(&'static str, &'static str)]) -> Self {
        self.v3 = V3Mapping::Renamed(names);
        self
    }

    /// v3 does not have the operation.
    pub(crate) const fn removed_in_v3(mut self) -> Self {
        self.v3 = V3Mapping::Removed;
        self
    }

    /// v3 has this other operation instead.
    pub(crate) const fn replaced_in_v3(mut self, by: &'static str) -> Self {
        self.v3 = V3Mapping::ReplacedBy(by);
        self
    }

    /// Returns the format in v3, or else that of the dated versions.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when v3 does not have the operation.
    pub(crate) fn wire_format(&self, v3: bool) -> Result<WireFormat> {
        let unsupported = |why: String| Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", self.name));
        let (path, names) = match (self.v3, v3) {
            (V3Mapping::Removed, true) => {
                return unsupported("v3 lacks this operation: request its dated version with `.version(…)`".to_owned());
            }
            (V3Mapping::ReplacedBy(other), true) => {
                return unsupported(format!("v3 has `{other}` instead of this operation: call that"));
            }
            (V3Mapping::Path(path), true) => (path, &[][..]),
            (V3Mapping::Renamed(names), true) => (self.path, names),
            _ => (self.path, &[][..]),
        };
        Ok(WireFormat { path, names })
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> Call {
        Call::new(self.name, self.method.clone(), self.path, arguments)
    }
}
