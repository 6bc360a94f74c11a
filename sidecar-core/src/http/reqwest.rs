use std::{
    error::Error,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use futures_util::StreamExt;
use reqwest::{
    Client, ClientBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};
use rustls::{ClientConfig, crypto::ring::default_provider};
use rustls_platform_verifier::BuilderVerifierExt;

use super::{
    public::is_public,
    transport::{Body, HttpRequest, HttpResponse, Transport, TransportError},
};
use crate::error::{Error as CallError, ErrorKind};

/// The timeout of connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Idle connections are closed before the usual 60 s of load balancers, so that no closed one is reused.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// The transport over reqwest: HTTP/1.1 and HTTP/2, rustls on ring, the machine's trusted roots, no redirects.
#[derive(Debug, Clone)]
pub struct ReqwestTransport(Client);

impl ReqwestTransport {
    /// Returns a transport with its own connection pool.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] if the trust store of the machine cannot be read.
    pub fn new() -> Result<Self, CallError> {
        build(|client| client)
    }
}

/// The settings of a [`ReqwestTransport`].
fn build(more: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Result<ReqwestTransport, CallError> {
    let config_error =
        |error: &dyn Error| CallError::new(ErrorKind::InvalidInput, format!("TLS cannot be set up: {error}"));
    let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_platform_verifier())
        .map_err(|error| config_error(&error))?
        .with_no_client_auth();
    let client = Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(POOL_IDLE)
        .tcp_nodelay(true);
    more(client).build().map(ReqwestTransport).map_err(|error| config_error(&error))
}

/// A transport for hosts that a tenant configures: https only, and only to addresses that are [public](super::is_public). The check
/// applies to the resolved addresses that the connection then uses, so a name that resolves differently the second time is rejected
/// too. Proxies of the environment are not used, because they resolve names themselves.
#[derive(Debug, Clone)]
pub struct PublicTransport(ReqwestTransport);

impl PublicTransport {
    /// A transport with its own connection pool.
    ///
    /// # Errors
    /// Those of [`ReqwestTransport::new`].
    pub fn new() -> Result<Self, CallError> {
        build(|client| client.no_proxy().dns_resolver(PublicNames)).map(Self)
    }

    /// Rejects a URL by its text; names are resolved later.
    ///
    /// # Errors
    /// [`NotPublic`].
    pub fn check(url: &str) -> Result<(), NotPublic> {
        // Parsed as the client does: `https://0x7f.1` is an address too.
        let url = url::Url::parse(url).map_err(|_| NotPublic)?;
        let allowed = url.scheme() == "https"
            && match url.host() {
                Some(url::Host::Domain(_)) => true,
                Some(url::Host::Ipv4(address)) => is_public(address.into()),
                Some(url::Host::Ipv6(address)) => is_public(address.into()),
                None => false,
            };
        allowed.then_some(()).ok_or(NotPublic)
    }
}

/// The address is not an https address of the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the host is not allowed: only https addresses of the public internet are")]
pub struct NotPublic;

#[async_trait]
impl Transport for PublicTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        // A host that is an address is not resolved.
        Self::check(&request.uri().to_string()).map_err(|error| TransportError::Connect(error.into()))?;
        self.0.send(request).await
    }
}

/// Resolves names like the machine. A name with one address that is not public is rejected.
#[derive(Debug)]
struct PublicNames;

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let name = name.as_str().to_owned();
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || (name.as_str(), 0).to_socket_addrs()).await??;
            let found: Vec<SocketAddr> = found.collect();
            if found.iter().all(|address| is_public(address.ip())) {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            Err(NotPublic.into())
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn refusal(uri: &str) -> TransportError {
        let mut request = HttpRequest::new(Body::EMPTY);
        *request.uri_mut() = uri.parse().unwrap();
        PublicTransport::new().unwrap().send(request).await.unwrap_err()
    }

    fn is_not_public(error: &TransportError) -> bool {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if error.is::<NotPublic>() {
                return true;
            }
            cause = error.source();
        }
        false
    }

    #[tokio::test]
    async fn what_leads_to_this_machine_is_refused_before_anything_is_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        for host in
            ["127.0.0.1", "localhost", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "0x7f.1", "2130706433", "127.1"]
        {
            let error = refusal(&format!("https://{host}:{port}/v2/me")).await;
            assert!(matches!(error, TransportError::Connect(_)) && is_not_public(&error), "{host}: {error:?}");
        }
        assert!(listener.accept().is_err(), "nobody came");
    }

    #[tokio::test]
    async fn nothing_is_sent_in_the_clear() {
        assert!(is_not_public(&refusal("http://1.1.1.1/").await));
    }
}
