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
/// An answer as the transport gives it: the head is read, the body may still be on its way.
pub type HttpResponse = http::Response<Body>;

/// A body: all of it, or a stream. A streamed request is never sent twice.
pub enum Body {
    /// The whole body; empty for none.
    Bytes(Bytes),
    /// Chunk by chunk.
    Stream(ByteStream),
}

impl Body {
    /// No body.
    pub const EMPTY: Self = Self::Bytes(Bytes::new());

    /// Reads it whole, at most `limit` bytes.
    ///
    /// # Errors
    /// [`TransportError::Body`] when the connection breaks off, [`TransportError::TooLarge`] when the body is larger.
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

/// Why no whole answer came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No connection could be made: nothing was sent.
    #[error("could not connect: {0}")]
    Connect(#[source] BoxError),
    /// The request could not be built: nothing was sent.
    #[error("the request is not valid HTTP: {0}")]
    Request(#[source] BoxError),
    /// The connection broke while the request was sent or the answer awaited.
    #[error("the connection broke off: {0}")]
    Broken(#[source] BoxError),
    /// The answer's body broke off.
    #[error("the answer broke off: {0}")]
    Body(#[source] BoxError),
    /// The answer's body is larger than is read.
    #[error("the answer has more than {limit} bytes")]
    TooLarge {
        /// The most bytes that are read.
        limit: usize,
    },
}

/// The seam to the network: one request, one answer. Redirects are not followed.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends a request.
    ///
    /// # Errors
    /// [`TransportError`]; its variant tells whether anything may have been sent.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}
