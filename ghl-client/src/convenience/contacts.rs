use std::pin::pin;

use futures_util::TryStreamExt;
use sidecar_core::Result;

use crate::{
    client::{GhlClient, RequestOptions, request},
    contacts::{Direction, NUMBERED_ROWS, SearchContacts},
    model::{Contact, LocationId},
};

/// Contacts in an answer unless set otherwise.
const LIMIT: u32 = 100;
/// The page size with which rows beyond numbered pages are walked over: the largest there is.
const STRIDE: u32 = 500;

/// Lists contacts by `limit` and `skip`. From [`GhlClient::get_contacts`].
///
/// The provider has no `skip`. A `skip` that is a multiple of `limit` is one call, to a numbered page; behind the 10,000 rows
/// that numbered pages reach, and for any other `skip`, the rows before are walked over in pages of 500.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited"]
pub struct GetContacts {
    client: GhlClient,
    location: LocationId,
    limit: u32,
    skip: u64,
    query: Option<String>,
    options: RequestOptions,
}

request!(GetContacts => Vec<Contact>);

impl GetContacts {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self { client, location, limit: LIMIT, skip: 0, query: None, options: RequestOptions::default() }
    }

    /// The maximum number of contacts: 1 to 500, 100 by default. A result with fewer is complete.
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// Leaves out the first ones.
    pub fn skip(mut self, skip: u64) -> Self {
        self.skip = skip;
        self
    }

    /// Only contacts in which this text is found: name, e-mail, phone. At most 75 characters.
    pub fn query(mut self, text: impl Into<String>) -> Self {
        self.query = Some(text.into());
        self
    }

    async fn send(self) -> Result<Vec<Contact>> {
        match self.page_number() {
            Some(number) => Ok(self.search(self.limit).numbered(number).await?.items),
            None => self.walk().await,
        }
    }

    /// The numbered page that holds just these rows. A limit of 0 is left to the search, which refuses it.
    fn page_number(&self) -> Option<u64> {
        let limit = u64::from(self.limit.max(1));
        let end = self.skip.checked_add(limit)?;
        (self.skip.is_multiple_of(limit) && end <= NUMBERED_ROWS || self.limit == 0).then_some(self.skip / limit + 1)
    }

    async fn walk(self) -> Result<Vec<Contact>> {
        let wanted = self.limit as usize;
        let mut before = self.skip;
        let mut found = Vec::new();
        let mut contacts = pin!(self.search(STRIDE.max(self.limit)).items());
        while found.len() < wanted {
            match contacts.try_next().await? {
                Some(_) if before > 0 => before -= 1,
                Some(contact) => found.push(contact),
                None => break,
            }
        }
        Ok(found)
    }

    /// In the order of creation, so that contacts which come in between two calls move no other.
    fn search(&self, page_size: u32) -> SearchContacts {
        let search = self.client.contacts().search(&self.location).page_size(page_size);
        let search = search.sort("dateAdded", Direction::Asc).with_options(self.options.clone());
        match &self.query {
            Some(query) => search.query(query),
            None => search,
        }
    }
}
