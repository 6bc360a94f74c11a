//! Each fault as a client observes it.

use std::{
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use sidecar_core::{Clock, SystemClock, time::timeout};
use sidecar_tests::{Fault, FaultProxy};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};

const SHORT_PAUSE: Duration = Duration::from_millis(200);
const RESPONSE_BYTES: usize = 1_000;

/// A server that responds to every byte with 1,000 bytes, and a proxy before it.
struct Fixture {
    proxy: FaultProxy,
    requests: Arc<AtomicU64>,
    clock: SystemClock,
}

impl Fixture {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    while client.read_u8().await.is_ok() {
                        counter.fetch_add(1, Relaxed);
                        client.write_all(&[7; RESPONSE_BYTES]).await.unwrap();
                    }
                });
            }
        });
        Self { proxy: FaultProxy::before(&url).await, requests, clock: SystemClock::new() }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.proxy.url().strip_prefix("tcp://").unwrap()).await
    }

    /// Sends one byte; returns the number of response bytes and, if the response was incomplete, its end.
    async fn request(&self, client: &mut TcpStream) -> (usize, Result<(), ErrorKind>) {
        let mut response = [0; RESPONSE_BYTES];
        let mut received = 0;
        let exchange = async {
            client.write_all(&[1]).await?;
            while received < RESPONSE_BYTES {
                match client.read(&mut response[received..]).await? {
                    0 => return Err(ErrorKind::UnexpectedEof.into()),
                    more => received += more,
                }
            }
            Ok::<_, io::Error>(())
        };
        let end = match timeout(&self.clock, Duration::from_secs(5), exchange).await {
            Ok(end) => end.map_err(|error| error.kind()),
            Err(_) => Err(ErrorKind::TimedOut),
        };
        (received, end)
    }

    async fn request_on_new_connection(&self) -> (usize, Result<(), ErrorKind>) {
        self.request(&mut self.connect().await.unwrap()).await
    }
}

#[tokio::test]
async fn without_a_fault_every_byte_is_forwarded_and_counted() {
    let fixture = Fixture::new().await;
    let mut client = fixture.connect().await.unwrap();
    for _ in 0..3 {
        assert_eq!(fixture.request(&mut client).await, (RESPONSE_BYTES, Ok(())));
    }
    assert_eq!((fixture.proxy.connections(), fixture.proxy.requests(), fixture.proxy.bytes()), (1, 3, (3, 3_000)));
}

#[tokio::test]
async fn latency_delays_either_way() {
    let fixture = Fixture::new().await;
    for (request, response) in
        [(SHORT_PAUSE, Duration::ZERO), (Duration::ZERO, SHORT_PAUSE), (SHORT_PAUSE, SHORT_PAUSE)]
    {
        fixture.proxy.set(Fault::Latency { request, response }).await;
        let before = fixture.clock.monotonic();
        assert_eq!(fixture.request_on_new_connection().await, (RESPONSE_BYTES, Ok(())));
        assert!(fixture.clock.monotonic() - before >= request + response);
    }
}

