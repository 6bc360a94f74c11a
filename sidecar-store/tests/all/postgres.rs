//! PostgreSQL databases for the tests: each its own, gone when its test ends.

use std::{borrow::Cow, cell::RefCell, task::Poll, time::Duration};

use sidecar_core::{
    commit::{Batch, EventLogEntry, Records},
    lease::LeaseStore,
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

thread_local! {
    /// Ends with the test's thread, and the databases with it.
    static DATABASES: RefCell<Vec<Database>> = const { RefCell::new(Vec::new()) };
}

struct Database(String);

impl Drop for Database {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.0);
        // A runtime cannot wait within another one, hence the thread.
        let dropping = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(execute(statement));
        });
        let _ = dropping.join();
    }
}

/// The URL of a new database.
pub(crate) async fn url() -> String {
    let name = format!("test_{}", uuid::Uuid::new_v4().simple());
    execute(format!("CREATE DATABASE {name}")).await;
    let server = server();
    let (server, _) = server.rsplit_once('/').unwrap();
    let url = format!("{server}/{name}");
    DATABASES.with_borrow_mut(|databases| databases.push(Database(name)));
    url
}

async fn execute(statement: String) {
    let mut connection = PgConnection::connect(&server()).await.unwrap();
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
}

/// Where databases are made: the instance that `tests/run` started.
fn server() -> String {
    std::env::var("SIDECAR_TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!(
            "SIDECAR_TEST_POSTGRES_URL is not set: use `tests/run store`, or keep `tests/run services` running beside and \
             export what it prints"
        )
    })
}

#[tokio::test]
async fn each_database_is_of_its_own() {
    let (one, other) = (url().await, url().await);
    for url in [&one, &other] {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::query("CREATE TABLE t (n bigint)").execute(&mut connection).await.unwrap();
    }
}

#[tokio::test]
async fn a_database_is_gone_when_its_test_has_ended() {
    let test = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(url())
    });
    assert!(PgConnection::connect(&test.join().unwrap()).await.is_err());
}

/// Else what others write on its connection would never be committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_begin_that_is_dropped_leaves_no_transaction_behind() {
    let url = url().await;
    let store = crate::support::open(&url).await;
    let mut look = PgConnection::connect(&url).await.unwrap();
    for round in 0..300_u32 {
        let mut commit = Box::pin(store.commit(Batch { event_log: vec![line()], ..Batch::default() }));
        let mut left = round % 12;
        std::future::poll_fn(|context| {
            if left == 0 {
                return Poll::Ready(());
            }
            left -= 1;
            commit.as_mut().poll(context).map(drop)
        })
        .await;
        drop(commit);
        let lease = store.try_acquire(&round.to_string(), "test", Duration::from_secs(60)).await.unwrap();
        assert!(lease.is_some());
        let leases: i64 = sqlx::query_scalar("SELECT count(*) FROM leases").fetch_one(&mut look).await.unwrap();
        assert_eq!(leases, i64::from(round) + 1, "others do not see what was written");
    }
    store.close().await;
}

fn line() -> EventLogEntry {
    EventLogEntry {
        organization: None,
        source: Cow::Borrowed("test"),
        delivery: "d".into(),
        kind: "k".into(),
        entity: None,
        outcome: Cow::Borrowed("applied"),
    }
}
