use serde_json::Value;

use super::{CredentialId, EventTypeId, TeamId, UserId, WireTime};

sidecar_core::model! {
    /// The calendars that a user has connected.
    pub struct ConnectedCalendars {
        /// The connections with their calendars.
        "connectedCalendars" connected: Option<Vec<Connection>>,
        /// The calendar that bookings are written to.
        "destinationCalendar" destination: Option<DestinationCalendar>,
    }
}

sidecar_core::model! {
    /// A connection to a calendar provider.
    pub struct Connection {
        /// The provider.
        "integration" integration: Option<Value>,
        /// Credential id of the connection.
        "credentialId" credential_id: Option<CredentialId>,
        /// Credential id of a connection that the organization created.
        "delegationCredentialId" delegation_credential_id: Option<String>,
        /// The primary calendar.
        "primary" primary: Option<Calendar>,
        /// All calendars.
        "calendars" calendars: Option<Vec<Calendar>>,
        /// The current error of the connection.
        "error" error: Option<Value>,
    }
}

sidecar_core::model! {
    /// A calendar of a connection.
    pub struct Calendar {
        /// Id at the provider, often an e-mail address.
        "externalId" external_id: String,
        /// The provider, such as `google_calendar`.
        "integration" integration: Option<String>,
        /// Name.
        "name" name: Option<String>,
        /// Whether it is the primary calendar.
        "primary" primary: Option<bool>,
        /// Whether it is read-only.
        "readOnly" read_only: Option<bool>,
        /// E-mail address of the account.
        "email" email: Option<String>,
        /// Whether its events count as busy.
        "isSelected" is_selected: Option<bool>,
        /// Credential id of its connection.
        "credentialId" credential_id: Option<CredentialId>,
        /// Credential id of a connection that the organization created.
        "delegationCredentialId" delegation_credential_id: Option<String>,
    }
}

sidecar_core::model! {
    /// The calendar that bookings are written to.
    pub struct DestinationCalendar {
        /// Numeric id.
        "id" id: Option<Value>,
        /// The provider, such as `google_calendar`.
        "integration" integration: Option<String>,
        /// Id at the provider.
        "externalId" external_id: Option<String>,
        /// Primary e-mail address of the account.
        "primaryEmail" primary_email: Option<String>,
        /// Owner.
        "userId" user_id: Option<UserId>,
        /// The event type, if the calendar belongs to a single one.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// Credential id of its connection.
        "credentialId" credential_id: Option<CredentialId>,
        /// Credential id of a connection that the organization created.
        "delegationCredentialId" delegation_credential_id: Option<String>,
        /// Name.
        "name" name: Option<String>,
        /// Whether it is the primary calendar of the connection.
        "primary" primary: Option<bool>,
        /// Whether it is read-only.
        "readOnly" read_only: Option<bool>,
        /// E-mail address of the account.
        "email" email: Option<String>,
        /// Display name of the provider.
        "integrationTitle" integration_title: Option<String>,
    }
}

sidecar_core::model! {
    /// A calendar whose events count as busy.
    pub struct SelectedCalendar {
        /// Owner.
        "userId" user_id: Option<UserId>,
        /// The provider, such as `google_calendar`.
        "integration" integration: Option<String>,
        /// Id at the provider.
        "externalId" external_id: Option<String>,
        /// Credential id of its connection.
        "credentialId" credential_id: Option<CredentialId>,
    }
}

sidecar_core::model! {
    /// A busy time of a user.
    pub struct BusyTime {
        /// Start.
        "start" start: WireTime,
        /// End.
        "end" end: WireTime,
        /// Source, such as a calendar's id.
        "source" source: Option<String>,
    }
}

sidecar_core::model! {
    /// The connection to a calendar provider or to feeds, in responses of connecting and disconnecting.
    pub struct CalendarCredential {
        /// Credential id of the connection.
        "id" id: Option<CredentialId>,
        /// Type, such as `ics-feed_calendar`.
        "type" kind: Option<String>,
        /// Owner.
        "userId" user_id: Option<UserId>,
        /// The team, if the connection belongs to one.
        "teamId" team_id: Option<TeamId>,
        /// App id.
        "appId" app_id: Option<String>,
        /// Whether the user must connect again.
        "invalid" invalid: Option<bool>,
    }
}

sidecar_core::model! {
    /// The page on which a user authorizes a calendar connection.
    pub struct ConnectLink {
        /// URL of the page.
        "authUrl" auth_url: Option<String>,
    }
}
