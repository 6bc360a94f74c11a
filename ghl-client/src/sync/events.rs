use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use sidecar_core::{
    OrganizationId, Page, Result, Timestamp,
    commit::KeyRange,
    record::{Change, ChangeOrigin},
    sync::{Lookup, PageRequest, Source, SourcePage},
};

use super::{
    change::APPOINTMENTS,
    snapshot::{Kept, Place, Row, Snapshot},
};
use crate::{client::GhlClient, model::LocationId};

/// How far ahead events are copied unless set otherwise.
pub const WINDOW: Duration = Duration::from_secs(30 * 86_400);

/// The events of all calendars of a location from now on, as a listing that can be copied. One value is one pass.
#[derive(Debug)]
pub struct EventsSource {
    client: GhlClient,
    organization: OrganizationId,
    location: LocationId,
    window: Duration,
    kept: Kept,
}

/// Where a page of events starts. It holds the window, so that a pass that is gone on with later looks at the same one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventsCursor {
    from: Timestamp,
    to: Timestamp,
    after: Place,
}

impl EventsSource {
    /// The events of the next 30 days.
    pub fn new(client: GhlClient, organization: impl Into<OrganizationId>, location: impl Into<LocationId>) -> Self {
        Self {
            client,
            organization: organization.into(),
            location: location.into(),
            window: WINDOW,
            kept: Kept::default(),
        }
    }

    /// Another window than [`WINDOW`].
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    async fn fetch(&self, from: Timestamp, to: Timestamp) -> Result<Snapshot> {
        let asked_at = self.client.clock().now();
        let events = self.client.calendars().all_events(&self.location).between(from, to).background();
        let mut documents = events.documents().await?;
        // An event that began before the window is none of the pass's: it vouches for what begins in the window.
        documents.retain(|document| (from..to).contains(&APPOINTMENTS.position(document)));
        Snapshot::new(APPOINTMENTS, documents, asked_at)
    }

    fn location(&self) -> Option<Arc<str>> {
        Some(self.location.as_str().into())
    }

    fn listed(&self, row: &Row, snapshot: &Snapshot) -> Result<Change> {
        APPOINTMENTS.fetched(
            &self.organization,
            self.location(),
            row.document.clone(),
            snapshot.asked_at,
            ChangeOrigin::Listed,
        )
    }
}

impl Lookup for EventsSource {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        let asked_at = self.client.clock().now();
        let read = self.client.appointments().get(&self.location, id).background().document().await;
        APPOINTMENTS.read(&self.organization, id, self.location(), read, asked_at, revision)
    }
}

impl Source for EventsSource {
    type Cursor = EventsCursor;

    async fn page(&self, request: PageRequest<EventsCursor>) -> Result<SourcePage<EventsCursor>> {
        let (from, to, after) = match request.cursor {
            Some(cursor) => (cursor.from, cursor.to, Some(cursor.after)),
            None => {
                // Whole milliseconds: the provider is asked in them.
                let from = Timestamp::from_millis(self.client.clock().now().as_millis());
                (from, from + self.window, None)
            }
        };
        let snapshot = self.kept.get(after.is_none(), self.fetch(from, to)).await?;
        let (rows, next) = snapshot.page(after.as_ref());
        let items = rows.iter().map(|row| self.listed(row, &snapshot)).collect::<Result<_>>()?;
        let span = KeyRange {
            kind: APPOINTMENTS.name,
            location: self.location(),
            after: Some(after.unwrap_or_else(|| just_before(from))),
            up_to: Some(next.clone().unwrap_or_else(|| just_before(to))),
        };
        let total = Some(snapshot.rows.len() as u64);
        let next = next.map(|after| EventsCursor { from, to, after });
        Ok(SourcePage { page: Page { items, next, total }, range: Some(span) })
    }
}

/// Returns the position before all records at `time`, since no id is empty.
fn just_before(time: Timestamp) -> Place {
    (time, "".into())
}
