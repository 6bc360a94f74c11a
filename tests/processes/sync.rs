//! Sync (R6, R7): a killed run resumes from its checkpoint, and the stored records equal those of the provider.

use std::{collections::BTreeMap, time::Duration};

use crate::server::{Fixture, WAIT_TIMEOUT};
use provider_sandbox::{
    Sandbox,
    ghl::{Fault, FaultRule, LimitRules},
};
use serde_json::{Value, json};
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{DatabaseKind, ORGANIZATION, Program, SeededRng, proof, scaled, test_on_each_database};

/// The page size with which the server lists contacts.
const PAGE_SIZE: u64 = 100;
/// The page being committed and the one being fetched.
const MAX_PAGES_AGAIN: u64 = 2;
const SEARCH: &str = "POST /contacts/search";

/// Starts a sandbox whose rate limits, which the client reads from response headers, do not slow the sync down.
async fn provider(contacts: usize) -> Sandbox {
    let contacts = u32::try_from(contacts).unwrap();
    let sandbox = Sandbox::builder().locations(1).contacts(contacts).start().await.unwrap();
    sandbox.control().set_limits(LimitRules { burst: 50_000, daily: 5_000_000, ..LimitRules::default() });
    sandbox.control().set_index_lag(0);
    // Slow pages, so that kills hit a running request.
    slow_down(&sandbox);
    sandbox
}

fn slow_down(sandbox: &Sandbox) {
    let latency = FaultRule {
        path: Some("/contacts/search".to_owned()),
        fault: Fault::Latency { ms: 15 },
        ..FaultRule::default()
    };
    sandbox.control().add_faults([latency]);
}

fn searches(fixture: &Fixture) -> u64 {
    fixture.sandbox.ghl().counts().calls(SEARCH)
}

fn start_sync(fixture: &Fixture) -> Program {
    fixture.command(&["sync", "--organization", ORGANIZATION, "--full"])
}

async fn sync_to_success(fixture: &Fixture) {
    let mut program = start_sync(fixture);
    let status = program.wait_for_exit(WAIT_TIMEOUT * 5).await;
    assert!(status.success(), "{}", program.log());
}

/// Returns the visible fields of the stored contacts that are not deleted, by id.
async fn stored(fixture: &Fixture) -> BTreeMap<String, Value> {
    let live = "SELECT id, doc FROM records WHERE kind = 'contact' AND deleted = 0";
    let rows = fixture.database.rows::<(String, String)>(live).await;
    rows.into_iter().map(|(id, doc)| (id, visible_fields(&serde_json::from_str(&doc).unwrap()))).collect()
}

/// Returns the visible fields of the contacts at the provider, by id.
fn at_provider(fixture: &Fixture) -> BTreeMap<String, Value> {
    let ghl = fixture.sandbox.ghl();
    let contacts = ghl.contacts(&ghl.location_ids()[0]);
    contacts.iter().map(|contact| (contact["id"].as_str().unwrap().to_owned(), visible_fields(contact))).collect()
}

fn visible_fields(contact: &Value) -> Value {
    json!([contact["firstName"], contact["lastName"], contact["email"], contact["phone"], contact["tags"]])
}

fn differences(stored: &BTreeMap<String, Value>, expected: &BTreeMap<String, Value>) -> (usize, usize, usize) {
    let lost = expected.keys().filter(|id| !stored.contains_key(*id)).count();
    let extra = stored.keys().filter(|id| !expected.contains_key(*id)).count();
    let other = expected.iter().filter(|(id, fields)| stored.get(*id).is_some_and(|found| found != *fields)).count();
    (lost, extra, other)
}

test_on_each_database!(a_killed_full_sync_resumes_and_ends_exact);

