use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidecar_core::{Page, Result};

use super::Opportunities;
use crate::{
    client::{CursorPaging, Operation, RequestBuilder, listing, request},
    config::ApiVersion,
    contacts::NUMBERED_ROWS,
    model::{LocationId, Opportunity, OpportunityId},
};

static SEARCH: Operation =
    Operation::new("opportunities.advanced_search", Method::POST, "/opportunities/search", ApiVersion::V2021_07_28);

/// Where an advanced search goes on: behind the values that the last row carried or, where rows carry none, at the next
/// numbered page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AdvancedPlace {
    page: u64,
    search_after: Vec<Value>,
    last: OpportunityId,
}

/// Places are equal by the row before them, so that a provider that gives a page again is noticed, though the number grows.
impl PartialEq for AdvancedPlace {
    fn eq(&self, other: &Self) -> bool {
        self.last == other.last
    }
}

request! {
    /// Searches opportunities by text and with what belongs to them; 1 to 100 in a page, 100 unless set otherwise. From
    /// [`Opportunities::advanced_search`].
    pub struct AdvancedSearch { paging: CursorPaging<AdvancedPlace>, details: Details } => Page<Opportunity, AdvancedPlace>
}
listing!(AdvancedSearch => Opportunity, after AdvancedPlace);

/// The related data that is returned with each opportunity. GHL requires all four fields.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Details {
    notes: bool,
    tasks: bool,
    calendar_events: bool,
    un_read_conversations: bool,
}

impl Opportunities {
    /// Searches a location's opportunities with `POST /opportunities/search`. [`search`](Self::search) has more filters.
    pub fn advanced_search(&self, location: impl Into<LocationId>) -> AdvancedSearch {
        let location = location.into();
        let builder =
            RequestBuilder::new(&self.0, &SEARCH, location.clone()).set("locationId", json!(location)).set("query", "");
        AdvancedSearch {
            builder: builder.repeatable(),
            paging: CursorPaging::new(100, 100),
            details: Details::default(),
        }
    }
}

impl AdvancedSearch {
    /// Only opportunities in which this text is found.
    pub fn query(mut self, text: impl Into<String>) -> Self {
        self.builder = self.builder.set("query", text.into());
        self
    }

    /// The contacts' notes come along.
    pub fn with_notes(mut self) -> Self {
        self.details.notes = true;
        self
    }

    /// The contacts' tasks come along.
    pub fn with_tasks(mut self) -> Self {
        self.details.tasks = true;
        self
    }

    /// The contacts' calendar events come along.
    pub fn with_calendar_events(mut self) -> Self {
        self.details.calendar_events = true;
        self
    }

    /// How many conversations are unread comes along.
    pub fn with_unread_conversations(mut self) -> Self {
        self.details.un_read_conversations = true;
        self
    }

    async fn send(self) -> Result<Page<Opportunity, AdvancedPlace>> {
        #[derive(Deserialize)]
        struct Found {
            opportunities: Vec<Opportunity>,
            #[serde(default)]
            total: Option<u64>,
        }
        let (page, search_after) = match &self.paging.after {
            Some(place) => (place.page, place.search_after.clone()),
            None => (1, Vec::new()),
        };
        let within = !search_after.is_empty() || page.saturating_mul(self.paging.limit.into()) <= NUMBERED_ROWS;
        let builder = self.paging.check(self.builder).require(within, || {
            format!("numbered pages end at {NUMBERED_ROWS} rows: narrow the search, or use `search`")
        });
        let builder = builder
            .set("limit", self.paging.limit)
            .set("page", page)
            .set("searchAfter", search_after)
            .set("additionalDetails", json!(self.details));
        let Found { opportunities, total } = builder.json().await?;
        let seen = (page - 1).saturating_mul(self.paging.limit.into()) + opportunities.len() as u64;
        let more = total.is_none_or(|total| seen < total);
        let next = opportunities.last().filter(|_| more).map(|last| AdvancedPlace {
            page: page + 1,
            search_after: place_of(last),
            last: last.id.clone(),
        });
        Ok(Page { next, total, items: opportunities })
    }
}

/// The values by which a row is ordered, where it carries them.
fn place_of(row: &Opportunity) -> Vec<Value> {
    let values = row.extra.get("searchAfter").or_else(|| row.extra.get("sort")).and_then(Value::as_array);
    values.cloned().unwrap_or_default()
}
