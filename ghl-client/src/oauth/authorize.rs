use std::fmt;

use url::Url;

use crate::config::SCOPES;

/// The link that a user follows to connect a company or location. From [`GhlOAuth::authorize`](super::GhlOAuth::authorize).
#[derive(Clone)]
#[must_use = "take its `url`"]
pub struct Authorize {
    pub(super) page: Url,
    pub(super) white_label_page: Url,
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) state: String,
    pub(super) scopes: Vec<String>,
    pub(super) white_label: bool,
    pub(super) same_window: bool,
}

impl Authorize {
    pub(super) fn new(
        page: Url,
        white_label_page: Url,
        client_id: String,
        redirect_uri: String,
        state: String,
    ) -> Self {
        let scopes = SCOPES.iter().map(|scope| (*scope).to_owned()).collect();
        Self { page, white_label_page, client_id, redirect_uri, state, scopes, white_label: false, same_window: false }
    }

    /// For a white-label app, which lives on another host.
    pub fn white_label(mut self) -> Self {
        self.white_label = true;
        self
    }

    /// The scopes to ask for; [`SCOPES`] unless set.
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// Signs in within the same window instead of a new one (`loginWindowOpenMode=self`).
    pub fn same_window(mut self) -> Self {
        self.same_window = true;
        self
    }

    /// The link.
    pub fn url(&self) -> Url {
        let mut url = if self.white_label { self.white_label_page.clone() } else { self.page.clone() };
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &self.client_id)
                .append_pair("redirect_uri", &self.redirect_uri)
                .append_pair("scope", &self.scopes.join(" "))
                .append_pair("state", &self.state);
            if self.same_window {
                query.append_pair("loginWindowOpenMode", "self");
            }
        }
        url
    }
}

impl fmt::Debug for Authorize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorize")
            .field("client_id", &self.client_id)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}
