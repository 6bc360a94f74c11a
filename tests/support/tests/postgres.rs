//! Databases of a test's own, and instances that are killed.

use std::time::Duration;

use sidecar_core::{SystemClock, time::timeout};
use sidecar_tests::{PrivatePostgres, fresh_database};
use sqlx::{Connection, PgConnection};

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn rows(url: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM kept").fetch_one(&mut connect(url).await).await.unwrap()
}

#[tokio::test]
async fn each_database_is_of_its_own_and_goes_with_its_value() {
    let (one, other) = (fresh_database().await, fresh_database().await);
    let (url, mut held) = (one.url(), connect(&one.url()).await);
    for database in [&one, &other] {
        sqlx::query("CREATE TABLE kept (n bigint)").execute(&mut connect(&database.url()).await).await.unwrap();
    }
    drop(one);
    assert!(held.ping().await.is_err(), "a connection does not keep it");
    assert!(PgConnection::connect(&url).await.is_err());
    assert_eq!(rows(&other.url()).await, 0);
}

#[tokio::test]
async fn an_instance_comes_back_with_what_was_committed() {
    let mut postgres = PrivatePostgres::start().await;
    let url = postgres.url();
    sqlx::query("CREATE TABLE kept (n bigint)").execute(&mut connect(&url).await).await.unwrap();
    for round in 1..=3 {
        let mut held = connect(&url).await;
        sqlx::query("INSERT INTO kept VALUES (1)").execute(&mut held).await.unwrap();
        match round {
            1 => postgres.restart_immediate().await,
            2 => {
                postgres.kill().await;
                assert!(PgConnection::connect(&url).await.is_err());
                postgres.start_again().await;
            }
            _ => {
                postgres.stop().await;
                assert!(PgConnection::connect(&url).await.is_err());
                postgres.start_again().await;
            }
        }
        assert!(held.ping().await.is_err(), "the connection was cut");
        assert_eq!(rows(&url).await, round);
    }
}

#[tokio::test]
async fn a_paused_instance_answers_nothing_until_it_goes_on() {
    let postgres = PrivatePostgres::start().await;
    let clock = SystemClock::new();
    let mut held = connect(&postgres.url()).await;
    postgres.pause();
    assert!(timeout(&clock, Duration::from_millis(200), PgConnection::connect(&postgres.url())).await.is_err());
    {
        let ping = held.ping();
        tokio::pin!(ping);
        assert!(timeout(&clock, Duration::from_millis(200), ping.as_mut()).await.is_err());
        postgres.resume();
        ping.await.unwrap();
    }
    postgres.pause();
}

#[tokio::test]
async fn an_instance_ends_when_its_test_fails() {
    let (tell, told) = std::sync::mpsc::channel();
    let failed = tokio::spawn(async move {
        let postgres = PrivatePostgres::start().await;
        tell.send(postgres.url()).unwrap();
        std::panic::resume_unwind(Box::new("as a failing test does"));
    });
    assert!(failed.await.unwrap_err().is_panic());
    assert!(PgConnection::connect(&told.recv().unwrap()).await.is_err());
}
