//! The client: one value for all endpoint families, cheap to clone, and how a call gets its credentials, limits and version.
//!
//! What the families offer lives in their folders. Invariant: every call goes through [`GhlClient::answer`], so that no
//! endpoint can skip the limits, the version header or the credentials of its resource.

mod budget;
mod builder;
mod form;
mod listing;
mod operation;
mod raw;
mod request_builder;
mod settings;
mod token_kinds;
mod window;

use std::{fmt, sync::Arc};

use http::HeaderName;
use sidecar_core::{
    Error, ErrorKind, Result,
    http::{Call, Pipeline, Response},
    token::Credentials,
};

pub use builder::GhlClientBuilder;
#[cfg(feature = "api")]
pub(crate) use form::{multipart, pairs};
pub(crate) use listing::{ByCursor, BySkip, listing, pages_by_skip};
pub(crate) use operation::Operation;
pub use raw::{Raw, RawRequest};
pub use request_builder::PlainRequest;
pub(crate) use request_builder::{RequestBuilder, done};
pub(crate) use settings::{Settings, WithSettings, any_field, request, setters};
pub use token_kinds::TokenKinds;
pub(crate) use window::Span;

use crate::{
    businesses::Businesses,
    calendars::{Appointments, Calendars},
    companies::Companies,
    config::ApiVersion,
    contacts::Contacts,
    conversations::Conversations,
    custom_fields::CustomFields,
    error::{GhlErrorExt, GhlErrorReason},
    limits::RateLimitPolicy,
    locations::Locations,
    model::{CompanyId, LocationId},
    oauth::GhlTokens,
    opportunities::Opportunities,
    users::Users,
    workflows::Workflows,
};

const VERSION: HeaderName = HeaderName::from_static("version");

/// A client of the GoHighLevel API. Cheap to clone; clones share connections, limits and retry budget.
#[derive(Clone)]
pub struct GhlClient(Arc<Inner>);

const _: () = {
    const fn is_shared<T: Clone + Send + Sync + fmt::Debug>() {}
    is_shared::<GhlClient>();
};

#[derive(Clone)]
struct Inner {
    pipeline: Pipeline,
    access: Access,
    app: Arc<str>,
    version: Option<ApiVersion>,
    rate_limit: RateLimitPolicy,
}

/// Where bearer tokens come from.
#[derive(Debug, Clone)]
enum Access {
    /// One token for every call, and what it may be.
    Fixed(Arc<dyn Credentials>, TokenKinds),
    /// Each location's and company's own.
    Resources(GhlTokens),
}

/// Whose credentials and whose quota a call uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resource {
    /// A location (sub-account).
    Location(LocationId),
    /// A company (agency).
    Company(CompanyId),
    /// Whatever the client's one token belongs to.
    Token,
}

impl From<LocationId> for Resource {
    fn from(location: LocationId) -> Self {
        Self::Location(location)
    }
}

impl From<CompanyId> for Resource {
    fn from(company: CompanyId) -> Self {
        Self::Company(company)
    }
}

impl Resource {
    /// Its name in limit scopes and token keys.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Location(id) => format!("location:{id}"),
            Self::Company(id) => format!("company:{id}"),
            Self::Token => "token".to_owned(),
        }
    }

    fn check(&self) -> Result<()> {
        let (what, id) = match self {
            Self::Location(id) => ("location", id.as_str()),
            Self::Company(id) => ("company", id.as_str()),
            Self::Token => return Ok(()),
        };
        if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidInput,
            format!("`{}` is no {what} id: give letters and digits as GHL shows them", id.escape_debug()),
        ))
    }
}

/// What the client adds to a call: an operation's own version, and which tokens it may be sent with.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    version: ApiVersion,
    accepts: TokenKinds,
}

impl From<&Operation> for Terms {
    fn from(operation: &Operation) -> Self {
        Self { version: operation.version.clone(), accepts: operation.accepts }
    }
}

#[cfg(feature = "api")]
impl From<(ApiVersion, TokenKinds)> for Terms {
    fn from((version, accepts): (ApiVersion, TokenKinds)) -> Self {
        Self { version, accepts }
    }
}

/// For calls of which nothing but the version is known.
impl From<ApiVersion> for Terms {
    fn from(version: ApiVersion) -> Self {
        Self { version, accepts: TokenKinds::ANY }
    }
}

impl GhlClient {
    /// Starts building a client.
    pub fn builder() -> GhlClientBuilder {
        GhlClientBuilder::new()
    }

    /// The same client speaking v3, where paths, names and shapes differ and some operations are gone. It shares everything
    /// else with this one.
    #[must_use]
    pub fn v3(&self) -> Self {
        Self(Arc::new(Inner { version: Some(ApiVersion::V3), ..(*self.0).clone() }))
    }

    /// Contacts.
    pub fn contacts(&self) -> Contacts {
        Contacts::new(self.clone())
    }

    /// Locations (sub-accounts), their custom fields, and where the app is installed.
    pub fn locations(&self) -> Locations {
        Locations::new(self.clone())
    }

