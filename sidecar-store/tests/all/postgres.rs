//! PostgreSQL databases for the tests: each its own, gone when its test ends.

use std::cell::RefCell;

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
