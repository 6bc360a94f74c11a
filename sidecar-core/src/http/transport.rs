use std::{fmt, pin::Pin};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt;

use crate::error::{BoxError, Sent};

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
    /// [`TransportError::Body`] when the connection breaks off or the body is larger.
    pub async fn collect(self, limit: usize) -> Result<Bytes, TransportError> {
        let mut stream = match self {
            Self::Bytes(bytes) if bytes.len() <= limit => return Ok(bytes),
            Self::Bytes(bytes) => return Err(too_large(bytes.len(), limit)),
            Self::Stream(stream) => stream,
        };
        let mut whole = BytesMut::new();
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(TransportError::Body)?;
            if whole.len() + chunk.len() > limit {
                return Err(too_large(whole.len() + chunk.len(), limit));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }
}

fn too_large(size: usize, limit: usize) -> TransportError {
    TransportError::Body(format!("the body has {size} bytes or more, over the limit of {limit}").into())
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
    /// The answer's body broke off or is too large.
    #[error("the answer broke off: {0}")]
    Body(#[source] BoxError),
}

impl TransportError {
    /// Whether the provider may have acted.
    pub fn sent(&self) -> Sent {
        match self {
            Self::Connect(_) | Self::Request(_) => Sent::No,
            Self::Broken(_) | Self::Body(_) => Sent::Perhaps,
        }
    }
}

/// The seam to the network: one request, one answer. Redirects are not followed.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Sends a request.
    ///
    /// # Errors
    /// [`TransportError`], which tells whether anything may have been sent.
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError>;
}
