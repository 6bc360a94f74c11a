//! Accepts connections, with limits on their number and on silent clients.
//!
//! Invariant: a client that sends nothing, or stops in the middle of a request's head, holds a connection for a bounded time.
//! The limits of bodies are in `extract`.

use std::{net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use axum::{Router, response::Response, serve::Listener};
use http::{HeaderValue, Request, header::CONNECTION};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use sidecar_core::{Clock, SystemClock, time::timeout};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::extract::ConnectInfo;

/// The limits of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ConnectionLimits {
    /// Open connections; further ones wait.
    pub(crate) max_connections: usize,
    /// From the start of the connection, or the last response, to the end of a request's head. Longer than the minute for which
    /// load balancers keep idle connections: if the server closed first, a request could be in transit.
    pub(crate) head_timeout: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { max_connections: 10_000, head_timeout: Duration::from_secs(75) }
    }
}

/// How long an idle connection stays open after the listener is closed: a request may be in transit. Responses then carry
/// `connection: close`.
const IDLE_GRACE: Duration = Duration::from_millis(200);
/// Without a new connection for this long, the backlog counts as empty.
const BACKLOG_TIMEOUT: Duration = Duration::from_millis(10);

/// Serves HTTP/1.1 until `stop`, then finishes running requests. Dropping the future aborts them.
pub(crate) async fn run(mut listener: TcpListener, router: Router, limits: ConnectionLimits, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(limits.max_connections));
    let closed = CancellationToken::new();
    let mut connections = JoinSet::new();
    while let Some(accepted) = next(&mut listener, &stop).await {
        while connections.try_join_next().is_some() {}
        let permit = tokio::select! {
            () = stop.cancelled() => None,
            permit = Arc::clone(&free).acquire_owned() => permit.ok(),
        };
        let serving = serve_connection(accepted, router.clone(), limits.head_timeout, closed.clone());
        connections.spawn(async move {
            serving.await;
            drop(permit);
        });
    }
    // The system has accepted these already: closing the listener would reset them.
    let clock = SystemClock::new();
    while let Ok(accepted) = timeout(&clock, BACKLOG_TIMEOUT, Listener::accept(&mut listener)).await
        && clock.monotonic() < IDLE_GRACE
    {
        connections.spawn(serve_connection(accepted, router.clone(), limits.head_timeout, closed.clone()));
    }
    drop(listener);
    closed.cancel();
    while connections.join_next().await.is_some() {}
}

/// Adds `connection: close` to responses once the listener is closed.
fn close_after_response(closed: CancellationToken) -> impl Fn(Response) -> Response + Clone {
    move |mut response: Response| {
        if closed.is_cancelled() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// Accepts the next connection; `None` after `stop`.
async fn next(listener: &mut TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    tokio::select! {
        () = stop.cancelled() => None,
        accepted = Listener::accept(listener) => Some(accepted),
    }
}

async fn serve_connection(
    (stream, peer): (TcpStream, SocketAddr),
    router: Router,
    head: Duration,
    closed: CancellationToken,
) {
    let peer = ConnectInfo(peer.ip());
    let router = router
        .map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        })
        .map_response(close_after_response(closed.clone()));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = idle_grace(&closed) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection failed");
    }
}

async fn idle_grace(closed: &CancellationToken) {
    closed.cancelled().await;
    SystemClock::new().sleep(IDLE_GRACE).await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        task::JoinHandle,
    };

    use super::*;

    /// Longer than any of these tests needs.
    const LONG: Duration = Duration::from_secs(10);

    async fn start(limits: ConnectionLimits) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router = Router::new().route("/", get(|| async { "hello" }));
        (address, stop.clone(), tokio::spawn(run(listener, router, limits, stop)))
    }

    /// Reads until the server closes.
    async fn read_to_end(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        timeout(&SystemClock::new(), LONG, stream.read_to_string(&mut text)).await.expect("still open").unwrap();
        text
    }

    #[tokio::test]
    async fn a_silent_client_and_one_that_stops_halfway_are_disconnected() {
        let (address, _stop, _running) =
            start(ConnectionLimits { head_timeout: Duration::from_millis(50), ..ConnectionLimits::default() }).await;
        for sent in ["", "G", "PRI * HTTP/2", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            let answer = read_to_end(&mut stream).await;
            assert!(!answer.contains("200 OK"), "{sent:?}: {answer}");
        }
    }

    #[tokio::test]
    async fn connections_over_the_limit_wait() {
        let (address, _stop, _running) = start(ConnectionLimits { max_connections: 1, head_timeout: LONG }).await;
        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let early = timeout(&SystemClock::new(), Duration::from_millis(50), second.readable()).await;
        assert!(early.is_err(), "the second was served beside the first");
        drop(first);
        assert!(read_to_end(&mut second).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn it_stops_although_a_client_holds_a_connection() {
        let (address, stop, running) = start(ConnectionLimits::default()).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        idle.readable().await.unwrap();
        stop.cancel();
        timeout(&SystemClock::new(), LONG, running).await.expect("still running").unwrap();
        assert!(read_to_end(&mut idle).await.ends_with("hello"));
    }
}
