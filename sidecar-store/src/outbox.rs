use async_trait::async_trait;
use serde_json::Value;
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    queue::ClaimRequest,
    queue::outbox::{DeadTask, Outbox, Task, TaskRef},
};

use crate::{
    SqlStore,
    error::Result,
    inbox::{first_turns, saturating_u32},
    json::{parse_error, rows_to_json},
    sql::outbox as sql,
    tx::{exec, fetch},
};

/// seq, fence, attempts, organization, kind, key, payload.
type TaskRow = (i64, i64, i64, String, String, String, String);
/// seq, organization, kind, key, payload, attempts, error.
type DeadRow = (i64, String, String, String, String, i64, String);

#[async_trait]
impl Outbox for SqlStore {
    async fn claim_tasks(&self, kinds: &[&str], request: &ClaimRequest) -> Result<Vec<Task>, StoreError> {
        let kinds = rows_to_json(&kinds)?;
        let (now, until) = (request.now.as_micros(), (request.now + request.lease).as_micros());
        let per_organization = i64::from(request.max_per_organization);
        let mut rows: Vec<TaskRow> = Vec::new();
        // The next task of an order key depends on all of its tasks, and the limit of an organization on all of its claims.
        let mut tx = self.pool.begin_exclusive().await?;
        for from in first_turns(request) {
            let free = i64::from(request.limit) - rows.len() as i64;
            if free > 0 {
                let claimed: Vec<TaskRow> =
                    fetch!(fetch_all, tx, sql::CLAIM, now, until, free, &kinds, per_organization, &*from)?;
                rows.extend(claimed);
            }
        }
        tx.commit().await?;
        // RETURNING does not guarantee an order.
        rows.sort_unstable_by_key(|row| row.0);
        rows.into_iter().map(task_from_row).collect()
    }

    async fn fail_task(&self, claim: &TaskRef, why: &str, retry_at: Option<Timestamp>) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        match retry_at {
            Some(at) => exec!(conn, sql::RETRY, claim.seq, claim.fence, why, at.as_micros())?,
            None => exec!(conn, sql::DEAD_LETTER, claim.seq, claim.fence, why)?,
        };
        Ok(())
    }

    async fn snooze_task(&self, claim: &TaskRef, why: &str, until: Timestamp) -> Result<(), StoreError> {
        let mut conn = self.pool.write().await?;
        exec!(conn, sql::SNOOZE, claim.seq, claim.fence, why, until.as_micros())?;
        Ok(())
    }

    async fn waiting_tasks(&self) -> Result<(u64, u64), StoreError> {
        let mut conn = self.pool.read().await?;
        let (waiting, dead): (i64, i64) = fetch!(fetch_one, conn, sql::COUNT_OPEN_AND_DEAD)?;
        Ok((waiting.cast_unsigned(), dead.cast_unsigned()))
    }

    async fn dead_tasks(
        &self,
        organization: Option<&OrganizationId>,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadTask>, StoreError> {
        let mut conn = self.pool.read().await?;
        let organization = organization.map(OrganizationId::as_str);
        let rows: Vec<DeadRow> = fetch!(fetch_all, conn, sql::LIST_DEAD, organization, after, i64::from(limit))?;
        rows.into_iter().map(dead_task_from_row).collect()
    }

    async fn redrive_task(&self, seq: i64, now: Timestamp) -> Result<bool, StoreError> {
        let mut conn = self.pool.write().await?;
        Ok(exec!(conn, sql::REDRIVE, seq, now.as_micros())? == 1)
    }
}

fn parse_payload(text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(parse_error("the payload of a task"))
}

fn task_from_row((seq, fence, attempts, organization, kind, key, text): TaskRow) -> Result<Task> {
    Ok(Task {
        claim: TaskRef { seq, fence },
        organization: organization.into(),
        kind,
        key,
        payload: parse_payload(&text)?,
        attempt: saturating_u32(attempts),
    })
}

fn dead_task_from_row((seq, organization, kind, key, text, attempts, error): DeadRow) -> Result<DeadTask> {
    let payload = parse_payload(&text)?;
    Ok(DeadTask {
        seq,
        organization: organization.into(),
        kind,
        key,
        payload,
        attempts: saturating_u32(attempts),
        error,
    })
}
