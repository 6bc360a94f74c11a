//! Stores a GoHighLevel connection in a custom store: `cargo run -p bring-your-own-store`.
//!
//! A sandbox expires the access token, many concurrent calls need a new one, and the store refreshes it once.

use std::{error::Error, fs, sync::Arc};

use bring_your_own_store::FileStore;
use ghl_client::{GhlClient, GhlConnections, GhlOAuth, LocationId, SCOPES};
use provider_sandbox::{Sandbox, control::TokenCommand};
use serde_json::{Map, json};
use sidecar_core::{
    Clock, SystemClock,
    token::{TokenSet, TokenStore},
    vault::{KeyRing, Vault},
};

const CALLS: usize = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("bring-your-own-store-{}", uuid::Uuid::new_v4()));
    fs::create_dir(&folder)?;
    let path = folder.join("store.json");
    let ring = KeyRing::parse(&KeyRing::generate_entry("example")?)?;
    let store = Arc::new(FileStore::new(&path, Vault::new(ring)));

    let sandbox = Sandbox::builder().contacts(5).locations(1).start().await?;
    let (ghl, api) = (sandbox.ghl(), format!("{}/ghl", sandbox.url()));
    let oauth = GhlOAuth::builder(ghl.client_id(), ghl.client_secret().to_owned()).base_url(&api).build()?;
    let connections = GhlConnections::new(oauth, store.clone(), store.clone(), SystemClock::shared());

    let location = ghl.location_ids().into_iter().next().ok_or("the sandbox has no location")?;
    let token = ghl.issue_location_token(&location)?;
    let tokens = connections.of("org_1");
    let key = tokens
        .adopt(&TokenSet {
            access: token.access.into(),
            refresh: token.refresh.map(Into::into),
            expires_at: Some(SystemClock::new().now() + std::time::Duration::from_secs(86_400)),
            issued_at: None,
            issued_from: None,
            generation: 0,
            scope: Some(SCOPES.join(" ")),
            extra: Map::from_iter([("userType".into(), json!("Location")), ("locationId".into(), json!(location))]),
        })
        .await?;
    sandbox.control().update_tokens(&TokenCommand { expire_all: true, ..TokenCommand::default() })?;

    let client = GhlClient::builder().tokens(tokens).base_url(&api).build()?;
    let location = LocationId::from(location);
    let calls = (0..CALLS).map(|_| {
        let (client, location) = (client.clone(), location.clone());
        tokio::spawn(async move { client.locations().get(&location).await })
    });
    for call in calls.collect::<Vec<_>>() {
        call.await??;
    }

    let refreshes = ghl.counts().connections.get(location.as_str()).map_or(0, |counts| counts.refreshes);
    let generation = store.load(&key).await?.map_or(0, |connection| connection.tokens.generation);
    println!(
        "{CALLS} calls with an expired token: {refreshes} refresh, the file contains generation {generation} of {key}"
    );
    println!("content of the file: {:.90}…", fs::read_to_string(&path)?);
    sandbox.stop().await;
    fs::remove_dir_all(&folder)?;
    if (refreshes, generation) == (1, 2) { Ok(()) } else { Err("expected one refresh and generation 2".into()) }
}
