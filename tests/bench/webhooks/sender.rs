//! The sender, in a process of its own: bytes made beforehand over kept connections, as little work per request as can be.
//!
//! Closed loop: each connection sends the next one when it has its answer. Open loop: each request has its time, and its
//! wait counts from that time, also when the connection was not free then.

use std::{
    io::{Read, Write},
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc, Barrier,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::Args;
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{cpu, percentile};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::requests::Requests;
use crate::machine::millis;

/// What to send.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// Whom to.
    #[arg(long)]
    to: SocketAddr,
    /// The file of requests.
    #[arg(long)]
    requests: PathBuf,
    /// How many of them are sent before the clock starts.
    #[arg(long)]
    warm: usize,
    /// Over how many connections.
    #[arg(long)]
    connections: usize,
    /// So many a second at fixed times, instead of each after the answer to the one before.
    #[arg(long)]
    rate: Option<u32>,
}

/// What became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Sent {
    /// Requests, without the warming ones.
    pub(super) count: usize,
    /// Answers other than 200, with the warming ones.
    pub(super) refused: usize,
    /// Answers per second.
    pub(super) rate: f64,
    /// Milliseconds until the answer.
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) most: f64,
    /// How late requests with a time were sent, milliseconds.
    pub(super) late_p99: f64,
    /// When the last answer came, in microseconds since 1970.
    pub(super) ended: i64,
    /// The sender's own CPU time for each, in microseconds.
    pub(super) cpu: f64,
}

/// Milliseconds of each request, and answers other than 200.
#[derive(Default)]
struct Waits {
    answered: Vec<f64>,
    late: Vec<f64>,
    refused: usize,
}

impl Waits {
    fn all(of: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for waits in of {
            all.answered.extend(waits.answered);
            all.late.extend(waits.late);
            all.refused += waits.refused;
        }
        all.answered.sort_by(f64::total_cmp);
        all.late.sort_by(f64::total_cmp);
        all
    }
}

/// Sends and prints [`Sent`].
pub(crate) async fn run(order: Order) {
    let requests = Arc::new(Requests::read(&order.requests));
    let clock = SystemClock::new();
    let count = requests.count() - order.warm;
    let (waits, took, used) = match order.rate {
        None => closed(&order, &requests, &clock).await,
        Some(rate) => open(&order, &requests, &clock, Duration::from_secs(1) / rate),
    };
    let sent = Sent {
        count,
        refused: waits.refused,
        rate: count as f64 / took.as_secs_f64(),
        p50: percentile(&waits.answered, 0.5),
        p99: percentile(&waits.answered, 0.99),
        most: percentile(&waits.answered, 1.0),
        late_p99: percentile(&waits.late, 0.99),
        ended: clock.now().as_micros(),
        cpu: used.as_secs_f64() * 1e6 / count as f64,
    };
    println!("{}", serde_json::to_string(&sent).unwrap());
}

async fn closed(order: &Order, requests: &Arc<Requests>, clock: &SystemClock) -> (Waits, Duration, Duration) {
    let (next, all_warm) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Barrier::new(order.connections + 1)));
    let senders: Vec<_> = (0..order.connections)
        .map(|_| {
            let (next, all_warm, requests, clock) = (next.clone(), all_warm.clone(), requests.clone(), clock.clone());
            let (to, warm) = (order.to, order.warm);
            tokio::spawn(async move {
                let mut connection = TcpStream::connect(to).await.unwrap();
                connection.set_nodelay(true).unwrap();
                let mut waits = Waits::default();
                while let Some(index) = take(&next, warm) {
                    waits.refused += usize::from(!ask(&mut connection, requests.get(index)).await);
                }
                all_warm.wait().await;
                while let Some(index) = take(&next, requests.count()) {
                    let began = clock.monotonic();
                    waits.refused += usize::from(!ask(&mut connection, requests.get(index)).await);
                    waits.answered.push(millis(clock.monotonic() - began));
                }
                waits
            })
        })
        .collect();
    all_warm.wait().await;
    let (began, used) = (clock.monotonic(), cpu(std::process::id()));
    let waits = Waits::all(join_all(senders).await.into_iter().map(Result::unwrap));
    (waits, clock.monotonic() - began, cpu(std::process::id()) - used)
}

/// The next of the requests before `end`; each is given out once.
fn take(next: &AtomicUsize, end: usize) -> Option<usize> {
    next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |index| (index < end).then_some(index + 1)).ok()
}

/// Whether the answer is 200.
async fn ask(connection: &mut TcpStream, request: &[u8]) -> bool {
    connection.write_all(request).await.unwrap();
    let (mut buffer, mut filled) = ([0; 2048], 0);
    loop {
        let read = connection.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server hung up");
        filled += read;
        if let Some(good) = whole(&buffer[..filled]) {
            return good;
        }
    }
}

/// Threads that sleep, for their clocks are finer than the runtime's milliseconds.
fn open(order: &Order, requests: &Arc<Requests>, clock: &SystemClock, pause: Duration) -> (Waits, Duration, Duration) {
    let ready = Arc::new(Barrier::new(order.connections));
    let threads: Vec<_> = (0..order.connections)
        .map(|place| {
            let (ready, requests, clock) = (ready.clone(), requests.clone(), clock.clone());
            let (to, warm, connections) = (order.to, order.warm, order.connections);
            std::thread::spawn(move || {
                let mut connection = std::net::TcpStream::connect(to).unwrap();
                connection.set_nodelay(true).unwrap();
                let mut waits = Waits::default();
                for index in (place..warm).step_by(connections) {
                    waits.refused += usize::from(!ask_blocking(&mut connection, requests.get(index)));
                }
                ready.wait();
                let start = clock.monotonic();
                for number in (place..requests.count() - warm).step_by(connections) {
                    let due = start + pause * u32::try_from(number).unwrap();
                    std::thread::sleep(due.saturating_sub(clock.monotonic()));
                    waits.late.push(millis(clock.monotonic().saturating_sub(due)));
                    waits.refused += usize::from(!ask_blocking(&mut connection, requests.get(warm + number)));
                    waits.answered.push(millis(clock.monotonic().saturating_sub(due)));
                }
                waits
            })
        })
        .collect();
    let (began, used) = (clock.monotonic(), cpu(std::process::id()));
    let waits = Waits::all(threads.into_iter().map(|thread| thread.join().unwrap()));
    (waits, clock.monotonic() - began, cpu(std::process::id()) - used)
}

fn ask_blocking(connection: &mut std::net::TcpStream, request: &[u8]) -> bool {
    connection.write_all(request).unwrap();
    let (mut buffer, mut filled) = ([0; 2048], 0);
    loop {
        let read = connection.read(&mut buffer[filled..]).unwrap();
        assert!(read > 0, "the server hung up");
        filled += read;
        if let Some(good) = whole(&buffer[..filled]) {
            return good;
        }
    }
}

/// Whether an answer that came whole is 200; none while more of it is to come.
fn whole(answer: &[u8]) -> Option<bool> {
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    (answer.len() >= head + length).then(|| answer.starts_with(b"HTTP/1.1 200"))
}
