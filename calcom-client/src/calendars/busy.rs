use sidecar_core::Result;

use crate::{
    client::{RequestBuilder, request},
    model::{BusyTime, CredentialId},
};

request! {
    /// Lists busy times. From [`Calendars::busy_times`](super::Calendars::busy_times).
    ListBusyTimes => Vec<BusyTime>, via send;
}

impl ListBusyTimes {
    pub(super) fn new(builder: RequestBuilder) -> Self {
        Self(builder)
    }

    /// Those of this calendar: its connection, and the provider's id of it. May be called for several.
    pub fn calendar(self, credential: impl Into<CredentialId>, external_id: impl Into<String>) -> Self {
        let number =
            (0..).find(|number| self.0.query_value(&name(*number, "externalId")).is_none()).unwrap_or_default();
        let builder = self.0.query(name(number, "credentialId"), credential.into());
        Self(builder.query(name(number, "externalId"), external_id.into()))
    }

    async fn send(self) -> Result<Vec<BusyTime>> {
        let named = self.0.query_value(&name(0, "externalId")).is_some();
        self.0.require(named, "busy times are those of calendars: name at least one with `calendar`").data().await
    }
}

/// The specification names these without the list; the service reads only this form.
fn name(number: usize, field: &str) -> String {
    format!("calendarsToLoad[{number}][{field}]")
}
