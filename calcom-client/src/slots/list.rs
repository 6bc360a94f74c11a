use serde_json::{Value, json};
use sidecar_core::{Result, Timestamp};

use crate::{
    bookings::EventTypeSelector,
    client::{RequestBuilder, request},
    model::{BookingUid, EventTypeId, Minutes, Slots, WireTime},
};

/// Whose slots are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotSelector {
    /// Those of an event type.
    EventType(EventTypeSelector),
    /// Those at which all of these users (two or more) are free.
    Users {
        /// User names.
        usernames: Vec<String>,
        /// Their organization, by its slug.
        organization: Option<String>,
    },
}

impl From<EventTypeSelector> for SlotSelector {
    fn from(selector: EventTypeSelector) -> Self {
        Self::EventType(selector)
    }
}

impl From<EventTypeId> for SlotSelector {
    fn from(id: EventTypeId) -> Self {
        Self::EventType(id.into())
    }
}

impl From<i64> for SlotSelector {
    fn from(id: i64) -> Self {
        Self::EventType(id.into())
    }
}

impl SlotSelector {
    fn fields(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::EventType(selector) => selector.fields(),
            Self::Users { usernames, organization } => {
                let mut fields = vec![("usernames", json!(usernames))];
                fields.extend(organization.as_ref().map(|organization| ("organizationSlug", json!(organization))));
                fields
            }
        }
    }
}

request! {
    /// Lists free slots. From [`Slots::list`](super::Slots::list). It needs a time span.
    ListSlots => Slots, via send;
    query {
        /// The IANA time zone that the answer's dates and times are in; `UTC` unless set.
        "timeZone" time_zone: String,
        /// How long a slot is to be, where the event type leaves the choice.
        "duration" duration: Minutes,
        /// The booking that is to be moved: its own time counts as free.
        "bookingUidToReschedule" to_reschedule: BookingUid,
    }
}

impl ListSlots {
    pub(super) fn new(builder: RequestBuilder, whose: &SlotSelector) -> Self {
        let few = matches!(whose, SlotSelector::Users { usernames, .. } if usernames.len() < 2);
        let builder = whose.fields().into_iter().fold(builder, |builder, (name, value)| builder.query(name, value));
        // Without it an answer has starts only.
        Self(builder.require(!few, "slots of users are for two or more of them").query("format", "range"))
    }

    /// From `start` to `end`.
    pub fn between(self, start: Timestamp, end: Timestamp) -> Self {
        let (from, to) = (WireTime::from(start), WireTime::from(end));
        let builder = self.0.query("start", from).query("end", to);
        Self(builder.require(start < end, "the time span is empty: its end must be after its start"))
    }

    /// From the beginning of one date to the end of another (`YYYY-MM-DD`, in UTC).
    pub fn days(self, first: impl Into<String>, last: impl Into<String>) -> Self {
        let (first, last) = (first.into(), last.into());
        let dates = [&first, &last].iter().all(|date| is_date(date));
        let builder = self
            .0
            .require(dates, "a day is given as `YYYY-MM-DD`")
            .require(first <= last, "the days are in the wrong order");
        Self(builder.query("start", first).query("end", last))
    }

    /// From the beginning of one date to the end of another (`YYYY-MM-DD`) in an IANA time zone, which the answer is in too.
    pub fn local_days(self, first: &str, last: &str, time_zone: &str) -> Self {
        match local_span(first, last, time_zone) {
            Ok((start, end)) => self.between(start, end).time_zone(time_zone),
            Err(why) => Self(self.0.reject(why)),
        }
    }

    /// Answers with starts only, without ends.
    pub fn starts_only(self) -> Self {
        Self(self.0.query("format", "time"))
    }

    async fn send(self) -> Result<Slots> {
        let span = self.0.query_value("start").is_some();
        self.0.require(span, "slots are listed in a time span: give it with `between` or `days`").data().await
    }
}

/// From the first date's first instant to the last one's end.
fn local_span(first: &str, last: &str, time_zone: &str) -> Result<(Timestamp, Timestamp), String> {
    let date = |text: &str| match text.parse::<jiff::civil::Date>() {
        Ok(date) if is_date(text) => Ok(date),
        _ => Err(format!("`{text}` is no date: a day is given as `YYYY-MM-DD`")),
    };
    let zone = jiff::tz::TimeZone::get(time_zone)
        .map_err(|_| format!("`{time_zone}` is no IANA time zone, such as `Europe/Berlin`"))?;
    let midnight = |date: jiff::civil::Date| {
        let instant = zone.to_timestamp(date.at(0, 0, 0, 0)).map_err(|error| error.to_string())?;
        Ok::<_, String>(Timestamp::from_micros(instant.as_microsecond()))
    };
    let after = date(last)?.tomorrow().map_err(|error| error.to_string())?;
    Ok((midnight(date(first)?)?, midnight(after)?))
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}
