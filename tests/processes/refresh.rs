//! Token refresh (R8): one exchange for each expired token, over concurrent callers and processes.

use std::{sync::Arc, time::Duration};

use ghl_client::{GhlClient, GhlExchange, GhlOAuth};
use provider_sandbox::{
    Sandbox,
    control::TokenCommand,
    ghl::{ConnectionCounts, LimitRules, Rotate, TokenFault},
};
use serde_json::Value;
use sidecar_core::{
    Clock, SystemClock,
    token::{ConnectionState, TokenManager},
};
use sidecar_store::Store;
use sidecar_tests::{
    DatabaseKind, Program, TestConnection, Unlimited, open_store, proof, scaled, test_on_each_database,
};

use crate::{database::Database, server::WAIT_TIMEOUT};

/// A sandbox with single-use refresh tokens, and a store that processes share.
pub(crate) struct Fixture {
    pub(crate) sandbox: Sandbox,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) database: Database,
}

impl Fixture {
    pub(crate) async fn new(kind: DatabaseKind) -> Self {
        let sandbox = Sandbox::builder().locations(2).contacts(3).start().await.unwrap();
        // Rate limits are disabled, because the test counts calls.
        sandbox.control().set_limits(LimitRules { enforced: false, ..LimitRules::default() });
        let database = Database::new(kind).await;
        let store = open_store(&database.url()).await;
        Self { sandbox, store, database }
    }

    /// Starts a process that uses the connection.
    pub(crate) async fn caller(&self, connected: &TestConnection, options: &[&str]) -> Program {
        self.caller_with_database(&self.database.url(), connected, options).await
    }

    /// Starts a process that uses the connection and reaches the database at this URL.
    pub(crate) async fn caller_with_database(
        &self,
        database: &str,
        connected: &TestConnection,
        options: &[&str],
    ) -> Program {
        let ghl = self.sandbox.ghl();
        let api = format!("{}/ghl", self.sandbox.url());
        let mut arguments = vec!["--database", database, "--api", &api, "--resource", &connected.resource];
        arguments.extend(["--client-id", ghl.client_id(), "--client-secret", ghl.client_secret()]);
        arguments.extend(options);
        let mut program = Program::start("token-caller", &arguments, [("RUST_LOG", "warn".to_owned())]);
        program.wait_for_line(WAIT_TIMEOUT, |line| line == "ready").await;
        program
    }

    pub(crate) fn expire(&self, connected: &TestConnection) {
        let command = TokenCommand { expire_resource: Some(connected.id.clone()), ..TokenCommand::default() };
        assert!(self.sandbox.control().update_tokens(&command).unwrap() > 0, "the connection has no valid token");
    }

    pub(crate) fn fault(&self, fault: TokenFault) {
        let command = TokenCommand { fault: Some(fault), ..TokenCommand::default() };
        self.sandbox.control().update_tokens(&command).unwrap();
    }

    pub(crate) fn counts(&self, connected: &TestConnection) -> ConnectionCounts {
        self.sandbox.ghl().counts().connections.get(&connected.id).cloned().unwrap_or_default()
    }

    pub(crate) async fn state(&self, connected: &TestConnection) -> ConnectionState {
        self.store.load(&connected.key).await.unwrap().unwrap().state
    }
}

/// Makes each process call concurrently and returns their reports.
pub(crate) async fn call_in_all(programs: &mut [Program], calls: usize) -> Vec<Value> {
    for program in programs.iter_mut() {
        program.write_line(&format!("go {calls}")).await;
    }
    let mut reports = Vec::new();
    for program in programs {
        reports.push(serde_json::from_str(&program.next_stdout_line(WAIT_TIMEOUT).await).unwrap());
    }
    reports
}

pub(crate) fn sum(reports: &[Value], field: &str) -> u64 {
    reports.iter().map(|report| report[field].as_u64().unwrap()).sum()
}

/// Runs rounds that expire the token and make all calls concurrently. Returns the number of failed calls and of rounds
/// without exactly one exchange.
pub(crate) async fn run_rounds(
    fixture: &Fixture,
    connected: &TestConnection,
    programs: &mut [Program],
    rounds: usize,
    calls: usize,
) -> (u64, u64) {
    let (mut failed, mut wrong) = (0, 0);
    for round in 0..rounds {
        let before = fixture.counts(connected).refreshes;
        fixture.expire(connected);
        let reports = call_in_all(programs, calls).await;
        let exchanges = fixture.counts(connected).refreshes - before;
        assert_eq!(sum(&reports, "ok") + sum(&reports, "failed"), (calls * programs.len()) as u64);
        if exchanges != 1 || sum(&reports, "failed") > 0 {
            println!("round {round}: {exchanges} exchanges; {reports:?}");
        }
        failed += sum(&reports, "failed");
        wrong += u64::from(exchanges != 1);
    }
    (failed, wrong)
}

