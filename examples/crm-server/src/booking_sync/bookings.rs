//! Bookings at Cal.com and their reschedule chains: every reschedule creates a new booking that names the previous one.
//!
//! The first booking of a chain is the original, the last one the latest version.

use std::borrow::Cow;

use calcom_client::{
    CalcomClient,
    model::{Booked, Booking, BookingUid},
    sync::{BOOKING, BookingsSource, MOVED_FROM, MOVED_TO, written_booking},
};
use serde_json::{Value, json};
use sidecar_core::{
    Error, OrganizationId, StoreError, Timestamp,
    commit::{Batch, Outcome},
    record::{Change, ChangeOrigin, ChangeOutcome, Doc, Mutation, Record, RecordKey},
    sync::Lookup as _,
};

use super::resolve::{BookingAction, Observed};
use crate::{app::App, tasks::TaskError};

const MAX_CHAIN_LENGTH: usize = 500;
/// How often a booking that changes at the same time is fetched or written again.
const MAX_ATTEMPTS: usize = 5;
/// The reason of a cancellation or reschedule that the attendee reads.
const CHANGE_REASON: &str = "Changed in the calendar";

/// The bookings of one organization, from the store or from Cal.com.
pub(super) struct Bookings<'a> {
    pub(super) app: &'a App,
    pub(super) client: &'a CalcomClient,
    pub(super) organization: &'a OrganizationId,
}

