//! Features of this store beyond the ports: opening, migrations, keys, purging and the content of the file.

use std::{borrow::Cow, sync::Arc, time::Duration};

use secrecy::ExposeSecret;
use serde_json::Map;
use sidecar_core::{
    Timestamp,
    commit::{Batch, Records},
    lease::LeaseStore,
    queue::ClaimRequest,
    queue::{
        inbox::{Inbox, NewDelivery, Receipt},
        outbox::{Dedup, NewTask, Outbox},
    },
    token::{CasResult, Connection, ConnectionState, TokenKey, TokenSet, TokenStore},
};
use sidecar_store::{OAuthState, OAuthStates, OpenError, Purged, Resealed, SettingsStore, SqlStore, Store};
use sqlx::{Connection as _, SqliteConnection};

use crate::support::{OLD_KEY, folder, open, url, vault};

const NEW_KEY: &str = "k2:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA=";
const MINUTE: Duration = Duration::from_secs(60);

async fn open_error(url: &str) -> OpenError {
    sidecar_store::open(url, vault(OLD_KEY)).await.unwrap_err()
}

async fn raw(url: &str) -> SqliteConnection {
    SqliteConnection::connect(url).await.unwrap()
}

fn key(resource: &str) -> TokenKey {
    TokenKey::new("org_1", resource)
}

async fn connect(store: &SqlStore, resource: &str, access: &str) {
    let set = TokenSet {
        access: access.into(),
        refresh: Some("refresh-secret".into()),
        expires_at: None,
        issued_at: None,
        issued_from: None,
        generation: 0,
        scope: None,
        extra: Map::new(),
    };
    assert!(matches!(
        store.swap(&key(resource), 0, &set, &ConnectionState::Active).await.unwrap(),
        CasResult::Stored(1)
    ));
}

fn access(connection: &Connection) -> &str {
    connection.tokens.access.expose_secret()
}

fn delivery(id: &str, at: i64) -> NewDelivery {
    NewDelivery {
        source: Cow::Borrowed("ghl"),
        id: id.into(),
        organization: None,
        order_key: id.into(),
        kind: "k".into(),
        body: "a-readable-body".into(),
        at: Timestamp::from_secs(at),
    }
}

#[tokio::test]
async fn a_file_is_created_and_persists() {
    let url = url();
    let store = open(&url).await;
    connect(&store, "ghl:location:l_1", "a").await;
    store.ping().await.unwrap();
    store.close().await;
    let reopened = open(&url).await;
    assert_eq!(access(&reopened.load(&key("ghl:location:l_1")).await.unwrap().unwrap()), "a");
}

#[tokio::test]
async fn a_closed_store_returns_a_retryable_error() {
    let store = open("sqlite::memory:").await;
    store.close().await;
    assert!(store.ping().await.unwrap_err().is_retryable());
}

#[tokio::test]
async fn in_memory_databases_are_isolated() {
    let (one, other) = (open("sqlite::memory:").await, open("sqlite://:memory:").await);
    connect(&one, "r", "a").await;
    assert!(other.load(&key("r")).await.unwrap().is_none());
}

#[tokio::test]
async fn the_store_implements_every_port() {
    let store: Arc<dyn Store> = open("sqlite::memory:").await;
    let inbox: Arc<dyn Inbox> = store.clone();
    let records: Arc<dyn Records> = store;
    assert_eq!(inbox.put(&[delivery("1", 0)]).await.unwrap(), [Receipt::New]);
    assert_eq!(records.applied("ghl").await.unwrap(), (0, 0));
}

#[tokio::test]
async fn an_unknown_scheme_is_reported_without_the_password() {
    let error = open_error("mysql://user:hunter2@host/db").await;
    assert!(matches!(&error, OpenError::UnknownScheme(scheme) if scheme == "mysql"), "{error:?}");
    assert!(!error.to_string().contains("hunter2") && error.to_string().contains("sqlite://"), "{error}");
    for text in ["", "store.db", "/tmp/store.db"] {
        assert!(matches!(open_error(text).await, OpenError::UnknownScheme(_)), "{text}");
    }
}

