//! Each fault, as a client sees it.

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

const SHORT: Duration = Duration::from_millis(200);
const ANSWER: usize = 1_000;

/// Answers a thousand bytes to every byte; a proxy before it.
struct Scene {
    proxy: FaultProxy,
    asked: Arc<AtomicU64>,
    clock: SystemClock,
}

impl Scene {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("tcp://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let counter = Arc::clone(&counter);
                tokio::spawn(async move {
                    while client.read_u8().await.is_ok() {
                        counter.fetch_add(1, Relaxed);
                        client.write_all(&[7; ANSWER]).await.unwrap();
                    }
                });
            }
        });
        Self { proxy: FaultProxy::before(&url).await, asked, clock: SystemClock::new() }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        TcpStream::connect(self.proxy.url().strip_prefix("tcp://").unwrap()).await
    }

    /// What comes back to one byte: how much of the answer, and how it ended if it was not whole.
    async fn ask(&self, client: &mut TcpStream) -> (usize, Result<(), ErrorKind>) {
        let mut answer = [0; ANSWER];
        let mut got = 0;
        let asking = async {
            client.write_all(&[1]).await?;
            while got < ANSWER {
                match client.read(&mut answer[got..]).await? {
                    0 => return Err(ErrorKind::UnexpectedEof.into()),
                    more => got += more,
                }
            }
            Ok::<_, io::Error>(())
        };
        let end = match timeout(&self.clock, Duration::from_secs(5), asking).await {
            Ok(end) => end.map_err(|error| error.kind()),
            Err(_) => Err(ErrorKind::TimedOut),
        };
        (got, end)
    }

    async fn ask_anew(&self) -> (usize, Result<(), ErrorKind>) {
        self.ask(&mut self.connect().await.unwrap()).await
    }
}

#[tokio::test]
async fn without_a_fault_everything_passes_and_is_counted() {
    let scene = Scene::new().await;
    let mut client = scene.connect().await.unwrap();
    for _ in 0..3 {
        assert_eq!(scene.ask(&mut client).await, (ANSWER, Ok(())));
    }
    assert_eq!((scene.proxy.connections(), scene.proxy.requests(), scene.proxy.bytes()), (1, 3, (3, 3_000)));
}

#[tokio::test]
async fn latency_delays_either_way() {
    let scene = Scene::new().await;
    for (there, back) in [(SHORT, Duration::ZERO), (Duration::ZERO, SHORT), (SHORT, SHORT)] {
        scene.proxy.set(Fault::Latency { there, back }).await;
        let before = scene.clock.monotonic();
        assert_eq!(scene.ask_anew().await, (ANSWER, Ok(())));
        assert!(scene.clock.monotonic() - before >= there + back);
    }
}

