use async_trait::async_trait;
use sidecar_core::{
    OrganizationId, StoreError, Timestamp,
    commit::{Batch, Outcome, Records},
    record::{Listing, Record, RecordKey},
};

use super::row::{Row, record_from_row};
use crate::{SqlStore, sql::records as sql, tx::fetch};

#[async_trait]
impl Records for SqlStore {
    async fn commit(&self, batch: Batch) -> Result<Outcome, StoreError> {
        self.commit_batch(&batch).await
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        let mut conn = self.pool.read().await?;
        let (organization, kind, id) = (key.organization.as_str(), &*key.kind, &*key.id);
        let row: Option<Row> = fetch!(fetch_optional, conn, sql::GET, organization, kind, id)?;
        row.map(record_from_row).transpose()
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        kind: &str,
        listing: &Listing,
    ) -> Result<Vec<Record>, StoreError> {
        let statement = match (&listing.location, listing.newest_first) {
            (None, false) => sql::LIST,
            (None, true) => sql::LIST_NEWEST,
            (Some(_), false) => sql::LIST_IN_LOCATION,
            (Some(_), true) => sql::LIST_NEWEST_IN_LOCATION,
        };
        let from = listing.from.map_or(i64::MIN, Timestamp::as_micros);
        let to = listing.to.map_or(i64::MAX, Timestamp::as_micros);
        // Sorts before the first row. U+10FFFF sorts after every id.
        let start = if listing.newest_first { (i64::MAX, "\u{10FFFF}") } else { (i64::MIN, "") };
        let (after_at, after_id) = listing.after.as_ref().map_or(start, |(at, id)| (at.as_micros(), &**id));
        let (location, search) = (listing.location.as_deref(), listing.search.as_deref());
        let limit = i64::from(listing.limit);
        let mut conn = self.pool.read().await?;
        let rows: Vec<Row> = fetch!(
            fetch_all,
            conn,
            statement,
            organization.as_str(),
            kind,
            location,
            from,
            to,
            search,
            after_at,
            after_id,
            limit
        )?;
        rows.into_iter().map(record_from_row).collect()
    }

    async fn count(
        &self,
        organization: &OrganizationId,
        kind: &str,
        location: Option<&str>,
    ) -> Result<u64, StoreError> {
        let mut conn = self.pool.read().await?;
        let (count,): (i64,) = match location {
            Some(location) => fetch!(fetch_one, conn, sql::COUNT_IN_LOCATION, organization.as_str(), kind, location)?,
            None => fetch!(fetch_one, conn, sql::COUNT, organization.as_str(), kind)?,
        };
        Ok(count.cast_unsigned())
    }

    async fn applied(&self, source: &str) -> Result<(u64, u64), StoreError> {
        let mut conn = self.pool.read().await?;
        let (entries, deliveries): (i64, i64) = fetch!(fetch_one, conn, sql::COUNT_EVENT_LOG, source)?;
        Ok((entries.cast_unsigned(), deliveries.cast_unsigned()))
    }
}
