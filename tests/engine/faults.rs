//! Listings that fail (R7): a page that fails or lies never leads to a delete.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use sidecar_core::ErrorKind;
use sidecar_tests::{Chance, Kind, on_each_database, proof};

use crate::listing::{Copy, Fault, Provider};

const PLACES: usize = 100;

on_each_database!(a_page_that_fails_or_lies_at_a_hundred_random_places_deletes_nothing);

async fn a_page_that_fails_or_lies_at_a_hundred_random_places_deletes_nothing(database: Kind) {
    let (rows, page_size) = (200, 10);
    let provider = Provider::new(rows, page_size);
    let copy = Copy::of(database, provider.clone()).await;
    copy.pass(false).await.unwrap();
    let hits = std::sync::Arc::new(AtomicUsize::new(0));
    let chance = Mutex::new(Chance::new("engine faults"));
    let counted = hits.clone();
    provider.on_page(move |_, _| {
        const KINDS: [Fault; 5] = [
            Fault::Status(ErrorKind::Server),
            Fault::Status(ErrorKind::Transport),
            Fault::Status(ErrorKind::NotFound),
            Fault::EndsEarly,
            Fault::LacksRows,
        ];
        let mut chance = chance.lock().unwrap();
        let fault = chance.percent(12).then(|| KINDS[chance.index(KINDS.len())]);
        counted.fetch_add(usize::from(fault.is_some()), Ordering::Relaxed);
        fault
    });
    let (mut failed, mut ended, mut deleted) = (0, 0, 0);
    while hits.load(Ordering::Relaxed) < PLACES {
        match copy.pass(false).await {
            Ok(report) => {
                ended += 1;
                deleted += report.deleted;
            }
            Err(_) => failed += 1,
        }
        assert_eq!(copy.stored().await.len(), rows, "after {} faults", hits.load(Ordering::Relaxed));
    }
    let hits = hits.load(Ordering::Relaxed);
    println!("{hits} pages failed or lied; {failed} passes failed, {ended} ended; {deleted} deletes");
    assert!(failed > 0 && ended > 0, "both kinds of end have to be seen");
    provider.undisturbed();
    copy.pass(false).await.unwrap();
    copy.is_exact().await;
    proof(
        &format!("R7 {database}"),
        format!("{PLACES} random places, 0 false deletes"),
        format!("{hits} places, {deleted} deletes"),
        deleted == 0,
    );
    assert_eq!(deleted, 0);
}
