use serde_json::Value;
use sidecar_core::{Error, ErrorKind, Result};

use super::{Bookings, CreateBooking, Sort, operations::CREATE};
use crate::model::{Booked, Booking};

/// The metadata key that a booking's reference stands under.
pub const REFERENCE: &str = "sidecarReference";

/// What became of a create.
#[derive(Debug, Clone, PartialEq)]
pub enum CreatedOrFound {
    /// The provider answered: these are the bookings.
    Created(Booked),
    /// The answer was lost or a refusal, but the booking is there.
    Found(Box<Booking>),
}

impl CreatedOrFound {
    /// The booking, or the first of a series.
    pub fn booking(&self) -> Option<&Booking> {
        match self {
            Self::Created(booked) => booked.first(),
            Self::Found(booking) => Some(booking),
        }
    }
}

impl CreateBooking {
    /// A name of one's own for this booking, unique among those of the attendee, such as the id of the job that makes it: by it the
    /// booking is found again. It stands in the metadata under [`REFERENCE`].
    pub fn reference(self, reference: impl Into<String>) -> Self {
        self.metadata(REFERENCE, reference)
    }

    /// Books, and when it is unclear whether that happened, looks for the booking: one call more then, which needs credentials that
    /// may list it. A job that is carried out again should look first ([`Bookings::find`]).
    ///
    /// # Errors
    /// As awaiting it: when the look finds nothing, the create's own error, which still says that it may have happened (a listing
    /// can lag). [`ErrorKind::InvalidInput`] when the booking has no [`reference`](CreateBooking::reference) or the attendee no e-mail
    /// address, by which it is looked for.
    pub async fn create_or_find(self) -> Result<CreatedOrFound> {
        let text = |object: &str, key: &str| {
            self.0.field(object).and_then(|object| object.get(key)).and_then(Value::as_str).map(str::to_owned)
        };
        let (Some(reference), Some(email)) = (text("metadata", REFERENCE), text("attendee", "email")) else {
            let why = "a booking is found again by its `reference` and the attendee's e-mail address: give both";
            return Err(Error::new(ErrorKind::InvalidInput, why).at("calcom", CREATE.name));
        };
        let (client, options) = (self.0.client.clone(), self.0.options.clone());
        match self.send().await {
            Ok(booked) => Ok(CreatedOrFound::Created(booked)),
            Err(error) if error.may_have_taken_effect() => {
                match client.bookings().look(&email, &reference, options).await {
                    Ok(Some(booking)) => Ok(CreatedOrFound::Found(Box::new(booking))),
                    Ok(None) | Err(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }
}

impl Bookings {
    /// Looks for the booking that was made with this [`reference`](CreateBooking::reference), among the attendee's latest hundred
    /// that are not cancelled or rejected.
    ///
    /// # Errors
    /// As [`Bookings::list`].
    pub async fn find(&self, attendee_email: &str, reference: &str) -> Result<Option<Booking>> {
        self.look(attendee_email, reference, crate::client::RequestOptions::default()).await
    }

    async fn look(
        &self,
        email: &str,
        reference: &str,
        options: crate::client::RequestOptions,
    ) -> Result<Option<Booking>> {
        let latest = self.list().attendee_email(email).sort_created(Sort::Desc).with_options(options).await?;
        let is_it = |booking: &Booking| booking.is_active() && booking.metadata_text(REFERENCE) == Some(reference);
        Ok(latest.items.into_iter().find(is_it))
    }
}
