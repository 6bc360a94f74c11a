//! Faults of listings (R7): a page that fails or is incomplete never leads to a delete.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use sidecar_core::ErrorKind;
use sidecar_tests::{DatabaseKind, SeededRng, proof, test_on_each_database};

use crate::fake_provider::{FakeProvider, Fault, SyncHarness};

const FAULTS: usize = 100;

test_on_each_database!(failing_and_incomplete_pages_delete_nothing);

async fn failing_and_incomplete_pages_delete_nothing(database: DatabaseKind) {
    let (rows, page_size) = (200, 10);
    let provider = FakeProvider::new(rows, page_size);
    let harness = SyncHarness::full_runs(database, provider.clone()).await;
    harness.run(false).await.unwrap();
    let hits = std::sync::Arc::new(AtomicUsize::new(0));
    let rng = Mutex::new(SeededRng::new("engine faults"));
    let counted = hits.clone();
    provider.on_page(move |_, _| {
        const KINDS: [Fault; 5] = [
            Fault::Status(ErrorKind::Server),
            Fault::Status(ErrorKind::Transport),
            Fault::Status(ErrorKind::NotFound),
            Fault::EndsEarly,
            Fault::LacksRows,
        ];
        let mut rng = rng.lock().unwrap();
        let fault = rng.percent(12).then(|| KINDS[rng.index(KINDS.len())]);
        counted.fetch_add(usize::from(fault.is_some()), Ordering::Relaxed);
        fault
    });
    let (mut failed, mut ended, mut deleted) = (0, 0, 0);
    while hits.load(Ordering::Relaxed) < FAULTS {
        match harness.run(false).await {
            Ok(report) => {
                ended += 1;
                deleted += report.deleted;
            }
            Err(_) => failed += 1,
        }
        assert_eq!(harness.stored().await.len(), rows, "after {} faults", hits.load(Ordering::Relaxed));
    }
    let hits = hits.load(Ordering::Relaxed);
    println!("{hits} pages failed or were incomplete; {failed} runs failed, {ended} ended; {deleted} deletes");
    assert!(failed > 0 && ended > 0, "some runs fail and some succeed");
    provider.clear_hook();
    harness.run(false).await.unwrap();
    harness.assert_exact().await;
    proof(
        &format!("R7 {database}"),
        format!("{FAULTS} faults, 0 false deletes"),
        format!("{hits} faults, {deleted} deletes"),
        deleted == 0,
    );
    assert_eq!(deleted, 0);
}
