//! A loopback port that passes bytes on to another one, and spoils that to order.

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

/// What happens to connections, those that are open already included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    Pass,
    /// Every piece of a request, and of an answer, arrives so much later.
    Latency {
        /// Towards the target.
        there: Duration,
        /// From the target.
        back: Duration,
    },
    /// Connections are taken and reset (RST), before anything is read.
    Reset,
    /// The request reaches the target; the connection is reset (RST) after so many bytes of the answer.
    ResetAfter(u64),
    /// The request reaches the target; the connection is closed in good order after so many bytes of the answer.
    Truncate(u64),
    /// Connections are taken and read, but nothing reaches the target and no answer comes.
    HalfOpen,
    /// Answers arrive in pieces.
    Drip {
        /// Bytes in a piece.
        bytes: usize,
        /// The pause after each.
        every: Duration,
    },
    /// Nobody listens; open connections are reset.
    Refuse,
}

/// The proxy. It and all that it passes on end with this value.
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
    there: AtomicU64,
    back: AtomicU64,
}

impl FaultProxy {
    /// Stands before the server of a URL such as `http://127.0.0.1:3000` or `postgres://user@127.0.0.1:5432/db`, and passes
    /// everything on.
    ///
    /// # Panics
    /// When the URL names no address and port.
    pub async fn before(url: &str) -> Self {
        let (_, rest) = url.split_once("://").unwrap();
        let authority = rest.split(['/', '?']).next().unwrap();
        let target = authority.rsplit('@').next().unwrap();
        let own = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let (fault, faults) = watch::channel(Fault::Pass);
        let (heard, listening) = watch::channel(false);
        let counts = Arc::new(Counts::default());
        let listener = listen(own, target.parse().unwrap(), faults, heard, Arc::clone(&counts));
        let url = url.replacen(target, &own.to_string(), 1);
        let this = Self { url, fault, listening, counts, listener: tokio::spawn(listener) };
        this.set(Fault::Pass).await;
        this
    }

