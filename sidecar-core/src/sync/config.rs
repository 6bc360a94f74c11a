use std::time::Duration;

/// How often sources are synced, and how much a run may delete.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineConfig {
    /// When a source is due again after a successful run.
    pub interval: Duration,
    /// A run is full when the last full run is older than this.
    pub full_sync_interval: Duration,
    /// When a source is due again after a failure; doubled with each further failure, up to `interval`.
    pub retry_backoff: Duration,
    /// How far the provider's search index may lag behind writes. An incremental run starts this much before the newest version
    /// known, and a full run deletes nothing younger than its own start minus this.
    pub index_lag: Duration,
    /// A full run that misses more than this share of the stored records stops instead of deleting them.
    pub max_delete_ratio: f64,
    /// Up to this many missing records are deleted whatever their share: each is confirmed by a lookup.
    pub max_delete_floor: u64,
    /// The most pages of a run. A listing that never ends would otherwise run, and fill the store, forever.
    pub max_pages: u64,
    /// The most rows of a run.
    pub max_rows: u64,
    /// The most stored records of a kind in one organization. A run that reaches it ends with
    /// [`SyncError::TooManyRecords`](super::SyncError::TooManyRecords).
    pub max_records: u64,
    /// The TTL of a run's lease: how soon another process may continue after a crash.
    pub lease_ttl: Duration,
}

impl Default for EngineConfig {
    /// Every 15 minutes, full once a day, 2 minutes of index lag, at most 20 % deleted (10 records always may be), at most 50,000
    /// pages and 2,000,000 rows a run, and 2,000,000 records.
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(900),
            full_sync_interval: Duration::from_secs(86_400),
            retry_backoff: Duration::from_secs(30),
            index_lag: Duration::from_secs(120),
            max_delete_ratio: 0.20,
            max_delete_floor: 10,
            max_pages: 50_000,
            max_rows: 2_000_000,
            max_records: 2_000_000,
            lease_ttl: Duration::from_secs(15),
        }
    }
}
