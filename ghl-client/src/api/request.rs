use std::{fmt, marker::PhantomData, sync::Arc};

use futures_util::future::BoxFuture;
use http::HeaderName;
use serde_json::Value;
use sidecar_core::{
    Error, ErrorKind, Result,
    http::{Call, Response},
};

use super::{
    model::{Decode, Files, Write},
    operation::{Endpoint, Generation, Media, Operation},
    value::Object,
};
use crate::{
    client::{GhlClient, RequestOptions, Resource, TokenKinds, multipart, pairs},
    config::ApiVersion,
    error::GhlErrorReason,
    model::{CompanyId, LocationId},
};

/// A call of one operation; awaiting it sends it and reads the answer.
///
/// Unless [`location`](Self::location) or [`company`](Self::company) says whose call it is, the operation's own location or
/// company id does, else the client's one token is used. Without [`version`](Self::version) the client's version counts, else
/// the operation's own.
///
/// # Errors
/// [`ErrorKind::InvalidInput`] before anything is sent when a required field is missing, or the version in force lacks the operation
/// or a field that is set; [`ErrorKind::Decode`] when the answer has another shape; otherwise as every call, see
/// [`Error`] and [`GhlErrorExt`](crate::GhlErrorExt).
#[must_use = "a request does nothing until it is awaited"]
pub struct Request<T> {
    prepared: Prepared,
    answer: PhantomData<fn() -> T>,
}

#[allow(dead_code, reason = "a family may have no bodies, and none be compiled in")]
impl<T> Request<T> {
    pub(super) fn new(client: &GhlClient, operation: &'static Operation, arguments: &[&str]) -> Self {
        let prepared = Prepared {
            client: client.clone(),
            operation,
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
            query: None,
            body: None,
            headers: Vec::new(),
            resource: None,
            options: RequestOptions::default(),
        };
        Self { prepared, answer: PhantomData }
    }

    pub(super) fn query(mut self, query: impl Write + 'static) -> Self {
        self.prepared.query = Some(Arc::new(query));
        self
    }

    pub(super) fn body(mut self, body: impl Write + 'static) -> Self {
        self.prepared.body = Some(Arc::new(body));
        self
    }
}

impl<T> Request<T> {
    /// The facts of the operation.
    pub fn operation(&self) -> &'static Operation {
        self.prepared.operation
    }

    /// Sends a further header.
    pub fn header(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.prepared.headers.push((name, value.into()));
        self
    }

    /// Calls with this location's token and counts against its quota.
    pub fn location(mut self, id: impl Into<LocationId>) -> Self {
        self.prepared.resource = Some(Resource::Location(id.into()));
        self
    }

    /// Calls with this company's token and counts against its quota.
    pub fn company(mut self, id: impl Into<CompanyId>) -> Self {
        self.prepared.resource = Some(Resource::Company(id.into()));
        self
    }

    /// Sends it and hands the answer out as it came, for what its type does not tell.
    ///
    /// # Errors
    /// As awaiting it, without [`ErrorKind::Decode`].
    pub fn raw(self) -> BoxFuture<'static, Result<Response>> {
        self.prepared.boxed()
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = self.prepared.operation.name;
        f.debug_struct("Request").field("operation", &operation).finish_non_exhaustive()
    }
}

