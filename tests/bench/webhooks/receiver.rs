//! The receivers of deliveries: crm-server, the baseline, and a program that only responds; each is a separate process.

use std::{net::SocketAddr, time::Duration};

use clap::ValueEnum;
use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{
    DatabaseKind, Program, SqlConnection, TestDatabase, cpu, cpu_with_children, open_store, server_environment,
};

use super::provider::Provider;

/// The timeout of waits for a program.
pub(crate) const WAIT_TIMEOUT: Duration = Duration::from_secs(120);

/// Counts pending work; crm-server and the baseline have the same columns.
const PENDING: &str = "SELECT count(*) FROM (SELECT 1 FROM inbox WHERE state = 0 LIMIT 1) one";

/// A receiver and the database in which it stores deliveries.
pub(crate) struct Receiver {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
    pub(crate) database: Option<ReceiverDatabase>,
}

/// The database of a receiver.
pub(crate) struct ReceiverDatabase {
    /// Drops the database at the end.
    _database: TestDatabase,
    connection: SqlConnection,
    /// Queries whose result is the number of deliveries if each was applied once.
    effects: &'static [&'static str],
    /// The main process of the database server.
    server: Option<u32>,
}

impl Receiver {
    /// Starts crm-server on a migrated database with the organization of the deliveries.
    pub(crate) async fn crm_server(provider: Provider, sandbox: &Sandbox, database: DatabaseKind) -> Self {
        let test_database = TestDatabase::new(database).await;
        provider.connect(sandbox, &*open_store(&test_database.url()).await).await;
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut program = crm_server(provider.environment(sandbox), &test_database.url(), address);
        let line = program.wait_for_line(WAIT_TIMEOUT, |line| line.starts_with("listening on http://")).await;
        let address = line.trim_start_matches("listening on http://").parse().unwrap();
        let mut connection = SqlConnection::open(&test_database.url()).await;
        let effects = provider.effects();
        let server = connection.server_process().await;
        Self {
            program,
            address,
            database: Some(ReceiverDatabase { _database: test_database, connection, effects, server }),
        }
    }

    /// Starts the baseline on a database.
    pub(crate) async fn baseline(provider: Provider, sandbox: &Sandbox, database: DatabaseKind) -> Self {
        let test_database = TestDatabase::new(database).await;
        let (program, address) = start_baseline(provider, sandbox, &["--database", &test_database.url()]).await;
        let mut connection = SqlConnection::open(&test_database.url()).await;
        let effects = &["SELECT count(*) FROM inbox WHERE state = 1", "SELECT count(*) FROM documents"];
        let server = connection.server_process().await;
        Self {
            program,
            address,
            database: Some(ReceiverDatabase { _database: test_database, connection, effects, server }),
        }
    }

    /// Starts a program that only responds.
    pub(crate) async fn bare(provider: Provider, sandbox: &Sandbox) -> Self {
        let (program, address) = start_baseline(provider, sandbox, &[]).await;
        Self { program, address, database: None }
    }

    /// Returns the CPU time of the receiver and of its database server.
    pub(crate) fn cpu(&self) -> (Duration, Duration) {
        let server = self.database.as_ref().and_then(|database| database.server);
        (cpu(self.program.id()), server.map_or(Duration::ZERO, cpu_with_children))
    }

    /// Waits until every delivery is processed.
    pub(crate) async fn wait_until_idle(&mut self) {
        let Some(ReceiverDatabase { connection, .. }) = &mut self.database else { return };
        let clock = SystemClock::new();
        while connection.count(PENDING).await > 0 {
            assert!(clock.monotonic() < WAIT_TIMEOUT, "the inbox is not empty:\n{}", self.program.log());
            clock.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Checks that `count` deliveries were applied once each.
    pub(crate) async fn check(&mut self, count: usize) {
        let Some(ReceiverDatabase { connection, effects, .. }) = &mut self.database else { return };
        for query in *effects {
            assert_eq!(
                connection.count(query).await,
                i64::try_from(count).unwrap(),
                "{query}:\n{}",
                self.program.log()
            );
        }
    }

    /// Stops it and drops its database.
    pub(crate) async fn stop(mut self) {
        self.program.kill().await;
        if let Some(ReceiverDatabase { connection, .. }) = self.database {
            connection.close().await;
        }
    }
}

async fn start_baseline(provider: Provider, sandbox: &Sandbox, more: &[&str]) -> (Program, SocketAddr) {
    let (name, key) = (provider.to_possible_value().unwrap(), format!("--key={}", provider.key(sandbox)));
    let arguments = [&["baseline", "--provider", name.get_name(), &*key], more].concat();
    let mut program = Program::start("bench", &arguments, []);
    let address = program.next_stdout_line(WAIT_TIMEOUT).await.parse().unwrap();
    (program, address)
}

/// Starts `crm-server serve` with the environment of the sandbox.
pub(crate) fn crm_server(environment: Vec<(&'static str, String)>, database_url: &str, address: SocketAddr) -> Program {
    let mut environment = server_environment(environment, database_url, &address.to_string());
    // All deliveries of the benchmark belong to one tenant.
    environment.push(("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned()));
    Program::start("crm-server", &["serve"], environment)
}
