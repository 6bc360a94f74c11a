//! A connected location or company in a store, without the OAuth consent flow.

use std::sync::Arc;

use provider_sandbox::{Sandbox, ghl};
use secrecy::SecretString;
use serde_json::{Value, json};
use sidecar_core::{
    Clock, OrganizationId, SystemClock,
    token::{CasResult, ConnectionState, TokenKey, TokenSet, TokenStore},
    vault::{KeyRing, Vault},
};
use sidecar_store::{Claimed, Organization, Store};

/// The encryption keys of the tests, as `SIDECAR_ENCRYPTION_KEYS`.
pub const KEYS: &str = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The organization of the tests.
pub const ORGANIZATION: &str = "org_tests";

/// Opens a store with the tests' keys; creates the database if it is missing.
pub async fn open_store(url: &str) -> Arc<dyn Store> {
    let ring = KeyRing::parse(&SecretString::from(KEYS)).unwrap();
    sidecar_store::open(url, Vault::new(ring)).await.unwrap()
}

/// Creates the organization of the tests, without connections.
pub async fn create_organization_row(store: &dyn Store) -> OrganizationId {
    let id = OrganizationId::from(ORGANIZATION);
    let created_at = SystemClock::new().now();
    let organization = Organization { id: id.clone(), slug: "tests".into(), name: "Tests".into(), created_at };
    store.create_organization(&organization).await.unwrap();
    id
}

/// Returns a token set like one from the token endpoint.
pub fn token_set(token: ghl::Token, extra: &Value) -> TokenSet {
    TokenSet {
        access: token.access.into(),
        refresh: token.refresh.map(Into::into),
        expires_at: Some(SystemClock::new().now() + std::time::Duration::from_secs(token.expires_in.unsigned_abs())),
        issued_at: None,
        issued_from: extra["issuedFrom"].as_str().map(str::to_owned),
        generation: 0,
        scope: Some(ghl::SCOPES.to_owned()),
        extra: extra.as_object().cloned().unwrap_or_default(),
    }
}

/// A connected company or location and the key of its tokens.
#[derive(Debug, Clone)]
pub struct TestConnection {
    /// `company:ID` or `location:ID`, as `token-caller` takes it.
    pub resource: String,
    /// The key of its tokens in the store.
    pub key: TokenKey,
    /// The company's or location's id.
    pub id: String,
}

impl TestConnection {
    /// Connects the company.
    pub async fn company(sandbox: &Sandbox, store: &dyn TokenStore) -> Self {
        let ghl = sandbox.ghl();
        let id = ghl.company_id().to_owned();
        let token = ghl.issue_company_token(ghl::SCOPES);
        Self::save(store, "company", id.clone(), token, json!({"userType": "Company", "companyId": id})).await
    }

    /// Connects the first location, with a refresh token.
    pub async fn location(sandbox: &Sandbox, store: &dyn TokenStore) -> Self {
        let ghl = sandbox.ghl();
        let id = ghl.location_ids().remove(0);
        let token = ghl.issue_location_token(&id).unwrap();
        let extra = json!({"userType": "Location", "companyId": ghl.company_id(), "locationId": id});
        Self::save(store, "location", id, token, extra).await
    }

    /// Connects the company and its first location, whose token is minted from the company's. The location's token is
    /// expired, so that the first call mints one.
    pub async fn minted_location(sandbox: &Sandbox, store: &dyn TokenStore) -> Self {
        let ghl = sandbox.ghl();
        Self::company(sandbox, store).await;
        let id = ghl.location_ids().remove(0);
        let company = ghl.company_id();
        let extra = json!({"userType": "Location", "companyId": company, "locationId": id, "issuedFrom": format!("ghl:company:{company}")});
        let token = ghl::Token { access: "expired".to_owned(), refresh: None, expires_in: 0 };
        Self::save(store, "location", id, token, extra).await
    }

    /// Creates the organization and connects the company and its first location, as the OAuth flow does.
    pub async fn organization(sandbox: &Sandbox, store: &dyn Store) -> Self {
        let id = create_organization_row(store).await;
        let location = Self::minted_location(sandbox, store).await;
        let claimed = [
            store.claim_company("ghl", sandbox.ghl().company_id(), &id).await.unwrap(),
            store.claim_location("ghl", &location.id, &id).await.unwrap(),
        ];
        assert_eq!(claimed, [Claimed::Claimed, Claimed::Claimed]);
        location
    }

    async fn save(store: &dyn TokenStore, kind: &str, id: String, token: ghl::Token, extra: Value) -> Self {
        let resource = format!("{kind}:{id}");
        let key = TokenKey::new(ORGANIZATION, format!("ghl:{resource}"));
        match store.swap(&key, 0, &token_set(token, &extra), &ConnectionState::Active).await.unwrap() {
            CasResult::Stored(_) => Self { resource, key, id },
            CasResult::Conflict(_) => panic!("{key} is already connected"),
        }
    }
}
