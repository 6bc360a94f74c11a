//! Interrupted sync runs, and runs during which the provider changes.

use std::{sync::atomic::Ordering, time::Duration};

use sidecar_core::sync::{EngineConfig, SyncError};
use sidecar_tests::{DatabaseKind, SeededRng, proof, scaled, test_on_each_database};

use crate::fake_provider::{FakeProvider, SyncHarness};

/// The page being committed and the one being fetched.
const MAX_PAGES_AGAIN: u64 = 2;

test_on_each_database!(a_dropped_run_resumes_and_ends_exact);

async fn a_dropped_run_resumes_and_ends_exact(database: DatabaseKind) {
    let (rows, page_size) = (600, 10);
    let mut rng = SeededRng::new("engine cut");
    let (mut cuts, required_cuts, mut most) = (0, scaled(50, 20), 0);
    while cuts < required_cuts {
        let harness = SyncHarness::full_runs(database, FakeProvider::new(rows, page_size)).await;
        let mut cuts_here = 0;
        // A run of sixty pages takes some hundreds of polls. A cut may also fall after the last commit.
        while !harness.has_ended().await {
            let before = harness.provider.fetched.load(Ordering::Relaxed);
            match harness.run_cut_after(rng.within(20..120)).await {
                // A slow disk can lose this short lease, which ends the run too.
                None | Some(Err(SyncError::LeaseLost)) => cuts_here += 1,
                Some(outcome) => drop(outcome.unwrap()),
            }
            most = most.max(harness.provider.fetched.load(Ordering::Relaxed) - before);
        }
        harness.assert_exact().await;
        let (pages, fetched) = ((rows / page_size) as u64, harness.provider.fetched.load(Ordering::Relaxed));
        let again = fetched.saturating_sub(pages);
        assert!(again <= MAX_PAGES_AGAIN * cuts_here, "{again} pages were fetched again after {cuts_here} cuts");
        cuts += usize::try_from(cuts_here).unwrap();
    }
    println!("{cuts} cuts; at most {most} pages in a run before its cut");
    proof(
        &format!("R6-engine {database}"),
        "cut anywhere, resumes, ≤ 2 pages again per cut, exact",
        format!("{cuts} cuts, exact"),
        true,
    );
}

test_on_each_database!(changes_during_a_run_are_exact_after_the_next);

async fn changes_during_a_run_are_exact_after_the_next(database: DatabaseKind) {
    let provider = FakeProvider::new(300, 10);
    let harness = SyncHarness::full_runs(database, provider.clone()).await;
    harness.run(false).await.unwrap();
    let already = provider.fetched.load(Ordering::Relaxed);
    provider.on_page(move |provider, number| {
        match number - already {
            3 => provider.create("new-1", "created while page 3 was read"),
            10 => {
                provider.change("c000001", "changed behind the cursor");
                provider.change("c000250", "changed before the cursor");
                provider.remove("c000002");
                provider.remove("c000260");
            }
            20 => provider.create("new-2", "created late"),
            _ => {}
        }
        None
    });
    harness.run(false).await.unwrap();
    let (stored, expected) = (harness.stored().await, harness.at_provider());
    let lost: Vec<_> = expected.keys().filter(|id| !stored.contains_key(*id)).collect();
    assert!(lost.is_empty(), "a run lost {lost:?}");
    assert!(!stored.contains_key("c000260"), "a record deleted ahead of the cursor is still stored");
    provider.clear_hook();
    harness.run(false).await.unwrap();
    harness.assert_exact().await;
}

test_on_each_database!(an_incremental_run_writes_changes_and_deletes_nothing);

async fn an_incremental_run_writes_changes_and_deletes_nothing(database: DatabaseKind) {
    let provider = FakeProvider::new(300, 10);
    let config = EngineConfig { lease_ttl: Duration::from_millis(500), ..EngineConfig::default() };
    let harness = SyncHarness::with(database, provider.clone(), config).await;
    harness.run(false).await.unwrap();
    provider.create("new", "new");
    provider.change("c000007", "changed");
    provider.remove("c000008");
    let report = harness.run(false).await.unwrap();
    let stored = harness.stored().await;
    assert_eq!((stored["new"].as_str(), stored["c000007"].as_str()), ("new", "changed"));
    assert_eq!((report.inserted, report.updated, report.deleted), (1, 1, 0));
    assert!(stored.contains_key("c000008"), "an incremental run cannot detect deletes");
}

test_on_each_database!(a_mass_delete_is_stopped_unless_forced);

async fn a_mass_delete_is_stopped_unless_forced(database: DatabaseKind) {
    let provider = FakeProvider::new(300, 50);
    let harness = SyncHarness::full_runs(database, provider.clone()).await;
    harness.run(false).await.unwrap();
    (0..70).for_each(|n| provider.remove(&format!("c{:06}", n * 4)));
    let error = harness.run(false).await.unwrap_err();
    assert!(matches!(error, SyncError::MassDelete { missing: 70, stored: 300, .. }), "{error}");
    assert_eq!(harness.stored().await.len(), 300);
    let report = harness.run(true).await.unwrap();
    assert_eq!(report.deleted, 70);
    harness.assert_exact().await;
    // A record that returns this soon after its delete cannot be ordered: a refetch task is enqueued.
    provider.create("c000000", "back");
    harness.run(false).await.unwrap();
    assert_eq!(harness.store.waiting_tasks().await.unwrap(), (1, 0));
    proof(
        &format!("R7-guard {database}"),
        "a run that would remove > 20 % stops unless forced",
        "70 of 300: stopped, then forced",
        true,
    );
}

test_on_each_database!(deletes_below_the_guard_are_confirmed_one_by_one_and_removed);

async fn deletes_below_the_guard_are_confirmed_one_by_one_and_removed(database: DatabaseKind) {
    let provider = FakeProvider::new(300, 50);
    let harness = SyncHarness::full_runs(database, provider.clone()).await;
    harness.run(false).await.unwrap();
    (0..40).for_each(|n| provider.remove(&format!("c{:06}", n * 7)));
    let report = harness.run(false).await.unwrap();
    assert_eq!((report.deleted, provider.reads.load(Ordering::Relaxed)), (40, 40));
    harness.assert_exact().await;
}
