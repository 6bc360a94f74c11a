use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{
    Deserializer, Serialize,
    de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, Visitor},
};

use super::transport::{Body, ByteStream};
use crate::{
    error::{Error, ErrorKind, Result},
    json, model,
    rate_limit::{Priority, Scope},
    retry::Replay,
    token::Credentials,
};

/// Everything but the unreserved characters of RFC 3986 is escaped in a path segment.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One call to a provider, ready to be sent. Mistakes made while building it are reported when it is sent.
#[derive(Debug)]
#[must_use = "a call does nothing until it is sent"]
pub struct Call {
    pub(super) operation: Cow<'static, str>,
    pub(super) method: Method,
    pub(super) path: Result<String>,
    pub(super) query: Vec<(Cow<'static, str>, String)>,
    pub(super) headers: HeaderMap,
    // Behind a lock only to be `Sync`, which a stream is not: a shared `&Call` lives across the pipeline's awaits.
    pub(super) body: Mutex<Body>,
    pub(super) replay: Replay,
    pub(super) deadline: Option<Duration>,
    pub(super) attempt_timeout: Option<Duration>,
    pub(super) scopes: Vec<Scope>,
    pub(super) priority: Priority,
    pub(super) credentials: Option<Arc<dyn Credentials>>,
}

impl Call {
    /// A call of `operation` (`contacts.get`). The placeholders of `template` (`/contacts/{contactId}`) are filled with
    /// `arguments` in their order, escaped. GET, HEAD, PUT and DELETE may be repeated after an ambiguous failure,
    /// other methods only when nothing was sent; [`Call::replay`] changes that.
    pub fn new(operation: impl Into<Cow<'static, str>>, method: Method, template: &str, arguments: &[&str]) -> Self {
        let replay = if method.is_idempotent() { Replay::Safe } else { Replay::OnlyIfNotSent };
        Self {
            operation: operation.into(),
            method,
            path: fill(template, arguments),
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Mutex::new(Body::EMPTY),
            replay,
            deadline: None,
            attempt_timeout: None,
            scopes: Vec::new(),
            priority: Priority::Interactive,
            credentials: None,
        }
    }

    /// The operation's name.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    fn refuse(&mut self, why: String) {
        if self.path.is_ok() {
            self.path = Err(Error::new(ErrorKind::InvalidInput, why));
        }
    }

    /// Adds a query parameter.
    #[expect(clippy::needless_pass_by_value, reason = "a literal reads better than a reference to one")]
    pub fn query(mut self, name: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        self.query.push((name.into(), value.to_string()));
        self
    }

    /// Adds a query parameter when there is a value.
    pub fn query_opt(self, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Sets a header.
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => drop(self.headers.insert(name, value)),
            Err(_) => self.refuse(format!("the value of header {name} has characters that cannot be sent")),
        }
        self
    }

    /// Sets a JSON body.
    pub fn json(mut self, body: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(body) {
            Ok(bytes) => self.body = Mutex::new(Body::Bytes(bytes.into())),
            Err(error) => self.refuse(format!("the body cannot be written as JSON: {error}")),
        }
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self
    }

    /// Sets an `application/x-www-form-urlencoded` body.
    pub fn form<'a>(mut self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = Mutex::new(Body::Bytes(encoded.into()));
        self.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        self
    }

    /// Sets a body of any media type, such as a `multipart/form-data` one with its boundary.
    pub fn bytes(mut self, media: &str, body: impl Into<Bytes>) -> Self {
        self.body = Mutex::new(Body::Bytes(body.into()));
        self.header(header::CONTENT_TYPE, media)
    }

    /// Sets a streamed body. Such a call is never sent twice.
    pub fn stream(mut self, body: ByteStream) -> Self {
        self.body = Mutex::new(Body::Stream(body));
        self
    }

    /// Sets what may be done after an ambiguous failure.
    pub fn replay(mut self, replay: Replay) -> Self {
        self.replay = replay;
        self
    }

    /// Sets how long the call may take in all, waits and repetitions included.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets how long one attempt may take.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.attempt_timeout = Some(timeout);
        self
    }

    /// Counts the call against these limits, all or none.
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes.extend(scopes);
        self
    }

    /// Sets who waits when a limit is near.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Sends a bearer token with it.
    pub fn credentials(mut self, credentials: Arc<dyn Credentials>) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// The whole URL under `base`.
    pub(super) fn url(&self, base: &str) -> Result<String> {
        let path = self.path.as_ref().map_err(Clone::clone)?;
        if self.query.is_empty() {
            return Ok(format!("{base}{path}"));
        }
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        let separator = if path.contains('?') { '&' } else { '?' };
        Ok(format!("{base}{path}{separator}{}", query.finish()))
    }
}

