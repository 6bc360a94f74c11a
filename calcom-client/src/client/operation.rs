use http::Method;

use crate::config::{ApiVersion, ApiVersions};

/// Which version an operation goes by.
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
    /// No header.
    Unversioned,
}

impl Group {
    /// The version that is sent, if any.
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

/// Who may call an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Whoever has an API key or an access token.
    Required,
    /// Anybody; with credentials it may do more.
    Optional,
    /// The OAuth app, with its id and secret in the body.
    App,
}

/// An operation of the API. All of them stand in [`OPERATIONS`](crate::OPERATIONS).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Operation {
    /// Its name in errors, logs and metrics, such as `bookings.create`.
    pub name: &'static str,
    /// Its method.
    pub method: Method,
    /// Its path with placeholders, from `/v2` on.
    pub path: &'static str,
    /// Which version it goes by.
    pub group: Group,
    /// The scope that an OAuth token needs for it, as the scopes' names tell (the documentation says it of webhooks only); `None` where
    /// no name fits.
    pub scope: Option<&'static str>,
    /// Who may call it.
    pub auth: Auth,
    /// Whether the cloud alone has it ([`Profile::Cloud`](crate::config::Profile::Cloud)).
    pub cloud_only: bool,
    /// Whether carrying it out twice does no harm though its method does not promise that: it writes a whole state. It is repeated
    /// after an ambiguous failure then, as GET, PUT and DELETE are.
    pub repeatable: bool,
}

impl Operation {
    /// An operation for whoever has credentials.
    pub(crate) const fn new(name: &'static str, method: Method, path: &'static str, group: Group) -> Self {
        Self { name, method, path, group, scope: None, auth: Auth::Required, cloud_only: false, repeatable: false }
    }

    pub(crate) const fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self
    }

    /// The same, without credentials too.
    pub(crate) const fn public(mut self) -> Self {
        self.auth = Auth::Optional;
        self
    }

    pub(crate) const fn of_the_app(mut self) -> Self {
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
