use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    fmt::Write,
    ops::Range,
    time::Duration,
};

use async_trait::async_trait;
use serde::Serialize;
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    queue::inbox::{Backlog, Claim, ClaimRef, DeadLetter, Enqueued, Inbox, NewDelivery, Receipt},
};

use crate::{
    SqlStore,
    error::{self, Result},
    failpoint::{crash_point, fault},
    sql::inbox as sql,
    tx::{exec, fetch, text},
};

/// The most bytes of bodies in one statement, far below SQLite's limit of 1 GB per value.
const STATEMENT_BYTES: usize = 16 << 20;

/// seq, fence, attempts, source, id, organization, `order_key`, kind, body, at.
type ClaimRow = (i64, i64, i64, String, String, Option<String>, String, String, Vec<u8>, i64);
/// seq, source, id, organization, kind, body, attempts, error, at.
type DeadRow = (i64, String, String, Option<String>, String, Vec<u8>, i64, String, i64);

#[derive(Serialize)]
struct Row<'a> {
    source: &'a str,
    id: &'a str,
    organization: Option<&'a str>,
    order_key: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
    at: i64,
}

impl<'a> Row<'a> {
    fn new(delivery: &'a NewDelivery) -> Self {
        // A NUL ends a text in some readings of it.
        let text = std::str::from_utf8(&delivery.body).ok().filter(|text| !text.contains('\0'));
        Self {
            source: &delivery.source,
            id: &delivery.id,
            organization: delivery.organization.as_ref().map(OrganizationId::as_str),
            order_key: &delivery.order_key,
            kind: &delivery.kind,
            text,
            hex: text.is_none().then(|| hex(&delivery.body)),
            at: delivery.at.as_micros(),
        }
    }
}

#[derive(Serialize)]
struct ClaimOut {
    seq: i64,
    fence: i64,
}

