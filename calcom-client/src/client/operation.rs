use http::Method;

use crate::config::{ApiVersion, ApiVersions};

/// The group of an operation: the operations of one API version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// [`ApiVersions::bookings`].
    Bookings,
    /// [`ApiVersions::booking_parts`].
    BookingParts,
    /// [`ApiVersions::event_types`].
    EventTypes,
    /// [`ApiVersions::schedules`].
    Schedules,
    /// [`ApiVersions::slots`].
    Slots,
    /// Without a version header.
    Unversioned,
}

impl Group {
    /// Returns the version to send, if any.
    pub fn version(self, versions: &ApiVersions) -> Option<&ApiVersion> {
        match self {
            Self::Bookings => Some(&versions.bookings),
            Self::BookingParts => Some(&versions.booking_parts),
            Self::EventTypes => Some(&versions.event_types),
            Self::Schedules => Some(&versions.schedules),
            Self::Slots => Some(&versions.slots),
            Self::Unversioned => None,
        }
    }
}

/// The credentials of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// An API key or an access token.
    Required,
    /// None needed; the operation may do more with them.
    Optional,
    /// The id and secret of the OAuth app, in the body.
    App,
}

/// An operation of the API. [`OPERATIONS`](crate::OPERATIONS) lists all.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Operation {
    /// The name in errors, logs and metrics, such as `bookings.create`.
    pub name: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path with placeholders, from `/v2` on.
    pub path: &'static str,
    /// The group that determines the version.
    pub group: Group,
    /// The scope that an OAuth token needs, inferred from the scopes' names (documented for webhooks only); `None` where no name
    /// fits.
    pub scope: Option<&'static str>,
    /// The credentials that it needs.
    pub auth: Auth,
    /// Whether only the cloud has it ([`Profile::Cloud`](crate::config::Profile::Cloud)).
    pub cloud_only: bool,
    /// Whether it may take effect twice although its method does not imply that, because it writes a whole state. It is retried
    /// after an ambiguous failure, like GET, PUT and DELETE.
    pub repeatable: bool,
}

impl Operation {
    /// An operation that needs credentials.
    pub(crate) const fn new(name: &'static str, method: Method, path: &'static str, group: Group) -> Self {
        Self { name, method, path, group, scope: None, auth: Auth::Required, cloud_only: false, repeatable: false }
    }

    pub(crate) const fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Allows calls without credentials.
    pub(crate) const fn public(mut self) -> Self {
        self.auth = Auth::Optional;
        self
    }

    pub(crate) const fn with_app_credentials(mut self) -> Self {
        self.auth = Auth::App;
        self
    }

    pub(crate) const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    pub(crate) const fn cloud_only(mut self) -> Self {
        self.cloud_only = true;
        self
    }
}
