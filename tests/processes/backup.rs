//! Backups: one that was taken while the server took deliveries holds all that was acknowledged before it began, and a server
//! on the restored copy goes on from there.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use provider_sandbox::{Sandbox, ghl::Ghl};
use secrecy::ExposeSecret;
use serde_json::json;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Connected, Folder, KEYS, ORGANIZATION, Program, fresh_database, open_store, proof};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::server::PATIENCE;

/// Deliveries that are acknowledged before the backup begins.
const BEFORE: usize = 300;
const SENDERS: usize = 16;

/// A server on a database, and its address.
async fn serve(sandbox: &Sandbox, database: &str) -> (Program, String) {
    let mut environment = sandbox.env();
    environment.extend([
        ("BIND_ADDR", "127.0.0.1:0".to_owned()),
        ("DATABASE_URL", database.to_owned()),
        ("SIDECAR_ENV", "test".to_owned()),
        ("SIDECAR_ENCRYPTION_KEYS", KEYS.to_owned()),
        ("SIDECAR_OPERATOR_TOKEN", "operator".to_owned()),
        ("RUST_LOG", "warn".to_owned()),
    ]);
    let mut program = Program::start("crm-server", &["serve"], environment);
    let line = program.line(PATIENCE, |line| line.starts_with("listening on ")).await;
    (program, line["listening on ".len()..].to_owned())
}

/// Deliveries without an end, and the ids of those that were acknowledged: a contact each.
#[derive(Default)]
struct Load {
    acknowledged: Mutex<BTreeSet<String>>,
}

impl Load {
    fn acknowledged(&self) -> BTreeSet<String> {
        self.acknowledged.lock().unwrap().clone()
    }

    async fn send(self: Arc<Self>, sandbox: Ghl, http: reqwest::Client, url: String) {
        loop {
            let id = uuid::Uuid::new_v4().to_string();
            let location = sandbox.location_ids().remove(0);
            let (headers, body) = sandbox.sign_delivery(&json!({
                "type": "ContactCreate", "webhookId": id, "timestamp": SystemClock::new().now().to_string(),
                "locationId": location, "id": format!("contact-{id}"), "firstName": "Ann",
            }));
            let sent = http.post(format!("{url}/api/webhooks/ghl")).headers(headers).body(body).send().await;
            if sent.is_ok_and(|answer| answer.status().is_success()) {
                self.acknowledged.lock().unwrap().insert(id);
            }
        }
    }
}

/// Takes a backup of `original` under load with `backup`, and judges a server on `copy`, which that has filled.
async fn holds_all(name: &str, original: &str, copy: &str, backup: impl AsyncFn()) {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let store = open_store(original).await;
    let connected = Connected::organization(&sandbox, &*store).await;
    let (mut server, url) = serve(&sandbox, original).await;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let load = Arc::new(Load::default());
    let send = |_| tokio::spawn(Arc::clone(&load).send(sandbox.ghl(), http.clone(), url.clone()));
    let senders: Vec<_> = (0..SENDERS).map(send).collect();
    let clock = SystemClock::new();
    while load.acknowledged().len() < BEFORE {
        assert!(clock.monotonic() < PATIENCE, "the server takes no deliveries:\n{}", server.log());
        clock.sleep(Duration::from_millis(5)).await;
    }
    // A small file is copied between two commits: again, until one falls into it.
    let (before, meanwhile) = loop {
        assert!(clock.monotonic() < PATIENCE, "no delivery was taken during a backup:\n{}", server.log());
        let before = load.acknowledged();
        backup().await;
        match load.acknowledged().len() - before.len() {
            0 => {}
            meanwhile => break (before, meanwhile),
        }
    };
    senders.iter().for_each(tokio::task::JoinHandle::abort);
    // The machine is gone, with everything on it.
    server.kill().await;

    let restored = open_store(copy).await;
    for connection in store.connections(&ORGANIZATION.into()).await.unwrap() {
        let found = restored.load(&connection.key).await.unwrap().expect("a connection is in the copy");
        assert_eq!(found.tokens.access.expose_secret(), connection.tokens.access.expose_secret());
    }
    let (server, url) = serve(&sandbox, copy).await;
    let contacts = format!("{url}/api/organizations/{ORGANIZATION}/contacts");
    let mut missing = before.clone();
    while !missing.is_empty() && clock.monotonic() < 2 * PATIENCE {
        for id in missing.clone() {
            let asked = http.get(format!("{contacts}/contact-{id}")).bearer_auth("operator").send().await.unwrap();
            if asked.status().is_success() {
                missing.remove(&id);
            }
        }
    }
    let wish = json!({"locationId": connected.id, "firstName": "Restored"}).to_string();
    let made = http.post(&contacts).bearer_auth("operator").header("content-type", "application/json").body(wish);
    let made = made.send().await.unwrap();
    let reached = format!(
        "{} acknowledged before, {meanwhile} meanwhile; {} lost, a call with the restored tokens: {}",
        before.len(),
        missing.len(),
        made.status()
    );
    let ok = missing.is_empty() && made.status() == reqwest::StatusCode::CREATED;
    proof(name, "a backup taken under load, restored: 0 acknowledged before it lost, tokens usable", reached, ok);
    assert!(ok, "missing: {missing:?}, made: {:?}\n{}", made.text().await, server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_sqlite_that_was_taken_under_load_holds_what_was_acknowledged() {
    let folder = Folder::new();
    let backup = async || {
        let options = SqliteConnectOptions::new().filename(folder.file("server.db")).busy_timeout(PATIENCE);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let _ = std::fs::remove_file(folder.file("copy.db"));
        let copy = format!("VACUUM INTO '{}'", folder.file("copy.db").display());
        sqlx::query(AssertSqlSafe(copy)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    holds_all("backup-sqlite", &folder.sqlite("server.db"), &folder.sqlite("copy.db"), backup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_postgresql_that_was_taken_under_load_holds_what_was_acknowledged() {
    let (folder, original, copy) = (Folder::new(), fresh_database().await, fresh_database().await);
    let backup = async || {
        original.dump(&folder.file("dump")).await;
        copy.restore(&folder.file("dump")).await;
    };
    holds_all("backup-postgresql", &original.url(), &copy.url(), backup).await;
}
