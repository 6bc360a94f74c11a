//! A loopback port that forwards bytes to another one and injects faults.

use std::{
    fmt, io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use sidecar_core::{Clock, SystemClock};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};

use crate::free_port;

/// A fault that applies to all connections, including open ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No fault.
    Pass,
    /// Every chunk of a request and of a response is delayed.
    Latency {
        /// Towards the target.
        request: Duration,
        /// From the target.
        response: Duration,
    },
    /// Connections are accepted and reset (RST) before anything is read.
    Reset,
    /// The request reaches the target; the connection is reset (RST) after this many bytes of the response.
    ResetAfter(u64),
    /// The request reaches the target; the connection is closed (FIN) after this many bytes of the response.
    Truncate(u64),
    /// Connections are accepted and read, but nothing is forwarded in either direction.
    HalfOpen,
    /// Responses arrive in small chunks.
    Drip {
        /// Bytes in a chunk.
        bytes: usize,
        /// The pause after each chunk.
        every: Duration,
    },
    /// The port is closed; open connections are reset.
    Refuse,
}

/// The proxy. It and its connections end with this value.
pub struct FaultProxy {
    url: String,
    fault: watch::Sender<Fault>,
    listening: watch::Receiver<bool>,
    counts: Arc<Counts>,
    listener: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    connections: AtomicU64,
    requests: AtomicU64,
    request_bytes: AtomicU64,
    response_bytes: AtomicU64,
}

impl FaultProxy {
    /// Starts a proxy before the server of a URL such as `http://127.0.0.1:3000` or `postgres://user@127.0.0.1:5432/db`.
    ///
    /// # Panics
    /// If the URL has no address and port.
    pub async fn before(url: &str) -> Self {
        let (_, rest) = url.split_once("://").unwrap();
        let authority = rest.split(['/', '?']).next().unwrap();
        let target = authority.rsplit('@').next().unwrap();
        let own = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (fault, faults) = watch::channel(Fault::Pass);
        let (listening_sender, listening) = watch::channel(false);
        let counts = Arc::new(Counts::default());
        let listener = listen(own, target.parse().unwrap(), faults, listening_sender, Arc::clone(&counts));
        let url = url.replacen(target, &own.to_string(), 1);
        let this = Self { url, fault, listening, counts, listener: tokio::spawn(listener) };
        this.set(Fault::Pass).await;
        this
    }

    /// Returns the URL through this proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Switches to this fault.
    pub async fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        let expected = fault != Fault::Refuse;
        self.listening.clone().wait_for(|listening| *listening == expected).await.unwrap();
    }

    /// Returns the number of accepted connections.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Relaxed)
    }

    /// Returns the number of requests: everything that a client sends before a response is one request.
    pub fn requests(&self) -> u64 {
        self.counts.requests.load(Relaxed)
    }

    /// Returns the bytes received from clients and the bytes sent to them.
    pub fn bytes(&self) -> (u64, u64) {
        (self.counts.request_bytes.load(Relaxed), self.counts.response_bytes.load(Relaxed))
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy").field("fault", &*self.fault.borrow()).field("counts", &self.counts).finish()
    }
}

