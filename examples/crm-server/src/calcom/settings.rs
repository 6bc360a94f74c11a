use std::{collections::BTreeMap, sync::Arc};

use calcom_client::{EventTypeId, Profile, ScheduleId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sidecar_core::{OrganizationId, StoreError};
use sidecar_store::Store;
use url::Url;
use utoipa::ToSchema;

/// The name of the settings document.
const NAME: &str = "calcom";
/// How often an update is attempted while other requests change the settings.
const MAX_UPDATE_ATTEMPTS: usize = 8;

/// An organization's settings for Cal.com. Its credentials are stored with the tokens of all connections.
#[derive(Debug, Clone, Default)]
pub struct CalcomSettings {
    /// The API's address; `None` for the server's default.
    pub base_url: Option<Url>,
    /// The edition of the API; `None` if derived from the address.
    pub profile: Option<CalcomProfile>,
    /// The webhook secrets; several during rotation. Without one, deliveries are rejected.
    pub webhook_secrets: Vec<SecretString>,
    /// The GHL calendar of each mapped event type.
    pub mapping: BTreeMap<i64, Mapping>,
    /// The GHL calendar of all other bookings, if any.
    pub default_mapping: Option<Mapping>,
    /// The schedule in which times are blocked; `None` for the user's default schedule.
    pub block: Option<Block>,
    /// The calls per minute that the account may make; `None` for the cloud's limit.
    pub calls_per_minute: Option<u32>,
    /// The secret in the address of the calendar feed, if there is one.
    pub feed_secret: Option<SecretString>,
}

/// The edition of Cal.com's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CalcomProfile {
    /// Cal.com's own service.
    Cloud,
    /// The self-hosted community edition.
    SelfHosted,
}

impl From<CalcomProfile> for Profile {
    fn from(profile: CalcomProfile) -> Self {
        match profile {
            CalcomProfile::Cloud => Self::Cloud,
            CalcomProfile::SelfHosted => Self::SelfHosted,
        }
    }
}

/// The GHL calendar that bookings are synced to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mapping {
    /// The location.
    pub location_id: String,
    /// The location's calendar.
    pub calendar_id: String,
}

/// The schedule in which times are blocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Block {
    /// The schedule's id.
    #[schema(value_type = i64)]
    pub schedule_id: ScheduleId,
}

/// Settings with their revision in the store.
#[derive(Debug, Clone, Default)]
pub struct VersionedSettings {
    /// Increases with every change; 0 if nothing was ever stored.
    pub revision: u64,
    /// The settings.
    pub settings: CalcomSettings,
}

impl CalcomSettings {
    /// Whether no setting is set, as after a disconnect.
    pub(super) fn is_blank(&self) -> bool {
        let Self { base_url, profile, webhook_secrets, mapping, default_mapping, block, calls_per_minute, feed_secret } =
            self;
        let (is_elsewhere, is_mapped) = (base_url.is_some() || profile.is_some(), !mapping.is_empty());
        let is_tuned = block.is_some() || calls_per_minute.is_some();
        let has_secrets = !webhook_secrets.is_empty() || feed_secret.is_some();
        !(is_elsewhere || is_mapped || default_mapping.is_some() || is_tuned || has_secrets)
    }

    /// Returns the calendar of an event type's bookings, if any.
    pub fn mapping_of(&self, event_type: Option<EventTypeId>) -> Option<&Mapping> {
        let own = event_type.and_then(|id| self.mapping.get(&id.get()));
        own.or(self.default_mapping.as_ref())
    }
}

/// Reads the organization's settings.
///
/// # Errors
/// [`StoreError`]; also when the document cannot be read.
pub async fn read(store: &dyn Store, organization: &OrganizationId) -> Result<VersionedSettings, StoreError> {
    let Some(setting) = store.setting(organization, NAME).await? else { return Ok(VersionedSettings::default()) };
    // Without the parser's message, which may quote a secret.
    let unreadable = || StoreError::broken("the stored Cal.com settings cannot be parsed");
    let document: Document = serde_json::from_str(setting.value.expose_secret()).map_err(|_| unreadable())?;
    Ok(VersionedSettings { revision: setting.revision, settings: document.settings().ok_or_else(unreadable)? })
}

/// Replaces the settings of revision `expected`; `false` when others were written since.
///
/// # Errors
/// [`StoreError`].
pub async fn write(
    store: &dyn Store,
    organization: &OrganizationId,
    expected: u64,
    settings: &CalcomSettings,
) -> Result<bool, StoreError> {
    let text = serde_json::to_string(&Document::from(settings))
        .map_err(|error| StoreError::broken("the Cal.com settings cannot be serialized").with_source(error))?;
    store.put_setting(organization, NAME, expected, &text.into()).await
}

/// An update of the settings by compare-and-swap: read, change, write; again while other requests write in between.
#[derive(Debug)]
pub(crate) struct SettingsUpdate<'a> {
    store: &'a dyn Store,
    organization: &'a OrganizationId,
    attempts_left: usize,
}

