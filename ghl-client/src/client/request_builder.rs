use std::{borrow::Cow, fmt};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use sidecar_core::{
    Error, ErrorKind, Result,
    http::{Call, Response},
    retry::Replay,
};

use super::{
    GhlClient, Operation, Resource, Settings,
    form::{multipart, pairs},
};
use crate::{config::ApiVersion, model::File};

/// What a request is going to send, as its setters collect it. A mistake is kept and reported when it would be sent. Its
/// `Debug` names the body's fields without their values: a password can be among them.
#[derive(Clone)]
pub(crate) struct RequestBuilder {
    client: GhlClient,
    operation: &'static Operation,
    resource: Resource,
    arguments: Vec<String>,
    query: Vec<(&'static str, String)>,
    body: Option<Map<String, Value>>,
    /// The body is the only element of a list.
    in_list: bool,
    files: Vec<(Cow<'static, str>, File)>,
    replay: Option<Replay>,
    refusal: Option<String>,
    pub(crate) settings: Settings,
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
    /// A call with the token and the quota of `resource`.
    pub(crate) fn new(client: &GhlClient, operation: &'static Operation, resource: impl Into<Resource>) -> Self {
        Self {
            client: client.clone(),
            operation,
            resource: resource.into(),
            arguments: Vec::new(),
            query: Vec::new(),
            body: None,
            in_list: false,
            files: Vec::new(),
            replay: None,
            refusal: None,
            settings: Settings::default(),
        }
    }

    /// Calls with another resource's token.
    pub(crate) fn of(mut self, resource: impl Into<Resource>) -> Self {
        self.resource = resource.into();
        self
    }

    /// Fills the path's next placeholder.
    pub(crate) fn argument(mut self, value: impl AsRef<str>) -> Self {
        self.arguments.push(value.as_ref().to_owned());
        self
    }

    /// Sets a query parameter, in place of an earlier value.
    #[expect(clippy::needless_pass_by_value, reason = "a literal reads better than a reference to one")]
    pub(crate) fn query(mut self, name: &'static str, value: impl ToString) -> Self {
        let value = value.to_string();
        match self.query.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => self.query.push((name, value)),
        }
        self
    }

    /// Adds a value of a query parameter that may stand several times.
    #[expect(clippy::needless_pass_by_value, reason = "a literal reads better than a reference to one")]
    pub(crate) fn query_also(mut self, name: &'static str, value: impl ToString) -> Self {
        self.query.push((name, value.to_string()));
        self
    }

    /// Sets a field of the JSON body.
    pub(crate) fn set(mut self, wire_name: &str, value: impl Into<Value>) -> Self {
        self.body.get_or_insert_default().insert(wire_name.to_owned(), value.into());
        self
    }

    /// Adds an element to a list in the JSON body.
    pub(crate) fn push(mut self, wire_name: &str, element: impl Into<Value>) -> Self {
        let list = self.body.get_or_insert_default().entry(wire_name).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(element.into());
        }
        self
    }

    /// Sends `{}` where there would be no body.
    pub(crate) fn with_body(mut self) -> Self {
        self.body.get_or_insert_default();
        self
    }

    /// Sends the body as the only element of a list.
    pub(crate) fn in_list(mut self) -> Self {
        self.in_list = true;
        self
    }

    /// Sends the body as a form with this file as one of its fields.
    pub(crate) fn file(mut self, wire_name: impl Into<Cow<'static, str>>, file: File) -> Self {
        self.files.push((wire_name.into(), file));
        self
    }

    /// How many files there are.
    pub(crate) fn files(&self) -> usize {
        self.files.len()
    }

    /// Whether a field of the body is set.
    pub(crate) fn has(&self, wire_name: &str) -> bool {
        self.body.as_ref().is_some_and(|body| body.contains_key(wire_name))
    }

    /// Says that carrying it out twice does no harm, though the method does not say so.
    pub(crate) fn repeatable(mut self) -> Self {
        self.replay = Some(Replay::Safe);
        self
    }

    /// It cannot be sent as it is, and what to do about it. The first reason is the one that is told.
    pub(crate) fn refuse(mut self, why: impl Into<String>) -> Self {
        self.refusal.get_or_insert_with(|| why.into());
        self
    }

    /// Refuses unless this holds.
    pub(crate) fn require(self, holds: bool, why: impl FnOnce() -> String) -> Self {
        if holds { self } else { self.refuse(why()) }
    }

    /// Refuses a text that is longer than the provider takes.
    pub(crate) fn at_most(self, what: &str, text: &str, characters: usize) -> Self {
        let length = text.chars().count();
        self.require(length <= characters, || format!("{what} has at most {characters} characters, not {length}"))
    }

    /// Sends it.
    pub(crate) async fn answer(self) -> Result<Response> {
        if let Some(why) = self.refusal {
            return Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", self.operation.name));
        }
        let v3 = self.client.version_asked_for(&self.settings) == Some(ApiVersion::V3);
        let wire = self.operation.wire(v3).map_err(|error| error.at("ghl", self.operation.name))?;
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
            Some(body) if self.in_list => call.json(&[body]),
            Some(body) => call.json(&body),
            None => call,
        };
        if let Some(replay) = self.replay {
            call = call.replay(replay);
        }
        self.client.answer(call, &self.resource, self.operation, &self.settings).await
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T> {
        self.answer().await?.json()
    }

    /// Sends it and reads what stands in the answer under one of these names.
    pub(crate) async fn part<T: DeserializeOwned>(self, names: &'static [&'static str]) -> Result<T> {
        self.answer().await?.part(names)
    }

    /// A request with nothing of its own to set.
    pub(crate) fn plain<T>(self, read: fn(&Response) -> Result<T>) -> PlainRequest<T> {
        PlainRequest { draft: self, read }
    }
}

/// A request that has nothing of its own to set. Await it.
#[must_use = "a request does nothing until it is awaited"]
pub struct PlainRequest<T> {
    draft: RequestBuilder,
    read: fn(&Response) -> Result<T>,
}

impl<T> Clone for PlainRequest<T> {
    fn clone(&self) -> Self {
        Self { draft: self.draft.clone(), read: self.read }
    }
}

impl<T> fmt::Debug for PlainRequest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PlainRequest").field(&self.draft).finish()
    }
}

super::request!(impl<T> for PlainRequest<T> => T, draft.settings);

impl<T> PlainRequest<T> {
    async fn send(self) -> Result<T> {
        (self.read)(&self.draft.answer().await?)
    }

    /// Sends it and reads what stands in the answer under one of these names, as it was sent.
    pub(crate) async fn document<D: DeserializeOwned>(self, names: &'static [&'static str]) -> Result<D> {
        self.draft.part(names).await
    }
}

/// For answers that say nothing beyond having come.
#[expect(clippy::unnecessary_wraps, reason = "it is one of many readers of answers")]
pub(crate) fn done(_: &Response) -> Result<()> {
    Ok(())
}
