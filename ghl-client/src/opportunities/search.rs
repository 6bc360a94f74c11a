use http::Method;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sidecar_core::{Page, Result, Timestamp};

use super::Opportunities;
use crate::{
    client::{CursorPaging, Operation, RequestBuilder, listing, request, setters},
    config::ApiVersion,
    model::{
        CampaignId, ContactId, LocationId, Opportunity, OpportunityId, OpportunityStatus, PipelineId, StageId, UserId,
        WireTime, field_time, month_day_year,
    },
};

static SEARCH: Operation =
    Operation::new("opportunities.search", Method::GET, "/opportunities/search", ApiVersion::V2021_07_28).v3_names(&[
        ("location_id", "locationId"),
        ("pipeline_id", "pipelineId"),
        ("pipeline_stage_id", "pipelineStageId"),
        ("contact_id", "contactId"),
        ("assigned_to", "assignedTo"),
    ]);

/// Where a search of opportunities goes on, as a page's `meta` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartAfter {
    /// The value by which the last row is ordered: epoch milliseconds.
    pub start_after: String,
    /// The last row.
    pub start_after_id: OpportunityId,
}

impl StartAfter {
    fn row(created: Option<Timestamp>, id: Option<&str>) -> Option<Self> {
        Some(Self { start_after: created?.as_millis().to_string(), start_after_id: id?.into() })
    }
}

request! {
    /// Searches opportunities; 1 to 100 in a page, 100 unless set otherwise. From [`Opportunities::search`].
    pub struct SearchOpportunities { paging: CursorPaging<StartAfter> } => Page<Opportunity, StartAfter>
}
listing!(SearchOpportunities => Opportunity, after StartAfter);
setters! { query of SearchOpportunities; {
    /// Only opportunities in which this text is found: name, or the contact's name, e-mail address or phone number.
    "q" query: into String,
    /// Only this pipeline's.
    "pipeline_id" pipeline: into PipelineId,
    /// Only those at this stage.
    "pipeline_stage_id" stage: into StageId,
    /// Only this contact's.
    "contact_id" contact: into ContactId,
    /// Only those that stand so.
    "status" status: OpportunityStatus,
    /// Only those assigned to this user.
    "assigned_to" assigned_to: into UserId,
    /// Only this campaign's.
    "campaignId" campaign: into CampaignId,
    /// Only this one.
    "id" id: into OpportunityId,
    /// The order, such as `added_asc`.
    "order" order: into String,
    /// From this day on, in UTC; sent as `mm-dd-yyyy`.
    "date" from: Timestamp => month_day_year,
    /// Up to this day, in UTC; sent as `mm-dd-yyyy`.
    "endDate" to: Timestamp => month_day_year,
    /// Only those of this country, by its two-letter code.
    "country" country: into String,
    /// Whether the contacts' tasks come along.
    "getTasks" with_tasks: bool,
    /// Whether the contacts' notes come along.
    "getNotes" with_notes: bool,
    /// Whether the contacts' calendar events come along.
    "getCalendarEvents" with_calendar_events: bool,
}}

#[derive(Deserialize)]
struct Found<T> {
    opportunities: Vec<T>,
    #[serde(default)]
    meta: Meta,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Meta {
    total: Option<u64>,
    /// A number, or a text that holds one.
    start_after: Option<Value>,
    start_after_id: Option<OpportunityId>,
}

impl Meta {
    fn next(self) -> Option<StartAfter> {
        let start_after = match self.start_after? {
            Value::String(text) if !text.is_empty() => text,
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        let start_after_id = self.start_after_id.filter(|id| !id.as_str().is_empty())?;
        Some(StartAfter { start_after, start_after_id })
    }
}

impl Opportunities {
    /// Searches a location's opportunities: one page when awaited, all of them by [`SearchOpportunities::items`].
    pub fn search(&self, location: impl Into<LocationId>) -> SearchOpportunities {
        let location = location.into();
        let builder = RequestBuilder::new(&self.0, &SEARCH, location.clone()).query("location_id", location);
        SearchOpportunities { builder, paging: CursorPaging::new(100, 100) }
    }
}

impl SearchOpportunities {
    async fn send(self) -> Result<Page<Opportunity, StartAfter>> {
        let created = |row: &Opportunity| row.created_at.as_ref().and_then(WireTime::timestamp);
        self.fetch(|row| StartAfter::row(created(row), Some(row.id.as_str()))).await
    }

    /// One page of the opportunities' whole documents, as sent.
    pub(crate) async fn documents(self) -> Result<Page<Map<String, Value>, StartAfter>> {
        let place = |row: &Map<String, Value>| {
            StartAfter::row(field_time(row.get("createdAt")), row.get("id").and_then(Value::as_str))
        };
        self.fetch(place).await
    }

    /// A listing ends with an empty page, or with a first page that holds all there is; not with one that is only short, nor
    /// with one whose `meta` names no cursor: the last row is one too.
    async fn fetch<T: DeserializeOwned>(self, place: impl Fn(&T) -> Option<StartAfter>) -> Result<Page<T, StartAfter>> {
        let mut builder = self.paging.check(self.builder).query("limit", self.paging.limit);
        let first = self.paging.after.is_none();
        if let Some(after) = self.paging.after {
            builder = builder.query("startAfter", after.start_after).query("startAfterId", after.start_after_id);
        }
        let Found { opportunities, meta } = builder.json().await?;
        let total = meta.total;
        let whole = first && total.is_some_and(|total| total <= opportunities.len() as u64);
        let last = opportunities.last().filter(|_| !whole);
        let next = last.and_then(|last| meta.next().or_else(|| place(last)));
        Ok(Page { next, total, items: opportunities })
    }
}
