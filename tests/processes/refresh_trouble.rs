//! Token refresh when something breaks (R9): a slow provider, a holder that dies, a database that is cut off, clocks that
//! differ. At most one exchange succeeds, and nobody waits for ever or is left in the dark.

use std::time::Duration;

use provider_sandbox::ghl::{Rotate, TokenFault};
use serde_json::Value;
use sidecar_core::{Clock, SystemClock, token::ConnectionState};
use sidecar_tests::{Connected, Fault, FaultProxy, Kind, full, on_each_database, proof, scaled};

use crate::{
    refresh::{Scene, go, rounds, sum},
    server::PATIENCE,
};

/// What a call may take, everything included.
const DEADLINE: Duration = Duration::from_secs(30);

on_each_database!(a_token_endpoint_three_times_slower_than_the_lease_is_asked_once);

async fn a_token_endpoint_three_times_slower_than_the_lease_is_asked_once(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::location(&scene.sandbox, &*scene.store).await;
    let lease = ["--lease-ms", "400"];
    let mut programs = [scene.caller(&connected, &lease).await, scene.caller(&connected, &lease).await];
    let (mut failed, mut wrong) = (0, 0);
    let each = scaled(10, 2);
    for rotate in [Rotate::Before, Rotate::After] {
        for _ in 0..each {
            scene.fault(TokenFault::Slow { ms: 1_200, rotate });
            let (more_failed, more_wrong) = rounds(&scene, &connected, &mut programs, 1, 50).await;
            failed += more_failed;
            wrong += more_wrong;
        }
    }
    let reuses = scene.counts(&connected).reuses;
    let reached = format!("{} rounds, {failed} failed calls, {wrong} wrong rounds, {reuses} reuses", 2 * each);
    let ok = (failed, wrong, reuses) == (0, 0, 0);
    proof(
        &format!("R9-slow {database}"),
        "endpoint 3 × slower than the lease: one exchange a round, 0 failed",
        reached,
        ok,
    );
    assert!(ok);
}

on_each_database!(a_token_endpoint_slower_than_its_callers_are_patient_is_asked_once);

async fn a_token_endpoint_slower_than_its_callers_are_patient_is_asked_once(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::location(&scene.sandbox, &*scene.store).await;
    let (slow, wait) = if full() { (30_000, "20000") } else { (3_000, "2000") };
    let options = ["--wait-ms", wait];
    let mut programs = [scene.caller(&connected, &options).await, scene.caller(&connected, &options).await];
    scene.expire(&connected);
    scene.fault(TokenFault::Slow { ms: slow, rotate: Rotate::After });
    let answers = go(&mut programs, 50).await;
    let longest = longest(&answers);
    SystemClock::new().sleep(Duration::from_millis(slow)).await;
    let again = go(&mut programs, 50).await;
    let counts = scene.counts(&connected);
    let reached = format!(
        "{slow} ms: {} of 100 callers gave up, the last after {longest:.1?}; then {} failed; {} exchanges, {} reuses",
        sum(&answers, "failed"),
        sum(&again, "failed"),
        counts.refreshes,
        counts.reuses,
    );
    let ok = (sum(&again, "failed"), counts.refreshes, counts.reuses) == (0, 1, 0) && longest <= DEADLINE;
    let id = format!("R9-very-slow {database}");
    proof(&id, "a 30 s-slow endpoint (quick 3 s): one exchange, waiters end ≤ their deadline", reached, ok);
    assert!(ok, "{answers:?}\n{again:?}");
}

/// How long the slowest round of calls took.
fn longest(answers: &[Value]) -> Duration {
    let ms = answers.iter().map(|answer| answer["ms"].as_u64().unwrap()).max().unwrap();
    Duration::from_millis(ms)
}

/// What became of a connection whose exchange was disturbed: at most one exchange succeeded, callers ended in time, and the
/// ones that failed were told. `presented`: how often the provider may see a token that it has refused or would refuse.
async fn is_orderly(scene: &Scene, connected: &Connected, answers: &[Value], id: &str, asked: &str, presented: u64) {
    let (counts, longest, failed) = (scene.counts(connected), longest(answers), sum(answers, "failed"));
    let state = scene.state(connected).await;
    let lost = matches!(state, ConnectionState::NeedsReauth { .. });
    let reached = format!(
        "{} exchanges, {} reuses, {failed} of {} failed, the last after {longest:.1?}, then {}",
        counts.refreshes,
        counts.reuses,
        failed + sum(answers, "ok"),
        if lost { "needs_reauth" } else { "active" },
    );
    let ok = counts.refreshes <= 1 && counts.reuses <= presented && longest <= DEADLINE;
    proof(id, asked, reached, ok);
    assert!(ok, "{answers:?}");
    assert!(lost || failed == 0, "calls failed on a connection that is good: {answers:?}");
}

on_each_database!(a_holder_killed_in_its_exchange_is_followed_by_at_most_one_presentation);

