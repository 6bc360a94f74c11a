//! The sender process: prepared bytes over persistent connections, with minimal work for each request.
//!
//! Closed loop: each connection sends the next request after the response. Open loop: each request has a scheduled time, from
//! which its latency is measured, also if the connection was busy then.

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
use crate::machine::to_ms;

/// The arguments of the process.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address of the receiver.
    #[arg(long)]
    to: SocketAddr,
    /// The file of requests.
    #[arg(long)]
    requests: PathBuf,
    /// The number of warm-up requests.
    #[arg(long)]
    warm_up: usize,
    /// The number of connections.
    #[arg(long)]
    connections: usize,
    /// Requests per second at scheduled times (open loop) instead of a closed loop.
    #[arg(long)]
    rate: Option<u32>,
}

/// The result of the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SenderResult {
    /// Requests, without the warm-up.
    pub(super) count: usize,
    /// Responses other than 200, including the warm-up.
    pub(super) failed: usize,
    /// Responses per second.
    pub(super) rate: f64,
    /// Latency in milliseconds.
    pub(super) p50: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
    /// How late scheduled requests were sent, in milliseconds.
    pub(super) late_p99: f64,
    /// The time of the last response, in microseconds since 1970.
    pub(super) ended: i64,
    /// CPU time of the sender for each request, in microseconds.
    pub(super) cpu: f64,
}

/// Latencies in milliseconds, and the number of responses other than 200.
#[derive(Default)]
struct Latencies {
    responses: Vec<f64>,
    late: Vec<f64>,
    failed: usize,
}

impl Latencies {
    fn all(of: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Self::default();
        for latencies in of {
            all.responses.extend(latencies.responses);
            all.late.extend(latencies.late);
            all.failed += latencies.failed;
        }
        all.responses.sort_by(f64::total_cmp);
        all.late.sort_by(f64::total_cmp);
        all
    }
}

/// Sends the requests and prints [`SenderResult`].
pub(crate) async fn run(arguments: Arguments) {
    let requests = Arc::new(Requests::read(&arguments.requests));
    let clock = SystemClock::new();
    let count = requests.count() - arguments.warm_up;
    let (latencies, took, used) = match arguments.rate {
        None => run_closed_loop(&arguments, &requests, &clock).await,
        Some(rate) => run_open_loop(&arguments, &requests, &clock, Duration::from_secs(1) / rate),
    };
    let result = SenderResult {
        count,
        failed: latencies.failed,
        rate: count as f64 / took.as_secs_f64(),
        p50: percentile(&latencies.responses, 0.5),
        p99: percentile(&latencies.responses, 0.99),
        max: percentile(&latencies.responses, 1.0),
        late_p99: percentile(&latencies.late, 0.99),
        ended: clock.now().as_micros(),
        cpu: used.as_secs_f64() * 1e6 / count as f64,
    };
    println!("{}", serde_json::to_string(&result).unwrap());
}

async fn run_closed_loop(
    arguments: &Arguments,
    requests: &Arc<Requests>,
    clock: &SystemClock,
) -> (Latencies, Duration, Duration) {
    let (next, warmed_up) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(tokio::sync::Barrier::new(arguments.connections + 1)));
    let senders: Vec<_> = (0..arguments.connections)
        .map(|_| {
            let (next, warmed_up, requests, clock) = (next.clone(), warmed_up.clone(), requests.clone(), clock.clone());
            let (to, warm_up) = (arguments.to, arguments.warm_up);
            tokio::spawn(async move {
                let mut connection = TcpStream::connect(to).await.unwrap();
                connection.set_nodelay(true).unwrap();
                let mut latencies = Latencies::default();
                while let Some(index) = next_index(&next, warm_up) {
                    latencies.failed += usize::from(!request_succeeds(&mut connection, requests.get(index)).await);
                }
                warmed_up.wait().await;
                while let Some(index) = next_index(&next, requests.count()) {
                    let began = clock.monotonic();
                    latencies.failed += usize::from(!request_succeeds(&mut connection, requests.get(index)).await);
                    latencies.responses.push(to_ms(clock.monotonic() - began));
                }
                latencies
            })
        })
        .collect();
    warmed_up.wait().await;
    let (began, used) = (clock.monotonic(), cpu(std::process::id()));
    let latencies = Latencies::all(join_all(senders).await.into_iter().map(Result::unwrap));
    (latencies, clock.monotonic() - began, cpu(std::process::id()) - used)
}

/// Claims the index of the next request before `end`.
fn next_index(next: &AtomicUsize, end: usize) -> Option<usize> {
    next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |index| (index < end).then_some(index + 1)).ok()
}

/// Sends a request and returns `true` if the response is 200.
async fn request_succeeds(connection: &mut TcpStream, request: &[u8]) -> bool {
    connection.write_all(request).await.unwrap();
    let (mut buffer, mut filled) = ([0; 2048], 0);
    loop {
        let read = connection.read(&mut buffer[filled..]).await.unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        if let Some(ok) = parse_response(&buffer[..filled]) {
            return ok;
        }
    }
}

/// Uses sleeping threads, because the timers of the runtime have a resolution of 1 ms.
fn run_open_loop(
    arguments: &Arguments,
    requests: &Arc<Requests>,
    clock: &SystemClock,
    pause: Duration,
) -> (Latencies, Duration, Duration) {
    let ready = Arc::new(Barrier::new(arguments.connections));
    let threads: Vec<_> = (0..arguments.connections)
        .map(|index| {
            let (ready, requests, clock) = (ready.clone(), requests.clone(), clock.clone());
            let (to, warm_up, connections) = (arguments.to, arguments.warm_up, arguments.connections);
            std::thread::spawn(move || {
                let mut connection = std::net::TcpStream::connect(to).unwrap();
                connection.set_nodelay(true).unwrap();
                let mut latencies = Latencies::default();
                for index in (index..warm_up).step_by(connections) {
                    latencies.failed += usize::from(!request_succeeds_blocking(&mut connection, requests.get(index)));
                }
                ready.wait();
                let start = clock.monotonic();
                for number in (index..requests.count() - warm_up).step_by(connections) {
                    let due = start + pause * u32::try_from(number).unwrap();
                    std::thread::sleep(due.saturating_sub(clock.monotonic()));
                    latencies.late.push(to_ms(clock.monotonic().saturating_sub(due)));
                    latencies.failed +=
                        usize::from(!request_succeeds_blocking(&mut connection, requests.get(warm_up + number)));
                    latencies.responses.push(to_ms(clock.monotonic().saturating_sub(due)));
                }
                latencies
            })
        })
        .collect();
    let (began, used) = (clock.monotonic(), cpu(std::process::id()));
    let latencies = Latencies::all(threads.into_iter().map(|thread| thread.join().unwrap()));
    (latencies, clock.monotonic() - began, cpu(std::process::id()) - used)
}

fn request_succeeds_blocking(connection: &mut std::net::TcpStream, request: &[u8]) -> bool {
    connection.write_all(request).unwrap();
    let (mut buffer, mut filled) = ([0; 2048], 0);
    loop {
        let read = connection.read(&mut buffer[filled..]).unwrap();
        assert!(read > 0, "the server closed the connection");
        filled += read;
        if let Some(ok) = parse_response(&buffer[..filled]) {
            return ok;
        }
    }
}

/// Returns whether a complete response is 200; `None` while it is incomplete.
fn parse_response(response: &[u8]) -> Option<bool> {
    let head = response.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&response[..head]).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    (response.len() >= head + length).then(|| response.starts_with(b"HTTP/1.1 200"))
}