impl ClaimOut {
    fn new(claim: &ClaimRef) -> Self {
        Self { seq: claim.seq, fence: claim.fence }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Cuts the deliveries into stretches whose bodies a statement can carry; nearly always there is one.
fn stretches(deliveries: &[NewDelivery]) -> Vec<Range<usize>> {
    let (mut stretches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, delivery) in deliveries.iter().enumerate() {
        if bytes + delivery.body.len() > STATEMENT_BYTES && index > start {
            stretches.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += delivery.body.len();
    }
    stretches.push(start..deliveries.len());
    stretches
}

fn rows(deliveries: &[NewDelivery]) -> Result<String> {
    error::rows(&deliveries.iter().map(Row::new).collect::<Vec<_>>())
}

/// The first of an id that is new is fresh, whatever follows it in the same call.
fn receipts(deliveries: &[NewDelivery], new: &[(String, String)]) -> Vec<Receipt> {
    let mut new: HashSet<_> = new.iter().map(|(source, id)| (Cow::from(source), Cow::from(id))).collect();
    let fresh = deliveries.iter().map(|delivery| new.remove(&(text(&delivery.source), text(&delivery.id))));
    fresh.map(|fresh| if fresh { Receipt::New } else { Receipt::Duplicate }).collect()
}

/// The same with the claims.
fn kept(deliveries: &[NewDelivery], new: &[(String, String, i64, i64)]) -> Vec<Enqueued> {
    let claim = |seq: i64, attempts: i64| (attempts == 1).then_some(ClaimRef { seq, fence: 1 });
    let mut new: HashMap<_, _> = new
        .iter()
        .map(|(source, id, seq, attempts)| ((Cow::from(source), Cow::from(id)), claim(*seq, *attempts)))
        .collect();
    let kept = deliveries.iter().map(|delivery| match new.remove(&(text(&delivery.source), text(&delivery.id))) {
        Some(claim) => Enqueued { receipt: Receipt::New, claim },
        None => Enqueued { receipt: Receipt::Duplicate, claim: None },
    });
    kept.collect()
}

/// What a store without deduplication would keep; only tests that must fail ask for it.
fn made_unique(deliveries: &[NewDelivery]) -> Vec<NewDelivery> {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let unique = |delivery: &NewDelivery| {
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        NewDelivery { id: format!("{}#{}.{number}", delivery.id, std::process::id()).into(), ..delivery.clone() }
    };
    deliveries.iter().map(unique).collect()
}

pub(crate) fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl SqlStore {
    async fn put_all(&self, deliveries: &[NewDelivery]) -> Result<Vec<Receipt>> {
        let stretches = stretches(deliveries);
        let new = if let [whole] = &*stretches {
            let rows = rows(&deliveries[whole.clone()])?;
            let mut link = self.pool.write().await?;
            crash_point!("inbox.put.before_commit");
            fetch!(fetch_all, link, sql::PUT, &rows)?
        } else {
            let mut tx = self.pool.begin().await?;
            let mut new = Vec::new();
            for stretch in stretches {
                let rows = rows(&deliveries[stretch])?;
                let part: Vec<(String, String)> = fetch!(fetch_all, tx, sql::PUT, &rows)?;
                new.extend(part);
            }
            crash_point!("inbox.put.before_commit");
            tx.commit().await?;
            new
        };
        crash_point!("inbox.put.after_commit");
        Ok(receipts(deliveries, &new))
    }
}

#[async_trait]
impl Inbox for SqlStore {
    async fn put(&self, deliveries: &[NewDelivery]) -> Result<Vec<Receipt>, StoreError> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        if fault!("inbox.dedup") {
            return self.put_all(&made_unique(deliveries)).await;
        }
        self.put_all(deliveries).await
    }

    async fn put_and_claim(
        &self,
        deliveries: &[NewDelivery],
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, StoreError> {
        // What no single statement carries is rare enough to be claimed afterwards; so is a test's sabotage.
        if fault!("inbox.dedup") || !matches!(*stretches(deliveries), [_]) {
            let receipts = self.put(deliveries).await?;
            return Ok(receipts.into_iter().map(|receipt| Enqueued { receipt, claim: None }).collect());
        }
        let (rows, until) = (rows(deliveries)?, (now + lease).as_micros());
        let mut link = self.pool.write().await?;
        crash_point!("inbox.put.before_commit");
        let new: Vec<(String, String, i64, i64)> = fetch!(fetch_all, link, sql::PUT_AND_CLAIM, &rows, until)?;
        drop(link);
        crash_point!("inbox.put.after_commit");
        Ok(kept(deliveries, &new))
    }

    async fn claim(&self, limit: u32, lease: Duration, now: Timestamp) -> Result<Vec<Claim>, StoreError> {
        let mut link = self.pool.write().await?;
        let until = (now + lease).as_micros();
        let mut rows: Vec<ClaimRow> = fetch!(fetch_all, link, sql::CLAIM, now.as_micros(), until, i64::from(limit))?;
        drop(link);
        // RETURNING promises no order.
        rows.sort_unstable_by_key(|row| row.0);
        Ok(rows.into_iter().map(claimed).collect())
    }

    async fn fail(&self, claim: &ClaimRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError> {
        let mut link = self.pool.write().await?;
        match retry_at {
            Some(at) => exec!(link, sql::RETRY, claim.seq, claim.fence, why, at.as_micros())?,
            None => exec!(link, sql::GIVE_UP, claim.seq, claim.fence, why)?,
        };
        Ok(())
    }

    async fn release_claims(&self, claims: &[ClaimRef], now: Timestamp) -> Result<(), StoreError> {
        if !claims.is_empty() {
            let rows = error::rows(&claims.iter().map(ClaimOut::new).collect::<Vec<_>>())?;
            let mut link = self.pool.write().await?;
            exec!(link, sql::HAND_BACK, &rows, now.as_micros())?;
        }
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let mut link = self.pool.read().await?;
        let (pending, oldest, dead): (i64, Option<i64>, i64) = fetch!(fetch_one, link, sql::BACKLOG)?;
        let oldest = oldest.map(Timestamp::from_micros);
        Ok(Backlog { pending: pending.cast_unsigned(), oldest, dead: dead.cast_unsigned() })
    }

    async fn dead_letters(
        &self,
        organization: Option<&OrganizationId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let mut link = self.pool.read().await?;
        let organization = organization.map(OrganizationId::as_str);
        let rows: Vec<DeadRow> = fetch!(fetch_all, link, sql::DEAD, organization, after, i64::from(limit))?;
        Ok(rows.into_iter().map(dead_letter).collect())
    }

    async fn redrive(&self, seq: i64, now: Timestamp) -> Result<bool, StoreError> {
        let mut link = self.pool.write().await?;
        Ok(exec!(link, sql::REDRIVE, seq, now.as_micros())? == 1)
    }
}

fn claimed((seq, fence, attempts, source, id, organization, order_key, kind, body, at): ClaimRow) -> Claim {
    let delivery = NewDelivery {
        source: source.into(),
        id: id.into(),
        organization: organization.map(Into::into),
        order_key: order_key.into(),
        kind: kind.into(),
        body: body.into(),
        at: Timestamp::from_micros(at),
    };
    Claim { claim: ClaimRef { seq, fence }, attempt: count(attempts), delivery }
}

fn dead_letter((seq, source, id, organization, kind, body, attempts, error, at): DeadRow) -> DeadLetter {
    DeadLetter {
        seq,
        source,
        id,
        organization: organization.map(Into::into),
        kind,
        body: body.into(),
        attempts: count(attempts),
        error,
        at: Timestamp::from_micros(at),
    }
}
