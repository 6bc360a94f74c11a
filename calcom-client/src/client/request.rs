use std::{borrow::Cow, fmt};

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Page, Result, http::Response};

use super::{
    CalcomClient, Operation, Settings,
    paging::next_skip,
    settings::{WithSettings, settings},
};
use crate::error::under_success;

/// The largest page that listings give (<https://cal.com/docs/api-reference/v2/webhooks/get-all-webhooks>).
const MAX_PAGE_SIZE: u32 = 250;

/// A request in the making: what its setters have put together so far. Its `Debug` shows no values: secrets are among them.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) client: CalcomClient,
    pub(crate) operation: &'static Operation,
    path: Vec<String>,
    query: Vec<(Cow<'static, str>, String)>,
    body: Option<Map<String, Value>>,
    pub(crate) settings: Settings,
    /// The first mistake that a setter noticed; reported when the request is sent.
    mistake: Option<Error>,
}

impl Draft {
    pub(crate) fn new<const N: usize>(
        client: &CalcomClient,
        operation: &'static Operation,
        path: [&dyn fmt::Display; N],
    ) -> Self {
        Self {
            client: client.clone(),
            operation,
            path: path.iter().map(ToString::to_string).collect(),
            query: Vec::new(),
            body: None,
            settings: Settings::default(),
            mistake: None,
        }
    }

    /// Sets a field of the JSON body.
    pub(crate) fn set(mut self, name: &str, value: impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => drop(self.body.get_or_insert_default().insert(name.to_owned(), value)),
            Err(error) => self = self.refuse(format!("`{name}` cannot be written as JSON: {error}")),
        }
        self
    }

    /// Sends a body even if no field is set.
    pub(crate) fn with_body(mut self) -> Self {
        self.body.get_or_insert_default();
        self
    }

    /// Sets a query parameter; lists are joined with commas.
    pub(crate) fn ask(mut self, name: impl Into<Cow<'static, str>>, value: impl Serialize) -> Self {
        let name = name.into();
        match serde_json::to_value(value) {
            Ok(value) => {
                self.query.retain(|(known, _)| *known != name);
                self.query.push((name, plain(&value)));
            }
            Err(error) => self = self.refuse(format!("`{name}` cannot be written: {error}")),
        }
        self
    }

    /// A field of the body as it stands.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.body.as_ref()?.get(name)
    }

    /// A query parameter as it stands.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A query parameter as it stands, where it is a number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.asked(name)?.parse().ok()
    }

    pub(crate) fn refuse(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.mistake.get_or_insert_with(|| Error::new(ErrorKind::InvalidInput, why));
        self
    }

    /// Refuses it unless `good`.
    pub(crate) fn require(self, good: bool, why: &'static str) -> Self {
        if good { self } else { self.refuse(why) }
    }

    pub(crate) async fn answer(self) -> Result<Response> {
        let operation = self.operation;
        if let Some(mistake) = self.mistake {
            return Err(mistake.at("calcom", operation.name));
        }
        let arguments: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let mut call = operation.call(&arguments);
        for (name, value) in self.query {
            call = call.query(name, value);
        }
        if let Some(body) = &self.body {
            call = call.json(body);
        }
        self.client.answer(call, operation, &self.settings).await
    }

    /// Sends it and reads what is in the envelope.
    pub(crate) async fn data<T: DeserializeOwned>(self) -> Result<T> {
        data(&self.answer().await?)
    }

    /// Sends it and reads one page of a listing that does not say whether there are more.
    pub(crate) async fn page<T: DeserializeOwned>(self, page_size: u32) -> Result<Page<T, u64>> {
        let skip = self.number("skip").unwrap_or(0);
        let take = self.number("take").and_then(|take| u32::try_from(take).ok()).unwrap_or(page_size);
        let fits = (1..=MAX_PAGE_SIZE).contains(&take);
        let items: Vec<T> =
            self.ask("take", take).ask("skip", skip).require(fits, "a page has 1 to 250 entries").data().await?;
        Ok(Page { next: next_skip(skip, take, items.len()), total: None, items })
    }

    /// Sends it and reads the whole answer.
    pub(crate) async fn whole<T: DeserializeOwned>(self) -> Result<T> {
        self.answer().await?.json()
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<_> = self.body.iter().flat_map(Map::keys).collect();
        let query: Vec<_> = self.query.iter().map(|(name, _)| name).collect();
        f.debug_struct("Draft")
            .field("operation", &self.operation.name)
            .field("fields", &fields)
            .field("query", &query)
            .finish_non_exhaustive()
    }
}