#[tokio::test]
async fn an_unreachable_postgres_is_reported_without_the_password() {
    for url in ["postgres://u:hunter2@127.0.0.1:1/d", "postgresql://u:hunter2@127.0.0.1:1/d"] {
        let error = open_error(url).await;
        assert!(matches!(&error, OpenError::Postgres { server, .. } if server == "127.0.0.1:1/d"), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn an_unknown_url_option_is_rejected() {
    assert!(matches!(open_error("sqlite://x.db?speed=11").await, OpenError::InvalidUrl(_)));
}

#[tokio::test]
async fn a_missing_directory_is_reported() {
    let url = format!("sqlite://{}/none/store.db", folder().display());
    let error = open_error(&url).await;
    assert!(matches!(&error, OpenError::CannotOpen { path, .. } if path.ends_with("none/store.db")), "{error:?}");
    assert!(error.to_string().contains("directory"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_a_database_stays_unchanged() {
    let path = folder().join("store.db");
    std::fs::write(&path, "this is a text, not a database; it is longer than a header").unwrap();
    let error = open_error(&format!("sqlite://{}", path.display())).await;
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error:?}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("this is a text"));
}

#[tokio::test]
async fn a_newer_database_is_rejected_and_stays_unchanged() {
    let url = url();
    open(&url).await.close().await;
    let mut raw = raw(&url).await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES (9999, 'from the future', TRUE, x'00', 0)";
    sqlx::query(newer).execute(&mut raw).await.unwrap();
    let error = open_error(&url).await;
    assert!(matches!(error, OpenError::NewerSchema { found: 9999, .. }), "{error:?}");
    assert!(error.to_string().contains("newer release"), "{error}");
    assert!(matches!(sidecar_store::migrate(&url).await, Err(OpenError::NewerSchema { .. })));
}

#[tokio::test]
async fn a_database_of_another_build_is_rejected() {
    let url = url();
    assert!(sidecar_store::migrate(&url).await.unwrap() > 0);
    sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&mut raw(&url).await).await.unwrap();
    assert!(matches!(open_error(&url).await, OpenError::MigrationMismatch(1)));
}

#[tokio::test]
async fn stores_can_open_a_new_file_concurrently() {
    let url = url();
    let opening: Vec<_> = (0..8)
        .map(|_| {
            tokio::spawn({
                let url = url.clone();
                async move { open(&url).await }
            })
        })
        .collect();
    let mut stores = Vec::new();
    for store in opening {
        stores.push(store.await.unwrap());
    }
    connect(&stores[0], "r", "a").await;
    assert_eq!(access(&stores[7].load(&key("r")).await.unwrap().unwrap()), "a");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file_share_the_work() {
    let url = url();
    let (one, two) = (open(&url).await, open(&url).await);
    let deliveries: Vec<_> = (0..100).map(|n| delivery(&n.to_string(), 0)).collect();
    one.put(&deliveries).await.unwrap();
    assert!(two.put(&deliveries).await.unwrap().iter().all(|receipt| *receipt == Receipt::Duplicate));
    let work = |store: Arc<SqlStore>| async move {
        let mut done = 0;
        loop {
            let claims = store.claim(&ClaimRequest::new(7, MINUTE, Timestamp::from_secs(1))).await.unwrap();
            if claims.is_empty() {
                return done;
            }
            done += claims.len();
            let inbox_done = claims.into_iter().map(|claim| claim.claim).collect();
            assert!(store.commit(Batch { inbox_done, ..Batch::default() }).await.unwrap().committed);
        }
    };
    let (first, second) = tokio::join!(tokio::spawn(work(one.clone())), tokio::spawn(work(two.clone())));
    assert_eq!(first.unwrap() + second.unwrap(), 100);
    assert!(one.try_acquire("k", "a", MINUTE).await.unwrap().is_some());
    assert!(two.try_acquire("k", "b", MINUTE).await.unwrap().is_none());
}

#[tokio::test]
async fn no_token_is_readable_on_the_disk() {
    let folder = folder();
    let store = open(&format!("sqlite://{}/store.db", folder.display())).await;
    connect(&store, "r", "access-secret").await;
    store.close().await;
    for file in std::fs::read_dir(&folder).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in ["access-secret", "refresh-secret"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
        }
    }
    assert!(!format!("{store:?}").contains("AAECAw"));
}

#[tokio::test]
async fn tokens_of_another_row_do_not_open() {
    let url = url();
    let store = open(&url).await;
    connect(&store, "mine", "a").await;
    connect(&store, "theirs", "b").await;
    let copy_seal =
        "UPDATE tokens SET sealed = (SELECT sealed FROM tokens WHERE resource = 'theirs') WHERE resource = 'mine'";
    sqlx::query(copy_seal).execute(&mut raw(&url).await).await.unwrap();
    let locked = store.load(&key("mine")).await.unwrap().unwrap();
    assert!(matches!(locked.state, ConnectionState::NeedsReauth { .. }), "{locked:?}");
    assert_eq!(access(&locked), "", "no token of the other row is returned");
}

#[tokio::test]
async fn tokens_are_resealed_with_the_first_key() {
    let url = url();
    let store = open(&url).await;
    for resource in ["a", "b", "c"] {
        connect(&store, resource, resource).await;
    }
    let both = sidecar_store::open(&url, vault(&format!("{NEW_KEY},{OLD_KEY}"))).await.unwrap();
    connect(&both, "d", "d").await;
    assert_eq!(both.reseal(2).await.unwrap(), Resealed { sealed: 2, failed: 0 });
    assert_eq!(both.reseal(100).await.unwrap(), Resealed { sealed: 1, failed: 0 });
    assert_eq!(both.reseal(100).await.unwrap(), Resealed::default());
    let new = sidecar_store::open(&url, vault(NEW_KEY)).await.unwrap();
    let found = new.connections(&"org_1".into()).await.unwrap();
    assert_eq!(found.iter().map(access).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert!(found.iter().all(|connection| connection.tokens.generation == 1));
    let locked = store.load(&key("a")).await.unwrap().unwrap();
    assert!(matches!(locked.state, ConnectionState::NeedsReauth { .. }), "the old key opens no token");
    assert!(
        matches!(store.swap(&key("a"), 1, &locked.tokens, &ConnectionState::Active).await, Ok(CasResult::Stored(2))),
        "it can be reconnected"
    );
}

#[tokio::test]
async fn settings_are_resealed_after_the_connections() {
    let (url, org) = (url(), "org_1".into());
    let store = open(&url).await;
    connect(&store, "a", "a").await;
    for name in ["calcom", "other"] {
        assert!(store.put_setting(&org, name, 0, &name.into()).await.unwrap());
    }
    let both = sidecar_store::open(&url, vault(&format!("{NEW_KEY},{OLD_KEY}"))).await.unwrap();
    assert_eq!(both.reseal(2).await.unwrap(), Resealed { sealed: 2, failed: 0 });
    assert_eq!(both.reseal(2).await.unwrap(), Resealed { sealed: 1, failed: 0 });
    let new = sidecar_store::open(&url, vault(NEW_KEY)).await.unwrap();
    let found = new.setting(&org, "calcom").await.unwrap().unwrap();
    assert_eq!((found.revision, found.value.expose_secret()), (1, "calcom"));
    assert!(store.setting(&org, "calcom").await.is_err(), "the old key opens no token");
    store.delete_setting(&org, "calcom").await.unwrap();
    assert!(store.put_setting(&org, "calcom", 0, &"new".into()).await.unwrap(), "it can be set again");
}

#[tokio::test]
async fn a_setting_copied_to_another_row_does_not_open() {
    let url = url();
    let store = open(&url).await;
    for (organization, value) in [("org_1", "mine"), ("org_2", "theirs")] {
        assert!(store.put_setting(&organization.into(), "calcom", 0, &value.into()).await.unwrap());
    }
    let copy_seal = "UPDATE settings SET sealed = (SELECT sealed FROM settings WHERE organization = 'org_2')";
    sqlx::query(copy_seal).execute(&mut raw(&url).await).await.unwrap();
    let error = store.setting(&"org_1".into(), "calcom").await.unwrap_err();
    assert!(!format!("{error:?}").contains("theirs"), "{error:?}");
    assert_eq!(store.setting(&"org_2".into(), "calcom").await.unwrap().unwrap().value.expose_secret(), "theirs");
}

#[tokio::test]
async fn a_connection_whose_key_is_lost_is_counted_and_skipped() {
    let url = url();
    connect(&*open(&url).await, "a", "a").await;
    let new = sidecar_store::open(&url, vault(NEW_KEY)).await.unwrap();
    assert_eq!(new.reseal(10).await.unwrap(), Resealed { sealed: 0, failed: 1 });
}

#[tokio::test]
async fn a_finished_delivery_leaves_no_body() {
    let url = url();
    let store = open(&url).await;
    store.put(&[delivery("1", 0)]).await.unwrap();
    let claimed = store.claim(&ClaimRequest::new(1, MINUTE, Timestamp::from_secs(1))).await.unwrap().remove(0);
    store.commit(Batch { inbox_done: vec![claimed.claim], ..Batch::default() }).await.unwrap();
    let (bytes,): (i64,) =
        sqlx::query_as("SELECT length(body) FROM inbox").fetch_one(&mut raw(&url).await).await.unwrap();
    assert_eq!(bytes, 0);
}

#[tokio::test]
async fn a_purge_deletes_only_old_finished_rows() {
    let store = open("sqlite::memory:").await;
    let old = |n: i64| delivery(&format!("old{n}"), 10);
    let deliveries: Vec<_> = (0..1_500).map(old).chain([delivery("young", 100)]).collect();
    store.put(&deliveries).await.unwrap();
    let mut claims = store.claim(&ClaimRequest::new(2_000, MINUTE, Timestamp::from_secs(100))).await.unwrap();
    store.fail(&claims.remove(0).claim, "no", None).await.unwrap();
    store.fail(&claims.remove(0).claim, "later", Some(Timestamp::from_secs(500))).await.unwrap();
    let inbox_done = claims.into_iter().map(|claim| claim.claim).collect();
    let task = NewTask {
        organization: "o".into(),
        kind: Cow::Borrowed("push"),
        key: "k".into(),
        order_key: "k".into(),
        payload: serde_json::json!(null),
        not_before: Timestamp::EPOCH,
        dedup: Dedup::Once,
    };
    store.commit(Batch { inbox_done, outbox: vec![task.clone()], ..Batch::default() }).await.unwrap();
    let claimed =
        store.claim_tasks(&["push"], &ClaimRequest::new(1, Duration::ZERO, Timestamp::EPOCH)).await.unwrap().remove(0);
    store.commit(Batch { outbox_done: vec![claimed.claim], ..Batch::default() }).await.unwrap();
    let state =
        |at| OAuthState { organization: "o".into(), binding: String::new(), expires_at: Timestamp::from_secs(at) };
    // A state is purged as soon as it has expired.
    store.put_state("expired", &state(99)).await.unwrap();
    store.put_state("good", &state(101)).await.unwrap();
    let purged = store.purge_expired(Timestamp::from_secs(100), Duration::from_secs(50)).await.unwrap();
    assert_eq!(purged, Purged { deliveries: 1_498, tasks: 1, oauth_states: 1 });
    let again = [delivery("old5", 10), delivery("young", 100), delivery("old0", 10)];
    assert_eq!(store.put(&again).await.unwrap(), [Receipt::New, Receipt::Duplicate, Receipt::Duplicate]);
    assert_eq!(store.backlog().await.unwrap().dead, 1);
}
