//! A database that takes nothing (R20): its disk is full, it is read-only, somebody holds the inbox. Nothing is acknowledged
//! that is not committed, senders are told to come again, and the server goes on by itself when the trouble ends.

use std::time::Duration;

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{Chance, Folder, Kind, PrivatePostgres, full, on_each_database, proof};

use crate::{
    database::{Database, Look},
    sender::{Answered, at_a_pace},
    server::{PATIENCE, Scene},
    story::{Ledger, Story},
};

const PER_SECOND: u32 = 50;
/// The size of a disk that becomes full.
const SMALL_MIB: u32 = 48;
/// Recovery times are asserted at this many times what is asked.
const SLACK: u32 = 5;

/// Deliveries at a pace before, during and after a trouble, which `begin` makes and `end` ends.
async fn trouble<T>(
    name: &str,
    mut scene: Scene,
    begin: impl AsyncFnOnce(&mut Scene) -> T,
    end: impl AsyncFnOnce(&mut Scene, T),
) {
    let (lasts, calm) =
        (Duration::from_secs(if full() { 30 } else { 7 }), Duration::from_secs(if full() { 5 } else { 1 }));
    let count = PER_SECOND as usize * usize::try_from((lasts + calm * 3).as_secs()).unwrap();
    let story = Story::new(&scene.sandbox, count, &mut Chance::new(name));
    let mut server = scene.serve().await;
    let clock = SystemClock::new();
    let deliveries = story.deliveries.clone();
    let sending = tokio::spawn(at_a_pace(clock.clone(), scene.http.clone(), scene.webhooks(), deliveries, PER_SECOND));
    clock.sleep(calm).await;
    let held = begin(&mut scene).await;
    clock.sleep(lasts).await;
    end(&mut scene, held).await;
    let ended = clock.monotonic();
    let answers = sending.await.unwrap();
    // What was acknowledged has to be there already.
    let there: Vec<(String,)> = scene.database.rows("SELECT id FROM inbox").await;
    let there: std::collections::BTreeSet<_> = there.into_iter().map(|(id,)| id).collect();
    let (kept, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.is_kept());
    let phantom = kept.iter().filter(|answer| !there.contains(&answer.id)).count();
    let unexpected: Vec<_> = refused.iter().filter(|answer| !answer.is_put_off()).map(|answer| answer.status).collect();
    let back = refused.iter().map(|answer| answer.sent.saturating_sub(ended)).max().unwrap_or_default();
    let slowest = answers.iter().map(Answered::took).max().unwrap_or_default();
    // And the same server works on it: nobody has to start it again.
    scene.inbox_empties(PATIENCE * 2).await;
    assert!(!server.has_ended(), "{}", server.log());
    let ledger = Ledger::read(&scene).await;
    let (lost, doubled) = (ledger.lost(kept.iter().map(|answer| &answer.id)), ledger.doubled());
    let reached = format!(
        "{count} sent, {} kept, {} put off, {phantom} acknowledged without a row, {lost} lost, {doubled} doubled, normal \
         {back:.1?} after its end, slowest answer {slowest:.1?}, others: {unexpected:?}",
        kept.len(),
        refused.len(),
    );
    let ok = (phantom, lost, doubled, unexpected.len()) == (0, 0, 0, 0) && back <= Duration::from_secs(10);
    proof(name, "never a 2xx without a committed row; 429 with Retry-After; goes on by itself", reached, ok);
    assert!(!refused.is_empty() || slowest >= lasts / 2, "the trouble missed");
    assert_eq!((phantom, lost, doubled, unexpected), (0, 0, 0, vec![]));
    assert!(back <= Duration::from_secs(10) * SLACK, "{back:?}");
}

async fn scene_on(database: Database) -> Scene {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    Scene::on(database, sandbox, &[("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())]).await
}

on_each_database!(while_the_disk_is_full_nothing_is_acknowledged);

/// PostgreSQL's tables are on the small disk, its log is not: with that full it would end.
async fn while_the_disk_is_full_nothing_is_acknowledged(kind: Kind) {
    let Some(disk) = Folder::small(SMALL_MIB) else {
        println!("a small disk can be made by root only: not shown here");
        return;
    };
    let filler = disk.file("filler");
    let database = match kind {
        Kind::Sqlite => Database::file(disk),
        Kind::Postgres => Database::private_in(PrivatePostgres::start().await, disk).await,
    };
    let begin = async |_: &mut Scene| fill(&filler);
    let end = async |_: &mut Scene, ()| std::fs::remove_file(&filler).unwrap();
    trouble(&format!("R20-disk-full {kind}"), scene_on(database).await, begin, end).await;
}

/// Takes what is left of a disk.
fn fill(filler: &std::path::Path) {
    let mut file = std::fs::File::create(filler).unwrap();
    for size in [1 << 20, 1 << 12] {
        while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_read_only_nothing_is_acknowledged() {
    async fn set(scene: &mut Scene, to: &str) {
        let mut look = scene.database.look().await;
        look.execute("SET default_transaction_read_only = off").await;
        look.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {to}")).await;
        look.execute("SELECT pg_reload_conf()").await;
    }
    let scene = scene_on(Database::private(PrivatePostgres::start().await)).await;
    let begin = async |scene: &mut Scene| set(scene, "on").await;
    let end = async |scene: &mut Scene, ()| set(scene, "off").await;
    trouble("R20-read-only postgres", scene, begin, end).await;
}

on_each_database!(while_a_migration_holds_the_inbox_nothing_is_acknowledged);

async fn while_a_migration_holds_the_inbox_nothing_is_acknowledged(kind: Kind) {
    let begin = async |scene: &mut Scene| {
        let mut look = scene.database.look().await;
        let holding: &[&str] = match look {
            Look::Sqlite(_) => &["BEGIN EXCLUSIVE"],
            Look::Postgres(_) => &["BEGIN", "LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE"],
        };
        for statement in holding {
            look.execute(statement).await;
        }
        look
    };
    let end = async |_: &mut Scene, mut look: Look| {
        look.execute("ROLLBACK").await;
    };
    trouble(&format!("R20-locked {kind}"), scene_on(Database::new(kind).await).await, begin, end).await;
}