sidecar_core::awaitable_request!({T: Decode + 'static} Request<T> => T, prepared.options: ApiVersion = "Version");

impl<T: Decode + 'static> Request<T> {
    async fn send(self) -> Result<T> {
        T::decode(self.prepared.boxed().await?)
    }
}

/// A call without the type of its answer, so that sending is compiled once.
struct Prepared {
    client: GhlClient,
    operation: &'static Operation,
    arguments: Vec<String>,
    query: Option<Arc<dyn Write>>,
    body: Option<Arc<dyn Write>>,
    headers: Vec<(HeaderName, String)>,
    resource: Option<Resource>,
    options: RequestOptions,
}

/// What is sent beside the path.
#[derive(Default)]
struct Written {
    query: Value,
    body: Value,
    files: Files,
}

impl Prepared {
    fn boxed(self) -> BoxFuture<'static, Result<Response>> {
        Box::pin(self.send())
    }

    async fn send(self) -> Result<Response> {
        let name = self.operation.name;
        let asked = self.client.version_override(&self.options);
        let (endpoint, generation, version) = self.operation.choose(asked)?;
        let prepared = self.written(generation).and_then(|written| {
            let resource = self.resource(endpoint, &written)?;
            Ok((self.call(endpoint, &written)?, resource))
        });
        let (call, resource) = prepared.map_err(|error| error.at("ghl", name))?;
        // Settled above: the client would put its own in its place.
        let options = RequestOptions { version: Some(version.clone()), ..self.options.clone() };
        self.client.send(call, &resource, (version, endpoint.accepts()), &options).await
    }

    fn written(&self, generation: Generation) -> Result<Written> {
        let mut written = Written::default();
        if let Some(query) = &self.query {
            written.query = query.write(generation, &mut written.files)?;
        }
        if let Some(body) = &self.body {
            written.body = body.write(generation, &mut written.files)?;
        }
        Ok(written)
    }

    fn call(&self, endpoint: &Endpoint, written: &Written) -> Result<Call> {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let mut call = Call::new(self.operation.name, endpoint.method.clone(), endpoint.path, &arguments);
        for (name, value) in pairs(&written.query) {
            call = call.query(name, value);
        }
        for (name, value) in &self.headers {
            call = call.header(name.clone(), value);
        }
        Ok(match endpoint.media.filter(|_| self.body.is_some()) {
            None => call,
            Some(Media::Json) => call.json(&written.body),
            Some(Media::Form) => {
                let fields = pairs(&written.body);
                call.form(fields.iter().map(|(name, value)| (name.as_str(), value.as_str())))
            }
            Some(Media::Multipart) => {
                let (media, content) = multipart(&pairs(&written.body), &written.files);
                call.bytes(&media, content)
            }
        })
    }

    /// Whose token is used: as asked for, else of the location or company that the operation itself names, if it takes theirs.
    fn resource(&self, endpoint: &Endpoint, written: &Written) -> Result<Resource> {
        let accepts = endpoint.accepts();
        if let Some(resource) = &self.resource {
            let (given, other) = match resource {
                Resource::Location(_) => (TokenKinds::LOCATION_ACCESS, "company"),
                Resource::Company(_) => (TokenKinds::AGENCY_ACCESS, "location"),
                Resource::Token => (TokenKinds::ANY, ""),
            };
            if accepts.intersects(given) {
                return Ok(resource.clone());
            }
            let why = format!("this operation needs {accepts}: say whose by `.{other}(id)`");
            return Err(Error::new(ErrorKind::InvalidInput, why)
                .with_detail(GhlErrorReason::TokenKind { needs: accepts, has: given }));
        }
        let own = |kinds, what| accepts.intersects(kinds).then(|| self.own(endpoint, written, what)).flatten();
        let location = || own(TokenKinds::LOCATION_ACCESS, "location").map(|id| Resource::Location(id.into()));
        let company = || own(TokenKinds::AGENCY_ACCESS, "company").map(|id| Resource::Company(id.into()));
        Ok(location().or_else(company).unwrap_or(Resource::Token))
    }

    /// The operation's own location or company id: in its path, its query or its body.
    fn own(&self, endpoint: &Endpoint, written: &Written, what: &str) -> Option<String> {
        let names = [format!("{what}Id"), format!("{what}_id")];
        let placeholders = endpoint.path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
        let in_path = placeholders.zip(&self.arguments).find(|(name, _)| names.iter().any(|own| own == name));
        if let Some((_, value)) = in_path {
            return Some(value.clone());
        }
        let text = |fields: &Object, name: &str| {
            fields.get(name).and_then(Value::as_str).filter(|id| !id.is_empty()).map(str::to_owned)
        };
        [&written.query, &written.body].into_iter().filter_map(Value::as_object).find_map(|fields| {
            // Families of the second kind name their owner by `altId` and say by `altType` what it is.
            let alternative = || text(fields, "altId").filter(|_| text(fields, "altType").as_deref() == Some(what));
            names.iter().find_map(|name| text(fields, name)).or_else(alternative)
        })
    }
}
