use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sidecar_core::{
    Error, ErrorKind, OrganizationId, Page, Result, Timestamp,
    commit::{KeyRange, MAX_CHANGES},
    record::{Change, ChangeOrigin, Doc},
    sync::{Source, SourcePage},
};

use super::change::{CONTACTS, id_of};
use crate::{
    client::GhlClient,
    contacts::{Direction, Filter, SearchContacts},
    model::{LocationId, SearchAfter},
};

/// Contacts in a page unless set otherwise.
const PAGE_SIZE: u32 = 100;

/// The contacts of a location, as a listing that can be copied. One value is one pass.
///
/// A full pass goes by creation, which never changes, so that contacts made meanwhile come last and none is skipped; an
/// incremental one goes by update time.
#[derive(Debug, Clone)]
pub struct ContactsSource {
    client: GhlClient,
    organization: OrganizationId,
    location: LocationId,
    since: Option<Timestamp>,
    page_size: u32,
}

/// Where a page of contacts starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContactsCursor {
    /// The provider's cursor.
    after: SearchAfter,
    /// Position and id of the contact before the page.
    last: (Timestamp, Arc<str>),
}

impl ContactsSource {
    /// Every contact.
    pub fn full(client: GhlClient, organization: impl Into<OrganizationId>, location: impl Into<LocationId>) -> Self {
        Self { client, organization: organization.into(), location: location.into(), since: None, page_size: PAGE_SIZE }
    }

    /// The contacts that changed at `since` or later. The search index lags behind writes by some seconds: let `since` lie
    /// before the newest change known, as [`SyncRun::since`](sidecar_core::sync::SyncRun::since) does by its two minutes.
    pub fn changed_since(
        client: GhlClient,
        organization: impl Into<OrganizationId>,
        location: impl Into<LocationId>,
        since: Timestamp,
    ) -> Self {
        Self { since: Some(since), ..Self::full(client, organization, location) }
    }

    /// Contacts in a page: 1 to 500, 100 unless set.
    #[must_use]
    pub fn page_size(mut self, size: u32) -> Self {
        self.page_size = size;
        self
    }

    fn search(&self, at: Option<&ContactsCursor>) -> SearchContacts {
        let search = self.client.contacts().search(&self.location).page_size(self.page_size).background();
        let search = match self.since {
            None => search.sort("dateAdded", Direction::Asc),
            Some(since) => {
                search.filter(Filter::between("dateUpdated", Some(since), None)).sort("dateUpdated", Direction::Asc)
            }
        };
        match at {
            Some(cursor) => search.after(cursor.after.clone()),
            None => search,
        }
    }

    fn location(&self) -> Option<Arc<str>> {
        Some(self.location.as_str().into())
    }

    fn to_source_page(
        &self,
        at: Option<ContactsCursor>,
        page: Page<Doc, SearchAfter>,
        asked_at: Timestamp,
    ) -> Result<SourcePage<ContactsCursor>> {
        let start = at.map(|cursor| cursor.last);
        let last = match page.items.last() {
            Some(document) => Some((CONTACTS.position(document), id_of(document)?)),
            None => start.clone(),
        };
        let next = match (page.next, last) {
            (Some(after), Some(last)) => Some(ContactsCursor { after, last }),
            _ => None,
        };
        let span = self.since.is_none().then(|| KeyRange {
            kind: CONTACTS.name,
            location: self.location(),
            after: start,
            up_to: next.as_ref().map(|next| next.last.clone()),
        });
        let change = |document| self.listed(document, asked_at);
        let items = page.items.into_iter().map(change).collect::<Result<Vec<Change>>>()?;
        Ok(SourcePage { page: Page { items, next, total: page.total }, range: span })
    }

    fn listed(&self, mut document: Doc, asked_at: Timestamp) -> Result<Change> {
        // The cursor belongs to the listing, not to the contact.
        document.remove("searchAfter");
        // A contact that was never changed counts as of its creation, by the provider's clock and not by ours.
        if crate::model::field_time(document.get("dateUpdated")).is_none() {
            let added = crate::model::field_time(document.get("dateAdded")).unwrap_or(asked_at);
            return CONTACTS.fetched(&self.organization, self.location(), document, added, ChangeOrigin::Listed);
        }
        CONTACTS.fetched(&self.organization, self.location(), document, asked_at, ChangeOrigin::Listed)
    }
}

impl Source for ContactsSource {
    type Cursor = ContactsCursor;

    async fn page(&self, at: Option<ContactsCursor>) -> Result<SourcePage<ContactsCursor>> {
        if self.page_size as usize > MAX_CHANGES {
            return Err(Error::new(ErrorKind::InvalidInput, format!("a page has at most {MAX_CHANGES} contacts")));
        }
        let asked_at = self.client.clock().now();
        let page = self.search(at.as_ref()).documents().await?;
        self.to_source_page(at, page, asked_at)
    }

    async fn read(&self, id: &str, revision: u64) -> Result<Change> {
        let asked_at = self.client.clock().now();
        let read = self.client.contacts().get(&self.location, id).background().document().await;
        CONTACTS.read(&self.organization, id, self.location(), read, asked_at, revision)
    }
}
