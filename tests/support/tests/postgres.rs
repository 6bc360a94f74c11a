//! Databases on the shared instance and private instances.

use std::time::Duration;

use sidecar_core::{SystemClock, time::timeout};
use sidecar_tests::{PrivatePostgres, create_postgres_database};
use sqlx::{Connection, PgConnection};

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn rows(url: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM numbers").fetch_one(&mut connect(url).await).await.unwrap()
}

#[tokio::test]
async fn each_database_is_separate_and_dropped_with_its_value() {
    let (one, other) = (create_postgres_database().await, create_postgres_database().await);
    let (url, mut connection) = (one.url(), connect(&one.url()).await);
    for database in [&one, &other] {
        sqlx::query("CREATE TABLE numbers (n bigint)").execute(&mut connect(&database.url()).await).await.unwrap();
    }
    drop(one);
    assert!(connection.ping().await.is_err(), "an open connection does not prevent the drop");
    assert!(PgConnection::connect(&url).await.is_err());
    assert_eq!(rows(&other.url()).await, 0);
}

#[tokio::test]
async fn a_restarted_instance_has_all_committed_rows() {
    let mut postgres = PrivatePostgres::start().await;
    let url = postgres.url();
    sqlx::query("CREATE TABLE numbers (n bigint)").execute(&mut connect(&url).await).await.unwrap();
    for round in 1..=3 {
        let mut connection = connect(&url).await;
        sqlx::query("INSERT INTO numbers VALUES (1)").execute(&mut connection).await.unwrap();
        match round {
            1 => postgres.restart_immediate().await,
            2 => {
                postgres.kill().await;
                assert!(PgConnection::connect(&url).await.is_err());
                postgres.start_server().await;
            }
            _ => {
                postgres.stop().await;
                assert!(PgConnection::connect(&url).await.is_err());
                postgres.start_server().await;
            }
        }
        assert!(connection.ping().await.is_err(), "the connection was cut");
        assert_eq!(rows(&url).await, round);
    }
}

#[tokio::test]
async fn a_paused_instance_does_not_respond_until_resumed() {
    let postgres = PrivatePostgres::start().await;
    let clock = SystemClock::new();
    let mut connection = connect(&postgres.url()).await;
    postgres.pause();
    assert!(timeout(&clock, Duration::from_millis(200), PgConnection::connect(&postgres.url())).await.is_err());
    {
        let ping = connection.ping();
        tokio::pin!(ping);
        assert!(timeout(&clock, Duration::from_millis(200), ping.as_mut()).await.is_err());
        postgres.resume();
        ping.await.unwrap();
    }
    postgres.pause();
}

#[tokio::test]
async fn an_instance_ends_when_its_test_fails() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let failed = tokio::spawn(async move {
        let postgres = PrivatePostgres::start().await;
        sender.send(postgres.url()).unwrap();
        std::panic::resume_unwind(Box::new("a failing test"));
    });
    assert!(failed.await.unwrap_err().is_panic());
    assert!(PgConnection::connect(&receiver.recv().unwrap()).await.is_err());
}
