//! From nothing to the first answer: a server on a migrated database, and what it holds while nobody asks for anything.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Connected, Figures, Memory, free_port};

use crate::{
    database::Database,
    machine::millis,
    webhooks::receiver::{PATIENCE, crm_server},
};

/// When a server counts as idle.
const IDLE: Duration = Duration::from_secs(5);

pub(crate) async fn run(figures: &mut Figures, databases: &[Database], smoke: bool) {
    let (rounds, idle) = if smoke { (1, Duration::from_millis(50)) } else { (5, IDLE) };
    for database in databases {
        let (mut ready, mut memory) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            // Waiting once is enough: what an idle server holds does not depend on the disk.
            let idle = if round == 0 { idle } else { Duration::ZERO };
            let (took, held) = start(*database, idle).await;
            ready.push(took);
            memory.extend((round == 0).then_some(held));
        }
        figures.least(format!("start {database}: ready after"), ready, "ms").at_most(50.0);
        figures.most(format!("start {database}: memory of an idle server"), memory, "MiB").at_most(20.0);
    }
}

/// Milliseconds from the start to the first good answer, and MiB after it was idle for a time.
async fn start(database: Database, idle: Duration) -> (f64, f64) {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let fresh = database.fresh().await;
    Connected::organization(&sandbox, &*fresh.store().await).await;
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    let clock = SystemClock::new();
    let mut program = crm_server(sandbox.env(), &fresh.url(), address);
    while !is_ready(address) {
        assert!(!program.has_ended() && clock.monotonic() < PATIENCE, "the server is not ready:\n{}", program.log());
        std::thread::sleep(Duration::from_micros(500));
    }
    let took = millis(clock.monotonic());
    clock.sleep(idle).await;
    let held = Memory::of(program.id()).now;
    program.kill().await;
    (took, held)
}

fn is_ready(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let mut answer = [0; 12];
    let request = b"GET /health/ready HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n";
    stream.write_all(request).is_ok() && stream.read_exact(&mut answer).is_ok() && answer == *b"HTTP/1.1 200"
}
