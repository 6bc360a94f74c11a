//! The client: one value for all endpoint families, cheap to clone, and how a call gets its credentials, limits and version.
//!
//! What the families offer lives in their folders. Invariant: every call goes through `CalcomClient::send`, so that no
//! endpoint can skip the limits, the version header or the check of its credentials.

mod budget;
pub(crate) mod builder;
mod operation;
pub(crate) mod paging;
mod plumbing;
mod raw;
mod request;
mod settings;

use std::{fmt, sync::Arc};

use http::HeaderName;
use sidecar_core::{
    Clock, Error, ErrorKind, Result,
    http::{Call, Pipeline, Response},
    lease::LeaseStore,
    retry::Replay,
    token::Credentials,
};

pub use builder::CalcomClientBuilder;
pub use operation::{Auth, Group, Operation};
pub(crate) use plumbing::{Plumbing, plumbing};
pub use raw::{Raw, RawRequest};
pub use request::Request;
pub(crate) use request::{Draft, data, request};
pub(crate) use settings::{Settings, WithSettings, settings};

use crate::{
    bookings::Bookings,
    calendars::Calendars,
    compat::ScheduleLocks,
    config::{ApiVersions, Profile},
    error::{CalcomErrorExt, CalcomErrorReason},
    event_types::EventTypes,
    limits::Limits,
    me::Me,
    ooo::OutOfOffice,
    schedules::Schedules,
    slots::Slots,
    teams::Teams,
    webhooks::Webhooks,
};

pub(crate) const VERSION: HeaderName = HeaderName::from_static("cal-api-version");

/// A client of Cal.com's API v2. Cheap to clone; clones share connections, limits and retry budget.
#[derive(Clone)]
pub struct CalcomClient(Arc<Inner>);

const _: () = {
    const fn is_shared<T: Clone + Send + Sync + fmt::Debug>() {}
    is_shared::<CalcomClient>();
};

struct Inner {
    pipeline: Pipeline,
    credentials: Option<Arc<dyn Credentials>>,
    limits: Limits,
    profile: Profile,
    versions: ApiVersions,
    leases: Option<Arc<dyn LeaseStore>>,
    schedule_locks: ScheduleLocks,
}

impl Operation {
    pub(crate) fn call(&self, arguments: &[&str]) -> Call {
        let call = Call::new(self.name, self.method.clone(), self.path, arguments);
        if self.repeatable { call.replay(Replay::Safe) } else { call }
    }
}

impl CalcomClient {
    /// Starts building a client.
    pub fn builder() -> CalcomClientBuilder {
        CalcomClientBuilder::new()
    }

    /// Bookings, their attendees, guests, recordings and links.
    pub fn bookings(&self) -> Bookings {
        Bookings::new(self.clone())
    }

    /// Free slots, and reservations that hold one for some minutes.
    pub fn slots(&self) -> Slots {
        Slots::new(self.clone())
    }

    /// Event types and their webhooks.
    pub fn event_types(&self) -> EventTypes {
        EventTypes::new(self.clone())
    }

    /// Schedules: weekly hours and the dates that differ from them.
    pub fn schedules(&self) -> Schedules {
        Schedules::new(self.clone())
    }

    /// Connected calendars, busy times, and which calendars count.
    pub fn calendars(&self) -> Calendars {
        Calendars::new(self.clone())
    }

    /// The user's webhooks. What they deliver is in [`webhook`](crate::webhook).
    pub fn webhooks(&self) -> Webhooks {
        Webhooks::new(self.clone())
    }

    /// Out-of-office entries, the user's own and those of an organization.
    pub fn out_of_office(&self) -> OutOfOffice {
        OutOfOffice::new(self.clone())
    }

    /// The user whose credentials these are. Reading it is how to check a key, and whether the service answers.
    pub fn me(&self) -> Me {
        Me::new(self.clone())
    }

    /// Teams.
    pub fn teams(&self) -> Teams {
        Teams::new(self.clone())
    }

    /// Any path of the API, with the same credentials, limits and retries.
    pub fn raw(&self) -> Raw {
        Raw::new(self.clone())
    }

    /// Which of the two APIs it speaks to.
    pub fn profile(&self) -> Profile {
        self.0.profile
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        self.0.pipeline.clock()
    }

    /// The API's address.
    pub(crate) fn base(&self) -> &str {
        self.0.pipeline.base()
    }

    pub(crate) fn leases(&self) -> Option<&Arc<dyn LeaseStore>> {
        self.0.leases.as_ref()
    }

    pub(crate) fn schedule_locks(&self) -> &ScheduleLocks {
        &self.0.schedule_locks
    }

    /// Whose quota, and whose things, its calls are about.
    pub(crate) fn account(&self) -> &str {
        self.0.limits.account()
    }

    /// Sends a call of `operation`.
    pub(crate) async fn answer(&self, call: Call, operation: &Operation, settings: &Settings) -> Result<Response> {
        if operation.auth == Auth::Required && self.0.credentials.is_none() {
            let why =
                "this operation needs credentials: give the client's builder an `api_key`, `credentials` or `tokens`";
            let error = Error::new(ErrorKind::InvalidInput, why).with_detail(CalcomErrorReason::CredentialsMissing);
            return Err(error.at("calcom", operation.name));
        }
        let version = settings.version.as_ref().or_else(|| operation.group.version(&self.0.versions));
        self.send(call, version.map(ToString::to_string).as_deref(), settings)
            .await
            .map_err(|error| explained(error, operation))
    }

    async fn send(&self, mut call: Call, version: Option<&str>, settings: &Settings) -> Result<Response> {
        if let Some(version) = version {
            call = call.header(VERSION, version);
        }
        if let Some(credentials) = &self.0.credentials {
            call = call.credentials(Arc::clone(credentials));
        }
        let call = call.scopes(self.0.limits.scopes());
        self.0.pipeline.send(settings.apply(call)).await.map_err(|error| match (error.kind(), error.problem()) {
            // No usable token was to be had: the same to a caller as a refused one.
            (ErrorKind::Auth, None) => error.with_detail(CalcomErrorReason::TokenInvalid),
            (ErrorKind::RateLimited, None) => error.with_detail(CalcomErrorReason::RateLimit),
            _ => error,
        })
    }
}

/// Adds what only the operation tells: the scope that it needs.
fn explained(error: Error, operation: &Operation) -> Error {
    match (error.problem(), operation.scope) {
        (Some(CalcomErrorReason::ScopeMissing { .. }), Some(scope)) => {
            error.with_detail(CalcomErrorReason::ScopeMissing { scope: Some(scope) })
        }
        _ => error,
    }
}

impl fmt::Debug for CalcomClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CalcomClient")
            .field("base", &self.0.pipeline.base())
            .field("profile", &self.0.profile)
            .field("account", &self.account())
            .finish_non_exhaustive()
    }
}