    /// Calendars and what stands in them.
    pub fn calendars(&self) -> Calendars {
        Calendars::new(self.clone())
    }

    /// Appointments: create, read, change, delete.
    pub fn appointments(&self) -> Appointments {
        Appointments::new(self.clone())
    }

    /// Conversations and the messages in them.
    pub fn conversations(&self) -> Conversations {
        Conversations::new(self.clone())
    }

    /// Opportunities and the pipelines they go through.
    pub fn opportunities(&self) -> Opportunities {
        Opportunities::new(self.clone())
    }

    /// The users of companies and their locations.
    pub fn users(&self) -> Users {
        Users::new(self.clone())
    }

    /// Companies (agencies).
    pub fn companies(&self) -> Companies {
        Companies::new(self.clone())
    }

    /// Businesses: what contacts work for.
    pub fn businesses(&self) -> Businesses {
        Businesses::new(self.clone())
    }

    /// The custom fields of custom objects and companies; those of contacts and opportunities are at
    /// [`Locations::custom_fields`].
    pub fn custom_fields(&self) -> CustomFields {
        CustomFields::new(self.clone())
    }

    /// Workflows.
    pub fn workflows(&self) -> Workflows {
        Workflows::new(self.clone())
    }

    /// Any path of the API, with the same credentials, limits and retries.
    pub fn raw(&self) -> Raw {
        Raw::new(self.clone())
    }

    /// The app's id: the client id up to its first dash. `None` with a private integration token.
    pub fn app_id(&self) -> Option<&str> {
        Some(&*self.0.app).filter(|app| *app != builder::NO_APP)
    }

    /// The organization's tokens; `None` with one token for every call.
    pub(crate) fn tokens(&self) -> Option<&GhlTokens> {
        match &self.0.access {
            Access::Resources(tokens) => Some(tokens),
            Access::Fixed(..) => None,
        }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn sidecar_core::Clock> {
        self.0.pipeline.clock()
    }

    /// The version that a call or else the client asks for; `None` leaves it to the operation.
    pub(crate) fn version_asked_for(&self, settings: &Settings) -> Option<ApiVersion> {
        settings.version.clone().or_else(|| self.0.version.clone())
    }

    /// Sends a call as `resource`, with its credentials, its limits and the version header.
    pub(crate) async fn answer(
        &self,
        call: Call,
        resource: &Resource,
        terms: impl Into<Terms>,
        settings: &Settings,
    ) -> Result<Response> {
        let Terms { version, accepts } = terms.into();
        resource.check()?;
        let held = self.held(resource);
        if !accepts.meets(held) {
            return Err(accepts.refuse(held).at("ghl", call.operation().to_owned()));
        }
        let credentials = self.credentials(resource)?;
        let version = self.version_asked_for(settings).unwrap_or(version);
        let scopes = self.scopes(resource);
        let call = call.header(VERSION, version.as_str()).credentials(credentials).scopes(scopes.clone());
        match self.0.pipeline.send(settings.apply(call)).await {
            Err(error) if error.problem() == Some(&GhlErrorReason::DayLimit { announced: false }) => {
                Err(self.with_own_reset(error, &scopes).await)
            }
            // No usable token was to be had, so that nothing could be sent (again): the same to a caller as a refused one.
            Err(error) if error.kind() == ErrorKind::Auth && error.problem().is_none() => {
                Err(error.with_detail(GhlErrorReason::TokenInvalid))
            }
            Err(error) if error.kind() == ErrorKind::RateLimited && error.problem().is_none() => {
                Err(Self::named_limit(error))
            }
            outcome => outcome,
        }
    }

    /// The kinds that the token for `resource` may be of.
    fn held(&self, resource: &Resource) -> TokenKinds {
        match (&self.0.access, resource) {
            (Access::Fixed(_, kinds), _) => *kinds,
            (Access::Resources(_), Resource::Location(_)) => TokenKinds::LOCATION,
            (Access::Resources(_), Resource::Company(_)) => TokenKinds::COMPANY,
            // There is no such token; `credentials` says so.
            (Access::Resources(_), Resource::Token) => TokenKinds::ANY,
        }
    }

    fn credentials(&self, resource: &Resource) -> Result<Arc<dyn Credentials>> {
        match (&self.0.access, resource) {
            (Access::Fixed(credentials, _), _) => Ok(Arc::clone(credentials)),
            (Access::Resources(tokens), Resource::Location(id)) => Ok(Arc::new(tokens.location(id))),
            (Access::Resources(tokens), Resource::Company(id)) => Ok(Arc::new(tokens.company(id))),
            (Access::Resources(_), Resource::Token) => Err(Error::new(
                ErrorKind::InvalidInput,
                "this client has a token for each location and company: say with `.location(id)` or `.company(id)` whose call it is",
            )),
        }
    }
}

impl fmt::Debug for GhlClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GhlClient")
            .field("base", &self.0.pipeline.base())
            .field("app", &self.0.app)
            .finish_non_exhaustive()
    }
}