/// A parameter as it stands in a query.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// What is in an answer's envelope.
pub(crate) fn data<T: DeserializeOwned>(answer: &Response) -> Result<T> {
    let read = answer.json::<Envelope<T>>().map(|envelope| envelope.data);
    read.map_err(|error| under_success(answer).unwrap_or(error))
}

/// A request without parameters of its own; `.await` it.
#[must_use = "a request does nothing until it is awaited"]
pub struct Request<T> {
    draft: Draft,
    read: fn(&Response) -> Result<T>,
}

impl<T: DeserializeOwned> Request<T> {
    pub(crate) fn new(draft: Draft) -> Self {
        Self { draft, read: data }
    }
}

impl Request<Value> {
    /// One whose answer has no shape that could be relied on.
    pub(crate) fn whole(draft: Draft) -> Self {
        Self { draft, read: |answer| answer.json() }
    }
}

impl Request<()> {
    /// One whose answer says nothing.
    pub(crate) fn silent(draft: Draft) -> Self {
        Self { draft, read: |answer| under_success(answer).map_or(Ok(()), Err) }
    }
}

impl<T> Request<T> {
    settings!(Self, self => self.draft.settings);
}

impl<T> WithSettings for Request<T> {
    fn with(mut self, settings: Settings) -> Self {
        self.draft.settings = settings;
        self
    }
}

impl<T> Clone for Request<T> {
    fn clone(&self) -> Self {
        Self { draft: self.draft.clone(), read: self.read }
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("operation", &self.draft.operation.name).finish_non_exhaustive()
    }
}

impl<T: 'static> IntoFuture for Request<T> {
    type Output = Result<T>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { draft, read } = self;
        Box::pin(async move { read(&draft.answer().await?) })
    }
}

/// Declares a request with setters: `body` ones set fields of the JSON body, `query` ones parameters. `via` names the method of
/// [`Draft`](crate::client::Draft), or of the request itself, that sends it.
macro_rules! request {
    ($(#[$doc:meta])* $name:ident => $output:ty, via $sender:ident;
        $(body { $($(#[$bdoc:meta])* $bwire:literal $bname:ident: $btype:ty,)* })?
        $(query { $($(#[$qdoc:meta])* $qwire:literal $qname:ident: $qtype:ty,)* })?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[must_use = "a request does nothing until it is awaited"]
        pub struct $name(pub(crate) $crate::client::Draft);

        impl $name {
            $($($(#[$bdoc])*
            pub fn $bname(self, value: impl Into<$btype>) -> Self {
                let value: $btype = value.into();
                Self(self.0.set($bwire, value))
            })*)?

            $($($(#[$qdoc])*
            pub fn $qname(self, value: impl Into<$qtype>) -> Self {
                let value: $qtype = value.into();
                Self(self.0.ask($qwire, value))
            })*)?

            $crate::client::settings!(Self, self => self.0.settings);
        }

        impl $crate::client::WithSettings for $name {
            fn with(mut self, settings: $crate::client::Settings) -> Self {
                self.0.settings = settings;
                self
            }
        }

        impl IntoFuture for $name {
            type Output = ::sidecar_core::Result<$output>;
            type IntoFuture = ::futures_util::future::BoxFuture<'static, Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin($crate::client::request!(@send self, $sender))
            }
        }
    };
    (@send $self:ident, send) => { $self.send() };
    (@send $self:ident, $sender:ident) => { $self.0.$sender() };
}
pub(crate) use request;
