//! The sources that an organization's connections are synced from.

use sidecar_core::{OrganizationId, sync::SyncKey};

use crate::tenancy::connections::{CALCOM_ACCOUNT, OrganizationConnections};

/// The locations of an organization.
pub const GHL_LOCATIONS: &str = "GHL_LOCATIONS";
/// The contacts of a location.
pub const GHL_CONTACTS: &str = "GHL_CONTACTS";
/// The events of a location's calendars in the next 30 days.
pub const GHL_EVENTS: &str = "GHL_EVENTS";
/// The pipelines of a location.
pub const GHL_PIPELINES: &str = "GHL_PIPELINES";
/// The opportunities of a location.
pub const GHL_OPPORTUNITIES: &str = "GHL_OPPORTUNITIES";
/// The bookings of an organization's Cal.com account.
pub const CALCOM_BOOKINGS: &str = "CALCOM_BOOKINGS";

/// Returns every source of the organization: the locations first, because they are few and the rest is shown by location.
pub fn all(connections: &OrganizationConnections, organization: &OrganizationId) -> Vec<SyncKey> {
    let mut keys = Vec::new();
    if connections.company().is_some() {
        keys.push(SyncKey::new(organization, GHL_LOCATIONS, ""));
    }
    for location in connections.locations().filter(|location| connections.company_of(location).is_none()) {
        keys.push(SyncKey::new(organization, GHL_LOCATIONS, location.as_str()));
    }
    for location in connections.locations() {
        for source in [GHL_CONTACTS, GHL_EVENTS, GHL_PIPELINES, GHL_OPPORTUNITIES] {
            keys.push(SyncKey::new(organization, source, location.as_str()));
        }
    }
    if connections.has_calcom() {
        keys.push(bookings(organization));
    }
    keys
}

/// The bookings of the organization's Cal.com account.
pub(super) fn bookings(organization: &OrganizationId) -> SyncKey {
    SyncKey::new(organization, CALCOM_BOOKINGS, CALCOM_ACCOUNT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::connections::tests::connected;

    fn names(connections: &OrganizationConnections) -> Vec<String> {
        let sources = all(connections, &OrganizationId::from("org"));
        sources.iter().map(|key| format!("{}/{}", key.source, key.location)).collect()
    }

    #[tokio::test]
    async fn a_company_lists_its_locations_once_and_each_location_has_sources() {
        let connected = connected(&[("ghl:company:C", "C"), ("ghl:location:L1", "C"), ("ghl:location:L2", "C")]).await;
        assert_eq!(
            names(&connected),
            [
                "GHL_LOCATIONS/",
                "GHL_CONTACTS/L1",
                "GHL_EVENTS/L1",
                "GHL_PIPELINES/L1",
                "GHL_OPPORTUNITIES/L1",
                "GHL_CONTACTS/L2",
                "GHL_EVENTS/L2",
                "GHL_PIPELINES/L2",
                "GHL_OPPORTUNITIES/L2",
            ]
        );
    }

    #[tokio::test]
    async fn a_location_without_its_company_is_read_with_its_own_token() {
        let connected = connected(&[("ghl:location:L1", "C")]).await;
        let own = ["GHL_LOCATIONS/L1", "GHL_CONTACTS/L1", "GHL_EVENTS/L1", "GHL_PIPELINES/L1", "GHL_OPPORTUNITIES/L1"];
        assert_eq!(names(&connected), own);
    }

    #[tokio::test]
    async fn a_calcom_account_has_its_bookings() {
        for resource in ["calcom:account", "calcom:account:https://cal.example.com/"] {
            let connected = connected(&[(resource, "")]).await;
            assert_eq!(names(&connected), ["CALCOM_BOOKINGS/calcom:account"]);
            assert_eq!((connected.has_ghl(), connected.has_calcom()), (false, true));
        }
    }
}
