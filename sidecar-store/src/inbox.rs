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
    queue::ClaimRequest,
    queue::inbox::{Backlog, Claim, ClaimRef, DeadLetter, Enqueued, Inbox, NewDelivery, Receipt},
};

use crate::{
    SqlStore,
    error::Result,
    failpoint::{crash_point, fault},
    json::rows_to_json,
    sql::inbox as sql,
    tx::{exec, fetch, replace_nul},
};

/// Maximum bytes of bodies in one statement, far below SQLite's limit of 1 GB per value.
const MAX_STATEMENT_BODY_BYTES: usize = 16 << 20;

/// seq, fence, attempts, source, id, organization, `order_key`, kind, body, at.
type ClaimRow = (i64, i64, i64, String, String, Option<String>, String, String, Vec<u8>, i64);
/// seq, source, id, organization, kind, body, attempts, error, at.
type DeadRow = (i64, String, String, Option<String>, String, Vec<u8>, i64, String, i64);

#[derive(Serialize)]
struct DeliveryParam<'a> {
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

impl<'a> DeliveryParam<'a> {
    fn new(delivery: &'a NewDelivery) -> Self {
        // SQLite can truncate a text at NUL.
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

/// A claim as a statement parameter.
#[derive(Serialize)]
pub(crate) struct ClaimParam {
    pub(crate) seq: i64,
    pub(crate) fence: i64,
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Splits the deliveries into chunks whose bodies fit in one statement. Nearly always there is one.
fn chunks(deliveries: &[NewDelivery]) -> Vec<Range<usize>> {
    let (mut chunks, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (index, delivery) in deliveries.iter().enumerate() {
        if bytes + delivery.body.len() > MAX_STATEMENT_BODY_BYTES && index > start {
            chunks.push(start..index);
            (start, bytes) = (index, 0);
        }
        bytes += delivery.body.len();
    }
    chunks.push(start..deliveries.len());
    chunks
}

fn delivery_rows(deliveries: &[NewDelivery]) -> Result<String> {
    rows_to_json(&deliveries.iter().map(DeliveryParam::new).collect::<Vec<_>>())
}

fn dedup_key(delivery: &NewDelivery) -> (Cow<'_, str>, Cow<'_, str>) {
    (replace_nul(&delivery.source), replace_nul(&delivery.id))
}

/// Returns `New` for the first delivery of each inserted id.
fn receipts(deliveries: &[NewDelivery], new: &[(String, String)]) -> Vec<Receipt> {
    let mut new: HashSet<_> = new.iter().map(|(source, id)| (Cow::from(source), Cow::from(id))).collect();
    let is_new = deliveries.iter().map(|delivery| new.remove(&dedup_key(delivery)));
    is_new.map(|is_new| if is_new { Receipt::New } else { Receipt::Duplicate }).collect()
}

/// Like [`receipts`], with the claims.
fn enqueued(deliveries: &[NewDelivery], new: &[(String, String, i64, i64)]) -> Vec<Enqueued> {
    let claim = |seq: i64, attempts: i64| (attempts == 1).then_some(ClaimRef { seq, fence: 1 });
    let mut new: HashMap<_, _> = new
        .iter()
        .map(|(source, id, seq, attempts)| ((Cow::from(source), Cow::from(id)), claim(*seq, *attempts)))
        .collect();
    let enqueued = deliveries.iter().map(|delivery| match new.remove(&dedup_key(delivery)) {
        Some(claim) => Enqueued { receipt: Receipt::New, claim },
        None => Enqueued { receipt: Receipt::Duplicate, claim: None },
    });
    enqueued.collect()
}

/// Makes every id unique, as if the store did not deduplicate. Only the failpoint `inbox.dedup` uses it.
fn with_unique_ids(deliveries: &[NewDelivery]) -> Vec<NewDelivery> {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let unique = |delivery: &NewDelivery| {
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        NewDelivery { id: format!("{}#{}.{number}", delivery.id, std::process::id()).into(), ..delivery.clone() }
    };
    deliveries.iter().map(unique).collect()
}

/// Returns where the two rounds of a claim start: after the organization that had the last turn, and at the first one.
pub(crate) fn first_turns(request: &ClaimRequest) -> Vec<String> {
    // Sorts directly after the organization, because ids contain no control characters.
    let after = request.after.as_ref().map(|organization| format!("{organization}\u{1}"));
    after.into_iter().chain([String::new()]).collect()
}

/// Converts a count; saturates.
pub(crate) fn saturating_u32(number: i64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl SqlStore {
    async fn insert_all(&self, deliveries: &[NewDelivery]) -> Result<Vec<Receipt>> {
        let chunks = chunks(deliveries);
        let new = if let [all] = &*chunks {
            let rows = delivery_rows(&deliveries[all.clone()])?;
            let mut conn = self.pool.write().await?;
            crash_point!("inbox.put.before_commit");
            fetch!(fetch_all, conn, sql::INSERT, &rows)?
        } else {
            let mut tx = self.pool.begin().await?;
            let mut new = Vec::new();
            for chunk in chunks {
                let rows = delivery_rows(&deliveries[chunk])?;
                let inserted: Vec<(String, String)> = fetch!(fetch_all, tx, sql::INSERT, &rows)?;
                new.extend(inserted);
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
            return self.insert_all(&with_unique_ids(deliveries)).await;
        }
        self.insert_all(deliveries).await
    }

    async fn put_and_claim(
        &self,
        deliveries: &[NewDelivery],
        lease: Duration,
        now: Timestamp,
    ) -> Result<Vec<Enqueued>, StoreError> {
        // Bodies that need several statements are rare, so a later claim is good enough.
        if fault!("inbox.dedup") || !matches!(*chunks(deliveries), [_]) {
            let receipts = self.put(deliveries).await?;
            return Ok(receipts.into_iter().map(|receipt| Enqueued { receipt, claim: None }).collect());
        }
        let (rows, until) = (delivery_rows(deliveries)?, (now + lease).as_micros());
        let mut conn = self.pool.write().await?;
        crash_point!("inbox.put.before_commit");
        let new: Vec<(String, String, i64, i64)> = fetch!(fetch_all, conn, sql::INSERT_AND_CLAIM, &rows, until)?;
        drop(conn);
        crash_point!("inbox.put.after_commit");
        Ok(enqueued(deliveries, &new))
    }

    async fn claim(&self, request: &ClaimRequest) -> Result<Vec<Claim>, StoreError> {
        let (now, until) = (request.now.as_micros(), (request.now + request.lease).as_micros());
        let per_organization = i64::from(request.max_per_organization);
        let mut rows: Vec<ClaimRow> = Vec::new();
        for from in first_turns(request) {
            let free = i64::from(request.limit) - rows.len() as i64;
            if free > 0 {
                let mut conn = self.pool.write().await?;
                let claimed: Vec<ClaimRow> =
                    fetch!(fetch_all, conn, sql::CLAIM, now, until, free, per_organization, &*from)?;
                rows.extend(claimed);
            }
        }
        // RETURNING does not guarantee an order.
        rows.sort_unstable_by_key(|row| row.0);
        Ok(rows.into_iter().map(claim_from_row).collect())
    }

    async fn fail(&self, claim: &ClaimRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        match retry_at {
            Some(at) => exec!(conn, sql::RETRY, claim.seq, claim.fence, why, at.as_micros())?,
            None => exec!(conn, sql::DEAD_LETTER, claim.seq, claim.fence, why)?,
        };
        Ok(())
    }

    async fn release_claims(&self, claims: &[ClaimRef], now: Timestamp) -> Result<(), StoreError> {
        if !claims.is_empty() {
            let rows = rows_to_json(
                &claims.iter().map(|claim| ClaimParam { seq: claim.seq, fence: claim.fence }).collect::<Vec<_>>(),
            )?;
            let mut conn = self.pool.write().await?;
            exec!(conn, sql::RELEASE, &rows, now.as_micros())?;
        }
        Ok(())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let mut conn = self.pool.read().await?;
        let (pending, oldest, dead): (i64, Option<i64>, i64) = fetch!(fetch_one, conn, sql::BACKLOG)?;
        let oldest = oldest.map(Timestamp::from_micros);
        Ok(Backlog { pending: pending.cast_unsigned(), oldest, dead: dead.cast_unsigned() })
    }

    async fn dead_letters(
        &self,
        organization: Option<&OrganizationId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let mut conn = self.pool.read().await?;
        let organization = organization.map(OrganizationId::as_str);
        let rows: Vec<DeadRow> = fetch!(fetch_all, conn, sql::LIST_DEAD, organization, after, i64::from(limit))?;
        Ok(rows.into_iter().map(dead_letter_from_row).collect())
    }

    async fn redrive(&self, seq: i64, now: Timestamp) -> Result<bool, StoreError> {
        let mut conn = self.pool.write().await?;
        Ok(exec!(conn, sql::REDRIVE, seq, now.as_micros())? == 1)
    }
}

fn claim_from_row((seq, fence, attempts, source, id, organization, order_key, kind, body, at): ClaimRow) -> Claim {
    let delivery = NewDelivery {
        source: source.into(),
        id: id.into(),
        organization: organization.map(Into::into),
        order_key: order_key.into(),
        kind: kind.into(),
        body: body.into(),
        at: Timestamp::from_micros(at),
    };
    Claim { claim: ClaimRef { seq, fence }, attempt: saturating_u32(attempts), delivery }
}

fn dead_letter_from_row((seq, source, id, organization, kind, body, attempts, error, at): DeadRow) -> DeadLetter {
    DeadLetter {
        seq,
        source,
        id,
        organization: organization.map(Into::into),
        kind,
        body: body.into(),
        attempts: saturating_u32(attempts),
        error,
        at: Timestamp::from_micros(at),
    }
}
