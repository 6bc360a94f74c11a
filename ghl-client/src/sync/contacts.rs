use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sidecar_core::{
    Error, ErrorKind, OrganizationId, Page, Result, Timestamp,
    commit::{KeyRange, MAX_CHANGES},
    record::{Change, ChangeOrigin, Doc},
    sync::{Lookup, Mode, PageRequest, Source, SourcePage},
};

use super::change::{CONTACTS, id_of};
use crate::{
    client::GhlClient,
    contacts::{Direction, Filter, SearchContacts},
    model::{LocationId, SearchAfter},
};

/// Contacts in a page unless set otherwise.
const PAGE_SIZE: u32 = 100;

/// The contacts of a location, as a source to sync.
///
/// A full run lists by creation time, which never changes, so that contacts created during the run come last and none is skipped.
/// An incremental run lists by update time.
#[derive(Debug, Clone)]
pub struct ContactsSource {
    client: GhlClient,
    organization: OrganizationId,
    location: LocationId,
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
    /// Returns a source of the location's contacts.
    pub fn new(client: GhlClient, organization: impl Into<OrganizationId>, location: impl Into<LocationId>) -> Self {
        Self { client, organization: organization.into(), location: location.into(), page_size: PAGE_SIZE }
    }

    /// Contacts in a page: 1 to 500, 100 unless set.
    #[must_use]
    pub fn page_size(mut self, size: u32) -> Self {
        self.page_size = size;
        self
    }

    fn search(&self, request: &PageRequest<ContactsCursor>) -> SearchContacts {
        let search = self.client.contacts().search(&self.location).page_size(self.page_size).background();
        let search = match request.since {
            None => search.sort("dateAdded", Direction::Asc),
            Some(since) => {
                search.filter(Filter::between("dateUpdated", Some(since), None)).sort("dateUpdated", Direction::Asc)
            }
        };
        match &request.cursor {
            Some(cursor) => search.after(cursor.after.clone()),
            None => search,
        }
    }

    fn location(&self) -> Option<Arc<str>> {
        Some(self.location.as_str().into())
    }

    fn to_source_page(
        &self,
        request: PageRequest<ContactsCursor>,
        page: Page<Doc, SearchAfter>,
        requested_at: Timestamp,
    ) -> Result<SourcePage<ContactsCursor>> {
        let start = request.cursor.map(|cursor| cursor.last);
        let last = match page.items.last() {
            Some(document) => Some((CONTACTS.position(document), id_of(document)?)),
            None => start.clone(),
        };
        let next = match (page.next, last) {
            (Some(after), Some(last)) => Some(ContactsCursor { after, last }),
            _ => None,
        };
        let span = (request.mode == Mode::Full).then(|| KeyRange {
            kind: CONTACTS.name,
            location: self.location(),
            after: start,
            up_to: next.as_ref().map(|next| next.last.clone()),
        });
        let change = |document| self.listed(document, requested_at);
        let items = page.items.into_iter().map(change).collect::<Result<Vec<Change>>>()?;
        Ok(SourcePage { page: Page { items, next, total: page.total }, range: span })
    }

    fn listed(&self, mut document: Doc, requested_at: Timestamp) -> Result<Change> {
        // The cursor belongs to the listing, not to the contact.
        document.remove("searchAfter");
        // A contact that was never changed counts as of its creation, by the provider's clock and not by ours.
        if crate::model::field_time(document.get("dateUpdated")).is_none() {
            let added = crate::model::field_time(document.get("dateAdded")).unwrap_or(requested_at);
            return CONTACTS.fetched(&self.organization, self.location(), document, added, ChangeOrigin::Listed);
        }
        CONTACTS.fetched(&self.organization, self.location(), document, requested_at, ChangeOrigin::Listed)
    }
}

impl Lookup for ContactsSource {
    async fn lookup(&self, id: &str, revision: u64) -> Result<Change> {
        let requested_at = self.client.clock().now();
        let read = self.client.contacts().get(&self.location, id).background().document().await;
        CONTACTS.read(&self.organization, id, self.location(), read, requested_at, revision)
    }
}

impl Source for ContactsSource {
    type Cursor = ContactsCursor;

    async fn page(&self, request: PageRequest<ContactsCursor>) -> Result<SourcePage<ContactsCursor>> {
        if self.page_size as usize > MAX_CHANGES {
            return Err(Error::new(ErrorKind::InvalidInput, format!("a page has at most {MAX_CHANGES} contacts")));
        }
        let requested_at = self.client.clock().now();
        let page = self.search(&request).documents().await?;
        self.to_source_page(request, page, requested_at)
    }
}