async fn listen(
    own: SocketAddr,
    target: SocketAddr,
    faults: watch::Receiver<Fault>,
    listening: watch::Sender<bool>,
    counts: Arc<Counts>,
) {
    // Dropping it aborts the connections.
    let mut connections = JoinSet::new();
    loop {
        wait_for_fault(&faults, |fault| fault != Fault::Refuse).await;
        let listener = TcpListener::bind(own).await.unwrap();
        listening.send_replace(true);
        loop {
            tokio::select! {
                biased;
                () = wait_for_fault(&faults, |fault| fault == Fault::Refuse) => break,
                accepted = listener.accept() => {
                    let Ok((client, _)) = accepted else { continue };
                    counts.connections.fetch_add(1, Relaxed);
                    connections.spawn(serve(client, target, faults.clone(), Arc::clone(&counts)));
                }
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        listening.send_replace(false);
    }
}

/// Waits until the fault matches. Never returns once the proxy is dropped, which aborts the task.
async fn wait_for_fault(faults: &watch::Receiver<Fault>, matches: impl Fn(Fault) -> bool) {
    if faults.clone().wait_for(|fault| matches(*fault)).await.is_err() {
        std::future::pending().await
    }
}

/// How a connection ends.
enum End {
    Closed,
    Reset,
}

async fn serve(mut client: TcpStream, target: SocketAddr, faults: watch::Receiver<Fault>, counts: Arc<Counts>) {
    let connection = ProxiedConnection { faults, counts, clock: SystemClock::new(), pending: AtomicBool::new(false) };
    let end = tokio::select! {
        biased;
        () = wait_for_fault(&connection.faults, |fault| matches!(fault, Fault::Reset | Fault::Refuse)) => End::Reset,
        end = connection.forward(&mut client, target) => end.unwrap_or(End::Reset),
    };
    if matches!(end, End::Reset) {
        // Closing the socket then sends an RST.
        let _ = client.set_zero_linger();
    }
}

/// One proxied connection.
struct ProxiedConnection {
    faults: watch::Receiver<Fault>,
    counts: Arc<Counts>,
    clock: SystemClock,
    /// Set while a request is pending without a byte of its response.
    pending: AtomicBool,
}

impl ProxiedConnection {
    fn fault(&self) -> Fault {
        *self.faults.borrow()
    }

    /// Waits, but no longer than the fault lasts.
    async fn pause(&self, time: Duration, fault: Fault) {
        tokio::select! {
            () = self.clock.sleep(time) => {}
            () = wait_for_fault(&self.faults, |now| now != fault) => {}
        }
    }

    async fn forward(&self, client: &mut TcpStream, target: SocketAddr) -> io::Result<End> {
        let mut target = TcpStream::connect(target).await?;
        client.set_nodelay(true)?;
        target.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_target, to_target) = target.split();
        tokio::select! {
            end = self.forward_request(from_client, to_target) => end,
            end = self.forward_response(from_target, to_client) => end,
        }
    }

    async fn forward_request(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<End> {
        let mut chunk = vec![0; 64 * 1024];
        let mut lost = false;
        loop {
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                return Ok(End::Closed);
            }
            self.counts.request_bytes.fetch_add(length as u64, Relaxed);
            if !self.pending.swap(true, Relaxed) {
                self.counts.requests.fetch_add(1, Relaxed);
            }
            let fault = self.fault();
            match fault {
                Fault::HalfOpen => lost = true,
                Fault::Latency { request, .. } => self.pause(request, fault).await,
                _ => {}
            }
            // A connection that lost bytes stays broken after the fault ends.
            if !lost {
                to.write_all(&chunk[..length]).await?;
            }
        }
    }

    async fn forward_response(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
    ) -> io::Result<End> {
        let mut chunk = vec![0; 64 * 1024];
        let (mut sent, mut lost) = (0, false);
        loop {
            let length = from.read(&mut chunk).await?;
            if length == 0 {
                return Ok(End::Closed);
            }
            if self.pending.swap(false, Relaxed) {
                sent = 0;
            }
            let (mut rest, mut end, fault) = (&chunk[..length], None, self.fault());
            match fault {
                Fault::HalfOpen => lost = true,
                Fault::Latency { response, .. } => self.pause(response, fault).await,
                Fault::ResetAfter(limit) => end = truncate(&mut rest, limit - sent.min(limit)).then_some(End::Reset),
                Fault::Truncate(limit) => end = truncate(&mut rest, limit - sent.min(limit)).then_some(End::Closed),
                Fault::Drip { bytes, every } => {
                    while rest.len() > bytes && self.fault() == fault {
                        self.send(&mut to, &rest[..bytes]).await?;
                        rest = &rest[bytes..];
                        self.pause(every, fault).await;
                    }
                }
                Fault::Pass | Fault::Reset | Fault::Refuse => {}
            }
            if !lost {
                self.send(&mut to, rest).await?;
            }
            sent += length as u64;
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    async fn send(&self, to: &mut (impl AsyncWrite + Unpin), chunk: &[u8]) -> io::Result<()> {
        to.write_all(chunk).await?;
        self.counts.response_bytes.fetch_add(chunk.len() as u64, Relaxed);
        Ok(())
    }
}

/// Truncates a chunk to `limit` bytes; returns `true` if the response ends there.
fn truncate(chunk: &mut &[u8], limit: u64) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let ends = chunk.len() >= limit;
    *chunk = &chunk[..chunk.len().min(limit)];
    ends
}
