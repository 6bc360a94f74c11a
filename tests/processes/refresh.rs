//! Token refresh (R8): one exchange a round, whoever calls.

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
use sidecar_tests::{Connected, Kind, Program, Unlimited, on_each_database, open_store, proof, scaled};

use crate::{database::Database, server::PATIENCE};

/// A stand-in with single-use refresh tokens, and a store that processes share.
pub(crate) struct Scene {
    pub(crate) sandbox: Sandbox,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) database: Database,
}

impl Scene {
    pub(crate) async fn new(kind: Kind) -> Self {
        let sandbox = Sandbox::builder().locations(2).contacts(3).start().await.unwrap();
        // The calls are counted here, not limited.
        sandbox.control().set_limits(LimitRules { enforced: false, ..LimitRules::default() });
        let database = Database::new(kind).await;
        let store = open_store(&database.url()).await;
        Self { sandbox, store, database }
    }

    /// Starts a process that uses the connection.
    pub(crate) async fn caller(&self, connected: &Connected, options: &[&str]) -> Program {
        self.caller_by(&self.database.url(), connected, options).await
    }

    /// One that finds the database at an address of its own.
    pub(crate) async fn caller_by(&self, database: &str, connected: &Connected, options: &[&str]) -> Program {
        let ghl = self.sandbox.ghl();
        let api = format!("{}/ghl", self.sandbox.url());
        let mut arguments = vec!["--database", database, "--api", &api, "--resource", &connected.resource];
        arguments.extend(["--client-id", ghl.client_id(), "--client-secret", ghl.client_secret()]);
        arguments.extend(options);
        let mut program = Program::start("token-caller", &arguments, [("RUST_LOG", "warn".to_owned())]);
        program.line(PATIENCE, |line| line == "ready").await;
        program
    }

    pub(crate) fn expire(&self, connected: &Connected) {
        let order = TokenCommand { expire_resource: Some(connected.id.clone()), ..TokenCommand::default() };
        assert!(self.sandbox.control().update_tokens(&order).unwrap() > 0, "no token was good before the round");
    }

    pub(crate) fn fault(&self, fault: TokenFault) {
        let order = TokenCommand { fault: Some(fault), ..TokenCommand::default() };
        self.sandbox.control().update_tokens(&order).unwrap();
    }

    pub(crate) fn counts(&self, connected: &Connected) -> ConnectionCounts {
        self.sandbox.ghl().counts().connections.get(&connected.id).cloned().unwrap_or_default()
    }

    pub(crate) async fn state(&self, connected: &Connected) -> ConnectionState {
        self.store.load(&connected.key).await.unwrap().unwrap().state
    }
}

/// Has each process make its calls, all at the same time; their answers.
pub(crate) async fn go(programs: &mut [Program], calls: usize) -> Vec<Value> {
    for program in programs.iter_mut() {
        program.say(&format!("go {calls}")).await;
    }
    let mut answers = Vec::new();
    for program in programs {
        answers.push(serde_json::from_str(&program.output(PATIENCE).await).unwrap());
    }
    answers
}

pub(crate) fn sum(answers: &[Value], field: &str) -> u64 {
    answers.iter().map(|answer| answer[field].as_u64().unwrap()).sum()
}

/// Rounds of an ended token and all calls at once. Answers (rounds, failed calls, exchanges that were one too many or missing).
pub(crate) async fn rounds(
    scene: &Scene,
    connected: &Connected,
    programs: &mut [Program],
    rounds: usize,
    calls: usize,
) -> (u64, u64) {
    let (mut failed, mut wrong) = (0, 0);
    for round in 0..rounds {
        let before = scene.counts(connected).refreshes;
        scene.expire(connected);
        let answers = go(programs, calls).await;
        let exchanges = scene.counts(connected).refreshes - before;
        assert_eq!(sum(&answers, "ok") + sum(&answers, "failed"), (calls * programs.len()) as u64);
        if exchanges != 1 || sum(&answers, "failed") > 0 {
            println!("round {round}: {exchanges} exchanges; {answers:?}");
        }
        failed += sum(&answers, "failed");
        wrong += u64::from(exchanges != 1);
    }
    (failed, wrong)
}

on_each_database!(a_hundred_calls_in_one_process_make_one_exchange_a_round);

async fn a_hundred_calls_in_one_process_make_one_exchange_a_round(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::location(&scene.sandbox, &*scene.store).await;
    let mut programs = [scene.caller(&connected, &[]).await];
    let count = scaled(200, 20);
    let (failed, wrong) = rounds(&scene, &connected, &mut programs, count, 100).await;
    let reuses = scene.counts(&connected).reuses;
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

on_each_database!(fifty_calls_in_each_of_two_processes_make_one_exchange_a_round);

async fn fifty_calls_in_each_of_two_processes_make_one_exchange_a_round(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::location(&scene.sandbox, &*scene.store).await;
    let mut programs = [scene.caller(&connected, &[]).await, scene.caller(&connected, &[]).await];
    let count = scaled(200, 20);
    let (failed, wrong) = rounds(&scene, &connected, &mut programs, count, 50).await;
    let reuses = scene.counts(&connected).reuses;
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

on_each_database!(a_caller_who_gives_up_does_not_stop_the_exchange);

async fn a_caller_who_gives_up_does_not_stop_the_exchange(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::location(&scene.sandbox, &*scene.store).await;
    let ghl = scene.sandbox.ghl();
    let api = format!("{}/ghl", scene.sandbox.url());
    let oauth = GhlOAuth::builder(ghl.client_id(), ghl.client_secret().to_owned()).base_url(&*api).build().unwrap();
    let exchange = Arc::new(GhlExchange::new(oauth));
    let manager = TokenManager::new(scene.store.clone(), scene.store.clone(), exchange, SystemClock::shared());
    let client = GhlClient::builder()
        .credentials(Arc::new(manager.handle(connected.key.clone())))
        .base_url(api)
        .limiter(Arc::new(Unlimited))
        .build()
        .unwrap();
    let call = || tokio::spawn(client.locations().get(connected.id.as_str()).into_future());
    let count = scaled(50, 5);
    for _ in 0..count {
        let before = scene.counts(&connected).refreshes;
        scene.expire(&connected);
        scene.fault(TokenFault::Slow { ms: 150, rotate: Rotate::Before });
        let first = call();
        // The stand-in rotates as soon as the request is there; the answer is still on its way then.
        while scene.counts(&connected).refreshes == before {
            SystemClock::new().sleep(Duration::from_millis(2)).await;
        }
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled(), "the caller was cancelled while its exchange was under way");
        for other in (0..99).map(|_| call()).collect::<Vec<_>>() {
            other.await.unwrap().unwrap();
        }
        assert_eq!(scene.counts(&connected).refreshes - before, 1);
    }
    assert_eq!(scene.counts(&connected).reuses, 0);
    let reached = format!("{count} rounds of 100 calls, 0 failed beside the cancelled ones, 0 reuses");
    proof(
        &format!("R8-cancelled {database}"),
        "the caller of the exchange cancelled: one exchange, 0 failed",
        reached,
        true,
    );
}