async fn a_holder_killed_in_its_exchange_is_followed_by_at_most_one_presentation(database: Kind) {
    for rotate in [Rotate::Before, Rotate::After] {
        let scene = Scene::new(database).await;
        let connected = Connected::location(&scene.sandbox, &*scene.store).await;
        let mut holder = scene.caller(&connected, &[]).await;
        let mut other = [scene.caller(&connected, &[]).await];
        scene.expire(&connected);
        scene.fault(TokenFault::Slow { ms: 1_500, rotate });
        holder.say("go 50").await;
        lease_is_held(&scene).await;
        SystemClock::new().sleep(Duration::from_millis(300)).await;
        holder.kill().await;
        let mut answers = go(&mut other, 50).await;
        answers.extend(go(&mut other, 50).await);
        let id = format!("R9-holder-killed {rotate:?} {database}");
        let asked =
            "kill -9 of the holder in a slow exchange: ≤ 1 successful, presented at most once more, waiters end";
        is_orderly(&scene, &connected, &answers, &id, asked, 1).await;
    }
}

async fn lease_is_held(scene: &Scene) {
    let clock = SystemClock::new();
    while scene.database.held().await == 0 {
        assert!(clock.monotonic() < PATIENCE, "nobody takes the lease");
        clock.sleep(Duration::from_millis(5)).await;
    }
}

