use std::{borrow::Cow, fmt};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sidecar_core::{
    Error, ErrorKind, Result,
    http::{Call, Response},
    retry::Replay,
};

use super::{
    GhlClient, Operation, RequestOptions, Resource,
    form::{multipart, pairs},
};
use crate::{config::ApiVersion, model::File};

/// Collects what a request sends. Sending reports the first invalid value. `Debug` shows the names of the body's fields only:
/// values can be passwords.
#[derive(Clone)]
pub(crate) struct RequestBuilder {
    client: GhlClient,
    operation: &'static Operation,
    resource: Resource,
    arguments: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Map<String, Value>>,
    /// The body is the only element of an array.
    in_array: bool,
    files: Vec<(Cow<'static, str>, File)>,
    replay: Option<Replay>,
    invalid: Option<String>,
    pub(crate) options: RequestOptions,
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<&String> = self.body.iter().flat_map(Map::keys).collect();
        f.debug_struct("RequestBuilder")
            .field("operation", &self.operation.name)
            .field("resource", &self.resource)
            .field("arguments", &self.arguments)
            .field("query", &self.query)
            .field("body", &fields)
            .finish_non_exhaustive()
    }
}

impl RequestBuilder {
    /// Calls with the token and the quota of `resource`.
    pub(crate) fn new(client: &GhlClient, operation: &'static Operation, resource: impl Into<Resource>) -> Self {
        Self {
            client: client.clone(),
            operation,
            resource: resource.into(),
            arguments: Vec::new(),
            query: Vec::new(),
            body: None,
            in_array: false,
            files: Vec::new(),
            replay: None,
            invalid: None,
            options: RequestOptions::default(),
        }
    }

    /// Calls with another resource's token.
    pub(crate) fn with_resource(mut self, resource: impl Into<Resource>) -> Self {
        self.resource = resource.into();
        self
    }

    /// Fills the path's next placeholder.
    pub(crate) fn argument(mut self, value: impl AsRef<str>) -> Self {
        self.arguments.push(value.as_ref().to_owned());
        self
    }

    /// Sets a query parameter; replaces an earlier value.
    #[expect(clippy::needless_pass_by_value, reason = "a literal reads better than a reference to one")]
    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        let value = value.to_string();
        match self.query.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => self.query.push((name, value)),
        }
        self
    }

    /// Adds a value to a query parameter that may occur several times.
    #[expect(clippy::needless_pass_by_value, reason = "a literal reads better than a reference to one")]
    pub(crate) fn append_query(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Sets a field of the JSON body.
    pub(crate) fn set(mut self, wire_name: &str, value: impl Into<Value>) -> Self {
        self.body.get_or_insert_default().insert(wire_name.to_owned(), value.into());
        self
    }

    /// Appends an element to a list in the JSON body.
    pub(crate) fn push(mut self, wire_name: &str, element: impl Into<Value>) -> Self {
        let list = self.body.get_or_insert_default().entry(wire_name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(element.into());
        }
        self
    }

    /// Sends `{}` if no field is set.
    pub(crate) fn with_body(mut self) -> Self {
        self.body.get_or_insert_default();
        self
    }

    /// Sends the body as the only element of an array.
    pub(crate) fn in_array(mut self) -> Self {
        self.in_array = true;
        self
    }

    /// Sends the body as a form with this file as a field.
    pub(crate) fn file(mut self, wire_name: impl Into<Cow<'static, str>>, file: File) -> Self {
        self.files.push((wire_name.into(), file));
        self
    }

    /// Returns the number of files.
    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    /// Returns whether a field of the body is set.
    pub(crate) fn has(&self, wire_name: &str) -> bool {
        self.body.as_ref().is_some_and(|body| body.contains_key(wire_name))
    }

    /// Declares that the request does no harm if it takes effect twice, although its method does not imply that.
    pub(crate) fn repeatable(mut self) -> Self {
        self.replay = Some(Replay::Safe);
        self
    }

    /// Makes sending fail with this reason, unless an earlier setter gave one.
    pub(crate) fn reject(mut self, why: impl Into<String>) -> Self {
        self.invalid.get_or_insert_with(|| why.into());
        self
    }

    /// Rejects unless this holds.
    pub(crate) fn require(self, holds: bool, why: impl FnOnce() -> String) -> Self {
        if holds { self } else { self.reject(why()) }
    }

    /// Rejects a text that is longer than the provider accepts.
    pub(crate) fn max_chars(self, what: &str, text: &str, max: usize) -> Self {
        let length = text.chars().count();
        self.require(length <= max, || format!("{what} has at most {max} characters, not {length}"))
    }

    /// Sends the request.
    pub(crate) async fn send(self) -> Result<Response> {
        if let Some(why) = self.invalid {
            return Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", self.operation.name));
        }
        let v3 = self.client.version_override(&self.options) == Some(ApiVersion::V3);
        let wire = self.operation.wire_format(v3)?;
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let mut call = Call::new(self.operation.name, self.operation.method.clone(), wire.path, &arguments);
        for (name, value) in self.query {
            call = call.query(wire.name(name), value);
        }
        call = match self.body.map(|body| wire.body(body)) {
            body if self.operation.form || !self.files.is_empty() => {
                let (media, content) = multipart(&pairs(&body.unwrap_or_default().into()), &self.files);
                call.bytes(&media, content)
            }
            Some(body) if self.in_array => call.json(&[body]),
            Some(body) => call.json(&body),
            None => call,
        };
        if let Some(replay) = self.replay {
            call = call.replay(replay);
        }
        self.client.send(call, &self.resource, self.operation, &self.options).await
    }

    /// Sends the request and reads the whole response.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T> {
        self.send().await?.json()
    }

    /// Sends the request and reads the field of the response with one of these names.
    pub(crate) async fn part<T: DeserializeOwned>(self, names: &'static [&'static str]) -> Result<T> {
        self.send().await?.part(names)
    }

    /// Returns a request without further setters.
    pub(crate) fn plain<T>(self, read: fn(&Response) -> Result<T>) -> PlainRequest<T> {
        PlainRequest { builder: self, read }
    }
}

/// A request without further setters.
#[must_use = "a request does nothing until it is awaited"]
pub struct PlainRequest<T> {
    builder: RequestBuilder,
    read: fn(&Response) -> Result<T>,
}

impl<T> Clone for PlainRequest<T> {
    fn clone(&self) -> Self {
        Self { builder: self.builder.clone(), read: self.read }
    }
}

impl<T> fmt::Debug for PlainRequest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PlainRequest").field(&self.builder).finish()
    }
}

sidecar_core::awaitable_request!({T: 'static} PlainRequest<T> => T, builder.options: ApiVersion = "Version");

impl<T> PlainRequest<T> {
    async fn send(self) -> Result<T> {
        (self.read)(&self.builder.send().await?)
    }

    /// Sends the request and reads the field of the response with one of these names into another type.
    pub(crate) async fn document<D: DeserializeOwned>(self, names: &'static [&'static str]) -> Result<D> {
        self.builder.part(names).await
    }
}

/// Reads a response whose body has no information.
#[expect(clippy::unnecessary_wraps, reason = "it is one of many readers of responses")]
pub(crate) fn ignore_body(_: &Response) -> Result<()> {
    Ok(())
}
