//! A database that accepts no writes (R20): its disk is full, it is read-only, or the inbox is locked. The server acknowledges
//! only committed deliveries, rejects others with `Retry-After`, and recovers without a restart.

use std::time::Duration;

use provider_sandbox::Sandbox;
use sidecar_core::{Clock, SystemClock};
use sidecar_tests::{
    DatabaseKind, PrivatePostgres, SeededRng, SqlConnection, TempFolder, is_full_scale, proof, test_on_each_database,
};

use crate::{
    database::Database,
    server::{Fixture, WAIT_TIMEOUT},
    webhook_sender::{SendResult, send_at_rate},
    workload::{StoredEffects, Workload},
};

const PER_SECOND: u32 = 50;
/// The size of the disk that becomes full.
const SMALL_DISK_MIB: u32 = 48;
/// Recovery times are asserted at this multiple of the requirement.
const RECOVERY_FACTOR: u32 = 5;

/// Sends deliveries at a fixed rate before, during and after a fault that `begin` injects and `end` removes.
async fn run_fault<T>(
    name: &str,
    mut fixture: Fixture,
    begin: impl AsyncFnOnce(&mut Fixture) -> T,
    end: impl AsyncFnOnce(&mut Fixture, T),
) {
    let (lasts, calm) = (
        Duration::from_secs(if is_full_scale() { 30 } else { 7 }),
        Duration::from_secs(if is_full_scale() { 5 } else { 1 }),
    );
    let count = PER_SECOND as usize * usize::try_from((lasts + calm * 3).as_secs()).unwrap();
    let workload = Workload::new(&fixture.sandbox, count, &mut SeededRng::new(name));
    let mut server = fixture.serve().await;
    let clock = SystemClock::new();
    let deliveries = workload.deliveries.clone();
    let sending =
        tokio::spawn(send_at_rate(clock.clone(), fixture.http.clone(), fixture.webhook_url(), deliveries, PER_SECOND));
    clock.sleep(calm).await;
    let state = begin(&mut fixture).await;
    clock.sleep(lasts).await;
    end(&mut fixture, state).await;
    let ended = clock.monotonic();
    let results = sending.await.unwrap();
    // Every acknowledged delivery must be stored by now.
    let stored: Vec<(String,)> = fixture.database.rows("SELECT id FROM inbox").await;
    let stored: std::collections::BTreeSet<_> = stored.into_iter().map(|(id,)| id).collect();
    let (acknowledged, rejected): (Vec<_>, Vec<_>) = results.iter().partition(|result| result.is_acknowledged());
    let phantom = acknowledged.iter().filter(|result| !stored.contains(&result.id)).count();
    let unexpected: Vec<_> =
        rejected.iter().filter(|result| !result.has_retry_after()).map(|result| result.status).collect();
    let back = rejected.iter().map(|result| result.sent.saturating_sub(ended)).max().unwrap_or_default();
    let slowest = results.iter().map(SendResult::took).max().unwrap_or_default();
    // The same server processes them without a restart.
    fixture.wait_for_empty_inbox(WAIT_TIMEOUT * 2).await;
    assert!(!server.has_ended(), "{}", server.log());
    let ledger = StoredEffects::read(&fixture).await;
    let (lost, doubled) = (ledger.lost(acknowledged.iter().map(|result| &result.id)), ledger.doubled());
    let reached = format!(
        "{count} sent, {} acknowledged, {} rejected, {phantom} acknowledged without a row, {lost} lost, {doubled} doubled, normal \
         {back:.1?} after its end, slowest response {slowest:.1?}, others: {unexpected:?}",
        acknowledged.len(),
        rejected.len(),
    );
    let ok = (phantom, lost, doubled, unexpected.len()) == (0, 0, 0, 0) && back <= Duration::from_secs(10);
    proof(name, "never a 2xx without a committed row; 429 with Retry-After; recovers without a restart", reached, ok);
    assert!(!rejected.is_empty() || slowest >= lasts / 2, "the fault missed");
    assert_eq!((phantom, lost, doubled, unexpected), (0, 0, 0, vec![]));
    assert!(back <= Duration::from_secs(10) * RECOVERY_FACTOR, "{back:?}");
}

async fn new_fixture(database: Database) -> Fixture {
    let sandbox = Sandbox::builder().locations(1).contacts(3).start().await.unwrap();
    Fixture::on(database, sandbox, &[("WEBHOOK_LIMIT_PER_SECOND", "0".to_owned())]).await
}

test_on_each_database!(while_the_disk_is_full_nothing_is_acknowledged);

/// Only PostgreSQL's tables are on the small disk: a full disk with its log would end the server.
async fn while_the_disk_is_full_nothing_is_acknowledged(kind: DatabaseKind) {
    let Some(disk) = TempFolder::small(SMALL_DISK_MIB) else {
        println!("skipped: only root can mount a small disk");
        return;
    };
    let filler = disk.file("filler");
    let database = match kind {
        DatabaseKind::Sqlite => Database::sqlite_in(disk),
        DatabaseKind::Postgres => Database::private_in(PrivatePostgres::start().await, disk).await,
    };
    let begin = async |_: &mut Fixture| fill(&filler);
    let end = async |_: &mut Fixture, ()| std::fs::remove_file(&filler).unwrap();
    run_fault(&format!("R20-disk-full {kind}"), new_fixture(database).await, begin, end).await;
}

/// Fills a disk.
fn fill(filler: &std::path::Path) {
    let mut file = std::fs::File::create(filler).unwrap();
    for size in [1 << 20, 1 << 12] {
        while std::io::Write::write_all(&mut file, &vec![0; size]).is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_postgres_is_read_only_nothing_is_acknowledged() {
    async fn set(fixture: &mut Fixture, to: &str) {
        let mut connection = fixture.database.connect().await;
        connection.execute("SET default_transaction_read_only = off").await;
        connection.execute(&format!("ALTER SYSTEM SET default_transaction_read_only = {to}")).await;
        connection.execute("SELECT pg_reload_conf()").await;
    }
    let fixture = new_fixture(Database::private(PrivatePostgres::start().await)).await;
    let begin = async |fixture: &mut Fixture| set(fixture, "on").await;
    let end = async |fixture: &mut Fixture, ()| set(fixture, "off").await;
    run_fault("R20-read-only postgres", fixture, begin, end).await;
}

test_on_each_database!(while_a_migration_holds_the_inbox_nothing_is_acknowledged);

async fn while_a_migration_holds_the_inbox_nothing_is_acknowledged(kind: DatabaseKind) {
    let begin = async |fixture: &mut Fixture| {
        let mut connection = fixture.database.connect().await;
        let lock: &[&str] = match connection {
            SqlConnection::Sqlite(_) => &["BEGIN EXCLUSIVE"],
            SqlConnection::Postgres(_) => &["BEGIN", "LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE"],
        };
        for statement in lock {
            connection.execute(statement).await;
        }
        connection
    };
    let end = async |_: &mut Fixture, mut connection: SqlConnection| {
        connection.execute("ROLLBACK").await;
    };
    run_fault(&format!("R20-locked {kind}"), new_fixture(Database::new(kind).await).await, begin, end).await;
}