/// One process finds PostgreSQL through a proxy that is spoiled for so long while its exchange is under way; another one is
/// not. What all callers were answered.
async fn cut_off(fault: Fault, lasts: Duration, id: &str) -> (Scene, Connected, Vec<Value>) {
    let scene = Scene::new(Kind::Postgres).await;
    let connected = Connected::location(&scene.sandbox, &*scene.store).await;
    let proxy = FaultProxy::before(&scene.database.url()).await;
    let mut holder = scene.caller_by(proxy.url(), &connected, &[]).await;
    let mut other = scene.caller(&connected, &[]).await;
    scene.expire(&connected);
    scene.fault(TokenFault::Slow { ms: 800, rotate: Rotate::Before });
    holder.say("go 50").await;
    let clock = SystemClock::new();
    while scene.counts(&connected).refreshes == 0 {
        assert!(clock.monotonic() < PATIENCE, "{id}: no exchange begins");
        clock.sleep(Duration::from_millis(2)).await;
    }
    proxy.set(fault).await;
    other.say("go 50").await;
    clock.sleep(lasts).await;
    proxy.set(Fault::Pass).await;
    let mut answers = Vec::new();
    for program in [&mut holder, &mut other] {
        answers.push(serde_json::from_str(&program.output(PATIENCE).await).unwrap());
    }
    answers.extend(go(&mut [holder, other], 50).await);
    (scene, connected, answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_cut_off_for_less_than_the_lease_costs_no_call() {
    for (fault, name) in [(Fault::Reset, "reset"), (Fault::HalfOpen, "half-open")] {
        let id = format!("R9-cut-short {name} postgres");
        let (scene, connected, answers) = cut_off(fault, Duration::from_millis(1_200), &id).await;
        is_orderly(&scene, &connected, &answers, &id, "PostgreSQL cut off for 1.2 s in an exchange: 1 exchange", 0)
            .await;
        let counts = scene.counts(&connected);
        assert_eq!((counts.refreshes, counts.reuses, sum(&answers, "failed")), (1, 0, 0), "{id}: {answers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_cut_off_for_longer_than_the_lease_leaves_nobody_in_the_dark() {
    for (fault, name) in [(Fault::Reset, "reset"), (Fault::HalfOpen, "half-open")] {
        let id = format!("R9-cut-long {name} postgres");
        let (scene, connected, answers) = cut_off(fault, Duration::from_secs(6), &id).await;
        let asked = "PostgreSQL cut off for 6 s in an exchange: ≤ 1 successful, waiters end ≤ deadline, all told";
        // The old token by whoever takes the lease over, and then the new one of the holder that comes back.
        is_orderly(&scene, &connected, &answers, &id, asked, 2).await;
    }
}

on_each_database!(clocks_that_differ_by_two_hours_change_nothing);

async fn clocks_that_differ_by_two_hours_change_nothing(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::location(&scene.sandbox, &*scene.store).await;
    let mut programs = [
        scene.caller(&connected, &["--clock-offset", "-3600"]).await,
        scene.caller(&connected, &["--clock-offset", "3600"]).await,
    ];
    let count = scaled(200, 20);
    let (failed, wrong) = rounds(&scene, &connected, &mut programs, count, 50).await;
    let reuses = scene.counts(&connected).reuses;
    let reached = format!("{count} rounds, {failed} failed calls, {wrong} wrong rounds, {reuses} reuses");
    let ok = (failed, wrong, reuses) == (0, 0, 0);
    let id = format!("R9-clocks {database}");
    proof(&id, "clocks −1 h and +1 h, 2 × 50 calls × 200 rounds (quick 20): one exchange each", reached, ok);
    assert!(ok);
}

/// Makes one call in a process that crashes in its exchange.
async fn crash(scene: &Scene, connected: &Connected, at: &str) {
    let mut program = scene.caller(connected, &["--crash", at]).await;
    program.say("go 1").await;
    let status = program.ended(PATIENCE).await;
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(6), "it aborted at {at}");
}

on_each_database!(after_a_crash_before_the_request_left_the_next_holder_exchanges_once);

async fn after_a_crash_before_the_request_left_the_next_holder_exchanges_once(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::location(&scene.sandbox, &*scene.store).await;
    scene.expire(&connected);
    crash(&scene, &connected, "before-send").await;
    assert_eq!(scene.counts(&connected).refreshes, 0, "nothing left the process");
    let mut programs = [scene.caller(&connected, &[]).await, scene.caller(&connected, &[]).await];
    let answers = go(&mut programs, 50).await;
    let (counts, failed) = (scene.counts(&connected), sum(&answers, "failed"));
    let reached = format!("{} exchanges, {} reuses, {failed} failed of 100", counts.refreshes, counts.reuses);
    let ok = (counts.refreshes, counts.reuses, failed) == (1, 0, 0);
    proof(
        &format!("R9-crash-before {database}"),
        "holder aborted before sending: one exchange, by the next holder, 0 failed",
        reached,
        ok,
    );
    assert!(ok, "{answers:?}");
}

on_each_database!(after_a_crash_behind_the_answer_a_companys_location_token_is_minted_again);

async fn after_a_crash_behind_the_answer_a_companys_location_token_is_minted_again(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::minted_location(&scene.sandbox, &*scene.store).await;
    crash(&scene, &connected, "after-answer").await;
    assert_eq!(scene.counts(&connected).minted, 1, "the provider had answered");
    let mut programs = [scene.caller(&connected, &[]).await, scene.caller(&connected, &[]).await];
    let answers = go(&mut programs, 50).await;
    let (minted, failed) = (scene.counts(&connected).minted, sum(&answers, "failed"));
    let ok = (minted, failed) == (2, 0);
    let reached = format!("{minted} minted in all, {failed} failed of 100");
    proof(
        &format!("R9-crash-minted {database}"),
        "aborted between answer and commit: minted again, 0 failed",
        reached,
        ok,
    );
    assert!(ok, "{answers:?}");
    assert_eq!(scene.state(&connected).await, ConnectionState::Active);
}

/// The provider rotated, the process died: the connection is lost, and everybody is told so.
async fn is_told(scene: &Scene, connected: &Connected, name: &str) {
    scene.expire(connected);
    crash(scene, connected, "after-answer").await;
    assert_eq!(scene.counts(connected).refreshes, 1, "the provider had rotated");
    let clock = SystemClock::new();
    let mut programs = [scene.caller(connected, &[]).await, scene.caller(connected, &[]).await];
    let before = clock.monotonic();
    let answers = go(&mut programs, 50).await;
    let took = clock.monotonic() - before;
    let again = go(&mut programs, 20).await;
    let all: Vec<_> = answers.iter().chain(&again).collect();
    let reuses = scene.counts(connected).reuses;
    assert!(all.iter().all(|answer| answer["ok"] == 0 && answer["kinds"]["Auth"] == answer["failed"]), "{all:?}");
    assert!(
        all.iter().all(|answer| answer["errors"][0].as_str().unwrap().contains("again")
            || answer["errors"][0].as_str().unwrap().contains("invalid_grant")),
        "the errors say what to do: {all:?}"
    );
    assert!(matches!(scene.state(connected).await, ConnectionState::NeedsReauth { .. }), "the store says it too");
    let reached =
        format!("needs_reauth after {took:.1?}, {reuses} presentation(s) of the refused token, 140 of 140 calls told");
    let ok = took <= Duration::from_secs(5) && reuses == 1;
    proof(
        name,
        "aborted between answer and commit: needs_reauth ≤ 5 s, presented at most once more, never silent",
        reached,
        ok,
    );
    assert_eq!(reuses, 1);
    // Recovery times are asserted at five times what was asked; the report has the measured one.
    assert!(took <= Duration::from_secs(25), "{took:?}");
}

on_each_database!(after_a_crash_behind_the_answer_a_location_of_its_own_is_said_to_need_a_new_connection);

async fn after_a_crash_behind_the_answer_a_location_of_its_own_is_said_to_need_a_new_connection(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::location(&scene.sandbox, &*scene.store).await;
    is_told(&scene, &connected, &format!("R9-crash-location {database}")).await;
}

on_each_database!(after_a_crash_behind_the_answer_a_company_is_said_to_need_a_new_connection);

async fn after_a_crash_behind_the_answer_a_company_is_said_to_need_a_new_connection(database: Kind) {
    let scene = Scene::new(database).await;
    let connected = Connected::company(&scene.sandbox, &*scene.store).await;
    is_told(&scene, &connected, &format!("R9-crash-company {database}")).await;
}
