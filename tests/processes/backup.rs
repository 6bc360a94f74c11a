//! Backups: a backup taken under load has every delivery acknowledged before it began, and a server on the restored copy
//! continues from there.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use provider_sandbox::{Sandbox, ghl::Ghl};
use secrecy::ExposeSecret;
use serde_json::json;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{
    ORGANIZATION, Program, TempFolder, TestConnection, create_postgres_database, open_store, proof, server_environment,
    start_server,
};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::server::WAIT_TIMEOUT;

/// Deliveries that are acknowledged before the backup begins.
const ACKNOWLEDGED_BEFORE: usize = 300;
const SENDERS: usize = 16;

/// Starts a server on a database and returns it with its URL.
async fn serve(sandbox: &Sandbox, database: &str) -> (Program, String) {
    let environment = server_environment(sandbox.env(), database, "127.0.0.1:0");
    start_server(&["serve"], environment, WAIT_TIMEOUT).await
}

/// An endless load of deliveries, each for a new contact, and the ids of the acknowledged ones.
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
            if sent.is_ok_and(|response| response.status().is_success()) {
                self.acknowledged.lock().unwrap().insert(id);
            }
        }
    }
}

/// Runs `backup`, which fills `copy`, under load on `original`, and checks a server on `copy`.
async fn assert_backup_is_complete(name: &str, original: &str, copy: &str, backup: impl AsyncFn()) {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let store = open_store(original).await;
    let connected = TestConnection::organization(&sandbox, &*store).await;
    let (mut server, url) = serve(&sandbox, original).await;
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let load = Arc::new(Load::default());
    let send = |_| tokio::spawn(Arc::clone(&load).send(sandbox.ghl(), http.clone(), url.clone()));
    let senders: Vec<_> = (0..SENDERS).map(send).collect();
    let clock = SystemClock::new();
    while load.acknowledged().len() < ACKNOWLEDGED_BEFORE {
        assert!(clock.monotonic() < WAIT_TIMEOUT, "the server acknowledges no deliveries:\n{}", server.log());
        clock.sleep(Duration::from_millis(5)).await;
    }
    // The copy of a small file can fall between two commits: repeat until a commit falls into it.
    let (before, during) = loop {
        assert!(clock.monotonic() < WAIT_TIMEOUT, "no delivery was acknowledged during a backup:\n{}", server.log());
        let before = load.acknowledged();
        backup().await;
        match load.acknowledged().len() - before.len() {
            0 => {}
            during => break (before, during),
        }
    };
    senders.iter().for_each(tokio::task::JoinHandle::abort);
    // The original database is not used any more.
    server.kill().await;

    let restored = open_store(copy).await;
    for connection in store.connections(&ORGANIZATION.into()).await.unwrap() {
        let found = restored.load(&connection.key).await.unwrap().expect("the copy has the connection");
        assert_eq!(found.tokens.access.expose_secret(), connection.tokens.access.expose_secret());
    }
    let (server, url) = serve(&sandbox, copy).await;
    let contacts = format!("{url}/api/organizations/{ORGANIZATION}/contacts");
    let mut missing = before.clone();
    while !missing.is_empty() && clock.monotonic() < 2 * WAIT_TIMEOUT {
        for id in missing.clone() {
            let response = http.get(format!("{contacts}/contact-{id}")).bearer_auth("operator").send().await.unwrap();
            if response.status().is_success() {
                missing.remove(&id);
            }
        }
    }
    let contact = json!({"locationId": connected.id, "firstName": "Restored"}).to_string();
    let created = http.post(&contacts).bearer_auth("operator").header("content-type", "application/json").body(contact);
    let created = created.send().await.unwrap();
    let reached = format!(
        "{} acknowledged before, {during} during it; {} lost, a call with the restored tokens: {}",
        before.len(),
        missing.len(),
        created.status()
    );
    let ok = missing.is_empty() && created.status() == reqwest::StatusCode::CREATED;
    proof(name, "a backup taken under load, restored: 0 acknowledged before it lost, tokens usable", reached, ok);
    assert!(ok, "missing: {missing:?}, created: {:?}\n{}", created.text().await, server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_backup_under_load_has_every_acknowledged_delivery() {
    let folder = TempFolder::new();
    let backup = async || {
        let options = SqliteConnectOptions::new().filename(folder.file("server.db")).busy_timeout(WAIT_TIMEOUT);
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        let _ = std::fs::remove_file(folder.file("copy.db"));
        let copy = format!("VACUUM INTO '{}'", folder.file("copy.db").display());
        sqlx::query(AssertSqlSafe(copy)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    assert_backup_is_complete("backup-sqlite", &folder.sqlite("server.db"), &folder.sqlite("copy.db"), backup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_backup_under_load_has_every_acknowledged_delivery() {
    let (folder, original, copy) =
        (TempFolder::new(), create_postgres_database().await, create_postgres_database().await);
    let backup = async || {
        original.dump(&folder.file("dump")).await;
        copy.restore(&folder.file("dump")).await;
    };
    assert_backup_is_complete("backup-postgresql", &original.url(), &copy.url(), backup).await;
}
