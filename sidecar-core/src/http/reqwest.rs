use std::{error::Error, sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::StreamExt;
use reqwest::{Client, redirect::Policy};
use rustls::{ClientConfig, crypto::ring::default_provider};
use rustls_platform_verifier::BuilderVerifierExt;

use super::transport::{Body, HttpRequest, HttpResponse, Transport, TransportError};
use crate::error::{Error as CallError, ErrorKind};

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed before the usual 60 s of load balancers, so that none is found dead when it is needed.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// The transport over reqwest: HTTP/1.1 and HTTP/2, rustls on ring, the machine's trusted roots, no redirects.
#[derive(Debug, Clone)]
pub struct ReqwestTransport(Client);

impl ReqwestTransport {
    /// A transport with its own connection pool.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the machine's trust store cannot be read.
    pub fn new() -> Result<Self, CallError> {
        let config_error =
            |error: &dyn Error| CallError::new(ErrorKind::Config, format!("TLS cannot be set up: {error}"));
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_platform_verifier())
            .map_err(|error| config_error(&error))?
            .with_no_client_auth();
        Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE)
            .tcp_nodelay(true)
            .build()
            .map(Self)
            .map_err(|error| config_error(&error))
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let request = request.map(|body| match body {
            Body::Bytes(bytes) => reqwest::Body::from(bytes),
            Body::Stream(stream) => reqwest::Body::wrap_stream(stream),
        });
        let request = reqwest::Request::try_from(request).map_err(|error| TransportError::Request(error.into()))?;
        let response = self.0.execute(request).await.map_err(failure)?;
        let mut answer = http::Response::new(Body::EMPTY);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        let chunks = response.bytes_stream().map(|chunk| chunk.map_err(|error| error.without_url().into()));
        *answer.body_mut() = Body::Stream(Box::pin(chunks));
        Ok(answer)
    }
}

fn failure(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_connect() {
        TransportError::Connect(error.into())
    } else if error.is_builder() {
        TransportError::Request(error.into())
    } else {
        TransportError::Broken(error.into())
    }
}
