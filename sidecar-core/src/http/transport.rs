use std::{fmt, pin::Pin};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;

use crate::error::BoxError;

/// A stream of body chunks.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;
/// A request as the transport sends it.
pub type HttpRequest = http::Request<Body>;
/// A response from the transport: the head is read, the body may still be arriving.
pub type HttpResponse = http::Response<Body>;

/// A body: whole or a stream. A streamed request is never sent twice.
pub enum Body {
    /// The whole body; empty for none.
    Bytes(Bytes),
    /// A stream of chunks.
    Stream(ByteStream),
}

impl Body {
    /// Returns an empty body.
    pub const EMPTY: Self = Self::Bytes(Bytes::new());

    /// Reads the whole body, at most `limit` bytes.
    ///
    /// # Errors
    /// [`TransportError::Body`] if the connection breaks, [`TransportError::TooLarge`] if the body is larger.
    pub async fn collect(self, limit: usize) -> Result<Bytes, TransportError> {
        let mut stream = match self {
            Self::Bytes(bytes) if bytes.len() <= limit => return Ok(bytes),
            Self::Bytes(_) => return Err(TransportError::TooLarge { limit }),
            Self::Stream(stream) => stream,
        };
        let mut whole = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(TransportError::Body)?;
            if whole.len() + chunk.len() > limit {
                return Err(TransportError::TooLarge { limit });
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Self::Stream(_) => f.write_str("Body(stream)"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// Why there is no complete response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection could be made: nothing was sent.
    #[error("could not connect: {0}")]
    Connect(#[source] BoxError),
    /// The request could not be built: nothing was sent.
    #[error("the request is not valid HTTP: {0}")]
    Request(#[source] BoxError),
    /// The connection broke while the request was sent or before the response arrived.
    #[error("the connection broke off: {0}")]
    Broken(#[source] BoxError),
    /// The connection broke during the body of the response.
    #[error("the answer broke off: {0}")]
    Body(#[source] BoxError),
    /// The body of the response is larger than the limit.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
}

/// The port to the network: one request, one response. Redirects are not followed.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends a request.
    ///
    /// # Errors
    /// [`TransportError`]; its variant says whether the request may have been sent.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}
