use sidecar_core::Result;

use crate::{
    client::{RequestBuilder, request},
    model::{CalendarCredential, ConnectLink},
};

sidecar_core::open_enum! {
    /// A calendar provider, as paths name it.
    pub enum CalendarProvider {
        /// Google.
        Google = "google",
        /// Microsoft.
        Office365 = "office365",
        /// Apple.
        Apple = "apple",
    }
}

request! {
    /// Begins to connect a calendar. From [`Calendars::connect`](super::Calendars::connect).
    ConnectCalendar => ConnectLink, via data;
    query {
        /// Where the user comes back to.
        "redir" redirect: String,
        /// Only tries it.
        "isDryRun" dry_run: bool,
    }
}

request! {
    /// Completes a connection. From [`Calendars::save`](super::Calendars::save).
    SaveCalendar => (), via send;
}

impl SaveCalendar {
    /// The answer is a redirect to where the user began.
    async fn send(self) -> Result<()> {
        match self.0.send().await {
            Err(error) if !error.status().is_some_and(|status| status.is_redirection()) => Err(error),
            _ => Ok(()),
        }
    }
}

request! {
    /// Subscribes to calendar feeds. From [`Calendars::subscribe_ics_feed`](super::Calendars::subscribe_ics_feed).
    SubscribeIcsFeed => CalendarCredential, via data;
    body {
        /// Whether the feeds are only read; yes unless set.
        "readOnly" read_only: bool,
    }
}

impl SubscribeIcsFeed {
    pub(super) fn new(builder: RequestBuilder, urls: Vec<String>) -> Self {
        let some = !urls.is_empty();
        Self(builder.set("urls", urls).require(some, "there is no feed to subscribe to: give at least one URL"))
    }
}
