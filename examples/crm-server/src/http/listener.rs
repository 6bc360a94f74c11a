//! Taking connections: how many, and how long one may say nothing.
//!
//! What a request's body may take is in `extract`. Invariant: whoever connects and stays silent, or stops in the middle of a
//! request's head, holds a connection for a bounded time.

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

/// What callers may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Open connections; more wait until one ends.
    pub(crate) connections: usize,
    /// From the connection's begin, or the end of the answer before, to the end of a request's head. Longer than the minute
    /// for which load balancers keep idle connections: if the server closed first, a delivery could be on its way.
    pub(crate) head: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections: 10_000, head: Duration::from_secs(75) }
    }
}

/// How long an idle connection stays open after the listener is closed: a request may be on its way. Every answer says
/// `connection: close` then, so that callers leave by themselves.
const LINGER: Duration = Duration::from_millis(200);
/// When no further connection came for so long, none is waiting to be taken.
const QUIET: Duration = Duration::from_millis(10);

/// Answers HTTP/1.1 until `stop`, then lets requests under way end. Dropping it cuts them off.
pub(crate) async fn run(mut listener: TcpListener, router: Router, bounds: Bounds, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(bounds.connections));
    let closed = CancellationToken::new();
    let mut connections = JoinSet::new();
    while let Some(accepted) = next(&mut listener, &stop).await {
        while connections.try_join_next().is_some() {}
        let permit = tokio::select! {
            () = stop.cancelled() => None,
            permit = Arc::clone(&free).acquire_owned() => permit.ok(),
        };
        let answering = answer(accepted, router.clone(), bounds.head, closed.clone());
        connections.spawn(async move {
            answering.await;
            drop(permit);
        });
    }
    // The machine has accepted these already: closing the listener would cut them off.
    let clock = SystemClock::new();
    while let Ok(accepted) = timeout(&clock, QUIET, Listener::accept(&mut listener)).await
        && clock.monotonic() < LINGER
    {
        connections.spawn(answer(accepted, router.clone(), bounds.head, closed.clone()));
    }
    drop(listener);
    closed.cancel();
    while connections.join_next().await.is_some() {}
}

/// Tells callers to leave, once there is nobody to take their next connection.
fn say_close(closed: CancellationToken) -> impl Fn(Response) -> Response + Clone {
    move |mut response: Response| {
        if closed.is_cancelled() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

/// The next connection; none when it is time to stop.
async fn next(listener: &mut TcpListener, stop: &CancellationToken) -> Option<(TcpStream, SocketAddr)> {
    tokio::select! {
        () = stop.cancelled() => None,
        accepted = Listener::accept(listener) => Some(accepted),
    }
}

async fn answer((stream, peer): (TcpStream, SocketAddr), router: Router, head: Duration, closed: CancellationToken) {
    let peer = ConnectInfo(peer.ip());
    let router = router
        .map_request(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            request
        })
        .map_response(say_close(closed.clone()));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = lingered(&closed) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

async fn lingered(closed: &CancellationToken) {
    closed.cancelled().await;
    SystemClock::new().sleep(LINGER).await;
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        task::JoinHandle,
    };

    use super::*;

    /// More than any of these tests needs.
    const LONG: Duration = Duration::from_secs(10);

    async fn start(bounds: Bounds) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let router = Router::new().route("/", get(|| async { "hello" }));
        (address, stop.clone(), tokio::spawn(run(listener, router, bounds, stop)))
    }

    /// Everything that comes until the other side closes.
    async fn rest(stream: &mut TcpStream) -> String {
        let mut text = String::new();
        timeout(&SystemClock::new(), LONG, stream.read_to_string(&mut text)).await.expect("still open").unwrap();
        text
    }

    #[tokio::test]
    async fn a_silent_caller_and_one_that_stops_halfway_are_hung_up_on() {
        let (address, _stop, _running) = start(Bounds { head: Duration::from_millis(50), ..Bounds::default() }).await;
        for sent in ["", "G", "PRI * HTTP/2", "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(sent.as_bytes()).await.unwrap();
            let answer = rest(&mut stream).await;
            assert!(!answer.contains("200 OK"), "{sent:?}: {answer}");
        }
    }

    #[tokio::test]
    async fn connections_over_the_bound_wait_for_their_turn() {
        let (address, _stop, _running) = start(Bounds { connections: 1, head: LONG }).await;
        let first = TcpStream::connect(address).await.unwrap();
        let mut second = TcpStream::connect(address).await.unwrap();
        second.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        let early = timeout(&SystemClock::new(), Duration::from_millis(50), second.readable()).await;
        assert!(early.is_err(), "the second was answered beside the first");
        drop(first);
        assert!(rest(&mut second).await.ends_with("hello"));
    }

    #[tokio::test]
    async fn it_ends_when_told_to_though_somebody_holds_a_connection() {
        let (address, stop, running) = start(Bounds::default()).await;
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        idle.readable().await.unwrap();
        stop.cancel();
        timeout(&SystemClock::new(), LONG, running).await.expect("still running").unwrap();
        assert!(rest(&mut idle).await.ends_with("hello"));
    }
}
