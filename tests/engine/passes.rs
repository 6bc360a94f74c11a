//! Passes that are stopped, and passes during which the provider changes.

use std::{sync::atomic::Ordering, time::Duration};

use sidecar_core::sync::{EngineConfig, SyncError};
use sidecar_tests::{Chance, Kind, on_each_database, proof, scaled};

use crate::listing::{Copy, Provider};

/// The page that is committed, and the one that is fetched meanwhile.
const IN_FLIGHT: u64 = 2;

on_each_database!(a_pass_dropped_anywhere_goes_on_and_ends_exact);

async fn a_pass_dropped_anywhere_goes_on_and_ends_exact(database: Kind) {
    let (rows, page_size) = (600, 10);
    let mut chance = Chance::new("engine cut");
    let (mut cuts, wanted, mut most) = (0, scaled(50, 20), 0);
    while cuts < wanted {
        let copy = Copy::of(database, Provider::new(rows, page_size)).await;
        let mut cuts_here = 0;
        // A pass of sixty pages takes some hundreds of polls. A cut may also fall behind the last commit.
        while !copy.has_ended().await {
            let before = copy.provider.fetched.load(Ordering::Relaxed);
            match copy.pass_cut_after(chance.within(20..120)).await {
                // A slow disk can cost a lease that is so short; the pass is cut then too.
                None | Some(Err(SyncError::LeaseLost)) => cuts_here += 1,
                Some(outcome) => drop(outcome.unwrap()),
            }
            most = most.max(copy.provider.fetched.load(Ordering::Relaxed) - before);
        }
        copy.is_exact().await;
        let (pages, fetched) = ((rows / page_size) as u64, copy.provider.fetched.load(Ordering::Relaxed));
        let again = fetched.saturating_sub(pages);
        assert!(again <= IN_FLIGHT * cuts_here, "{again} pages were fetched again after {cuts_here} cuts");
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

on_each_database!(what_is_created_changed_and_deleted_during_a_pass_is_right_after_the_next);

async fn what_is_created_changed_and_deleted_during_a_pass_is_right_after_the_next(database: Kind) {
    let provider = Provider::new(300, 10);
    let copy = Copy::of(database, provider.clone()).await;
    copy.pass(false).await.unwrap();
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
    copy.pass(false).await.unwrap();
    let (stored, truth) = (copy.stored().await, copy.truth());
    let lost: Vec<_> = truth.keys().filter(|id| !stored.contains_key(*id)).collect();
    assert!(lost.is_empty(), "a pass lost {lost:?}");
    assert!(!stored.contains_key("c000260"), "deleted before the cursor came there, and not tombstoned");
    provider.undisturbed();
    copy.pass(false).await.unwrap();
    copy.is_exact().await;
}

on_each_database!(an_incremental_pass_brings_what_changed_and_deletes_nothing);

async fn an_incremental_pass_brings_what_changed_and_deletes_nothing(database: Kind) {
    let provider = Provider::new(300, 10);
    let config = EngineConfig { lease_ttl: Duration::from_millis(500), ..EngineConfig::default() };
    let copy = Copy::with(database, provider.clone(), config).await;
    copy.pass(false).await.unwrap();
    provider.create("new", "new");
    provider.change("c000007", "changed");
    provider.remove("c000008");
    let report = copy.pass(false).await.unwrap();
    let stored = copy.stored().await;
    assert_eq!((stored["new"].as_str(), stored["c000007"].as_str()), ("new", "changed"));
    assert_eq!((report.inserted, report.updated, report.deleted), (1, 1, 0));
    assert!(stored.contains_key("c000008"), "an incremental pass cannot know of deletes");
}

on_each_database!(a_pass_that_lacks_too_many_removes_nothing_unless_forced);

async fn a_pass_that_lacks_too_many_removes_nothing_unless_forced(database: Kind) {
    let provider = Provider::new(300, 50);
    let copy = Copy::of(database, provider.clone()).await;
    copy.pass(false).await.unwrap();
    (0..70).for_each(|n| provider.remove(&format!("c{:06}", n * 4)));
    let refused = copy.pass(false).await.unwrap_err();
    assert!(matches!(refused, SyncError::MassDelete { missing: 70, stored: 300, .. }), "{refused}");
    assert_eq!(copy.stored().await.len(), 300);
    let report = copy.pass(true).await.unwrap();
    assert_eq!(report.deleted, 70);
    copy.is_exact().await;
    // What comes back so soon after its removal cannot be ordered: a read by id is wished for.
    provider.create("c000000", "back");
    copy.pass(false).await.unwrap();
    assert_eq!(copy.store.waiting_tasks().await.unwrap(), (1, 0));
    proof(
        &format!("R7-guard {database}"),
        "a run that would remove > 20 % stops unless forced",
        "70 of 300: stopped, then forced",
        true,
    );
}

on_each_database!(deletes_below_the_guard_are_confirmed_one_by_one_and_removed);

async fn deletes_below_the_guard_are_confirmed_one_by_one_and_removed(database: Kind) {
    let provider = Provider::new(300, 50);
    let copy = Copy::of(database, provider.clone()).await;
    copy.pass(false).await.unwrap();
    (0..40).for_each(|n| provider.remove(&format!("c{:06}", n * 7)));
    let report = copy.pass(false).await.unwrap();
    assert_eq!((report.deleted, provider.reads.load(Ordering::Relaxed)), (40, 40));
    copy.is_exact().await;
}
