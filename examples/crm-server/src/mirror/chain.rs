//! From a booking to its first form and to its present one: a move makes a new booking, and each knows the one before it.

use std::borrow::Cow;

use calcom_client::{
    CalcomClient,
    sync::{BOOKING, BookingsSource, MOVED_FROM, MOVED_TO},
};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, StoreError,
    commit::Batch,
    record::{Change, ChangeOrigin, ChangeOutcome, Doc, Mutation, Record, RecordKey},
    sync::Lookup as _,
};

use super::meeting::Side;
use crate::{app::App, tasks::TaskError};

/// The longest chain that is followed.
const LONGEST: usize = 500;
/// How often a booking is read or written anew that changes meanwhile.
const READS: usize = 5;

/// The bookings of one organization, stored ones and those that have to be fetched.
pub(super) struct Bookings<'a> {
    pub(super) app: &'a App,
    pub(super) client: &'a CalcomClient,
    pub(super) organization: &'a OrganizationId,
}

impl Bookings<'_> {
    /// The uid of the booking's first form, as far back as it is known.
    pub(super) async fn root(&self, uid: &str) -> Result<String, TaskError> {
        Ok(self.forms(uid).await?.pop().unwrap_or_else(|| uid.to_owned()))
    }

    /// The uids of the booking's forms, from this one back to the first.
    pub(super) async fn forms(&self, uid: &str) -> Result<Vec<String>, TaskError> {
        let mut booking = self.known(uid).await?;
        let mut forms = vec![uid.to_owned()];
        while let Some(former) = text(&booking.doc, MOVED_FROM).map(str::to_owned) {
            let earlier = self.known(&former).await?;
            if earlier.deleted {
                break;
            }
            if forms.contains(&former) || forms.len() == LONGEST {
                return Err(endless(uid));
            }
            self.lead_on(&earlier, &booking.key.id).await?;
            forms.push(former);
            booking = earlier;
        }
        Ok(forms)
    }

    /// The booking's present form.
    pub(super) async fn head(&self, root: &str) -> Result<Record, TaskError> {
        let mut booking = self.known(root).await?;
        for _ in 0..LONGEST {
            let Some(later) = text(&booking.doc, MOVED_TO).map(str::to_owned) else { return Ok(booking) };
            let next = self.known(&later).await?;
            if next.deleted {
                return Ok(booking);
            }
            booking = next;
        }
        Err(endless(root))
    }

    /// The booking's present form, read anew where what is stored does not tell enough. What was read is what counts from then on:
    /// it may say that the booking ended, was moved or is gone.
    pub(super) async fn told(&self, root: &str, is_untold: impl Fn(&Record) -> bool) -> Result<Record, TaskError> {
        let mut head = self.head(root).await?;
        for _ in 0..READS {
            if !is_untold(&head) {
                return Ok(head);
            }
            let read = self.refresh(&head.key.id).await?;
            head = self.head(&read.key.id).await?;
            if head.key == read.key {
                return Ok(head);
            }
        }
        Err(TaskError::Contended(format!("booking {root} keeps changing")))
    }

    /// Reads a booking anew, whatever is stored.
    pub(super) async fn refresh(&self, uid: &str) -> Result<Record, TaskError> {
        let source = BookingsSource::new(self.client.clone(), self.organization.clone());
        for _ in 0..READS {
            let revision = self.stored(uid).await?.map_or(0, |record| record.revision);
            let mut change = source.lookup(uid, revision).await?;
            // Whoever is told of the change by somebody else meanwhile reads it too.
            change.refetch_task = None;
            let outcome = self.app.store.commit(Batch { changes: vec![change], ..Batch::default() }).await?;
            // While it was read it may have changed.
            if outcome.count(ChangeOutcome::Ambiguous) == 0
                && let Some(record) = self.stored(uid).await?
            {
                return Ok(record);
            }
        }
        Err(TaskError::Contended(format!("booking {uid} keeps changing")))
    }

    pub(super) async fn stored(&self, uid: &str) -> Result<Option<Record>, StoreError> {
        self.app.store.record(&self.key(uid)).await
    }

    /// The stored booking; one that is not, or only in part, is fetched: its events may not have told when it is, or whether it took
    /// the place of another one. One that Cal.com does not know is a tombstone.
    async fn known(&self, uid: &str) -> Result<Record, TaskError> {
        let is_whole = |record: &Record| {
            record.deleted
                || (record.doc.contains_key(MOVED_FROM) && Side::of_booking(record, self.app.now()).is_some())
        };
        match self.stored(uid).await? {
            Some(record) if is_whole(&record) => Ok(record),
            _ => self.refresh(uid).await,
        }
    }

    /// Lets the earlier booking know the later one, where only the later one knew.
    async fn lead_on(&self, earlier: &Record, later: &str) -> Result<(), TaskError> {
        let uid = &earlier.key.id;
        let mut earlier = earlier.clone();
        for _ in 0..READS {
            if text(&earlier.doc, MOVED_TO).is_some() {
                return Ok(());
            }
            let batch = Batch { changes: vec![leads_to(&earlier, later)], ..Batch::default() };
            if self.app.store.commit(batch).await?.count(ChangeOutcome::Updated) == 1 {
                return Ok(());
            }
            // Its own event came meanwhile, or the task of another form of it was faster.
            earlier = self.known(uid).await?;
        }
        Err(TaskError::Contended(format!("booking {uid} keeps changing")))
    }

    fn key(&self, uid: &str) -> RecordKey {
        RecordKey { organization: self.organization.clone(), kind: Cow::Borrowed(BOOKING), id: uid.into() }
    }
}

/// The change that lets a stored booking name the one that took its place, unless it changes meanwhile.
fn leads_to(earlier: &Record, later: &str) -> Change {
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
    TaskError::Permanent(format!("booking {uid} was moved more than {LONGEST} times, or takes its own place"))
}

/// A text of a document that says something.
pub(super) fn text<'a>(document: &'a Doc, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