#[tokio::test]
async fn a_reset_comes_before_anything_is_read() {
    let fixture = Fixture::new().await;
    let mut open = fixture.connect().await.unwrap();
    assert_eq!(fixture.request(&mut open).await, (RESPONSE_BYTES, Ok(())));
    fixture.proxy.set(Fault::Reset).await;
    assert_eq!(open.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(fixture.connect().await.unwrap().read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((fixture.requests.load(Relaxed), fixture.proxy.connections()), (1, 2));
}

#[tokio::test]
async fn a_response_ends_after_the_configured_number_of_bytes() {
    let fixture = Fixture::new().await;
    for (count, bytes) in (1..).zip([0, 1, 999]) {
        fixture.proxy.set(Fault::ResetAfter(bytes)).await;
        assert_eq!(
            fixture.request_on_new_connection().await,
            (usize::try_from(bytes).unwrap(), Err(ErrorKind::ConnectionReset))
        );
        fixture.proxy.set(Fault::Truncate(bytes)).await;
        assert_eq!(
            fixture.request_on_new_connection().await,
            (usize::try_from(bytes).unwrap(), Err(ErrorKind::UnexpectedEof))
        );
        assert_eq!(fixture.requests.load(Relaxed), 2 * count, "the target received each request");
    }
}

#[tokio::test]
async fn bytes_are_counted_from_the_start_of_each_response() {
    let fixture = Fixture::new().await;
    let mut client = fixture.connect().await.unwrap();
    fixture.proxy.set(Fault::Truncate(1_500)).await;
    assert_eq!(fixture.request(&mut client).await, (RESPONSE_BYTES, Ok(())));
    assert_eq!(fixture.request(&mut client).await, (RESPONSE_BYTES, Ok(())));
    fixture.proxy.set(Fault::Truncate(10)).await;
    assert_eq!(fixture.request(&mut client).await, (10, Err(ErrorKind::UnexpectedEof)));
}

#[tokio::test]
async fn a_half_open_connection_loses_bytes_and_never_recovers() {
    let fixture = Fixture::new().await;
    fixture.proxy.set(Fault::HalfOpen).await;
    let mut client = fixture.connect().await.unwrap();
    client.write_all(&[1]).await.unwrap();
    assert!(timeout(&fixture.clock, SHORT_PAUSE, client.read_u8()).await.is_err());
    fixture.proxy.set(Fault::Pass).await;
    client.write_all(&[1]).await.unwrap();
    assert!(timeout(&fixture.clock, SHORT_PAUSE, client.read_u8()).await.is_err());
    assert_eq!((fixture.requests.load(Relaxed), fixture.proxy.requests()), (0, 1));
    assert_eq!(fixture.request_on_new_connection().await, (RESPONSE_BYTES, Ok(())));
}

#[tokio::test]
async fn a_response_drips() {
    let fixture = Fixture::new().await;
    fixture.proxy.set(Fault::Drip { bytes: 250, every: SHORT_PAUSE }).await;
    let before = fixture.clock.monotonic();
    assert_eq!(fixture.request_on_new_connection().await, (RESPONSE_BYTES, Ok(())));
    assert!(fixture.clock.monotonic() - before >= SHORT_PAUSE * 3);
}

#[tokio::test]
async fn a_refusing_port_accepts_connections_again_later() {
    let fixture = Fixture::new().await;
    let mut open = fixture.connect().await.unwrap();
    assert_eq!(fixture.request(&mut open).await, (RESPONSE_BYTES, Ok(())));
    for _ in 0..3 {
        fixture.proxy.set(Fault::Refuse).await;
        assert_eq!(fixture.connect().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        fixture.proxy.set(Fault::Pass).await;
        assert_eq!(fixture.request_on_new_connection().await, (RESPONSE_BYTES, Ok(())));
    }
    assert_eq!(open.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_pause_ends_with_its_fault() {
    let fixture = Fixture::new().await;
    let long = Duration::from_secs(60);
    for fault in [Fault::Latency { request: long, response: long }, Fault::Drip { bytes: 1, every: long }] {
        fixture.proxy.set(fault).await;
        let mut client = fixture.connect().await.unwrap();
        let lift = async {
            fixture.clock.sleep(SHORT_PAUSE).await;
            fixture.proxy.set(Fault::Pass).await;
        };
        let (response, ()) = tokio::join!(fixture.request(&mut client), lift);
        assert_eq!(response, (RESPONSE_BYTES, Ok(())));
    }
}

#[tokio::test]
async fn dropping_the_proxy_ends_every_task() {
    let fixture = Fixture::new().await;
    let alive = || Handle::current().metrics().num_alive_tasks();
    let before = alive();
    let mut clients = Vec::new();
    for fault in [
        Fault::Pass,
        Fault::HalfOpen,
        Fault::Drip { bytes: 1, every: Duration::from_secs(60) },
        Fault::Latency { request: Duration::from_secs(60), response: Duration::ZERO },
    ] {
        fixture.proxy.set(fault).await;
        let mut client = fixture.connect().await.unwrap();
        client.write_all(&[1]).await.unwrap();
        clients.push(client);
        fixture.clock.sleep(SHORT_PAUSE / 4).await;
    }
    assert_eq!(alive(), before + 8, "one task of the proxy and one of the target for each connection");
    drop(fixture.proxy);
    while alive() >= before {
        fixture.clock.sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(alive(), before - 1, "the listener of the target stays");
    for mut client in clients {
        let mut rest = Vec::new();
        let closed = timeout(&fixture.clock, SHORT_PAUSE, client.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "the connection is closed");
    }
}
