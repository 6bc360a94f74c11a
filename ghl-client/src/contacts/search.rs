use futures_core::Stream;
use http::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sidecar_core::{Error, ErrorKind, Page, Result, http::Response, page, retry::Replay};

use super::filter::{Direction, Filter, MAX_TEXT, Sort};
use crate::{
    client::{GhlClient, Operation, RequestOptions, Resource, request},
    config::ApiVersion,
    model::{Contact, LocationId, SearchAfter},
};

const SEARCH: Operation = Operation::new("contacts.search", Method::POST, "/contacts/search", ApiVersion::V2021_07_28);

/// Contacts in a page unless set otherwise.
const PAGE_SIZE: u32 = 100;
/// The largest page that the provider gives.
const MAX_PAGE_SIZE: u32 = 500;
/// How many rows numbered pages reach; behind them only cursors do.
pub(crate) const NUMBERED_ROWS: u64 = 10_000;

/// Searches contacts. From [`Contacts::search`](super::Contacts::search).
///
/// Pages go by `searchAfter`, so that a listing reaches beyond the 10,000 rows that numbered pages are cut at.
#[derive(Debug, Clone)]
#[must_use = "a request does nothing until it is awaited or streamed"]
pub struct SearchContacts {
    client: GhlClient,
    location: LocationId,
    query: Option<String>,
    filters: Vec<Filter>,
    sort: Vec<Sort>,
    page_size: u32,
    after: Option<SearchAfter>,
    number: Option<u64>,
    options: RequestOptions,
}

request!(SearchContacts => Page<Contact, SearchAfter>);

/// A search response with rows of any type.
#[derive(Deserialize)]
struct Found<T> {
    contacts: Vec<T>,
    #[serde(default)]
    total: Option<u64>,
}

impl SearchContacts {
    pub(super) fn new(client: GhlClient, location: LocationId) -> Self {
        Self {
            client,
            location,
            query: None,
            filters: Vec::new(),
            sort: Vec::new(),
            page_size: PAGE_SIZE,
            after: None,
            number: None,
            options: RequestOptions::default(),
        }
    }

    /// Only contacts in which this text is found: name, e-mail, phone. At most 75 characters.
    pub fn query(mut self, text: impl Into<String>) -> Self {
        self.query = Some(text.into());
        self
    }

    /// Only contacts for which this holds; several filters must all hold.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Orders the answer by a field; a second call orders what is equal in the first.
    pub fn sort(mut self, field: impl Into<String>, direction: Direction) -> Self {
        self.sort.push(Sort { field: field.into(), direction });
        self
    }

    /// Contacts in a page: 1 to 500, 100 unless set.
    pub fn page_size(mut self, size: u32) -> Self {
        self.page_size = size;
        self
    }

    /// Goes on behind an earlier page: its `next`.
    pub fn after(mut self, cursor: SearchAfter) -> Self {
        self.after = Some(cursor);
        self
    }

    /// The page of this number, from 1, instead of the one behind a cursor. Numbered pages end at
    /// [`NUMBERED_ROWS`].
    pub(crate) fn numbered(mut self, page: u64) -> Self {
        self.number = Some(page);
        self
    }

    /// All pages, one after another.
    pub fn pages(self) -> impl Stream<Item = Result<Page<Contact, SearchAfter>>> + Send {
        let start = self.after.clone();
        page::pages(start, usize::MAX, move |at| {
            let mut next = self.clone();
            next.after = at;
            next.send()
        })
    }

    /// All contacts, one by one; pages are fetched as they are needed.
    pub fn items(self) -> impl Stream<Item = Result<Contact>> + Send {
        page::items(self.pages())
    }

    /// One page of the contacts' whole documents, as sent.
    pub(crate) async fn documents(self) -> Result<Page<Map<String, Value>, SearchAfter>> {
        let first = self.after.is_none();
        let found: Found<Map<String, Value>> = self.answer().await?.json()?;
        let cursor = |row: &Map<String, Value>| row.get("searchAfter")?.as_array().cloned().map(SearchAfter);
        Ok(to_page(found, first, cursor))
    }

    async fn send(self) -> Result<Page<Contact, SearchAfter>> {
        let first = self.after.is_none();
        let found: Found<Contact> = self.answer().await?.json()?;
        Ok(to_page(found, first, |contact| contact.search_after.clone()))
    }

    async fn answer(self) -> Result<Response> {
        let body = self.body()?;
        let call = SEARCH.call(&[]).json(&body).replay(Replay::Safe);
        self.client.send(call, &Resource::Location(self.location), &SEARCH, &self.options).await
    }

    fn body(&self) -> Result<Value> {
        let refuse = |why: String| Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", SEARCH.name));
        if !(1..=MAX_PAGE_SIZE).contains(&self.page_size) {
            return refuse(format!("a page has 1 to {MAX_PAGE_SIZE} contacts, not {}", self.page_size));
        }
        let long = self.query.as_deref().filter(|text| text.chars().count() > MAX_TEXT);
        if let Some(text) = long.or_else(|| self.filters.iter().find_map(Filter::too_long)) {
            return refuse(format!(
                "the search takes at most {MAX_TEXT} characters of text, not {}",
                text.chars().count()
            ));
        }
        let mut body = json!({"locationId": self.location, "pageLimit": self.page_size});
        if let Some(query) = &self.query {
            body["query"] = json!(query);
        }
        if !self.filters.is_empty() {
            body["filters"] = json!(self.filters);
        }
        if !self.sort.is_empty() {
            body["sort"] = json!(self.sort);
        }
        if let Some(number) = self.number {
            body["page"] = json!(number);
        }
        if let Some(after) = &self.after {
            body["searchAfter"] = json!(after);
        }
        Ok(body)
    }
}

/// A listing ends with an empty page, or with a first page that holds all there is. A page that is only shorter than asked
/// for does not end it: the provider may cut pages as it likes.
fn to_page<T>(found: Found<T>, first: bool, cursor: impl Fn(&T) -> Option<SearchAfter>) -> Page<T, SearchAfter> {
    let whole = first && found.total.is_some_and(|total| total <= found.contacts.len() as u64);
    let next = found.contacts.last().filter(|_| !whole).and_then(cursor);
    Page { next, total: found.total, items: found.contacts }
}
