use calcom_client::{CalcomVerifier, Region, config as provider};
use secrecy::SecretString;
use sidecar_core::OrganizationId;
use url::Url;

use super::{
    parse::{base_url, page},
    reader::Reader,
};

/// The OAuth client at Cal.com.
#[derive(Debug, Clone)]
pub struct CalcomApp {
    /// Its id.
    pub client_id: String,
    /// Its secret; `None` for a public client.
    pub client_secret: Option<SecretString>,
    /// The redirect address after consent, once it is set.
    pub redirect_uri: Option<String>,
}

/// The configuration of Cal.com: the connection of one organization, and the OAuth client with which all others connect.
#[derive(Debug, Clone)]
pub struct CalcomConfig {
    /// The API's address, unless an organization sets another.
    pub api_url: String,
    /// The organization of the API key and the webhook secrets.
    pub organization: Option<OrganizationId>,
    /// Its API key.
    pub api_key: Option<SecretString>,
    /// Its webhook secrets; several during rotation.
    pub webhook_secrets: Vec<SecretString>,
    /// The OAuth client; without one organizations connect by API key.
    pub app: Option<CalcomApp>,
    /// The consent page; `None` for that of the cloud that the API belongs to.
    pub authorize_url: Option<String>,
}

impl CalcomConfig {
    /// Returns the API key of the organization, if the environment sets one.
    pub fn key_of(&self, organization: &OrganizationId) -> Option<&SecretString> {
        self.api_key.as_ref().filter(|_| self.organization.as_ref() == Some(organization))
    }

    /// Returns the webhook secrets of the organization that the environment sets.
    pub fn secrets_of(&self, organization: &OrganizationId) -> &[SecretString] {
        if self.organization.as_ref() == Some(organization) { &self.webhook_secrets } else { &[] }
    }

    /// Returns which variables have no effect because others are missing.
    pub(super) fn consequences(&self) -> Vec<String> {
        let mut consequences = Vec::new();
        let has_some = self.api_key.is_some() || !self.webhook_secrets.is_empty();
        if has_some && self.organization.is_none() {
            let why = "CALCOM_API_KEY and CALCOM_WEBHOOK_SECRET are not used: set CALCOM_ORGANIZATION_ID to the organization that they belong to";
            consequences.push(why.to_owned());
        }
        if self.organization.is_some() && self.api_key.is_some() && self.webhook_secrets.is_empty() {
            consequences.push("Cal.com's webhooks are rejected: set CALCOM_WEBHOOK_SECRET".to_owned());
        }
        if self.app.as_ref().is_some_and(|app| app.redirect_uri.is_none()) {
            consequences.push("Cal.com cannot be connected by consent: set CALCOM_REDIRECT_URI or APP_URL".to_owned());
        }
        consequences
    }
}

pub(super) fn calcom(read: &mut Reader, app_url: Option<&Url>) -> CalcomConfig {
    let callback = app_url.map(|url| format!("{}/api/integrations/calcom/auth", url.as_str().trim_end_matches('/')));
    let redirect_uri = read.parsed("CALCOM_REDIRECT_URI", page).map(String::from).or(callback);
    let client_secret = read.text("CALCOM_CLIENT_SECRET").map(SecretString::from);
    let api_url = read.parsed("CALCOM_API_URL", api_url).unwrap_or_else(|| provider::BASE_URL.to_owned());
    if Region::at(&api_url).is_none()
        && read.text("CALCOM_CLIENT_ID").is_some()
        && read.text("CALCOM_AUTHORIZE_URL").is_none()
    {
        let why = "is missing: a self-hosted API (CALCOM_API_URL with CALCOM_CLIENT_ID) needs the address of its consent page, such as https://cal.example.com/auth/oauth2/authorize";
        read.reject("CALCOM_AUTHORIZE_URL", why);
    }
    CalcomConfig {
        api_url,
        organization: read.text("CALCOM_ORGANIZATION_ID").map(OrganizationId::from),
        api_key: read.parsed("CALCOM_API_KEY", api_key),
        webhook_secrets: read.parsed("CALCOM_WEBHOOK_SECRET", webhook_secrets).unwrap_or_default(),
        app: read.text("CALCOM_CLIENT_ID").map(|client_id| CalcomApp { client_id, client_secret, redirect_uri }),
        authorize_url: read.parsed("CALCOM_AUTHORIZE_URL", page).map(String::from),
    }
}

/// Parses the API's address, with or without a trailing `/v2`.
fn api_url(text: &str) -> Result<String, String> {
    let url = base_url(text)?;
    let base =
        provider::without_version(url.as_str()).map_err(|error| format!("cannot be used: {}", error.message()))?;
    Ok(base.to_owned())
}

fn api_key(text: &str) -> Result<SecretString, String> {
    match text.bytes().all(|byte| byte.is_ascii_graphic()) {
        true => Ok(text.into()),
        false => Err("has characters that are not allowed in a key: give only the whole `cal_…` key".to_owned()),
    }
}

fn webhook_secrets(text: &str) -> Result<Vec<SecretString>, String> {
    let secrets: Vec<SecretString> =
        text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(SecretString::from).collect();
    if secrets.is_empty() {
        return Err("contains no secret: give the webhook secrets, separated by commas".to_owned());
    }
    match CalcomVerifier::new(secrets.iter().cloned()) {
        Ok(_) => Ok(secrets),
        Err(error) => Err(format!("cannot be used: {error}")),
    }
}
