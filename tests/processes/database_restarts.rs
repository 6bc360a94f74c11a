//! Loss of the database (R13): PostgreSQL is restarted without a shutdown while deliveries arrive.

use std::time::Duration;

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{PrivatePostgres, SeededRng, is_full_scale, percentile, proof, scaled};

use crate::{
    database::Database,
    server::{Fixture, WAIT_TIMEOUT},
    webhook_sender::{IN_FLIGHT, RetryingSender, send_at_rate},
    workload::{StoredEffects, Workload},
};

/// Recovery times are asserted at this multiple of the requirement.
const RECOVERY_FACTOR: u32 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_postgresql_loses_no_acknowledged_delivery() {
    let mut rng = SeededRng::new("postgres restarted");
    let (per_second, restarts) = (u32::try_from(scaled(500, 150)).unwrap(), scaled(5, 3));
    let each = Duration::from_secs(if is_full_scale() { 12 } else { 3 });
    let count = usize::try_from(per_second).unwrap() * (restarts + 1) * usize::try_from(each.as_secs()).unwrap();
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    let database = Database::private(PrivatePostgres::start().await);
    let mut fixture = Fixture::on(database, sandbox, &[("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())]).await;
    let workload = Workload::new(&fixture.sandbox, count, &mut rng);
    let mut server = fixture.serve().await;
    let clock = SystemClock::new();
    let deliveries = workload.deliveries.clone();
    let sending =
        tokio::spawn(send_at_rate(clock.clone(), fixture.http.clone(), fixture.webhook_url(), deliveries, per_second));
    let mut times = Vec::new();
    for _ in 0..restarts {
        clock.sleep(each).await;
        let down = clock.monotonic();
        fixture.database.instance().restart_immediate().await;
        times.push((down, clock.monotonic()));
    }
    let results = sending.await.unwrap();
    let (acknowledged, rejected): (Vec<_>, Vec<_>) = results.iter().partition(|result| result.is_acknowledged());
    let unexpected = rejected.iter().filter(|result| !result.has_retry_after()).count();
    let slowest = rejected.iter().map(|result| result.took()).max().unwrap_or_default();
    // The recovery time: until the last rejection before the next restart.
    let back = times.iter().enumerate().map(|(n, (_, up))| {
        let next = times.get(n + 1).map_or(Duration::MAX, |(down, _)| *down);
        let late = rejected.iter().filter(|result| result.responded < next);
        late.map(|result| result.responded.saturating_sub(*up)).max().unwrap_or_default()
    });
    let back = back.max().unwrap_or_default();
    let sent = clock.monotonic();
    fixture.wait_for_empty_inbox(WAIT_TIMEOUT * 2).await;
    let processed = clock.monotonic() - sent;
    let ledger = StoredEffects::read(&fixture).await;
    let (lost, doubled) = (ledger.lost(acknowledged.iter().map(|result| &result.id)), ledger.doubled());
    // The rejected deliveries are sent again.
    let again: Vec<_> = rejected.iter().map(|result| result.id.clone()).collect();
    let sender =
        RetryingSender::new(workload.deliveries.iter().filter(|delivery| again.contains(&delivery.id)).cloned());
    let send = |_| tokio::spawn(std::sync::Arc::clone(&sender).send_all(fixture.http.clone(), fixture.webhook_url()));
    for task in (0..IN_FLIGHT).map(send).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    fixture.wait_for_empty_inbox(WAIT_TIMEOUT * 2).await;
    let all = workload.deliveries.iter().map(|delivery| delivery.id.clone()).collect();
    let faults = StoredEffects::read(&fixture).await.faults(&workload, &all);
    assert!(!server.has_ended(), "{}", server.log());
    let mut took: Vec<_> = acknowledged.iter().map(|result| result.took().as_secs_f64()).collect();
    took.sort_by(f64::total_cmp);
    let downs: Vec<_> = times.iter().map(|(down, up)| format!("{:.1?}", *up - *down)).collect();
    let reached = format!(
        "{count} at {per_second}/s, {restarts} restarts (down for {}): {} acknowledged, {} rejected (slowest after {slowest:.1?}), {unexpected} \
         other, {lost} lost, {doubled} doubled, normal {back:.1?} after it was up, all processed {processed:.1?} after the last, median {:.1} ms; rejected ones sent \
         again: {faults:?}",
        downs.join(", "),
        acknowledged.len(),
        rejected.len(),
        percentile(&took, 0.5) * 1_000.0,
    );
    let ok = (lost, doubled, unexpected) == (0, 0, 0)
        && faults.is_empty()
        && slowest <= Duration::from_secs(5)
        && back.max(processed) <= Duration::from_secs(10);
    proof(
        "R13",
        "restart -m immediate × 5 (quick 3) under 500 webhooks/s (150): 0 acked lost, the rest rejected ≤ 5 s, normal ≤ 10 s",
        reached,
        ok,
    );
    assert!(!rejected.is_empty(), "the restarts missed");
    assert_eq!((lost, doubled, unexpected, faults), (0, 0, 0, vec![]));
    assert!(slowest <= Duration::from_secs(5) * RECOVERY_FACTOR, "{slowest:?}");
    assert!(back.max(processed) <= Duration::from_secs(10) * RECOVERY_FACTOR, "{back:?}, {processed:?}");
}