test_on_each_database!(a_hundred_calls_in_one_process_cause_one_exchange);

async fn a_hundred_calls_in_one_process_cause_one_exchange(database: DatabaseKind) {
    let fixture = Fixture::new(database).await;
    let connected = TestConnection::location(&fixture.sandbox, &*fixture.store).await;
    let mut programs = [fixture.caller(&connected, &[]).await];
    let count = scaled(200, 20);
    let (failed, wrong) = run_rounds(&fixture, &connected, &mut programs, count, 100).await;
    let reuses = fixture.counts(&connected).reuses;
    let reached =
        format!("{count} rounds, {failed} failed calls, {wrong} rounds without exactly one exchange, {reuses} reuses");
    let ok = (failed, wrong, reuses) == (0, 0, 0);
    proof(
        &format!("R8-one-process {database}"),
        "100 calls × 200 rounds (quick 20): one exchange each, 0 failed, 0 reuses",
        reached,
        ok,
    );
    assert!(ok);
}

test_on_each_database!(fifty_calls_in_each_of_two_processes_cause_one_exchange);

async fn fifty_calls_in_each_of_two_processes_cause_one_exchange(database: DatabaseKind) {
    let fixture = Fixture::new(database).await;
    let connected = TestConnection::location(&fixture.sandbox, &*fixture.store).await;
    let mut programs = [fixture.caller(&connected, &[]).await, fixture.caller(&connected, &[]).await];
    let count = scaled(200, 20);
    let (failed, wrong) = run_rounds(&fixture, &connected, &mut programs, count, 50).await;
    let reuses = fixture.counts(&connected).reuses;
    let reached =
        format!("{count} rounds, {failed} failed calls, {wrong} rounds without exactly one exchange, {reuses} reuses");
    let ok = (failed, wrong, reuses) == (0, 0, 0);
    proof(
        &format!("R8-two-processes {database}"),
        "2 × 50 calls × 200 rounds (quick 20): one exchange each, 0 failed, 0 reuses",
        reached,
        ok,
    );
    assert!(ok);
}

test_on_each_database!(a_cancelled_caller_does_not_cancel_the_exchange);

async fn a_cancelled_caller_does_not_cancel_the_exchange(database: DatabaseKind) {
    let fixture = Fixture::new(database).await;
    let connected = TestConnection::location(&fixture.sandbox, &*fixture.store).await;
    let ghl = fixture.sandbox.ghl();
    let api = format!("{}/ghl", fixture.sandbox.url());
    let oauth = GhlOAuth::builder(ghl.client_id(), ghl.client_secret().to_owned()).base_url(&*api).build().unwrap();
    let exchange = Arc::new(GhlExchange::new(oauth));
    let manager = TokenManager::new(fixture.store.clone(), fixture.store.clone(), exchange, SystemClock::shared());
    let client = GhlClient::builder()
        .credentials(Arc::new(manager.handle(connected.key.clone())))
        .base_url(api)
        .limiter(Arc::new(Unlimited))
        .build()
        .unwrap();
    let call = || tokio::spawn(client.locations().get(connected.id.as_str()).into_future());
    let count = scaled(50, 5);
    for _ in 0..count {
        let before = fixture.counts(&connected).refreshes;
        fixture.expire(&connected);
        fixture.fault(TokenFault::Slow { ms: 150, rotate: Rotate::Before });
        let first = call();
        // The sandbox rotates the token when the request arrives and delays the response.
        while fixture.counts(&connected).refreshes == before {
            SystemClock::new().sleep(Duration::from_millis(2)).await;
        }
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled(), "the caller was cancelled during its exchange");
        for other in (0..99).map(|_| call()).collect::<Vec<_>>() {
            other.await.unwrap().unwrap();
        }
        assert_eq!(fixture.counts(&connected).refreshes - before, 1);
    }
    assert_eq!(fixture.counts(&connected).reuses, 0);
    let reached = format!("{count} rounds of 100 calls, 0 failed beside the cancelled ones, 0 reuses");
    proof(
        &format!("R8-cancelled {database}"),
        "the caller of the exchange cancelled: one exchange, 0 failed",
        reached,
        true,
    );
}
