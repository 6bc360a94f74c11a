use super::*;

const KEY: &str = "k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_variables(owned)
}

#[test]
fn production_refuses_to_start_without_encryption_keys() {
    let error = config(&[]).unwrap_err();
    assert_eq!(error.0[0].variable, "SIDECAR_ENCRYPTION_KEYS");
    assert!(error.to_string().contains("keys generate"), "{error}");
    config(&[("SIDECAR_ENCRYPTION_KEYS", KEY)]).unwrap();
}

#[test]
fn every_bad_variable_is_named_in_one_go() {
    let bad = [
        ("SIDECAR_ENV", "staging"),
        ("BIND_ADDR", "here"),
        ("METRICS_ADDR", "0.0.0.0"),
        ("APP_URL", "crm.example.com"),
        ("SIDECAR_ENCRYPTION_KEYS", "k1:short"),
        ("SIDECAR_OPERATOR_TOKEN", "two words"),
        ("SYNC_INTERVAL_SECS", "0"),
        ("GHL_REDIRECT_URI", "ftp://x"),
        ("GHL_API_URL", "/ghl"),
        ("GHL_AUTHORIZE_URL", "x"),
        ("GHL_WEBHOOK_ALLOW_LEGACY_RSA", "perhaps"),
    ];
    let error = config(&bad).unwrap_err();
    let mut named: Vec<_> = error.0.iter().map(|bad| bad.variable).collect();
    let mut expected: Vec<_> = bad.iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    expected.sort_unstable();
    assert_eq!(named, expected, "{error}");
}

#[test]
fn a_secret_shows_neither_in_debug_nor_in_the_report_nor_in_errors() {
    let secrets =
        [("SIDECAR_OPERATOR_TOKEN", "sesame-op"), ("GHL_CLIENT_ID", "a1-b2"), ("GHL_CLIENT_SECRET", "sesame-ghl")];
    let config = config(&[&secrets[..], &[("SIDECAR_ENCRYPTION_KEYS", KEY)]].concat()).unwrap();
    let shown = format!("{config:?}{}", config.report());
    assert!(!shown.contains("sesame") && !shown.contains("AAECAwQ"), "{shown}");
    let error = super::tests::config(&[("SIDECAR_ENCRYPTION_KEYS", "k1:sesame")]).unwrap_err();
    assert!(!error.to_string().contains("sesame"), "{error}");
}

#[test]
fn ghl_is_off_and_says_what_to_set_until_both_halves_are_there() {
    let half = config(&[("SIDECAR_ENV", "test"), ("GHL_CLIENT_ID", "a1-b2")]).unwrap();
    assert!(half.ghl.app.is_none());
    assert_eq!(half.ghl_off().unwrap(), "set GHL_CLIENT_SECRET");
}

#[test]
fn the_redirect_uri_follows_from_the_servers_own_address() {
    let set = [
        ("SIDECAR_ENV", "test"),
        ("APP_URL", "https://crm.example.com/"),
        ("GHL_CLIENT_ID", "a"),
        ("GHL_CLIENT_SECRET", "b"),
    ];
    let app = config(&set).unwrap().ghl.app.unwrap();
    assert_eq!(app.redirect_uri.as_deref(), Some("https://crm.example.com/api/integrations/ghl/auth"));
}

#[test]
fn several_webhook_keys_are_read_with_their_line_ends_written_out() {
    let set = [("SIDECAR_ENV", "test"), ("GHL_WEBHOOK_PUBLIC_KEY", r"-----A\nx\n-----B, -----C\ny\n-----D")];
    assert_eq!(config(&set).unwrap().ghl.webhook_keys, ["-----A\nx\n-----B", "-----C\ny\n-----D"]);
}
