//! PostgreSQL databases for tests, one per test, dropped when the test ends.

use std::{borrow::Cow, cell::RefCell, task::Poll, time::Duration};

use sidecar_core::{
    commit::{Batch, EventLogEntry, Records},
    lease::LeaseStore,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

thread_local! {
    /// Dropped with the thread of the test, which drops the databases.
    static DATABASES: RefCell<Vec<Database>> = const { RefCell::new(Vec::new()) };
}

struct Database(String);

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.0);
        // A runtime cannot block within another one.
        let thread = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute(statement));
        });
        let _ = thread.join();
    }
}

/// Creates a database and returns its URL.
pub(crate) async fn url() -> String {
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    execute(format!("CREATE DATABASE {name}")).await;
    let server = server_url();
    let (server, _) = server.rsplit_once('/').unwrap();
    let url = format!("{server}/{name}");
    DATABASES.with_borrow_mut(|databases| databases.push(Database(name)));
    url
}

async fn execute(statement: String) {
    let mut connection = PgConnection::connect(&server_url()).await.unwrap();
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}

/// Returns the URL of the server that `tests/run` started.
fn server_url() -> String {
    std::env::var("SIDECAR_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!(
            "SIDECAR_TEST_POSTGRES_URL is not set: use `tests/run store`, or run `tests/run services` and export the \
             variables that it prints"
        )
    })
}

#[tokio::test]
async fn databases_are_isolated() {
    let (one, other) = (url().await, url().await);
    for url in [&one, &other] {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query("CREATE TABLE t (n bigint)").execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_database_is_dropped_when_its_test_ends() {
    let test = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(url())
    });
    assert!(PgConnection::connect(&test.join().unwrap()).await.is_err());
}

/// Otherwise later statements on that connection would never be committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_begin_leaves_no_transaction_behind() {
    let url = url().await;
    let store = crate::support::open(&url).await;
    let mut observer = PgConnection::connect(&url).await.unwrap();
    for round in 0..300_u32 {
        let mut commit = Box::pin(store.commit(Batch { event_log: vec![log_entry()], ..Batch::default() }));
        let mut polls = round % 12;
        std::future::poll_fn(|context| {
            if polls == 0 {
                return Poll::Ready(());
            }
            polls -= 1;
            commit.as_mut().poll(context).map(drop)
        })
        .await;
        drop(commit);
        let lease = store.try_acquire(&round.to_string(), "test", Duration::from_secs(60)).await.unwrap();
        assert!(lease.is_some());
        let leases: i64 = sqlx::query_scalar("SELECT count(*) FROM leases").fetch_one(&mut observer).await.unwrap();
        assert_eq!(leases, i64::from(round) + 1, "other connections do not see the write");
    }
    store.close().await;
}

fn log_entry() -> EventLogEntry {
    EventLogEntry {
        organization: None,
        source: Cow::Borrowed("test"),
        delivery: "d".into(),
        kind: "k".into(),
        entity: None,
        outcome: Cow::Borrowed("applied"),
    }
}
