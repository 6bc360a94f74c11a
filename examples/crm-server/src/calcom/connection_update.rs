//! The request that changes an organization's connection to Cal.com, and its validation.

use std::collections::BTreeMap;

use calcom_client::CalcomVerifier;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de};
use url::Url;
use utoipa::ToSchema;

use super::settings::{Block, CalcomProfile, CalcomSettings, Mapping};
use crate::http::{ApiResult, Problem};

const MAX_MAPPED_EVENT_TYPES: usize = 500;
const MAX_WEBHOOK_SECRETS: usize = 10;
/// A thousand calls a second.
const MAX_CALLS_PER_MINUTE: u32 = 60_000;
/// The longest id, address or secret, in bytes.
const MAX_TEXT_BYTES: usize = 512;

/// A request to change the connection. Omitted fields stay as they are; `null` clears a field.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateConnectionRequest {
    /// The API key. It is verified before it is stored.
    #[serde(default, deserialize_with = "key")]
    #[schema(value_type = Option<String>, write_only, example = "cal_live_…")]
    pub(super) api_key: Option<SecretText>,
    /// The API's address, for a self-hosted Cal.com or the European cloud; requires `apiKey`. `null`: the server's default.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, example = "https://api.cal.eu")]
    base_url: Option<Option<String>>,
    /// The edition of the API; `null`: derived from the address.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<CalcomProfile>)]
    profile: Option<Option<CalcomProfile>>,
    /// All webhook secrets; two during rotation. `null`: none, and every delivery is rejected.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Vec<String>>, write_only)]
    webhook_secrets: Option<Option<Vec<SecretText>>>,
    /// The GHL calendars of all mapped event types, by event type id. `null`: no event type has its own calendar.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<BTreeMap<String, Mapping>>)]
    mapping: Option<Option<BTreeMap<String, Mapping>>>,
    /// The GHL calendar of all other bookings; `null`: none.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Mapping>)]
    default_mapping: Option<Option<Mapping>>,
    /// The schedule in which times are blocked; `null`: the user's default schedule.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<Block>)]
    block: Option<Option<Block>>,
    /// The calls per minute that the account may make, if they differ from the cloud's: 1 to 60,000; `null`: the cloud's.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 60_000)]
    calls_per_minute: Option<Option<u32>>,
}

/// A secret that is deserialized straight into a `SecretString`.
#[derive(Debug)]
pub(super) struct SecretText(pub(super) SecretString);

impl<'de> Deserialize<'de> for SecretText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(text.into()))
    }
}

/// Distinguishes `null` from an omitted field.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Rejects `null`: a key is removed by deleting the connection.
fn key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretText>, D::Error> {
    let null = || de::Error::custom("`apiKey` cannot be `null`: DELETE the connection");
    Option::deserialize(deserializer)?.ok_or_else(null).map(Some)
}

impl UpdateConnectionRequest {
    /// Returns the settings with the request applied. The key is not a setting.
    ///
    /// # Errors
    /// 422 for invalid values.
    pub(super) fn applied_to(&self, before: &CalcomSettings) -> ApiResult<CalcomSettings> {
        let mut next = before.clone();
        if let Some(url) = &self.base_url {
            next.base_url = url.as_deref().map(address).transpose()?;
        }
        if let Some(secrets) = &self.webhook_secrets {
            next.webhook_secrets = secrets.as_deref().map(webhook_secrets).transpose()?.unwrap_or_default();
        }
        if let Some(mapping) = &self.mapping {
            next.mapping = mapping.iter().flatten().map(by_number).collect::<ApiResult<_>>()?;
        }
        next.profile = self.profile.unwrap_or(next.profile);
        next.block = self.block.unwrap_or(next.block);
        if let Some(mapping) = &self.default_mapping {
            next.default_mapping.clone_from(mapping);
        }
        next.calls_per_minute = self.calls_per_minute.unwrap_or(next.calls_per_minute);
        if next.calls_per_minute.is_some_and(|calls| !(1..=MAX_CALLS_PER_MINUTE).contains(&calls)) {
            return Err(Problem::invalid(format!("`callsPerMinute` must be 1 to {MAX_CALLS_PER_MINUTE}")));
        }
        check_mappings(&next)?;
        Ok(next)
    }
}

fn address(text: &str) -> ApiResult<Url> {
    let invalid = |why: &str| Problem::invalid(format!("`baseUrl` {why}"));
    let url = Url::parse(text).map_err(|_| invalid("is not a valid address: give one that begins with https://"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(invalid("is not a valid address: give one that begins with https://"));
    }
    let more =
        !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some();
    if more || text.len() > MAX_TEXT_BYTES {
        return Err(invalid("must be the API's address alone, without a user name, `?` or `#`"));
    }
    Ok(url)
}

fn by_number((id, mapping): (&String, &Mapping)) -> ApiResult<(i64, Mapping)> {
    let id = id
        .parse()
        .map_err(|_| Problem::invalid(format!("`mapping` has `{id}`: its keys must be numeric ids of event types")))?;
    Ok((id, mapping.clone()))
}

fn webhook_secrets(secrets: &[SecretText]) -> ApiResult<Vec<SecretString>> {
    let invalid = |why: String| Problem::invalid(format!("`webhookSecrets` {why}"));
    let secrets: Vec<SecretString> = secrets.iter().map(|secret| secret.0.clone()).collect();
    if secrets.len() > MAX_WEBHOOK_SECRETS {
        return Err(invalid(format!("has more than {MAX_WEBHOOK_SECRETS} secrets: give only those in use")));
    }
    if secrets.iter().any(|secret| secret.expose_secret().len() > MAX_TEXT_BYTES) {
        return Err(invalid(format!("has one of more than {MAX_TEXT_BYTES} bytes")));
    }
    CalcomVerifier::new(secrets.iter().cloned()).map_err(|error| invalid(format!("cannot be used: {error}")))?;
    Ok(secrets)
}

fn check_mappings(settings: &CalcomSettings) -> ApiResult<()> {
    if settings.mapping.len() > MAX_MAPPED_EVENT_TYPES {
        return Err(Problem::invalid(format!(
            "`mapping` has more than {MAX_MAPPED_EVENT_TYPES} event types: use `defaultMapping`"
        )));
    }
    for mapping in settings.mapping.values().chain(&settings.default_mapping) {
        let is_id =
            |id: &str| !id.is_empty() && id.len() <= MAX_TEXT_BYTES && id.bytes().all(|byte| byte.is_ascii_graphic());
        if !is_id(&mapping.location_id) || !is_id(&mapping.calendar_id) {
            return Err(Problem::invalid("a mapping needs the ids of a location and of its calendar, as GHL has them"));
        }
    }
    Ok(())
}
