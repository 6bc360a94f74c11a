//! Who is sent to: crm-server, the floor, or a program that only answers; each in a process of its own.

use std::{net::SocketAddr, time::Duration};

use clap::ValueEnum;
use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{KEYS, Program, cpu, cpu_with_children};

use super::provider::Provider;
use crate::database::{Database, Fresh, Look};

/// How long a program may take for what it has to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Whether anything is still to be worked on; crm-server and the floor name it alike.
const OPEN: &str = "SELECT count(*) FROM (SELECT 1 FROM inbox WHERE state = 0 LIMIT 1) one";

/// A receiver, and the database that it keeps deliveries in.
pub(crate) struct Receiver {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    pub(crate) kept: Option<Kept>,
}

/// What a receiver keeps.
pub(crate) struct Kept {
    /// Holds the database until the end.
    _fresh: Fresh,
    look: Look,
    /// The queries that each say how many deliveries had their effect, once.
    effects: &'static [&'static str],
    /// The database server's first process.
    server: Option<u32>,
}

impl Receiver {
    /// crm-server on a migrated database, with the organization that the provider's deliveries are of.
    pub(crate) async fn crm_server(provider: Provider, sandbox: &Sandbox, database: Database) -> Self {
        let fresh = database.fresh().await;
        provider.connect(sandbox, &*fresh.store().await).await;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut program = crm_server(provider.environment(sandbox), &fresh.url(), address);
        let line = program.line(PATIENCE, |line| line.starts_with("listening on http://")).await;
        let address = line.trim_start_matches("listening on http://").parse().unwrap();
        let mut look = fresh.look().await;
        let effects = provider.effects();
        let server = look.server().await;
        Self { program, address, kept: Some(Kept { _fresh: fresh, look, effects, server }) }
    }

    /// The floor on a database.
    pub(crate) async fn floor(provider: Provider, sandbox: &Sandbox, database: Database) -> Self {
        let fresh = database.fresh().await;
        let (program, address) = bench_floor(provider, sandbox, &["--database", &fresh.url()]).await;
        let mut look = fresh.look().await;
        let effects = &["SELECT count(*) FROM inbox WHERE state = 1", "SELECT count(*) FROM documents"];
        let server = look.server().await;
        Self { program, address, kept: Some(Kept { _fresh: fresh, look, effects, server }) }
    }

    /// One that only answers.
    pub(crate) async fn bare(provider: Provider, sandbox: &Sandbox) -> Self {
        let (program, address) = bench_floor(provider, sandbox, &[]).await;
        Self { program, address, kept: None }
    }

    /// CPU time that it has used, and its database's server.
    pub(crate) fn cpu(&self) -> (Duration, Duration) {
        let server = self.kept.as_ref().and_then(|kept| kept.server);
        (cpu(self.program.id()), server.map_or(Duration::ZERO, cpu_with_children))
    }

    /// Waits until everything is worked on.
    pub(crate) async fn idle(&mut self) {
        let Some(Kept { look, .. }) = &mut self.kept else { return };
        let clock = SystemClock::new();
        while look.number(OPEN).await > 0 {
            assert!(clock.monotonic() < PATIENCE, "the inbox does not empty:\n{}", self.program.log());
            clock.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Makes sure that `count` deliveries had their effect, each once.
    pub(crate) async fn check(&mut self, count: usize) {
        let Some(Kept { look, effects, .. }) = &mut self.kept else { return };
        for query in *effects {
            assert_eq!(look.number(query).await, i64::try_from(count).unwrap(), "{query}:\n{}", self.program.log());
        }
    }

    /// Ends it and removes what it kept.
    pub(crate) async fn end(mut self) {
        self.program.kill().await;
        if let Some(Kept { look, .. }) = self.kept {
            look.close().await;
        }
    }
}

async fn bench_floor(provider: Provider, sandbox: &Sandbox, more: &[&str]) -> (Program, SocketAddr) {
    let (name, key) = (provider.to_possible_value().unwrap(), format!("--key={}", provider.key(sandbox)));
    let arguments = [&["floor", "--provider", name.get_name(), &*key], more].concat();
    let mut program = Program::start("bench", &arguments, []);
    let address = program.output(PATIENCE).await.parse().unwrap();
    (program, address)
}

/// Starts `crm-server serve` in this environment of the providers.
pub(crate) fn crm_server(
    mut environment: Vec<(&'static str, String)>,
    database_url: &str,
    address: SocketAddr,
) -> Program {
    environment.extend([
        ("BIND_ADDR", address.to_string()),
        ("DATABASE_URL", database_url.to_owned()),
        ("SIDECAR_ENV", "test".to_owned()),
        ("SIDECAR_ENCRYPTION_KEYS", KEYS.to_owned()),
        ("SIDECAR_OPERATOR_TOKEN", "operator".to_owned()),
        // All deliveries of the benchmark are of one tenant.
        ("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned()),
        ("RUST_LOG", "warn".to_owned()),
    ]);
    Program::start("crm-server", &["serve"], environment)
}
