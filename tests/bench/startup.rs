//! The start of a server on a migrated database: the time to the first response and the memory while idle.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{DatabaseKind, Measurements, Memory, TestConnection, TestDatabase, free_port, open_store};

use crate::{
    machine::to_ms,
    webhooks::receiver::{WAIT_TIMEOUT, crm_server},
};

/// The time without requests before the memory is measured.
const IDLE: Duration = Duration::from_secs(5);

pub(crate) async fn run(measurements: &mut Measurements, databases: &[DatabaseKind], smoke: bool) {
    let (rounds, idle) = if smoke { (1, Duration::from_millis(50)) } else { (5, IDLE) };
    for database in databases {
        let (mut ready, mut memory) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Once is enough: the memory of an idle server does not depend on the disk.
            let idle = if round == 0 { idle } else { Duration::ZERO };
            let (took, memory_mib) = start_and_measure(*database, idle).await;
            ready.push(took);
            memory.extend((round == 0).then_some(memory_mib));
        }
        measurements.add_min(format!("start {database}: ready after"), ready, "ms").at_most(50.0);
        measurements.add_max(format!("start {database}: memory of an idle server"), memory, "MiB").at_most(20.0);
    }
}

/// Returns the milliseconds until the server is ready, and its memory in MiB after the idle time.
async fn start_and_measure(database: DatabaseKind, idle: Duration) -> (f64, f64) {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let test_database = TestDatabase::new(database).await;
    TestConnection::organization(&sandbox, &*open_store(&test_database.url()).await).await;
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let clock = SystemClock::new();
    let mut program = crm_server(sandbox.env(), &test_database.url(), address);
    while !is_ready(address) {
        assert!(
            !program.has_ended() && clock.monotonic() < WAIT_TIMEOUT,
            "the server is not ready:\n{}",
            program.log()
        );
        std::thread::sleep(Duration::from_micros(500));
    }
    let took = to_ms(clock.monotonic());
    clock.sleep(idle).await;
    let memory_mib = Memory::of(program.id()).now;
    program.kill().await;
    (took, memory_mib)
}

fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut response = [0; 12];
    let request = b"GET /health/ready HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n";
    stream.write_all(request).is_ok() && stream.read_exact(&mut response).is_ok() && response == *b"HTTP/1.1 200"
}