impl<'a> SettingsUpdate<'a> {
    pub(crate) fn new(store: &'a dyn Store, organization: &'a OrganizationId) -> Self {
        Self { store, organization, attempts_left: MAX_UPDATE_ATTEMPTS }
    }

    /// Reads the settings for the next attempt; `None` after [`MAX_UPDATE_ATTEMPTS`] conflicts.
    pub(crate) async fn read(&mut self) -> Result<Option<VersionedSettings>, StoreError> {
        let Some(left) = self.attempts_left.checked_sub(1) else { return Ok(None) };
        self.attempts_left = left;
        read(self.store, self.organization).await.map(Some)
    }

    /// Replaces the settings that [`read`](Self::read) returned; `false` when others changed them since.
    pub(crate) async fn write(&self, read: &VersionedSettings, next: &CalcomSettings) -> Result<bool, StoreError> {
        write(self.store, self.organization, read.revision, next).await
    }
}

/// The settings as they are sealed: the only form with secrets in plain text.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Document {
    #[serde(skip_serializing_if = "Option::is_none")]
    base_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<CalcomProfile>,
    webhook_secrets: Vec<Arc<str>>,
    mapping: BTreeMap<i64, Mapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_mapping: Option<Mapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    block: Option<Block>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls_per_minute: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    feed_secret: Option<Arc<str>>,
}

impl From<&CalcomSettings> for Document {
    fn from(settings: &CalcomSettings) -> Self {
        let clear = |secret: &SecretString| Arc::from(secret.expose_secret());
        Self {
            base_url: settings.base_url.clone().map(String::from),
            profile: settings.profile,
            webhook_secrets: settings.webhook_secrets.iter().map(clear).collect(),
            mapping: settings.mapping.clone(),
            default_mapping: settings.default_mapping.clone(),
            block: settings.block,
            calls_per_minute: settings.calls_per_minute,
            feed_secret: settings.feed_secret.as_ref().map(clear),
        }
    }
}

impl Document {
    /// Returns `None` when the address is not valid.
    fn settings(self) -> Option<CalcomSettings> {
        let wrap = |clear: Arc<str>| SecretString::from(&*clear);
        Some(CalcomSettings {
            base_url: self.base_url.map(|url| Url::parse(&url)).transpose().ok()?,
            profile: self.profile,
            webhook_secrets: self.webhook_secrets.into_iter().map(wrap).collect(),
            mapping: self.mapping,
            default_mapping: self.default_mapping,
            block: self.block,
            calls_per_minute: self.calls_per_minute,
            feed_secret: self.feed_secret.map(wrap),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn mapping(location: &str) -> Mapping {
        Mapping { location_id: location.to_owned(), calendar_id: "c".to_owned() }
    }

    fn settings() -> CalcomSettings {
        CalcomSettings {
            base_url: Some(Url::parse("https://calcom.example.com/").unwrap()),
            profile: Some(CalcomProfile::SelfHosted),
            webhook_secrets: vec!["sesame-1".into(), "sesame-2".into()],
            mapping: BTreeMap::from([(7, mapping("l_7"))]),
            default_mapping: Some(mapping("l_0")),
            block: Some(Block { schedule_id: 3.into() }),
            calls_per_minute: Some(600),
            feed_secret: Some("sesame-3".into()),
        }
    }

    #[tokio::test]
    async fn settings_round_trip_and_a_stale_write_is_rejected() {
        let config = Config::from_variables([("SIDECAR_ENV".to_owned(), "test".to_owned())]).unwrap();
        let store = sidecar_store::open("sqlite::memory:", config.vault().unwrap()).await.unwrap();
        let org = "org_1".into();
        assert_eq!(read(&*store, &org).await.unwrap().revision, 0);
        assert!(write(&*store, &org, 0, &settings()).await.unwrap());
        let found = read(&*store, &org).await.unwrap();
        let text = |settings: &CalcomSettings| serde_json::to_value(Document::from(settings)).unwrap();
        assert_eq!((found.revision, text(&found.settings)), (1, text(&settings())));
        assert!(!write(&*store, &org, 0, &settings()).await.unwrap());
        assert!(write(&*store, &org, 1, &CalcomSettings::default()).await.unwrap());
        let blank = read(&*store, &org).await.unwrap();
        assert!(blank.revision == 2 && blank.settings.is_blank() && !found.settings.is_blank());
    }

    #[test]
    fn the_mapping_of_an_event_type_precedes_the_default() {
        let settings = settings();
        let of = |id: Option<i64>| settings.mapping_of(id.map(EventTypeId::from)).unwrap().location_id.clone();
        assert_eq!((of(Some(7)), of(Some(8)), of(None)), ("l_7".to_owned(), "l_0".to_owned(), "l_0".to_owned()));
        assert_eq!(CalcomSettings::default().mapping_of(Some(7.into())), None);
    }

    #[test]
    fn secrets_are_not_in_the_debug_output() {
        assert!(!format!("{:?}", settings()).contains("sesame"));
    }
}
