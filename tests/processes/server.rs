//! A crm-server process that a test kills and restarts on the same port and database.

use std::time::Duration;

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{DatabaseKind, Program, TestConnection, free_port, open_store, server_environment};

use crate::database::Database;

/// The timeout of waits.
pub(crate) const WAIT_TIMEOUT: Duration = Duration::from_secs(60);

/// The sandbox, the database and the configuration of the server.
pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
    pub(crate) database: Database,
    port: u16,
    extra: Vec<(&'static str, String)>,
}

impl Fixture {
    /// Creates an organization whose company is connected and covers every location. `extra` is added to the environment.
    pub(crate) async fn new(kind: DatabaseKind, sandbox: Sandbox, extra: &[(&'static str, String)]) -> Self {
        Self::on(Database::new(kind).await, sandbox, extra).await
    }

    /// Creates the fixture on this database.
    pub(crate) async fn on(database: Database, sandbox: Sandbox, extra: &[(&'static str, String)]) -> Self {
        let store = open_store(&database.url()).await;
        TestConnection::organization(&sandbox, &*store).await;
        // The sandbox has installed the TLS provider, which reqwest needs even without TLS.
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Self { sandbox, http, database, port: free_port(), extra: extra.to_vec() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the URL of the webhook route of GHL.
    pub(crate) fn webhook_url(&self) -> String {
        format!("{}/api/webhooks/ghl", self.url())
    }

    /// Starts a command of crm-server.
    pub(crate) fn command(&self, arguments: &[&str]) -> Program {
        self.command_with(arguments, &[])
    }

    /// Starts a command with more variables in its environment.
    pub(crate) fn command_with(&self, arguments: &[&str], more: &[(&'static str, String)]) -> Program {
        let address = format!("127.0.0.1:{}", self.port);
        let mut environment = server_environment(self.sandbox.env(), &self.database.url(), &address);
        environment.extend(self.extra.iter().chain(more).cloned());
        Program::start("crm-server", arguments, environment)
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn serve(&self) -> Program {
        self.wait_until_ready(&self.url(), self.command(&["serve"])).await
    }

    /// Starts another server on the same database and returns it with its URL.
    pub(crate) async fn serve_on_another_port(&self) -> (Program, String) {
        let address = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{address}");
        let program = self.command_with(&["serve"], &[("BIND_ADDR", address)]);
        (self.wait_until_ready(&url, program).await, url)
    }

    async fn wait_until_ready(&self, url: &str, mut program: Program) -> Program {
        let clock = SystemClock::new();
        loop {
            let response = self.http.get(format!("{url}/health/ready")).send().await;
            if response.is_ok_and(|response| response.status().is_success()) {
                return program;
            }
            assert!(
                !program.has_ended() && clock.monotonic() < WAIT_TIMEOUT,
                "the server is not ready:\n{}",
                program.log()
            );
            clock.sleep(Duration::from_millis(10)).await;
        }
    }

    /// Returns the number that a query selects.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.database.count(query).await
    }

    /// Waits until no delivery is pending.
    pub(crate) async fn wait_for_empty_inbox(&self, within: Duration) {
        let clock = SystemClock::new();
        while !self.inbox_is_empty().await {
            assert!(clock.monotonic() < within, "the inbox is not empty after {within:?}");
            clock.sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn inbox_is_empty(&self) -> bool {
        self.count("SELECT count(*) FROM inbox WHERE state = 0").await == 0
    }
}
