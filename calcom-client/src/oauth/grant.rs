//! Reading the token endpoint's answer, which is that of RFC 6749 without the provider's envelope.

use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value};
use sidecar_core::{Error, ErrorKind, Result, SendState, Timestamp, token::TokenSet};

use crate::config::ACCESS_TOKEN_TTL;

#[derive(Deserialize)]
struct Wire {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
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
    let life =
        wire.expires_in.filter(|seconds| *seconds > 0.0).map(|seconds| (seconds as i64).saturating_mul(1_000_000));
    let usual = i64::try_from(ACCESS_TOKEN_TTL.as_micros()).unwrap_or(i64::MAX);
    let mut extra = wire.rest;
    extra.remove("token_type");
    Ok(TokenSet {
        refresh: wire.refresh_token.filter(|token| !token.is_empty()).map(SecretString::from),
        expires_at: Some(Timestamp::from_micros(asked_at.as_micros().saturating_add(life.unwrap_or(usual)))),
        issued_at: Some(asked_at),
        scope: wire.scope,
        extra,
        ..TokenSet::new(wire.access_token)
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    const ASKED: Timestamp = Timestamp::from_secs(1_000);

    #[test]
    fn a_set_is_read_without_an_envelope() {
        let body = br#"{"access_token":"a","token_type":"bearer","refresh_token":"r","expires_in":1800,"scope":"BOOKING_READ"}"#;
        let set = tokens(body, ASKED).unwrap();
        assert_eq!((set.access.expose_secret(), set.refresh.as_ref().unwrap().expose_secret()), ("a", "r"));
        assert_eq!((set.issued_at, set.expires_at), (Some(ASKED), Some(Timestamp::from_secs(2_800))));
        assert_eq!(set.scope.as_deref(), Some("BOOKING_READ"));
        let silent = tokens(br#"{"access_token":"a"}"#, ASKED).unwrap();
        assert_eq!((silent.expires_at, silent.refresh.is_none()), (Some(Timestamp::from_secs(2_800)), true));
    }

    #[test]
    fn an_answer_that_cannot_be_read_does_not_show_its_tokens() {
        let error = tokens(br#"{"access_token":["sesame"],"refresh_token":"sesame"}"#, ASKED).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
        assert!(!format!("{error} {error:?} {:?}", error.body()).contains("sesame"));
    }
}
