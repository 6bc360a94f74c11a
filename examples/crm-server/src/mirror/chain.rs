//! From a booking to its first form and to its present one: a move makes a new booking, and each knows the one before it.

use std::borrow::Cow;

use calcom_client::{
    CalcomClient,
    sync::{BOOKING, BookingsSource},
};
use serde_json::{Value, json};
use sidecar_core::{
    OrganizationId, StoreError,
    record::{Batch, Change, ChangeOrigin, Doc, Effect, Record, RecordKey},
    sync::Source,
};

use super::meeting::Side;
use crate::{app::App, work::trouble::Trouble};

/// The longest chain that is followed. A longer one is followed from its middle, and then further.
const LONGEST: usize = 500;

/// The bookings of one organization, stored ones and those that have to be fetched.
pub(super) struct Bookings<'a> {
    pub(super) app: &'a App,
    pub(super) client: &'a CalcomClient,
    pub(super) organization: &'a OrganizationId,
}

impl Bookings<'_> {
    /// The uid of the booking's first form, as far back as it is known.
    pub(super) async fn root(&self, uid: &str) -> Result<String, Trouble> {
        let mut booking = self.known(uid).await?;
        for _ in 0..LONGEST {
            let Some(former) = text(&booking.doc, "rescheduledFromUid").map(str::to_owned) else { break };
            let earlier = self.known(&former).await?;
            if earlier.deleted {
                break;
            }
            self.lead_on(&earlier, &booking.key.id).await?;
            booking = earlier;
        }
        Ok(booking.key.id.to_string())
    }

    /// The booking's present form.
    pub(super) async fn head(&self, root: &str) -> Result<Record, Trouble> {
        let mut booking = self.known(root).await?;
        for _ in 0..LONGEST {
            let Some(later) = text(&booking.doc, "rescheduledToUid").map(str::to_owned) else { break };
            let next = self.known(&later).await?;
            if next.deleted {
                break;
            }
            booking = next;
        }
        Ok(booking)
    }

    /// Reads a booking anew, whatever is stored.
    pub(super) async fn refresh(&self, uid: &str) -> Result<Record, Trouble> {
        let revision = self.stored(uid).await?.map_or(0, |record| record.revision);
        let source = BookingsSource::full(self.client.clone(), self.organization.clone());
        let change = source.read(uid, revision).await?;
        self.app.store.commit(Batch { changes: vec![change], ..Batch::default() }).await?;
        let gone = || Trouble::NotYet(format!("booking {uid} is being removed"));
        self.stored(uid).await?.ok_or_else(gone)
    }

    pub(super) async fn stored(&self, uid: &str) -> Result<Option<Record>, StoreError> {
        self.app.store.record(&self.key(uid)).await
    }

    /// The stored booking; one that is not, or only in part, is fetched. One that Cal.com does not know is a tombstone.
    async fn known(&self, uid: &str) -> Result<Record, Trouble> {
        match self.stored(uid).await? {
            Some(record) if record.deleted || Side::of_booking(&record, self.app.now()).is_some() => Ok(record),
            _ => self.refresh(uid).await,
        }
    }

    /// Lets the earlier booking know the later one, where only the later one knew.
    async fn lead_on(&self, earlier: &Record, later: &str) -> Result<(), StoreError> {
        if earlier.doc.contains_key("rescheduledToUid") {
            return Ok(());
        }
        let fields = Doc::from_iter([("rescheduledToUid".to_owned(), json!(later))]);
        let change = Change {
            key: earlier.key.clone(),
            location: None,
            version: earlier.version,
            origin: ChangeOrigin::Read { revision: earlier.revision },
            position: None,
            effect: Effect::Patch(fields.into()),
            searchable: &["title"],
            reread: None,
            follow_up: None,
        };
        self.app.store.commit(Batch { changes: vec![change], ..Batch::default() }).await.map(drop)
    }

    fn key(&self, uid: &str) -> RecordKey {
        RecordKey { organization: self.organization.clone(), kind: Cow::Borrowed(BOOKING), id: uid.into() }
    }
}

/// A text of a document that says something.
pub(super) fn text<'a>(document: &'a Doc, name: &str) -> Option<&'a str> {
    document.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
