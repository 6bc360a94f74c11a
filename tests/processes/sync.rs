//! Sync (R6, R7): a pass that is killed goes on where it stopped, and ends exact.

use std::{collections::BTreeMap, time::Duration};

use crate::server::{PATIENCE, Scene};
use provider_sandbox::{
    Sandbox,
    ghl::{Fault, FaultRule, LimitRules},
};
use serde_json::{Value, json};
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Chance, Kind, ORGANIZATION, Program, on_each_database, proof, scaled};

/// Rows in a page of the contacts' listing, as the server asks for them.
const PAGE: u64 = 100;
/// The page that is committed, and the one that is fetched meanwhile.
const IN_FLIGHT: u64 = 2;
const SEARCH: &str = "POST /contacts/search";

/// A stand-in whose limits do not slow the sync down; the client follows what the answers' headers say of them.
async fn provider(contacts: usize) -> Sandbox {
    let contacts = u32::try_from(contacts).unwrap();
    let sandbox = Sandbox::builder().locations(1).contacts(contacts).start().await.unwrap();
    sandbox.control().set_limits(LimitRules { burst: 50_000, daily: 5_000_000, ..LimitRules::default() });
    sandbox.control().set_index_lag(0);
    // A page takes its time, so that kills find one under way.
    slow(&sandbox);
    sandbox
}

fn slow(sandbox: &Sandbox) {
    let latency = FaultRule {
        path: Some("/contacts/search".to_owned()),
        fault: Fault::Latency { ms: 15 },
        ..FaultRule::default()
    };
    sandbox.control().add_faults([latency]);
}

fn searches(scene: &Scene) -> u64 {
    scene.sandbox.ghl().counts().calls(SEARCH)
}

fn sync(scene: &Scene) -> Program {
    scene.command(&["sync", "--organization", ORGANIZATION, "--full"])
}

async fn sync_well(scene: &Scene) {
    let mut program = sync(scene);
    let status = program.ended(PATIENCE * 5).await;
    assert!(status.success(), "{}", program.log());
}

/// The live contacts of the database, by id: what a person would see of each.
async fn stored(scene: &Scene) -> BTreeMap<String, Value> {
    let live = "SELECT id, doc FROM records WHERE kind = 'contact' AND deleted = 0";
    let rows = scene.database.rows::<(String, String)>(live).await;
    rows.into_iter().map(|(id, doc)| (id, face(&serde_json::from_str(&doc).unwrap()))).collect()
}

/// The same of the provider.
fn truth(scene: &Scene) -> BTreeMap<String, Value> {
    let ghl = scene.sandbox.ghl();
    let contacts = ghl.contacts(&ghl.location_ids()[0]);
    contacts.iter().map(|contact| (contact["id"].as_str().unwrap().to_owned(), face(contact))).collect()
}

fn face(contact: &Value) -> Value {
    json!([contact["firstName"], contact["lastName"], contact["email"], contact["phone"], contact["tags"]])
}

fn differences(stored: &BTreeMap<String, Value>, truth: &BTreeMap<String, Value>) -> (usize, usize, usize) {
    let lost = truth.keys().filter(|id| !stored.contains_key(*id)).count();
    let extra = stored.keys().filter(|id| !truth.contains_key(*id)).count();
    let other = truth.iter().filter(|(id, face)| stored.get(*id).is_some_and(|found| found != *face)).count();
    (lost, extra, other)
}

on_each_database!(a_full_sync_killed_at_random_points_goes_on_and_ends_exact);