async fn a_killed_full_sync_resumes_and_ends_exact(database: DatabaseKind) {
    let mut rng = SeededRng::new("sync killed");
    let (contacts, kills) = (scaled(100_000, 5_000), scaled(50, 5));
    let fixture = Fixture::new(database, provider(contacts).await, &[]).await;
    let pages = contacts as u64 / PAGE_SIZE;
    let part = pages / kills as u64;
    for kill in 0..kills as u64 {
        // Each kill falls in its own part of the listing; pages fetched again after earlier kills are added.
        let moment = searches(&fixture) + 3 + rng.within(0..part.saturating_sub(3).max(1));
        let mut program = start_sync(&fixture);
        while searches(&fixture) < moment {
            SystemClock::new().sleep(Duration::from_millis(1)).await;
        }
        SystemClock::new().sleep(Duration::from_millis(rng.within(0..20))).await;
        program.kill().await;
        fixture.database.expire_leases_and_claims().await;
        let in_progress =
            fixture.count("SELECT count(*) FROM syncs WHERE source = 'GHL_CONTACTS' AND progress IS NOT NULL");
        assert_eq!(in_progress.await, 1, "kill {kill} missed the run");
    }
    sync_to_success(&fixture).await;
    let fetched = searches(&fixture);
    // A listing ends with an empty page.
    let again = fetched.saturating_sub(pages + 1);
    let wrong = differences(&stored(&fixture).await, &at_provider(&fixture));
    let ok = again <= MAX_PAGES_AGAIN * kills as u64 && wrong == (0, 0, 0);
    let reached =
        format!("{contacts} contacts, {kills} kills, {again} pages again of {pages}; (lost, extra, other) = {wrong:?}");
    proof(
        &format!("R6 {database}"),
        "100,000 contacts (quick 5,000), 50 kills (5): resumes, ≤ 2 pages again per kill, exact",
        reached,
        ok,
    );
    assert!(ok, "{again} again, {wrong:?}");
}

test_on_each_database!(contacts_changed_during_a_run_are_exact_after_the_next);

async fn contacts_changed_during_a_run_are_exact_after_the_next(database: DatabaseKind) {
    let fixture = Fixture::new(database, provider(2_000).await, &[]).await;
    sync_to_success(&fixture).await;
    let ghl = fixture.sandbox.ghl();
    let location = ghl.location_ids().remove(0);
    let ids: Vec<String> = at_provider(&fixture).into_keys().collect();
    let before = searches(&fixture);
    let mut program = start_sync(&fixture);
    let mut created = Vec::new();
    for (step, moment) in [2_u64, 5, 9, 14, 18].into_iter().enumerate() {
        while searches(&fixture) < before + moment {
            SystemClock::new().sleep(Duration::from_millis(1)).await;
        }
        let new =
            ghl.create_contact(&location, &json!({"firstName": "New", "email": format!("new{step}@example.com")}));
        created.push(new.unwrap()["id"].as_str().unwrap().to_owned());
        for index in [step * 10 + 1, 700 + step * 10, 1_900 + step] {
            ghl.update_contact(&ids[index], &json!({"firstName": format!("Changed{step}")})).unwrap();
        }
        for index in [step * 10 + 2, 1_000 + step * 10, 1_950 + step] {
            ghl.delete_contact(&ids[index]).unwrap();
        }
    }
    assert!(program.wait_for_exit(WAIT_TIMEOUT).await.success(), "{}", program.log());
    let (now, first) = (at_provider(&fixture), stored(&fixture).await);
    let tombstoned = now.keys().filter(|id| !created.contains(id) && !first.contains_key(*id)).count();
    assert_eq!(tombstoned, 0, "the run deleted contacts that changed during it");
    sync_to_success(&fixture).await;
    let wrong = differences(&stored(&fixture).await, &now);
    let reached =
        format!("5 created, 15 changed, 15 deleted during a run; after the next (lost, extra, other) = {wrong:?}");
    proof(
        &format!("R6-during {database}"),
        "created, changed during the run: not lost, not tombstoned; deleted: tombstoned",
        reached,
        wrong == (0, 0, 0),
    );
    assert_eq!(wrong, (0, 0, 0));
}

test_on_each_database!(failing_pages_delete_nothing);

async fn failing_pages_delete_nothing(database: DatabaseKind) {
    let fixture = Fixture::new(database, provider(2_000).await, &[]).await;
    sync_to_success(&fixture).await;
    let faults = [Fault::Status { status: 500 }, Fault::Truncate, Fault::Reset, Fault::Status { status: 404 }];
    let mut failed = 0;
    for fault in faults {
        fixture.sandbox.control().clear_faults();
        let rule = FaultRule {
            path: Some("/contacts/search".to_owned()),
            fault,
            probability: Some(0.5),
            ..FaultRule::default()
        };
        fixture.sandbox.control().add_faults([rule]);
        for _ in 0..scaled(5, 1) {
            let mut program = start_sync(&fixture);
            failed += usize::from(!program.wait_for_exit(WAIT_TIMEOUT).await.success());
            let tombstones = fixture.count("SELECT count(*) FROM records WHERE kind = 'contact' AND deleted = 1").await;
            assert_eq!(tombstones, 0, "after {fault:?}");
        }
    }
    println!("{failed} runs failed");
    assert!(failed > 0, "no run failed: the faults missed");
    fixture.sandbox.control().clear_faults();
    sync_to_success(&fixture).await;
    assert_eq!(differences(&stored(&fixture).await, &at_provider(&fixture)), (0, 0, 0));
    proof(
        &format!("R7-server {database}"),
        "failing pages: 0 false deletes",
        format!("{failed} failed runs, 0 tombstones, then exact"),
        true,
    );
}

