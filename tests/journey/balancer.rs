//! A load balancer: each request goes to the next server in turn.

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
const LARGEST: usize = 64 << 20;

/// An address that is known before there is anybody behind it.
pub(crate) struct Address(TcpListener);

impl Address {
    pub(crate) async fn pick() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }
}

/// The balancer. It ends with this value.
pub(crate) struct Balancer {
    targets: Arc<Targets>,
    running: JoinHandle<()>,
}

struct Targets {
    http: reqwest::Client,
    urls: Vec<String>,
    next: AtomicUsize,
    answered: Vec<AtomicUsize>,
}

impl Balancer {
    /// Answers at `address` with the servers of these URLs.
    pub(crate) fn before(address: Address, urls: Vec<String>) -> Self {
        // reqwest needs it even without TLS; somebody may have named it already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let answered = urls.iter().map(|_| AtomicUsize::new(0)).collect();
        let targets = Arc::new(Targets { http, urls, next: AtomicUsize::new(0), answered });
        let router = Router::new().fallback(pass_on).with_state(Arc::clone(&targets));
        let router = router.into_make_service_with_connect_info::<SocketAddr>();
        let running = tokio::spawn(async move { axum::serve(address.0, router).await.unwrap() });
        Self { targets, running }
    }

    /// How many requests each server answered.
    pub(crate) fn answered(&self) -> Vec<usize> {
        self.targets.answered.iter().map(|count| count.load(Relaxed)).collect()
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn pass_on(State(targets): State<Arc<Targets>>, request: Request) -> Response {
    let turn = targets.next.fetch_add(1, Relaxed) % targets.urls.len();
    let (mut head, body) = request.into_parts();
    let url = format!("{}{}", targets.urls[turn], head.uri);
    head.headers.remove(header::HOST);
    head.headers.insert("x-forwarded-for", "192.0.2.7".parse().unwrap());
    let body = to_bytes(body, LARGEST).await.unwrap();
    match targets.http.request(head.method, url).headers(head.headers).body(body).send().await {
        Ok(answer) => {
            targets.answered[turn].fetch_add(1, Relaxed);
            let (status, headers) = (answer.status(), answer.headers().clone());
            let mut response = Response::new(Body::from(answer.bytes().await.unwrap()));
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            // The whole body is there.
            response.headers_mut().remove(header::TRANSFER_ENCODING);
            response
        }
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