#[tokio::test]
async fn a_reset_comes_before_anything_is_read() {
    let scene = Scene::new().await;
    let mut open = scene.connect().await.unwrap();
    assert_eq!(scene.ask(&mut open).await, (ANSWER, Ok(())));
    scene.proxy.set(Fault::Reset).await;
    assert_eq!(open.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(scene.connect().await.unwrap().read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!((scene.asked.load(Relaxed), scene.proxy.connections()), (1, 2));
}

#[tokio::test]
async fn an_answer_is_cut_after_the_bytes_that_were_asked_for() {
    let scene = Scene::new().await;
    for (count, bytes) in (1..).zip([0, 1, 999]) {
        scene.proxy.set(Fault::ResetAfter(bytes)).await;
        assert_eq!(scene.ask_anew().await, (usize::try_from(bytes).unwrap(), Err(ErrorKind::ConnectionReset)));
        scene.proxy.set(Fault::Truncate(bytes)).await;
        assert_eq!(scene.ask_anew().await, (usize::try_from(bytes).unwrap(), Err(ErrorKind::UnexpectedEof)));
        assert_eq!(scene.asked.load(Relaxed), 2 * count, "the target was asked each time");
    }
}

#[tokio::test]
async fn bytes_are_counted_from_each_answers_beginning() {
    let scene = Scene::new().await;
    let mut client = scene.connect().await.unwrap();
    scene.proxy.set(Fault::Truncate(1_500)).await;
    assert_eq!(scene.ask(&mut client).await, (ANSWER, Ok(())));
    assert_eq!(scene.ask(&mut client).await, (ANSWER, Ok(())));
    scene.proxy.set(Fault::Truncate(10)).await;
    assert_eq!(scene.ask(&mut client).await, (10, Err(ErrorKind::UnexpectedEof)));
}

#[tokio::test]
async fn a_half_open_connection_swallows_and_never_recovers() {
    let scene = Scene::new().await;
    scene.proxy.set(Fault::HalfOpen).await;
    let mut client = scene.connect().await.unwrap();
    client.write_all(&[1]).await.unwrap();
    assert!(timeout(&scene.clock, SHORT, client.read_u8()).await.is_err());
    scene.proxy.set(Fault::Pass).await;
    client.write_all(&[1]).await.unwrap();
    assert!(timeout(&scene.clock, SHORT, client.read_u8()).await.is_err());
    assert_eq!((scene.asked.load(Relaxed), scene.proxy.requests()), (0, 1));
    assert_eq!(scene.ask_anew().await, (ANSWER, Ok(())));
}

#[tokio::test]
async fn an_answer_drips() {
    let scene = Scene::new().await;
    scene.proxy.set(Fault::Drip { bytes: 250, every: SHORT }).await;
    let before = scene.clock.monotonic();
    assert_eq!(scene.ask_anew().await, (ANSWER, Ok(())));
    assert!(scene.clock.monotonic() - before >= SHORT * 3);
}

#[tokio::test]
async fn a_port_that_refuses_takes_connections_again_later() {
    let scene = Scene::new().await;
    let mut open = scene.connect().await.unwrap();
    assert_eq!(scene.ask(&mut open).await, (ANSWER, Ok(())));
    for _ in 0..3 {
        scene.proxy.set(Fault::Refuse).await;
        assert_eq!(scene.connect().await.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        scene.proxy.set(Fault::Pass).await;
        assert_eq!(scene.ask_anew().await, (ANSWER, Ok(())));
    }
    assert_eq!(open.read(&mut [0]).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_pause_ends_with_its_fault() {
    let scene = Scene::new().await;
    let long = Duration::from_secs(60);
    for fault in [Fault::Latency { there: long, back: long }, Fault::Drip { bytes: 1, every: long }] {
        scene.proxy.set(fault).await;
        let mut client = scene.connect().await.unwrap();
        let lift = async {
            scene.clock.sleep(SHORT).await;
            scene.proxy.set(Fault::Pass).await;
        };
        let (answer, ()) = tokio::join!(scene.ask(&mut client), lift);
        assert_eq!(answer, (ANSWER, Ok(())));
    }
}

#[tokio::test]
async fn every_task_ends_with_the_proxy() {
    let scene = Scene::new().await;
    let alive = || Handle::current().metrics().num_alive_tasks();
    let before = alive();
    let mut clients = Vec::new();
    for fault in [
        Fault::Pass,
        Fault::HalfOpen,
        Fault::Drip { bytes: 1, every: Duration::from_secs(60) },
        Fault::Latency { there: Duration::from_secs(60), back: Duration::ZERO },
    ] {
        scene.proxy.set(fault).await;
        let mut client = scene.connect().await.unwrap();
        client.write_all(&[1]).await.unwrap();
        clients.push(client);
        scene.clock.sleep(SHORT / 4).await;
    }
    assert_eq!(alive(), before + 8, "one task of the proxy and one of the target for each");
    drop(scene.proxy);
    while alive() >= before {
        scene.clock.sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(alive(), before - 1, "the target's own listener stays");
    for mut client in clients {
        let mut rest = Vec::new();
        let closed = timeout(&scene.clock, SHORT, client.read_to_end(&mut rest)).await;
        assert!(closed.is_ok(), "its connection is closed");
    }
}