test_on_each_database!(the_next_sync_recovers_lost_webhooks);

/// GHL re-sends a webhook only after 429, so webhooks sent while the server is down are lost (R2).
async fn the_next_sync_recovers_lost_webhooks(database: DatabaseKind) {
    let mut rng = SeededRng::new("sync reconciles");
    let fixture = Fixture::new(database, provider(500).await, &[]).await;
    sync_to_success(&fixture).await;
    let ghl = fixture.sandbox.ghl();
    let ids: Vec<String> = at_provider(&fixture).into_keys().collect();
    let mut server = fixture.serve().await;
    ghl.set_webhook_url(format!("{}/api/webhooks/ghl", fixture.url()));
    let clock = SystemClock::new();
    for round in 0..scaled(20, 4) {
        let before = ghl.counts().webhooks.delivered;
        for step in 0..25 {
            let id = &ids[rng.index(400)];
            ghl.update_contact(id, &json!({"firstName": format!("Round{round}"), "city": format!("Step{step}")}))
                .unwrap();
            clock.sleep(Duration::from_millis(2)).await;
        }
        ghl.delete_contact(&ids[400 + round]).unwrap();
        // The first one is slow on a busy machine.
        while ghl.counts().webhooks.delivered == before {
            assert!(clock.monotonic() < WAIT_TIMEOUT, "no webhook is delivered");
            clock.sleep(Duration::from_millis(1)).await;
        }
        server.kill().await;
        fixture.database.expire_leases_and_claims().await;
        ghl.delete_contact(&ids[450 + round]).unwrap();
        for id in ids.iter().take(10) {
            ghl.update_contact(id, &json!({"lastName": format!("While dead {round}")})).unwrap();
        }
        server = fixture.serve().await;
    }
    while ghl.counts().webhooks.pending > 0 || fixture.count("SELECT count(*) FROM inbox WHERE state = 0").await > 0 {
        assert!(clock.monotonic() < WAIT_TIMEOUT, "webhooks are still pending");
        clock.sleep(Duration::from_millis(50)).await;
    }
    let webhooks = ghl.counts().webhooks;
    assert!(webhooks.lost > 0 && webhooks.delivered > 0, "{webhooks:?}");
    sync_to_success(&fixture).await;
    // The server refetches records whose changes cannot be ordered.
    while fixture.count("SELECT count(*) FROM outbox WHERE state = 0").await > 0 {
        assert!(clock.monotonic() < WAIT_TIMEOUT * 2, "refetch tasks are still pending");
        clock.sleep(Duration::from_millis(50)).await;
    }
    drop(server);
    let wrong = differences(&stored(&fixture).await, &at_provider(&fixture));
    let reached = format!(
        "{} lost, {} delivered; after a sync (lost, extra, other) = {wrong:?}",
        webhooks.lost, webhooks.delivered
    );
    proof(
        &format!("R2 {database}"),
        "sender re-sends only on 429: after one cycle the store equals the provider",
        reached,
        wrong == (0, 0, 0),
    );
    assert_eq!(wrong, (0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_command_registers_as_a_process_that_shares_the_limits() {
    let fixture = Fixture::new(DatabaseKind::Sqlite, provider(2_000).await, &[]).await;
    let (mut program, clock) = (start_sync(&fixture), SystemClock::new());
    while fixture.count("SELECT count(*) FROM processes").await != 1 {
        assert!(!program.has_ended() && clock.monotonic() < WAIT_TIMEOUT, "it does not register:\n{}", program.log());
        clock.sleep(Duration::from_millis(2)).await;
    }
    assert!(program.wait_for_exit(WAIT_TIMEOUT).await.success(), "{}", program.log());
    assert_eq!(fixture.count("SELECT count(*) FROM processes").await, 0, "it deregisters");
}
