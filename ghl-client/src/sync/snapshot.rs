//! Listings that the provider gives whole: fetched once per pass, put in order, and handed out in pages.

use std::sync::{Arc, Mutex, PoisonError};

use sidecar_core::{Result, Timestamp, commit::MAX_CHANGES, record::Doc};

use super::change::{Kind, id_of};

/// A place in a snapshot: position and id.
pub(super) type Place = (Timestamp, Arc<str>);

/// One fetched row.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) place: Place,
    pub(super) document: Doc,
}

/// All rows of a listing, ordered by place, each id once.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) rows: Vec<Row>,
    pub(super) asked_at: Timestamp,
}

impl Snapshot {
    /// Puts rows in order. Of several rows of one id the last stays.
    pub(super) fn new(kind: Kind, documents: Vec<Doc>, asked_at: Timestamp) -> Result<Self> {
        let mut by_id = std::collections::BTreeMap::new();
        for document in documents {
            by_id.insert(id_of(&document)?, document);
        }
        let row = |(id, document): (Arc<str>, Doc)| Row { place: (kind.position(&document), id), document };
        let mut rows: Vec<Row> = by_id.into_iter().map(row).collect();
        rows.sort_by(|left, right| left.place.cmp(&right.place));
        Ok(Self { rows, asked_at })
    }

    /// The rows behind `after`, as many as fit into a batch, and the last one's place if more follow.
    pub(super) fn page(&self, after: Option<&Place>) -> (&[Row], Option<Place>) {
        let start = after.map_or(0, |after| self.rows.partition_point(|row| row.place <= *after));
        let end = self.rows.len().min(start + MAX_CHANGES);
        let rows = &self.rows[start..end];
        let next = if end < self.rows.len() { rows.last().map(|row| row.place.clone()) } else { None };
        (rows, next)
    }
}

/// Caches the snapshot of a run between its pages. If another process resumes the run, it fetches the snapshot again.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Option<Arc<Snapshot>>>);

impl Kept {
    /// Returns the snapshot, which is fetched for the first page or if nothing is cached.
    pub(super) async fn get(
        &self,
        first: bool,
        fetch: impl Future<Output = Result<Snapshot>>,
    ) -> Result<Arc<Snapshot>> {
        let cached = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(snapshot) = cached.filter(|_| !first) {
            return Ok(snapshot);
        }
        let snapshot = Arc::new(fetch.await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }
}
