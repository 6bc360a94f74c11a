//! The loss of the database (R13): PostgreSQL is restarted as if it had crashed, while deliveries go on coming.

use std::time::Duration;

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Chance, PrivatePostgres, full, percentile, proof, scaled};

use crate::{
    database::Database,
    sender::{IN_FLIGHT, Sender, at_a_pace},
    server::{PATIENCE, Scene},
    story::{Ledger, Story},
};

/// Recovery times are asserted at this many times what is asked.
const SLACK: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_postgres_costs_no_acknowledged_delivery_and_is_found_again() {
    let mut chance = Chance::new("postgres restarted");
    let (per_second, restarts) = (u32::try_from(scaled(500, 150)).unwrap(), scaled(5, 3));
    let each = Duration::from_secs(if full() { 12 } else { 3 });
    let count = usize::try_from(per_second).unwrap() * (restarts + 1) * usize::try_from(each.as_secs()).unwrap();
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let database = Database::private(PrivatePostgres::start().await);
    let mut scene = Scene::on(database, sandbox, &[("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())]).await;
    let story = Story::new(&scene.sandbox, count, &mut chance);
    let mut server = scene.serve().await;
    let clock = SystemClock::new();
    let deliveries = story.deliveries.clone();
    let sending = tokio::spawn(at_a_pace(clock.clone(), scene.http.clone(), scene.webhooks(), deliveries, per_second));
    let mut times = Vec::new();
    for _ in 0..restarts {
        clock.sleep(each).await;
        let down = clock.monotonic();
        scene.database.instance().restart_immediate().await;
        times.push((down, clock.monotonic()));
    }
    let answers = sending.await.unwrap();
    let (kept, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.is_kept());
    let unexpected = refused.iter().filter(|answer| !answer.is_put_off()).count();
    let slowest = refused.iter().map(|answer| answer.took()).max().unwrap_or_default();
    // Normal again: nothing is refused any more, up to the next restart.
    let back = times.iter().enumerate().map(|(n, (_, up))| {
        let next = times.get(n + 1).map_or(Duration::MAX, |(down, _)| *down);
        let late = refused.iter().filter(|answer| answer.answered < next);
        late.map(|answer| answer.answered.saturating_sub(*up)).max().unwrap_or_default()
    });
    let back = back.max().unwrap_or_default();
    let sent = clock.monotonic();
    scene.inbox_empties(PATIENCE * 2).await;
    let worked_off = clock.monotonic() - sent;
    let ledger = Ledger::read(&scene).await;
    let (lost, doubled) = (ledger.lost(kept.iter().map(|answer| &answer.id)), ledger.doubled());
    // The sender comes again with what was put off.
    let again: Vec<_> = refused.iter().map(|answer| answer.id.clone()).collect();
    let sender = Sender::new(story.deliveries.iter().filter(|delivery| again.contains(&delivery.id)).cloned());
    let send = |_| tokio::spawn(std::sync::Arc::clone(&sender).send_all(scene.http.clone(), scene.webhooks()));
    for task in (0..IN_FLIGHT).map(send).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    scene.inbox_empties(PATIENCE * 2).await;
    let all = story.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
    let faults = Ledger::read(&scene).await.faults(&story, &all);
    assert!(!server.has_ended(), "{}", server.log());
    let mut took: Vec<_> = kept.iter().map(|answer| answer.took().as_secs_f64()).collect();
    took.sort_by(f64::total_cmp);
    let downs: Vec<_> = times.iter().map(|(down, up)| format!("{:.1?}", *up - *down)).collect();
    let reached = format!(
        "{count} at {per_second}/s, {restarts} restarts (down for {}): {} kept, {} put off (slowest after {slowest:.1?}), {unexpected} \
         other, {lost} lost, {doubled} doubled, normal {back:.1?} after it was up, all worked off {worked_off:.1?} after the last, median {:.1} ms; put off ones sent \
         again: {faults:?}",
        downs.join(", "),
        kept.len(),
        refused.len(),
        percentile(&took, 0.5) * 1_000.0,
    );
    let ok = (lost, doubled, unexpected) == (0, 0, 0)
        && faults.is_empty()
        && slowest <= Duration::from_secs(5)
        && back.max(worked_off) <= Duration::from_secs(10);
    proof(
        "R13",
        "restart -m immediate × 5 (quick 3) under 500 webhooks/s (150): 0 acked lost, the rest answered ≤ 5 s, normal ≤ 10 s",
        reached,
        ok,
    );
    assert!(!refused.is_empty(), "the restarts missed");
    assert_eq!((lost, doubled, unexpected, faults), (0, 0, 0, vec![]));
    assert!(slowest <= Duration::from_secs(5) * SLACK, "{slowest:?}");
    assert!(back.max(worked_off) <= Duration::from_secs(10) * SLACK, "{back:?}, {worked_off:?}");
}
