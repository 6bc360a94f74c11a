//! Reading the token endpoint's answer. It mixes snake case and camel case; v3 writes everything in camel case.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use sidecar_core::{Error, ErrorKind, Result, SecretString, Timestamp, error::SendState, token::TokenSet};

use crate::model::{CompanyId, LocationId};

/// The access token's life when an answer does not say: the documented 86,399 s.
const LIFE_SECS: i64 = 86_399;

sidecar_core::open_enum! {
    /// What a token is for.
    pub enum UserType {
        /// A company (agency).
        Company = "Company",
        /// A location (sub-account).
        Location = "Location",
    }
}

#[derive(Deserialize)]
struct Wire {
    #[serde(alias = "accessToken")]
    access_token: String,
    #[serde(alias = "refreshToken", default)]
    refresh_token: Option<String>,
    #[serde(alias = "expiresIn", default)]
    expires_in: Option<f64>,
    #[serde(default)]
    scope: Option<String>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// The set in an answer. `asked_at` is when the request left, so that the token is never thought to live longer than it does.
pub(super) fn tokens(body: &[u8], asked_at: Timestamp) -> Result<TokenSet> {
    // The body holds tokens: neither it nor the parser's words may stand in the error.
    let wire: Wire = serde_json::from_slice(body).map_err(|_| {
        Error::new(ErrorKind::Decode, "the token endpoint's answer has no access token in the expected shape")
            .with_send_state(SendState::Responded)
    })?;
    #[expect(clippy::cast_possible_truncation, reason = "`as` saturates, which is what is meant")]
    let life = wire.expires_in.filter(|secs| *secs > 0.0).map_or(LIFE_SECS, |secs| secs as i64);
    let mut extra = wire.rest;
    for noise in ["token_type", "tokenType", "traceId"] {
        extra.remove(noise);
    }
    let mut set = TokenSet {
        access: SecretString::from(wire.access_token),
        refresh: wire.refresh_token.filter(|token| !token.is_empty()).map(SecretString::from),
        expires_at: Some(Timestamp::from_micros(asked_at.as_micros().saturating_add(life.saturating_mul(1_000_000)))),
        generation: 0,
        scope: wire.scope,
        extra,
    };
    set.set_issued_at(asked_at);
    Ok(set)
}

/// Where a set says which company it was minted from.
const MINTED_FROM: &str = "minted_from";

pub(super) fn mark_minted(tokens: &mut TokenSet, company: &CompanyId, location: &LocationId) {
    for (name, value) in
        [(MINTED_FROM, company.as_str()), ("companyId", company.as_str()), ("locationId", location.as_str())]
    {
        tokens.extra.insert(name.to_owned(), json!(value));
    }
    tokens.extra.insert("userType".to_owned(), json!(UserType::Location));
}

/// Where a set says that it holds no tokens, and whether others may not be minted in its place.
const WITHDRAWN: &str = "withdrawn";

/// What is kept in place of a location's tokens, so that none is minted for it again by itself: no token, and ended.
pub(super) fn withdrawn(location: &LocationId, company: &CompanyId, at: Timestamp) -> TokenSet {
    let mut set = TokenSet {
        access: SecretString::default(),
        refresh: None,
        expires_at: Some(Timestamp::from_secs(0)),
        generation: 0,
        scope: None,
        extra: Map::from_iter([(WITHDRAWN.to_owned(), json!(true))]),
    };
    mark_minted(&mut set, company, location);
    set.set_issued_at(at);
    set
}

/// The same, but the location was installed again: its next call mints.
pub(super) fn reopened(mark: &TokenSet) -> TokenSet {
    let mut set = mark.clone();
    set.extra.insert(WITHDRAWN.to_owned(), json!(false));
    set
}

/// Whether a set holds no tokens, but the place of a location's.
pub(super) fn is_vacant(tokens: &TokenSet) -> bool {
    tokens.extra.contains_key(WITHDRAWN)
}

/// Whether a set stands for a location that was disconnected.
pub(super) fn is_withdrawn(tokens: &TokenSet) -> bool {
    tokens.extra.get(WITHDRAWN).is_some_and(|mark| mark == true)
}

/// The company whose token a location's set was minted from; `None` for a connection of its own.
pub fn minted_from(tokens: &TokenSet) -> Option<CompanyId> {
    text(tokens, MINTED_FROM).map(CompanyId::from)
}

/// The company that a set belongs to.
pub fn company_of(tokens: &TokenSet) -> Option<CompanyId> {
    text(tokens, "companyId").map(CompanyId::from)
}

/// The location that a set is for; `None` for a company's.
pub fn location_of(tokens: &TokenSet) -> Option<LocationId> {
    text(tokens, "locationId").map(LocationId::from)
}

/// What a set is for. A set that does not say is a location's if it names one.
pub fn user_type_of(tokens: &TokenSet) -> UserType {
    match (text(tokens, "userType"), text(tokens, "locationId")) {
        (Some(user_type), _) => UserType::from(user_type),
        (None, Some(_)) => UserType::Location,
        (None, None) => UserType::Company,
    }
}

fn text<'a>(tokens: &'a TokenSet, name: &str) -> Option<&'a str> {
    tokens.extra.get(name)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const ASKED: Timestamp = Timestamp::from_secs(1_000);

    #[test]
    fn both_spellings_are_read() {
        for body in [
            r#"{"access_token":"a","refresh_token":"r","expires_in":86399,"scope":"s","userType":"Company","companyId":"c","token_type":"Bearer"}"#,
            r#"{"accessToken":"a","refreshToken":"r","expiresIn":86399,"scope":"s","userType":"Company","companyId":"c","tokenType":"Bearer"}"#,
        ] {
            let set = tokens(body.as_bytes(), ASKED).unwrap();
            assert_eq!((set.access.expose_secret(), set.refresh.as_ref().unwrap().expose_secret()), ("a", "r"));
            assert_eq!((set.issued_at(), set.expires_at), (Some(ASKED), Some(Timestamp::from_secs(87_399))));
            assert_eq!((company_of(&set).unwrap().as_str(), user_type_of(&set)), ("c", UserType::Company));
            assert!(!set.extra.contains_key("token_type") && !set.extra.contains_key("tokenType"));
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_does_not_show_its_tokens() {
        let error = tokens(br#"{"access_token":["sesame"],"refresh_token":"sesame"}"#, ASKED).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(!format!("{error} {error:?} {:?}", error.body()).contains("sesame"));
    }

    #[test]
    fn a_set_never_shows_its_tokens() {
        let set = tokens(br#"{"access_token":"sesame","refresh_token":"sesame"}"#, ASKED).unwrap();
        assert!(!format!("{set:?}").contains("sesame"));
    }
}
