use serde_json::Value;
use sidecar_core::{Error, ErrorKind, Result, SendState, Timestamp, record::SKEW};

use super::{FindContact, GetContact, write::CreateContact};
use crate::{
    error::{GhlErrorExt, GhlErrorReason},
    model::{Contact, ContactId, WireTime},
};

/// The result of [`CreateContact::create_or_find`].
#[derive(Debug, Clone, PartialEq)]
pub enum CreatedOrFound {
    /// The provider created it and said so.
    Created(Contact),
    /// The create failed in a way that left open what it did, and here is the contact, added since the call began: the
    /// call's own, unless another caller created the same one in these seconds.
    CreatedUnanswered(Contact),
    /// It was there before.
    Found(Contact),
}

impl CreatedOrFound {
    /// The contact, whichever way it came about.
    pub fn contact(&self) -> &Contact {
        match self {
            Self::Created(contact) | Self::CreatedUnanswered(contact) | Self::Found(contact) => contact,
        }
    }

    /// The same, taken out.
    pub fn into_contact(self) -> Contact {
        match self {
            Self::Created(contact) | Self::CreatedUnanswered(contact) | Self::Found(contact) => contact,
        }
    }

    /// Whether the call created it.
    pub fn is_new(&self) -> bool {
        !matches!(self, Self::Found(_))
    }
}

impl CreateContact {
    /// Creates the contact, or finds the one with the same e-mail address or phone number, and returns which of the two happened.
    ///
    /// It settles what a plain create leaves open: a lost answer, a deadline, a 5xx, and the 422 after which the provider has
    /// been seen to have created the contact all the same
    /// (<https://github.com/GoHighLevel/highlevel-api-docs/issues/64>). The create is sent once; then, if need be, the
    /// duplicate that the refusal names is read, or the contact is looked for by e-mail address and by phone number
    /// (`GET /contacts/search/duplicate`, which does not lag as the search does). Each of these calls has the request's
    /// deadline for itself. The contact that was there is not changed: use
    /// [`upsert`](super::Contacts::upsert) for that.
    ///
    /// ```no_run
    /// # async fn run(ghl: ghl_client::GhlClient) -> ghl_client::Result<()> {
    /// let outcome = ghl.contacts().create("ve9EPM428h8vShlRW1KT").email("ann@example.com").create_or_find().await?;
    /// println!("{} ({})", outcome.contact().id, if outcome.is_new() { "new" } else { "was there" });
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when neither e-mail address nor phone number is set. Otherwise as the create: with
    /// [`SendState::Responded`](sidecar_core::SendState::Responded) it was refused and nothing was created; with
    /// [`SendState::Unknown`](sidecar_core::SendState::Unknown) nothing could be found (yet), or the look failed too, which the message
    /// says then.
    pub async fn create_or_find(self) -> Result<CreatedOrFound> {
        let look = Look::of(&self)?;
        let began = self.client.clock().now();
        let error = match self.await {
            Ok(contact) => return Ok(CreatedOrFound::Created(contact)),
            Err(error) => error,
        };
        match error.problem() {
            Some(GhlErrorReason::DuplicateContact { contact_id: Some(id), .. }) => {
                let id = id.clone();
                look.read(id).await.map(CreatedOrFound::Found)
            }
            Some(GhlErrorReason::DuplicateContact { .. }) => match look.find().await? {
                Some(contact) => Ok(CreatedOrFound::Found(contact)),
                None => Err(error),
            },
            _ if error.may_have_taken_effect() => look.settle(error, began).await,
            _ => Err(error),
        }
    }
}

/// Where to look for the contact.
struct Look {
    /// The request without its content, for client, location and settings.
    like: CreateContact,
    email: Option<String>,
    phone: Option<String>,
}

impl Look {
    fn of(create: &CreateContact) -> Result<Self> {
        let text = |field: &str| create.body.get(field).and_then(Value::as_str).map(str::to_owned);
        let (email, phone) = (text("email"), text("phone"));
        if email.is_none() && phone.is_none() {
            let why = "a contact is found again by its e-mail address or phone number: set one of them, or use a plain create";
            return Err(Error::new(ErrorKind::InvalidInput, why).at("ghl", "contacts.create"));
        }
        Ok(Self { like: create.clone(), email, phone })
    }

    async fn read(self, id: ContactId) -> Result<Contact> {
        GetContact::new(self.like.client, self.like.location, id).with_options(self.like.options).await
    }

    /// By e-mail address, else by phone number.
    async fn find(&self) -> Result<Option<Contact>> {
        let request = || {
            FindContact::new(self.like.client.clone(), self.like.location.clone())
                .with_options(self.like.options.clone())
        };
        if let Some(email) = &self.email
            && let Some(contact) = request().email(email).await?
        {
            return Ok(Some(contact));
        }
        match &self.phone {
            Some(phone) => request().phone(phone).await,
            None => Ok(None),
        }
    }

    async fn settle(self, error: Error, began: Timestamp) -> Result<CreatedOrFound> {
        match self.find().await {
            Ok(Some(contact)) if was_added_since(&contact, began) => Ok(CreatedOrFound::CreatedUnanswered(contact)),
            Ok(Some(contact)) => Ok(CreatedOrFound::Found(contact)),
            // A refusal of the content, and nothing is there: it was what it said.
            Ok(None) if error.kind() == ErrorKind::Rejected => Err(error.with_send_state(SendState::Responded)),
            Ok(None) => Err(error.with_send_state(SendState::Unknown)),
            Err(second) => {
                let why = format!("{}; looking whether it was created failed too: {second}", error.message());
                let mut both =
                    Error::new(error.kind(), why).at("ghl", "contacts.create").with_send_state(SendState::Unknown);
                if let Some(status) = error.status() {
                    both = both.with_status(status);
                }
                if let Some(problem) = error.problem() {
                    both = both.with_detail(problem.clone());
                }
                Err(both.with_source(error))
            }
        }
    }
}

/// The clocks may differ by [`SKEW`]. A contact whose date cannot be read counts as one that was there.
fn was_added_since(contact: &Contact, began: Timestamp) -> bool {
    let added = contact.date_added.as_ref().and_then(WireTime::timestamp);
    added.is_some_and(|added| added >= began || began.distance(added) <= SKEW)
}