/// Fills the `{placeholders}` of a path template with escaped arguments.
fn fill(template: &str, arguments: &[&str]) -> Result<String> {
    let config = |why: String| Err(Error::new(ErrorKind::InvalidInput, why));
    if !template.starts_with('/') {
        return config(format!("the path `{template}` does not start with a slash"));
    }
    let (mut path, mut rest) = (String::with_capacity(template.len() + 32), template);
    let mut arguments = arguments.iter();
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return config(format!("the path `{template}` has an unclosed brace"));
        };
        let Some(value) = arguments.next() else {
            return config(format!("the path `{template}` lacks a value for {name}"));
        };
        // A dot segment would be resolved away even when escaped, and an empty one names another resource.
        if matches!(*value, "" | "." | "..") {
            return config(format!("`{value}` cannot be the {name} in {template}"));
        }
        path.push_str(before);
        path.extend(utf8_percent_encode(value, SEGMENT));
        rest = after;
    }
    path.push_str(rest);
    match arguments.next() {
        Some(_) => config(format!("the path `{template}` has fewer placeholders than values")),
        None => Ok(path),
    }
}

/// A successful answer, read whole. Its `Debug` shows no content: a token endpoint's body is a secret.
#[derive(Clone)]
pub struct Response {
    pub(super) provider: &'static str,
    pub(super) operation: Cow<'static, str>,
    /// The status, 2xx.
    pub status: http::StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Response({} {}: {}, {} bytes)", self.provider, self.operation, self.status, self.body.len())
    }
}

impl Response {
    /// Reads the body as JSON.
    ///
    /// # Errors
    /// [`ErrorKind::Decode`], naming the field and the position; the provider has carried the request out.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T> {
        json::from_slice(&self.body).map_err(|error| self.unreadable(error))
    }

    /// Reads one field of the body's object, which stands under one of these names: what an envelope holds.
    ///
    /// # Errors
    /// As [`Response::json`]. An absent field is an error unless `T` is an `Option`.
    pub fn part<T: DeserializeOwned>(&self, names: &'static [&'static str]) -> Result<T> {
        let parse = |body: &[u8]| {
            let mut reader = serde_json::Deserializer::from_slice(body);
            let part = Part(names, PhantomData).deserialize(&mut reader)?;
            reader.end().map(|()| part)
        };
        json::parse(&self.body, parse).map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, error: serde_json::Error) -> Error {
        Error::new(ErrorKind::Decode, format!("the answer does not have the expected shape: {error}"))
            .at(self.provider, self.operation.clone())
            .with_send_state(crate::error::SendState::Responded)
            .with_status(self.status)
            .with_body(&self.body)
            .with_source(error)
    }
}

/// One field of an object, under one of several names.
struct Part<T>(&'static [&'static str], PhantomData<T>);

impl<'de, T: DeserializeOwned> DeserializeSeed<'de> for Part<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: DeserializeOwned> Visitor<'de> for Part<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the field `{}`", self.0.join("` or `"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<model::Key<'de>>()? {
            match self.0.iter().find(|name| **name == key.as_str()) {
                Some(name) => found = Some(model::value(&mut map, name)?),
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match (found, self.0.first()) {
            (Some(part), _) => Ok(part),
            (None, Some(name)) => model::absent(name),
            (None, None) => Err(serde::de::Error::custom("no field is asked for")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_escaped() {
        assert_eq!(fill("/a/{x}/b/{y}", &["1/2?", "ä b"]).unwrap(), "/a/1%2F2%3F/b/%C3%A4%20b");
    }

    #[test]
    fn arguments_that_would_name_another_resource_are_refused() {
        for bad in ["", ".", ".."] {
            let error = fill("/contacts/{contactId}", &[bad]).unwrap_err();
            assert!(error.message().contains("contactId"), "{error}");
        }
    }

    #[test]
    fn too_few_and_too_many_arguments_are_refused() {
        assert!(fill("/a/{x}", &[]).is_err());
        assert!(fill("/a", &["1"]).is_err());
        assert!(fill("a", &[]).is_err());
    }

    fn answer(body: &'static str) -> Response {
        Response {
            provider: "x",
            operation: "things.get".into(),
            status: http::StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn a_part_is_read_under_any_of_its_names() {
        let names = &["thing", "thnig"];
        assert_eq!(answer(r#"{"traceId": {"a": [1]}, "thnig": 7}"#).part::<u8>(names).unwrap(), 7);
        assert_eq!(answer(r#"{"traceId": "t"}"#).part::<Option<u8>>(names).unwrap(), None);
    }

    #[test]
    fn a_part_that_cannot_be_read_is_named() {
        for (body, words) in [
            ("{}", "missing field `thing`"),
            (r#"{"thing": "x"}"#, "thing: invalid type"),
            ("[7]", "an object with the field `thing`"),
            (r#"{"thing": 7} {"#, "trailing"),
            ("", "EOF"),
        ] {
            let error = answer(body).part::<u8>(&["thing"]).unwrap_err();
            assert!(error.to_string().contains(words) && error.operation() == "things.get", "{error}");
        }
    }

    #[test]
    fn a_query_is_appended_escaped() {
        let call = Call::new("x", Method::GET, "/a", &[]).query("q", "a&b").query_opt("n", None::<u8>);
        assert_eq!(call.url("http://h").unwrap(), "http://h/a?q=a%26b");
    }
}
