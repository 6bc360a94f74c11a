use std::sync::Arc;

use ghl_client::{GhlClient, GhlOAuth};
use sidecar_core::{ErrorKind, test_util::ScriptedTransport, token::StaticToken};

fn refused<T: std::fmt::Debug>(built: sidecar_core::Result<T>, word: &str) {
    let error = built.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.message().contains(word), "`{error}` should speak of {word}");
}

fn builder() -> ghl_client::GhlClientBuilder {
    GhlClient::builder().transport(Arc::new(ScriptedTransport::new()))
}

#[test]
fn a_client_that_cannot_work_is_not_built_and_the_error_says_what_to_do() {
    refused(builder().build(), "private_integration_token");
    refused(builder().private_integration_token("").build(), "empty");
    refused(builder().private_integration_token("pit-1\n").build(), "line ends");
    refused(builder().private_integration_token("\"pit 1\"").build(), "quotes");
    refused(
        builder().private_integration_token("pit-1").credentials(Arc::new(StaticToken::new("x"))).build(),
        "exactly one",
    );
    for url in ["", "services.leadconnectorhq.com", "ftp://x", "http://a?b=c", "https://u:p@x"] {
        refused(builder().private_integration_token("pit-1").base_url(url).build(), "base URL");
    }
    for id in ["", "-x", "a b-c"] {
        refused(builder().private_integration_token("pit-1").client_id(id).build(), "client id");
    }
}

#[test]
fn an_oauth_client_that_cannot_work_is_not_built() {
    let oauth =
        |id: &str, secret: &str| GhlOAuth::builder(id, secret.to_owned()).transport(Arc::new(ScriptedTransport::new()));
    refused(oauth("", "s").build(), "client id");
    refused(oauth("app-1", " ").build(), "secret");
    refused(oauth("app-1", "s").redirect_uri("/auth").build(), "redirect URI");
    refused(oauth("app-1", "s").authorize_url("javascript:alert(1)").build(), "authorize URL");
    refused(oauth("app-1", "s").base_url("nowhere").build(), "base URL");
    let usable = oauth("app-1", "s").build().unwrap();
    refused(usable.authorize("x"), "redirect_uri");
    let usable = oauth("app-1", "s").redirect_uri("https://app.example.com/auth").build().unwrap();
    refused(usable.authorize(""), "state");
}

#[test]
fn nothing_shows_its_secrets() {
    let client = builder().private_integration_token("pit-sesame");
    let shown = format!("{client:?}") + &format!("{:?}", client.build().unwrap());
    let oauth = GhlOAuth::builder("app-1", "sesame".to_owned()).transport(Arc::new(ScriptedTransport::new()));
    let shown = format!("{shown} {oauth:?}") + &format!("{:?}", oauth.build().unwrap());
    assert!(!shown.contains("sesame"), "{shown}");
}
