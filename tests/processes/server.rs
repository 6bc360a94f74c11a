//! A crm-server in a process of its own that is killed and started again on the same port and file.

use std::time::Duration;

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Connected, Folder, KEYS, Program, free_port, open_store};
use sqlx::{Connection, SqliteConnection, sqlite::SqliteConnectOptions};

/// How long anything may take that has to come by itself.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The stand-in, the file, and how the server is started.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: reqwest::Client,
    folder: Folder,
    port: u16,
    extra: Vec<(&'static str, String)>,
}

impl Scene {
    /// An organization whose company is connected and covers every location. `extra` joins the server's environment.
    pub(crate) async fn new(sandbox: Sandbox, extra: &[(&'static str, String)]) -> Self {
        let folder = Folder::new();
        let store = open_store(&folder.sqlite("server.db")).await;
        Connected::organization(&sandbox, &*store).await;
        // The stand-in has named the process's TLS provider, which reqwest needs even without TLS.
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
        Self { sandbox, http, folder, port: free_port(), extra: extra.to_vec() }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
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
            ("DATABASE_URL", self.folder.sqlite("server.db")),
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
        let mut program = self.command(&["serve"]);
        let clock = SystemClock::new();
        loop {
            let answer = self.http.get(format!("{}/health/ready", self.url())).send().await;
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

    /// The file, for a look that does not go through the code under test.
    pub(crate) async fn database(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.folder.file("server.db")).busy_timeout(PATIENCE);
        SqliteConnection::connect_with(&options).await.unwrap()
    }

    /// One number out of the file.
    pub(crate) async fn count(&self, query: &'static str) -> i64 {
        let mut database = self.database().await;
        let count: i64 = sqlx::query_scalar(query).fetch_one(&mut database).await.unwrap();
        database.close().await.unwrap();
        count
    }

    /// As if so much time had passed that every lease and claim has run out: what a killed process held is free.
    pub(crate) async fn time_passes(&self) {
        let mut database = self.database().await;
        for run_out in [
            "UPDATE leases SET held_until = 0",
            "UPDATE inbox SET due_at = 0 WHERE state = 0",
            "UPDATE outbox SET due_at = 0 WHERE state = 0",
        ] {
            sqlx::query(run_out).execute(&mut database).await.unwrap();
        }
        database.close().await.unwrap();
    }
}
