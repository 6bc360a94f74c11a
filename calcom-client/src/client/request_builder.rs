use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Page, Result, client::next_offset, http::Response};

use super::{CalcomClient, Operation, RequestOptions};
use crate::error::error_in_success;

/// The largest page of listings (<https://cal.com/docs/api-reference/v2/webhooks/get-all-webhooks>).
const MAX_PAGE_SIZE: u32 = 250;

/// Declares a request with setters: `body` sets fields of the JSON body, `query` sets parameters. `via` names the method of
/// [`RequestBuilder`], or `send` of the request itself, that sends it. The other forms give a request with an `async fn send(self)`
/// the setters of every request and `.await`.
macro_rules! request {
    ($name:ty => $output:ty, $($field:tt).+) => {
        $crate::client::request!({} $name => $output, $($field).+);
    };
    ({$($generics:tt)*} $name:ty => $output:ty, $($field:tt).+) => {
        ::sidecar_core::awaitable_request!(
            {$($generics)*} $name => $output, $($field).+: $crate::config::ApiVersion = "cal-api-version"
        );
    };
    ($(#[$doc:meta])* $name:ident => $output:ty, via $sender:ident;
        $(body { $($(#[$bdoc:meta])* $bwire:literal $bname:ident: $btype:ty,)* })?
        $(query { $($(#[$qdoc:meta])* $qwire:literal $qname:ident: $qtype:ty,)* })?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        #[must_use = "a request does nothing until it is awaited"]
        pub struct $name(pub(crate) $crate::client::RequestBuilder);

        impl $name {
            $($($(#[$bdoc])*
            pub fn $bname(self, value: impl Into<$btype>) -> Self {
                let value: $btype = value.into();
                Self(self.0.set($bwire, value))
            })*)?

            $($($(#[$qdoc])*
            pub fn $qname(self, value: impl Into<$qtype>) -> Self {
                let value: $qtype = value.into();
                Self(self.0.query($qwire, value))
            })*)?
        }

        $crate::client::request!(@send $name => $output, $sender);
        $crate::client::request!({} $name => $output, 0.options);
    };
    (@send $name:ident => $output:ty, send) => {};
    (@send $name:ident => $output:ty, $sender:ident) => {
        impl $name {
            async fn send(self) -> ::sidecar_core::Result<$output> {
                self.0.$sender().await
            }
        }
    };
}
pub(crate) use request;

/// Collects what a request sends. `Debug` shows no values: they can be secrets.
#[derive(Clone)]
pub(crate) struct RequestBuilder {
    pub(crate) client: CalcomClient,
    pub(crate) operation: &'static Operation,
    path: Vec<String>,
    query: Vec<(Cow<'static, str>, String)>,
    body: Option<Map<String, Value>>,
    pub(crate) options: RequestOptions,
    /// The first invalid value; reported by sending.
    invalid: Option<Error>,
}

impl RequestBuilder {
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
            options: RequestOptions::default(),
            invalid: None,
        }
    }

    /// Sets a field of the JSON body.
    pub(crate) fn set(mut self, name: &str, value: impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(value) => drop(self.body.get_or_insert_default().insert(name.to_owned(), value)),
            Err(error) => self = self.reject(format!("`{name}` cannot be written as JSON: {error}")),
        }
        self
    }

    /// Sends a body even if no field is set.
    pub(crate) fn with_body(mut self) -> Self {
        self.body.get_or_insert_default();
        self
    }

    /// Sets a query parameter; lists are joined with commas.
    pub(crate) fn query(mut self, name: impl Into<Cow<'static, str>>, value: impl Serialize) -> Self {
        let name = name.into();
        match serde_json::to_value(value) {
            Ok(value) => {
                self.query.retain(|(known, _)| *known != name);
                self.query.push((name, query_text(&value)));
            }
            Err(error) => self = self.reject(format!("`{name}` cannot be written: {error}")),
        }
        self
    }

    /// Returns a field of the body.
    pub(crate) fn field(&self, name: &str) -> Option<&Value> {
        self.body.as_ref()?.get(name)
    }

    /// Returns a query parameter.
    pub(crate) fn query_value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns a query parameter; `None` unless it is a number.
    pub(crate) fn query_number(&self, name: &str) -> Option<u64> {
        self.query_value(name)?.parse().ok()
    }

    /// Makes sending fail with this reason, unless an earlier setter gave one.
    pub(crate) fn reject(mut self, why: impl Into<Cow<'static, str>>) -> Self {
        self.invalid.get_or_insert_with(|| Error::new(ErrorKind::InvalidInput, why));
        self
    }

    /// Rejects unless this holds.
    pub(crate) fn require(self, holds: bool, why: &'static str) -> Self {
        if holds { self } else { self.reject(why) }
    }

    /// Sends the request.
    pub(crate) async fn send(self) -> Result<Response> {
        let operation = self.operation;
        if let Some(error) = self.invalid {
            return Err(error.at("calcom", operation.name));
        }
        let arguments: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let mut call = operation.call(&arguments);
        for (name, value) in self.query {
            call = call.query(name, value);
        }
        if let Some(body) = &self.body {
            call = call.json(body);
        }
        self.client.send(call, operation, &self.options).await
    }

    /// Sends the request and reads the content of the envelope.
    pub(crate) async fn data<T: DeserializeOwned>(self) -> Result<T> {
        data(&self.send().await?)
    }

    /// Sends the request and reads one page of a listing that does not report its end.
    pub(crate) async fn page<T: DeserializeOwned>(self, page_size: u32) -> Result<Page<T, u64>> {
        let skip = self.query_number("skip").unwrap_or(0);
        let take = self.query_number("take").and_then(|take| u32::try_from(take).ok()).unwrap_or(page_size);
        let fits = (1..=MAX_PAGE_SIZE).contains(&take);
        let items: Vec<T> =
            self.query("take", take).query("skip", skip).require(fits, "a page has 1 to 250 entries").data().await?;
        Ok(Page { next: next_offset(skip, take, items.len()), total: None, items })
    }

    /// Sends the request and reads the whole response.
    pub(crate) async fn json<T: DeserializeOwned>(self) -> Result<T> {
        self.send().await?.json()
    }
}

impl fmt::Debug for RequestBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: Vec<_> = self.body.iter().flat_map(Map::keys).collect();
        let query: Vec<_> = self.query.iter().map(|(name, _)| name).collect();
        f.debug_struct("RequestBuilder")
            .field("operation", &self.operation.name)
            .field("fields", &fields)
            .field("query", &query)
            .finish_non_exhaustive()
    }
}

/// Returns a value in the format of a query.
fn query_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(query_text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    data: T,
}

/// Reads the content of a response's envelope.
pub(crate) fn data<T: DeserializeOwned>(response: &Response) -> Result<T> {
    let read = response.json::<Envelope<T>>().map(|envelope| envelope.data);
    read.map_err(|error| error_in_success(response).unwrap_or(error))
}

/// A request without setters of its own.
#[must_use = "a request does nothing until it is awaited"]
pub struct PlainRequest<T> {
    builder: RequestBuilder,
    read: fn(&Response) -> Result<T>,
}

impl<T: DeserializeOwned> PlainRequest<T> {
    pub(crate) fn new(builder: RequestBuilder) -> Self {
        Self { builder, read: data }
    }
}

impl PlainRequest<Value> {
    /// Returns the whole response: its schema is not reliable.
    pub(crate) fn json(builder: RequestBuilder) -> Self {
        Self { builder, read: |response| response.json() }
    }
}

impl PlainRequest<()> {
    /// Ignores the content of the response.
    pub(crate) fn empty(builder: RequestBuilder) -> Self {
        Self { builder, read: |response| error_in_success(response).map_or(Ok(()), Err) }
    }
}

impl<T> Clone for PlainRequest<T> {
    fn clone(&self) -> Self {
        Self { builder: self.builder.clone(), read: self.read }
    }
}

impl<T> fmt::Debug for PlainRequest<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlainRequest").field("operation", &self.builder.operation.name).finish_non_exhaustive()
    }
}

request!({T: 'static} PlainRequest<T> => T, builder.options);

impl<T> PlainRequest<T> {
    async fn send(self) -> Result<T> {
        (self.read)(&self.builder.send().await?)
    }
}
