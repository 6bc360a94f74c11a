//! A round-robin load balancer.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Larger than any body of the tests.
const MAX_BODY_BYTES: usize = 64 << 20;

/// A bound listener, whose URL is known before the servers start.
pub(crate) struct BalancerListener(TcpListener);

impl BalancerListener {
    pub(crate) async fn bind() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}

/// The load balancer. It ends with this value.
pub(crate) struct LoadBalancer {
    targets: Arc<Targets>,
    running: JoinHandle<()>,
}

struct Targets {
    http: reqwest::Client,
    urls: Vec<String>,
    next: AtomicUsize,
    responses: Vec<AtomicUsize>,
}

impl LoadBalancer {
    /// Forwards the requests at `listener` to the servers with these URLs.
    pub(crate) fn start(listener: BalancerListener, urls: Vec<String>) -> Self {
        // reqwest needs a provider even without TLS; it may be installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let responses = urls.iter().map(|_| AtomicUsize::new(0)).collect();
        let targets = Arc::new(Targets { http, urls, next: AtomicUsize::new(0), responses });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&targets));
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let running = tokio::spawn(async move { axum::serve(listener.0, router).await.unwrap() });
        Self { targets, running }
    }

    /// Returns the number of responses by server.
    pub(crate) fn responses(&self) -> Vec<usize> {
        self.targets.responses.iter().map(|count| count.load(Relaxed)).collect()
    }
}

impl Drop for LoadBalancer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn forward(State(targets): State<Arc<Targets>>, request: Request) -> Response {
    let index = targets.next.fetch_add(1, Relaxed) % targets.urls.len();
    let (mut head, body) = request.into_parts();
    let url = format!("{}{}", targets.urls[index], head.uri);
    head.headers.remove(header::HOST);
    head.headers.insert("x-forwarded-for", "192.0.2.7".parse().unwrap());
    let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap();
    match targets.http.request(head.method, url).headers(head.headers).body(body).send().await {
        Ok(upstream) => {
            targets.responses[index].fetch_add(1, Relaxed);
            let (status, headers) = (upstream.status(), upstream.headers().clone());
            let mut response = Response::new(Body::from(upstream.bytes().await.unwrap()));
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            // The body is complete.
            response.headers_mut().remove(header::TRANSFER_ENCODING);
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
