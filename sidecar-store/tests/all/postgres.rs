//! PostgreSQL for the tests: each a database of its own on the server of `SIDECAR_TEST_POSTGRES_URL`.

use std::cell::RefCell;

use sqlx::{Connection, Executor, PgConnection};

thread_local! {
    /// Ends with the test's thread, and the databases with it.
    static DATABASES: RefCell<Vec<Database>> = const { RefCell::new(Vec::new()) };
}

struct Database(String);

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.0);
        // A runtime of its own: the test's may be gone, and a thread that ends must not wait on it.
        let removed = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(run(drop))
        });
        if let Ok(Err(error)) = removed.join() {
            eprintln!("{} stays: {error}", self.0);
        }
    }
}

fn server() -> String {
    std::env::var("SIDECAR_TEST_POSTGRES_URL")
        .expect("SIDECAR_TEST_POSTGRES_URL names no server: `tests/run store` starts one and runs these tests")
}

async fn run(statement: String) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(&server()).await?;
    connection.execute(sqlx::raw_sql(sqlx::AssertSqlSafe(statement))).await?;
    connection.close().await
}

/// The URL of an empty database that is removed when this test ends.
pub(crate) async fn url() -> String {
    let name = format!("store_{}", uuid::Uuid::new_v4().simple());
    run(format!("CREATE DATABASE {name}")).await.unwrap();
    DATABASES.with_borrow_mut(|databases| databases.push(Database(name.clone())));
    let mut url = url::Url::parse(&server()).unwrap();
    url.set_path(&name);
    url.into()
}
