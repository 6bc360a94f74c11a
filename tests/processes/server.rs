//! A crm-server in a process of its own that is killed and started again on the same port and database.

use std::time::Duration;

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Connected, KEYS, Kind, Program, free_port, open_store};

use crate::database::Database;

/// How long anything may take that has to come by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The stand-in, the database, and how the server is started.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
    pub(crate) database: Database,
    port: u16,
    extra: Vec<(&'static str, String)>,
}

impl Scene {
    /// An organization whose company is connected and covers every location. `extra` joins the server's environment.
    pub(crate) async fn new(kind: Kind, sandbox: Sandbox, extra: &[(&'static str, String)]) -> Self {
        Self::on(Database::new(kind).await, sandbox, extra).await
    }

    /// The same on a given database.
    pub(crate) async fn on(database: Database, sandbox: Sandbox, extra: &[(&'static str, String)]) -> Self {
        let store = open_store(&database.url()).await;
        Connected::organization(&sandbox, &*store).await;
        // The stand-in has named the process's TLS provider, which reqwest needs even without TLS.
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build().unwrap();
        Self { sandbox, http, database, port: free_port(), extra: extra.to_vec() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where deliveries go.
    pub(crate) fn webhooks(&self) -> String {
        format!("{}/api/webhooks/ghl", self.url())
    }

    /// Runs a command of crm-server.
    pub(crate) fn command(&self, arguments: &[&str]) -> Program {
        self.command_with(arguments, &[])
    }

    /// The same with more in its environment.
    pub(crate) fn command_with(&self, arguments: &[&str], more: &[(&'static str, String)]) -> Program {
        let mut environment = self.sandbox.env();
        environment.extend([
            ("BIND_ADDR", format!("127.0.0.1:{}", self.port)),
            ("DATABASE_URL", self.database.url()),
            ("SIDECAR_ENV", "test".to_owned()),
            ("SIDECAR_ENCRYPTION_KEYS", KEYS.to_owned()),
            ("SIDECAR_OPERATOR_TOKEN", "operator".to_owned()),
            ("RUST_LOG", "warn".to_owned()),
        ]);
        environment.extend(self.extra.iter().chain(more).cloned());
        Program::start("crm-server", arguments, environment)
    }

    /// Starts the server and waits until it takes requests.
    pub(crate) async fn serve(&self) -> Program {
        self.ready(&self.url(), self.command(&["serve"])).await
    }

    /// Starts a further server on the same database; it and its address.
    pub(crate) async fn serve_beside(&self) -> (Program, String) {
        let address = format!("127.0.0.1:{}", free_port());
        let url = format!("http://{address}");
        let program = self.command_with(&["serve"], &[("BIND_ADDR", address)]);
        (self.ready(&url, program).await, url)
    }

    async fn ready(&self, url: &str, mut program: Program) -> Program {
        let clock = SystemClock::new();
        loop {
            let answer = self.http.get(format!("{url}/health/ready")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                return program;
            }
            assert!(
                !program.has_ended() && clock.monotonic() < PATIENCE,
                "the server is not ready:\n{}",
                program.log()
            );
            clock.sleep(Duration::from_millis(10)).await;
        }
    }

    /// One number out of the database.
    pub(crate) async fn count(&self, query: &str) -> i64 {
        self.database.count(query).await
    }

    /// Waits until no delivery is open.
    pub(crate) async fn inbox_empties(&self, within: Duration) {
        let clock = SystemClock::new();
        while !self.inbox_is_empty().await {
            assert!(clock.monotonic() < within, "the inbox does not empty within {within:?}");
            clock.sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn inbox_is_empty(&self) -> bool {
        self.count("SELECT count(*) FROM inbox WHERE state = 0").await == 0
    }
}