    /// The same URL by way of this proxy.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on this happens.
    pub async fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
        let wanted = fault != Fault::Refuse;
        self.listening.clone().wait_for(|listening| *listening == wanted).await.unwrap();
    }

    /// Connections that were taken.
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Relaxed)
    }

    /// Requests that were read: what a client sends until it is answered is one.
    pub fn requests(&self) -> u64 {
        self.counts.requests.load(Relaxed)
    }

    /// Bytes that came from clients, and bytes that were given to them.
    pub fn bytes(&self) -> (u64, u64) {
        (self.counts.there.load(Relaxed), self.counts.back.load(Relaxed))
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
    heard: watch::Sender<bool>,
    counts: Arc<Counts>,
) {
    // Its tasks are aborted when this one is.
    let mut connections = JoinSet::new();
    loop {
        becomes(&faults, |fault| fault != Fault::Refuse).await;
        let listener = TcpListener::bind(own).await.unwrap();
        heard.send_replace(true);
        loop {
            tokio::select! {
                biased;
                () = becomes(&faults, |fault| fault == Fault::Refuse) => break,
                taken = listener.accept() => {
                    let Ok((client, _)) = taken else { continue };
                    counts.connections.fetch_add(1, Relaxed);
                    connections.spawn(serve(client, target, faults.clone(), Arc::clone(&counts)));
                }
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        heard.send_replace(false);
    }
}

/// Waits until the fault is one of those. When the proxy is gone, its tasks are about to end anyway.
async fn becomes(faults: &watch::Receiver<Fault>, wanted: impl Fn(Fault) -> bool) {
    if faults.clone().wait_for(|fault| wanted(*fault)).await.is_err() {
        std::future::pending().await
    }
}

/// How a connection ends.
enum End {
    Closed,
    Reset,
}

async fn serve(mut client: TcpStream, target: SocketAddr, faults: watch::Receiver<Fault>, counts: Arc<Counts>) {
    let link = Link { faults, counts, clock: SystemClock::new(), asked: AtomicBool::new(false) };
    let end = tokio::select! {
        biased;
        () = becomes(&link.faults, |fault| matches!(fault, Fault::Reset | Fault::Refuse)) => End::Reset,
        end = link.join(&mut client, target) => end.unwrap_or(End::Reset),
    };
    if matches!(end, End::Reset) {
        // What closes it then is an RST.
        let _ = client.set_zero_linger();
    }
}

/// One connection and what is behind it.
struct Link {
    faults: watch::Receiver<Fault>,
    counts: Arc<Counts>,
    clock: SystemClock,
    /// A request is under way that was not answered with a byte yet.
    asked: AtomicBool,
}

impl Link {
    fn fault(&self) -> Fault {
        *self.faults.borrow()
    }

    /// Waits, but not longer than the fault lasts.
    async fn pause(&self, time: Duration, fault: Fault) {
        tokio::select! {
            () = self.clock.sleep(time) => {}
            () = becomes(&self.faults, |now| now != fault) => {}
        }
    }

    async fn join(&self, client: &mut TcpStream, target: SocketAddr) -> io::Result<End> {
        let mut target = TcpStream::connect(target).await?;
        client.set_nodelay(true)?;
        target.set_nodelay(true)?;
        let (from_client, to_client) = client.split();
        let (from_target, to_target) = target.split();
        tokio::select! {
            end = self.there(from_client, to_target) => end,
            end = self.back(from_target, to_client) => end,
        }
    }

    async fn there(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<End> {
        let mut piece = vec![0; 64 * 1024];
        let mut lost = false;
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return Ok(End::Closed);
            }
            self.counts.there.fetch_add(length as u64, Relaxed);
            if !self.asked.swap(true, Relaxed) {
                self.counts.requests.fetch_add(1, Relaxed);
            }
            let fault = self.fault();
            match fault {
                Fault::HalfOpen => lost = true,
                Fault::Latency { there, .. } => self.pause(there, fault).await,
                _ => {}
            }
            // A connection that has lost something is of no use any more, whatever comes after the fault.
            if !lost {
                to.write_all(&piece[..length]).await?;
            }
        }
    }

    async fn back(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<End> {
        let mut piece = vec![0; 64 * 1024];
        let (mut answered, mut lost) = (0, false);
        loop {
            let length = from.read(&mut piece).await?;
            if length == 0 {
                return Ok(End::Closed);
            }
            if self.asked.swap(false, Relaxed) {
                answered = 0;
            }
            let (mut rest, mut end, fault) = (&piece[..length], None, self.fault());
            match fault {
                Fault::HalfOpen => lost = true,
                Fault::Latency { back, .. } => self.pause(back, fault).await,
                Fault::ResetAfter(most) => end = cut(&mut rest, most - answered.min(most)).then_some(End::Reset),
                Fault::Truncate(most) => end = cut(&mut rest, most - answered.min(most)).then_some(End::Closed),
                Fault::Drip { bytes, every } => {
                    while rest.len() > bytes && self.fault() == fault {
                        self.give(&mut to, &rest[..bytes]).await?;
                        rest = &rest[bytes..];
                        self.pause(every, fault).await;
                    }
                }
                Fault::Pass | Fault::Reset | Fault::Refuse => {}
            }
            if !lost {
                self.give(&mut to, rest).await?;
            }
            answered += length as u64;
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    async fn give(&self, to: &mut (impl AsyncWrite + Unpin), piece: &[u8]) -> io::Result<()> {
        to.write_all(piece).await?;
        self.counts.back.fetch_add(piece.len() as u64, Relaxed);
        Ok(())
    }
}

/// Shortens a piece to `most` bytes; whether that is where the answer ends.
fn cut(piece: &mut &[u8], most: u64) -> bool {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let ends = piece.len() >= most;
    *piece = &piece[..piece.len().min(most)];
    ends
}