async fn a_full_sync_killed_at_random_points_goes_on_and_ends_exact(database: Kind) {
    let mut chance = Chance::new("sync killed");
    let (contacts, kills) = (scaled(100_000, 5_000), scaled(50, 5));
    let scene = Scene::new(database, provider(contacts).await, &[]).await;
    let pages = contacts as u64 / PAGE;
    let stretch = pages / kills as u64;
    for kill in 0..kills as u64 {
        // Each kill has its own stretch of the listing; what earlier kills cost comes on top.
        let moment = searches(&scene) + 3 + chance.within(0..stretch.saturating_sub(3).max(1));
        let mut program = sync(&scene);
        while searches(&scene) < moment {
            SystemClock::new().sleep(Duration::from_millis(1)).await;
        }
        SystemClock::new().sleep(Duration::from_millis(chance.within(0..20))).await;
        program.kill().await;
        scene.database.time_passes().await;
        let under_way =
            scene.count("SELECT count(*) FROM syncs WHERE source = 'GHL_CONTACTS' AND progress IS NOT NULL");
        assert_eq!(under_way.await, 1, "kill {kill} missed the pass");
    }
    sync_well(&scene).await;
    let fetched = searches(&scene);
    // A listing ends with a page that holds nothing.
    let again = fetched.saturating_sub(pages + 1);
    let wrong = differences(&stored(&scene).await, &truth(&scene));
    let ok = again <= IN_FLIGHT * kills as u64 && wrong == (0, 0, 0);
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

on_each_database!(contacts_created_changed_and_deleted_during_a_pass_are_right_in_the_end);

async fn contacts_created_changed_and_deleted_during_a_pass_are_right_in_the_end(database: Kind) {
    let scene = Scene::new(database, provider(2_000).await, &[]).await;
    sync_well(&scene).await;
    let ghl = scene.sandbox.ghl();
    let location = ghl.location_ids().remove(0);
    let ids: Vec<String> = truth(&scene).into_keys().collect();
    let before = searches(&scene);
    let mut program = sync(&scene);
    let mut created = Vec::new();
    for (step, moment) in [2_u64, 5, 9, 14, 18].into_iter().enumerate() {
        while searches(&scene) < before + moment {
            SystemClock::new().sleep(Duration::from_millis(1)).await;
        }
        let new =
            ghl.create_contact(&location, &json!({"firstName": "New", "email": format!("new{step}@example.com")}));
        created.push(new.unwrap()["id"].as_str().unwrap().to_owned());
        for place in [step * 10 + 1, 700 + step * 10, 1_900 + step] {
            ghl.update_contact(&ids[place], &json!({"firstName": format!("Changed{step}")})).unwrap();
        }
        for place in [step * 10 + 2, 1_000 + step * 10, 1_950 + step] {
            ghl.delete_contact(&ids[place]).unwrap();
        }
    }
    assert!(program.ended(PATIENCE).await.success(), "{}", program.log());
    let (now, first) = (truth(&scene), stored(&scene).await);
    let tombstoned = now.keys().filter(|id| !created.contains(id) && !first.contains_key(*id)).count();
    assert_eq!(tombstoned, 0, "live contacts were removed by the pass that they changed under");
    sync_well(&scene).await;
    let wrong = differences(&stored(&scene).await, &now);
    let reached =
        format!("5 created, 15 changed, 15 deleted during a pass; after the next (lost, extra, other) = {wrong:?}");
    proof(
        &format!("R6-during {database}"),
        "created, changed during the pass: not lost, not tombstoned; deleted: tombstoned",
        reached,
        wrong == (0, 0, 0),
    );
    assert_eq!(wrong, (0, 0, 0));
}

on_each_database!(failing_pages_never_lead_to_a_delete);

async fn failing_pages_never_lead_to_a_delete(database: Kind) {
    let scene = Scene::new(database, provider(2_000).await, &[]).await;
    sync_well(&scene).await;
    let faults = [Fault::Status { status: 500 }, Fault::Truncate, Fault::Reset, Fault::Status { status: 404 }];
    let mut failed = 0;
    for fault in faults {
        scene.sandbox.control().clear_faults();
        let rule = FaultRule {
            path: Some("/contacts/search".to_owned()),
            fault,
            probability: Some(0.5),
            ..FaultRule::default()
        };
        scene.sandbox.control().add_faults([rule]);
        for _ in 0..scaled(5, 1) {
            let mut program = sync(&scene);
            failed += usize::from(!program.ended(PATIENCE).await.success());
            let tombstones = scene.count("SELECT count(*) FROM records WHERE kind = 'contact' AND deleted = 1").await;
            assert_eq!(tombstones, 0, "after {fault:?}");
        }
    }
    println!("{failed} passes failed");
    assert!(failed > 0, "no pass failed: the faults missed");
    scene.sandbox.control().clear_faults();
    sync_well(&scene).await;
    assert_eq!(differences(&stored(&scene).await, &truth(&scene)), (0, 0, 0));
    proof(
        &format!("R7-server {database}"),
        "failing pages: 0 false deletes",
        format!("{failed} failed passes, 0 tombstones, then exact"),
        true,
    );
}

on_each_database!(what_the_provider_gave_up_on_is_brought_by_the_next_sync);

/// The real provider sends again only after 429: what arrived while the server was dead is lost, and the sync brings it (R2).
async fn what_the_provider_gave_up_on_is_brought_by_the_next_sync(database: Kind) {
    let mut chance = Chance::new("sync reconciles");
    let scene = Scene::new(database, provider(500).await, &[]).await;
    sync_well(&scene).await;
    let ghl = scene.sandbox.ghl();
    let ids: Vec<String> = truth(&scene).into_keys().collect();
    let mut server = scene.serve().await;
    ghl.set_webhook_url(format!("{}/api/webhooks/ghl", scene.url()));
    let clock = SystemClock::new();
    for round in 0..scaled(20, 4) {
        let before = ghl.counts().webhooks.delivered;
        for step in 0..25 {
            let id = &ids[chance.index(400)];
            ghl.update_contact(id, &json!({"firstName": format!("Round{round}"), "city": format!("Step{step}")}))
                .unwrap();
            clock.sleep(Duration::from_millis(2)).await;
        }
        ghl.delete_contact(&ids[400 + round]).unwrap();
        // On a busy machine the first one takes its time.
        while ghl.counts().webhooks.delivered == before {
            assert!(clock.monotonic() < PATIENCE, "no webhook is taken");
            clock.sleep(Duration::from_millis(1)).await;
        }
        server.kill().await;
        scene.database.time_passes().await;
        ghl.delete_contact(&ids[450 + round]).unwrap();
        for id in ids.iter().take(10) {
            ghl.update_contact(id, &json!({"lastName": format!("While dead {round}")})).unwrap();
        }
        server = scene.serve().await;
    }
    while ghl.counts().webhooks.pending > 0 || scene.count("SELECT count(*) FROM inbox WHERE state = 0").await > 0 {
        assert!(clock.monotonic() < PATIENCE, "the webhooks do not come to an end");
        clock.sleep(Duration::from_millis(50)).await;
    }
    let webhooks = ghl.counts().webhooks;
    assert!(webhooks.lost > 0 && webhooks.delivered > 0, "{webhooks:?}");
    sync_well(&scene).await;
    // What listing and webhook do not order is read by id, by the server.
    while scene.count("SELECT count(*) FROM outbox WHERE state = 0").await > 0 {
        assert!(clock.monotonic() < PATIENCE * 2, "the reads by id do not come to an end");
        clock.sleep(Duration::from_millis(50)).await;
    }
    drop(server);
    let wrong = differences(&stored(&scene).await, &truth(&scene));
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
async fn a_sync_by_hand_is_one_of_the_processes_that_share_the_limits() {
    let scene = Scene::new(Kind::Sqlite, provider(2_000).await, &[]).await;
    let (mut program, clock) = (sync(&scene), SystemClock::new());
    while scene.count("SELECT count(*) FROM processes").await != 1 {
        assert!(!program.has_ended() && clock.monotonic() < PATIENCE, "it never said so:\n{}", program.log());
        clock.sleep(Duration::from_millis(2)).await;
    }
    assert!(program.ended(PATIENCE).await.success(), "{}", program.log());
    assert_eq!(scene.count("SELECT count(*) FROM processes").await, 0, "it says goodbye");
}
