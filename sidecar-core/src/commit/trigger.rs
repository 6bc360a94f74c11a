use std::{borrow::Cow, fmt, sync::Arc};

use async_trait::async_trait;

use super::{Batch, Outcome, Records};
use crate::{
    error::StoreError,
    id::OrganizationId,
    record::{Listing, Record, RecordKey},
};

/// Declares that a change of a record enqueues a task.
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The kinds of record.
    pub records: &'static [&'static str],
    /// The kind of task. Its payload is that of [`Change::on_change`](crate::record::Change::on_change).
    pub task: &'static str,
    /// The organizations for which the task is enqueued.
    pub condition: Arc<dyn TriggerCondition>,
}

/// Decides for which organizations a [`Trigger`] is active.
#[async_trait]
pub trait TriggerCondition: Send + Sync + fmt::Debug {
    /// Returns whether the trigger is active for `organization`. It is called at every commit, so an implementation should cache the result.
    ///
    /// # Errors
    /// [`StoreError`] when the condition cannot be read. Then nothing is committed.
    async fn is_active(&self, organization: &OrganizationId) -> Result<bool, StoreError>;
}

/// A [`Records`] that attaches the declared triggers to every batch before it commits it, so that no writer can forget them.
///
/// An active trigger replaces the `on_change` of the change. [`Batch::skip_triggers`] exempts a batch.
#[derive(Debug, Clone)]
pub struct TriggeredRecords {
    records: Arc<dyn Records>,
    triggers: Vec<Trigger>,
}

impl TriggeredRecords {
    /// Wraps `records`.
    pub fn new(records: Arc<dyn Records>, triggers: Vec<Trigger>) -> Self {
        Self { records, triggers }
    }

    async fn attach(&self, batch: &mut Batch) -> Result<(), StoreError> {
        if batch.skip_triggers {
            return Ok(());
        }
        for trigger in &self.triggers {
            for change in &mut batch.changes {
                if trigger.records.contains(&&*change.key.kind)
                    && trigger.condition.is_active(&change.key.organization).await?
                {
                    change.on_change = Some(Cow::Borrowed(trigger.task));
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Records for TriggeredRecords {
    async fn commit(&self, mut batch: Batch) -> Result<Outcome, StoreError> {
        self.attach(&mut batch).await?;
        self.records.commit(batch).await
    }

    async fn record(&self, key: &RecordKey) -> Result<Option<Record>, StoreError> {
        self.records.record(key).await
    }

    async fn list(
        &self,
        organization: &OrganizationId,
        kind: &str,
        listing: &Listing,
    ) -> Result<Vec<Record>, StoreError> {
        self.records.list(organization, kind, listing).await
    }

    async fn count(
        &self,
        organization: &OrganizationId,
        kind: &str,
        location: Option<&str>,
    ) -> Result<u64, StoreError> {
        self.records.count(organization, kind, location).await
    }

    async fn applied(&self, source: &str) -> Result<(u64, u64), StoreError> {
        self.records.applied(source).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::{
        record::{Change, ChangeOrigin, Mutation},
        time::Timestamp,
    };

    /// Remembers the follow-up tasks of the last batch.
    #[derive(Debug, Default)]
    struct LastCommit(Mutex<Vec<Option<String>>>);

    #[async_trait]
    impl Records for LastCommit {
        async fn commit(&self, batch: Batch) -> Result<Outcome, StoreError> {
            let tasks = batch.changes.iter().map(|change| change.on_change.as_deref().map(str::to_owned));
            *self.0.lock().unwrap() = tasks.collect();
            Ok(Outcome::default())
        }

        async fn record(&self, _: &RecordKey) -> Result<Option<Record>, StoreError> {
            Ok(None)
        }

        async fn list(&self, _: &OrganizationId, _: &str, _: &Listing) -> Result<Vec<Record>, StoreError> {
            Ok(Vec::new())
        }

        async fn count(&self, _: &OrganizationId, _: &str, _: Option<&str>) -> Result<u64, StoreError> {
            Ok(0)
        }

        async fn applied(&self, _: &str) -> Result<(u64, u64), StoreError> {
            Ok((0, 0))
        }
    }

    #[derive(Debug)]
    struct OnlyOrganization(&'static str);

    #[async_trait]
    impl TriggerCondition for OnlyOrganization {
        async fn is_active(&self, organization: &OrganizationId) -> Result<bool, StoreError> {
            Ok(organization.as_str() == self.0)
        }
    }

    fn change(organization: &str, kind: &'static str) -> Change {
        Change {
            key: RecordKey { organization: organization.into(), kind: kind.into(), id: "1".into() },
            location: None,
            version: Timestamp::EPOCH,
            origin: ChangeOrigin::Webhook,
            position: None,
            mutation: Mutation::Delete,
            searchable: &[],
            refetch_task: None,
            on_change: Some("read".into()),
        }
    }

    #[tokio::test]
    async fn a_trigger_replaces_the_follow_up_task_where_it_is_active() {
        let last = Arc::new(LastCommit::default());
        let trigger = Trigger { records: &["booking"], task: "sync", condition: Arc::new(OnlyOrganization("active")) };
        let records = TriggeredRecords::new(Arc::clone(&last) as _, vec![trigger]);
        let changes = vec![change("active", "booking"), change("active", "contact"), change("other", "booking")];
        let batch = Batch { changes, ..Batch::default() };
        let tasks = || last.0.lock().unwrap().iter().flatten().cloned().collect::<Vec<_>>();
        records.commit(batch.clone()).await.unwrap();
        assert_eq!(tasks(), ["sync", "read", "read"]);
        records.commit(Batch { skip_triggers: true, ..batch }).await.unwrap();
        assert_eq!(tasks(), ["read", "read", "read"]);
    }
}