impl Bookings<'_> {
    /// Returns the uid of the original booking, as far back as it is known.
    pub(super) async fn original(&self, uid: &str) -> Result<String, TaskError> {
        Ok(self.versions(uid).await?.pop().unwrap_or_else(|| uid.to_owned()))
    }

    /// Returns the uids of the booking's versions, from this one back to the original.
    pub(super) async fn versions(&self, uid: &str) -> Result<Vec<String>, TaskError> {
        let mut booking = self.stored_or_fetched(uid).await?;
        let mut versions = vec![uid.to_owned()];
        while let Some(previous) = text(&booking.doc, MOVED_FROM).map(str::to_owned) {
            let earlier = self.stored_or_fetched(&previous).await?;
            if earlier.deleted {
                break;
            }
            if versions.contains(&previous) || versions.len() == MAX_CHAIN_LENGTH {
                return Err(endless(uid));
            }
            self.complete_forward_link(&earlier, &booking.key.id).await?;
            versions.push(previous);
            booking = earlier;
        }
        Ok(versions)
    }

    /// Returns the latest version of the booking.
    pub(super) async fn latest(&self, uid: &str) -> Result<Record, TaskError> {
        let mut booking = self.stored_or_fetched(uid).await?;
        for _ in 0..MAX_CHAIN_LENGTH {
            let Some(later) = text(&booking.doc, MOVED_TO).map(str::to_owned) else { return Ok(booking) };
            let next = self.stored_or_fetched(&later).await?;
            if next.deleted {
                return Ok(booking);
            }
            booking = next;
        }
        Err(endless(uid))
    }

    /// Returns the latest version of the booking, fetched if `needs_refetch`. What was fetched counts from then on: it may show that the
    /// booking ended, was rescheduled or does not exist.
    pub(super) async fn latest_complete(
        &self,
        original: &str,
        needs_refetch: impl Fn(&Record) -> bool,
    ) -> Result<Record, TaskError> {
        let mut latest = self.latest(original).await?;
        for _ in 0..MAX_ATTEMPTS {
            if !needs_refetch(&latest) {
                return Ok(latest);
            }
            let fetched = self.refetch(&latest.key.id).await?;
            latest = self.latest(&fetched.key.id).await?;
            if latest.key == fetched.key {
                return Ok(latest);
            }
        }
        Err(keeps_changing(original))
    }

    /// Fetches the booking and stores it.
    pub(super) async fn refetch(&self, uid: &str) -> Result<Record, TaskError> {
        let source = BookingsSource::new(self.client.clone(), self.organization.clone());
        for _ in 0..MAX_ATTEMPTS {
            let revision = self.stored(uid).await?.map_or(0, |record| record.revision);
            let mut change = source.lookup(uid, revision).await?;
            // This loop repeats the fetch itself.
            change.refetch_task = None;
            let outcome = self.commit(change).await?;
            if outcome.count(ChangeOutcome::Ambiguous) == 0
                && let Some(record) = self.stored(uid).await?
            {
                return Ok(record);
            }
        }
        Err(keeps_changing(uid))
    }

    /// Sends the action's request to Cal.com. Returns the resulting booking, a new one after a reschedule; `None` if the response does
    /// not contain it.
    pub(super) async fn apply(&self, booking: &Record, action: BookingAction) -> Result<Option<Booking>, Error> {
        let (bookings, uid) = (self.client.bookings(), BookingUid::from(&*booking.key.id));
        let same = |response: Booked, uid| response.into_vec().into_iter().find(|booking| booking.uid == uid);
        match action {
            BookingAction::None | BookingAction::Unsupported => Ok(None),
            BookingAction::Cancel => {
                let cancel = bookings.cancel(uid.clone()).reason(CHANGE_REASON.to_owned());
                Ok(same(cancel.background().await?, uid))
            }
            BookingAction::Reschedule(start) => {
                let reschedule = bookings.reschedule(uid, start).reason(CHANGE_REASON.to_owned());
                reschedule.background().await.map(Some)
            }
            BookingAction::Confirm => Ok(same(bookings.confirm(uid.clone()).background().await?, uid)),
            BookingAction::MarkAbsent => {
                let request = bookings.mark_absent(uid);
                let request = emails(booking).fold(request, |request, email| request.attendee(email, true));
                request.background().await.map(Some)
            }
        }
    }

    /// Stores the response to a request about `before`.
    pub(super) async fn store_response(
        &self,
        response: &Booking,
        before: &Record,
        sent_at: Timestamp,
    ) -> Result<(), StoreError> {
        // Nothing was stored of a new booking before the request.
        let revision = if *before.key.id == *response.uid.as_str() { before.revision } else { 0 };
        self.commit(written_booking(self.organization, response, sent_at, revision)).await?;
        Ok(())
    }

    async fn stored(&self, uid: &str) -> Result<Option<Record>, StoreError> {
        self.app.records.record(&self.key(uid)).await
    }

    /// Commits a change of ours. The reconciler goes on with it, so that it does not have to be routed.
    async fn commit(&self, change: Change) -> Result<Outcome, StoreError> {
        self.app.records.commit(Batch { changes: vec![change], skip_triggers: true, ..Batch::default() }).await
    }

    /// Returns the stored booking, or fetches it if times or the previous version are missing. Returns a tombstone if Cal.com does not
    /// know it.
    async fn stored_or_fetched(&self, uid: &str) -> Result<Record, TaskError> {
        let is_complete = |record: &Record| {
            record.deleted
                || (record.doc.contains_key(MOVED_FROM) && Observed::of_booking(record, self.app.now()).is_some())
        };
        match self.stored(uid).await? {
            Some(record) if is_complete(&record) => Ok(record),
            _ => self.refetch(uid).await,
        }
    }

    /// Stores the later version's uid in the earlier booking, if only the later one names the other.
    async fn complete_forward_link(&self, earlier: &Record, later: &str) -> Result<(), TaskError> {
        let uid = &earlier.key.id;
        let mut earlier = earlier.clone();
        for _ in 0..MAX_ATTEMPTS {
            if text(&earlier.doc, MOVED_TO).is_some() {
                return Ok(());
            }
            if self.commit(forward_link(&earlier, later)).await?.count(ChangeOutcome::Updated) == 1 {
                return Ok(());
            }
            // Its own event arrived, or the task of another version was faster.
            earlier = self.stored_or_fetched(uid).await?;
        }
        Err(keeps_changing(uid))
    }

    fn key(&self, uid: &str) -> RecordKey {
        RecordKey { organization: self.organization.clone(), kind: Cow::Borrowed(BOOKING), id: uid.into() }
    }
}

/// Returns the change that adds the later version's uid, unless the booking changes in between.
fn forward_link(earlier: &Record, later: &str) -> Change {
    Change {
        key: earlier.key.clone(),
        location: None,
        version: earlier.version,
        origin: ChangeOrigin::Read { revision: earlier.revision },
        position: None,
        mutation: Mutation::Patch(Doc::from_iter([(MOVED_TO.to_owned(), json!(later))]).into()),
        searchable: &["title"],
        refetch_task: None,
        on_change: None,
    }
}

fn endless(uid: &str) -> TaskError {
    TaskError::Permanent(format!(
        "booking {uid} was rescheduled more than {MAX_CHAIN_LENGTH} times, or its reschedules form a circle"
    ))
}

fn keeps_changing(uid: &str) -> TaskError {
    TaskError::Contended(format!("booking {uid} keeps changing"))
}

fn emails(booking: &Record) -> impl Iterator<Item = &str> {
    let attendees = booking.doc.get("attendees").and_then(Value::as_array).into_iter().flatten();
    attendees.filter_map(|attendee| text(attendee.as_object()?, "email"))
}

/// Returns a non-empty text of a document.
pub(super) fn text<'a>(document: &'a Doc, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
