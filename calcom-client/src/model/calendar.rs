use serde_json::Value;

use super::{CredentialId, EventTypeId, TeamId, UserId, WireTime};

sidecar_core::model! {
    /// What a user has connected.
    pub struct ConnectedCalendars {
        /// Each connection with its calendars.
        "connectedCalendars" connected: Option<Vec<Connection>>,
        /// Where bookings are written.
        "destinationCalendar" destination: Option<DestinationCalendar>,
    }
}

sidecar_core::model! {
    /// A connection to a calendar provider.
    pub struct Connection {
        /// The provider.
        "integration" integration: Option<Value>,
        /// What the connection is known by.
        "credentialId" credential_id: Option<CredentialId>,
        /// The same of a connection that the organization made.
        "delegationCredentialId" delegation_credential_id: Option<String>,
        /// The main calendar.
        "primary" primary: Option<Calendar>,
        /// All calendars.
        "calendars" calendars: Option<Vec<Calendar>>,
        /// Why it does not work at present.
        "error" error: Option<Value>,
    }
}

sidecar_core::model! {
    /// A calendar of a connection.
    pub struct Calendar {
        /// The provider's id of it, often an e-mail address.
        "externalId" external_id: String,
        /// The provider, such as `google_calendar`.
        "integration" integration: Option<String>,
        /// Name.
        "name" name: Option<String>,
        /// Whether it is the main one.
        "primary" primary: Option<bool>,
        /// Whether nothing can be written to it.
        "readOnly" read_only: Option<bool>,
        /// The account.
        "email" email: Option<String>,
        /// Whether what stands in it counts as busy.
        "isSelected" is_selected: Option<bool>,
        /// Its connection.
        "credentialId" credential_id: Option<CredentialId>,
        /// The same of a connection that the organization made.
        "delegationCredentialId" delegation_credential_id: Option<String>,
    }
}

sidecar_core::model! {
    /// The calendar that bookings are written to.
    pub struct DestinationCalendar {
        /// Its number.
        "id" id: Option<Value>,
        /// The provider, such as `google_calendar`.
        "integration" integration: Option<String>,
        /// The provider's id of it.
        "externalId" external_id: Option<String>,
        /// The account's main address.
        "primaryEmail" primary_email: Option<String>,
        /// Whose it is.
        "userId" user_id: Option<UserId>,
        /// The event type that it is for, if it is one's own.
        "eventTypeId" event_type_id: Option<EventTypeId>,
        /// Its connection.
        "credentialId" credential_id: Option<CredentialId>,
        /// The same of a connection that the organization made.
        "delegationCredentialId" delegation_credential_id: Option<String>,
        /// Name.
        "name" name: Option<String>,
        /// Whether it is the connection's main one.
        "primary" primary: Option<bool>,
        /// Whether nothing can be written to it.
        "readOnly" read_only: Option<bool>,
        /// The account.
        "email" email: Option<String>,
        /// The provider's name, as users read it.
        "integrationTitle" integration_title: Option<String>,
    }
}

sidecar_core::model! {
    /// A calendar whose events count as busy.
    pub struct SelectedCalendar {
        /// Whose it is.
        "userId" user_id: Option<UserId>,
        /// The provider, such as `google_calendar`.
        "integration" integration: Option<String>,
        /// The provider's id of it.
        "externalId" external_id: Option<String>,
        /// Its connection.
        "credentialId" credential_id: Option<CredentialId>,
    }
}

sidecar_core::model! {
    /// A time in which somebody is busy.
    pub struct BusyTime {
        /// From.
        "start" start: WireTime,
        /// To.
        "end" end: WireTime,
        /// What says so, such as a calendar's id.
        "source" source: Option<String>,
    }
}

sidecar_core::model! {
    /// The connection to a calendar provider or to feeds, as connecting and disconnecting answer.
    pub struct CalendarCredential {
        /// What the connection is known by.
        "id" id: Option<CredentialId>,
        /// What it is, such as `ics-feed_calendar`.
        "type" kind: Option<String>,
        /// Whose it is.
        "userId" user_id: Option<UserId>,
        /// The team that it is of, if it is one's.
        "teamId" team_id: Option<TeamId>,
        /// The app behind it.
        "appId" app_id: Option<String>,
        /// Whether it has to be made again.
        "invalid" invalid: Option<bool>,
    }
}

sidecar_core::model! {
    /// Where a user agrees to connect a calendar.
    pub struct ConnectLink {
        /// The page.
        "authUrl" auth_url: Option<String>,
    }
}
