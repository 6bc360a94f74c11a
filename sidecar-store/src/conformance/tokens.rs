//! [`TokenStore`]: token sets are replaced as a whole, and a deleted connection stays deleted.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::json;
use sidecar_core::token::{CasResult, ConnectionState, TokenKey, TokenSet, TokenStore};

use super::{
    behaviours,
    fixtures::{ORG, access, at, org, token_key, token_set},
};

fn broken() -> ConnectionState {
    ConnectionState::NeedsReauth { reason: "invalid_grant".into(), since: at(5) }
}

async fn store_set(store: &dyn TokenStore, expected: u64, access: &str) -> u64 {
    match store.swap(&token_key(), expected, &token_set(access), &ConnectionState::Active).await.unwrap() {
        CasResult::Stored(generation) => generation,
        CasResult::Conflict(found) => panic!("conflict with {found:?}"),
    }
}

async fn conflict(store: &dyn TokenStore, expected: u64) -> Option<String> {
    match store.swap(&token_key(), expected, &token_set("late"), &ConnectionState::Active).await.unwrap() {
        CasResult::Stored(generation) => panic!("stored as {generation}"),
        CasResult::Conflict(found) => access(found),
    }
}

behaviours! { $ token_store_conformance, tokens, dyn TokenStore:
    /// A connection that was never stored is `None`.
    async fn an_unknown_connection_is_none(store) {
        assert!(store.load(&token_key()).await.unwrap().is_none());
    }

    /// Every field of a token set is returned.
    async fn a_set_is_returned_whole(store) {
        let mut tokens = token_set("a\0ß\"");
        tokens.extra.insert("nested".into(), json!({"n": [1, null, "\u{1F600}\0"]}));
        assert!(matches!(store.swap(&token_key(), 0, &tokens, &ConnectionState::Active).await.unwrap(), CasResult::Stored(1)));
        let found = store.load(&token_key()).await.unwrap().unwrap();
        assert_eq!((found.key, found.state), (token_key(), ConnectionState::Active));
        assert_eq!(found.tokens.access.expose_secret(), "a\0ß\"");
        assert_eq!(found.tokens.refresh.unwrap().expose_secret(), tokens.refresh.unwrap().expose_secret());
        assert_eq!((found.tokens.expires_at, found.tokens.generation), (tokens.expires_at, 1));
        assert_eq!((found.tokens.scope, found.tokens.extra), (tokens.scope, tokens.extra));
    }

    /// Everything except the access token is optional.
    async fn a_set_without_options_is_returned(store) {
        let tokens = TokenSet { refresh: None, expires_at: None, scope: None, extra: serde_json::Map::new(), ..token_set("a") };
        assert!(matches!(store.swap(&token_key(), 0, &tokens, &ConnectionState::Active).await.unwrap(), CasResult::Stored(1)));
        let found = store.load(&token_key()).await.unwrap().unwrap().tokens;
        assert!(found.refresh.is_none() && found.expires_at.is_none() && found.scope.is_none() && found.extra.is_empty());
    }

    /// `expected` 0 never replaces.
    async fn expected_zero_creates_only(store) {
        assert_eq!(store_set(&*store, 0, "first").await, 1);
        assert_eq!(conflict(&*store, 0).await.as_deref(), Some("first"));
    }

    /// `expected` above 0 never creates.
    async fn a_swap_without_a_connection_is_a_conflict(store) {
        assert_eq!(conflict(&*store, 1).await, None);
        assert!(store.load(&token_key()).await.unwrap().is_none());
    }

    /// The store assigns generations itself, in steps of one.
    async fn the_given_generation_is_ignored(store) {
        let tokens = TokenSet { generation: 77, ..token_set("a") };
        assert!(matches!(store.swap(&token_key(), 0, &tokens, &ConnectionState::Active).await.unwrap(), CasResult::Stored(1)));
        assert!(matches!(store.swap(&token_key(), 1, &tokens, &ConnectionState::Active).await.unwrap(), CasResult::Stored(2)));
        assert_eq!(store.load(&token_key()).await.unwrap().unwrap().tokens.generation, 2);
    }

    /// A stale swap writes nothing and returns the stored connection.
    async fn a_stale_swap_returns_the_stored_connection(store) {
        store_set(&*store, 0, "first").await;
        store_set(&*store, 1, "second").await;
        assert_eq!(conflict(&*store, 1).await.as_deref(), Some("second"));
        assert_eq!(access(store.load(&token_key()).await.unwrap()).as_deref(), Some("second"));
    }

    /// Exactly one of several concurrent swaps from one generation wins.
    async fn one_of_many_swaps_wins(store) {
        store_set(&*store, 0, "first").await;
        let swaps = (0..16).map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.swap(&token_key(), 1, &token_set(&format!("s{n}")), &ConnectionState::Active).await.unwrap() })
        });
        let (mut won, mut conflicts) = (0, 0);
        for swap in swaps.collect::<Vec<_>>() {
            match swap.await.unwrap() {
                CasResult::Stored(generation) => { assert_eq!(generation, 2); won += 1; }
                CasResult::Conflict(found) => { assert_eq!(found.unwrap().tokens.generation, 2); conflicts += 1; }
            }
        }
        assert_eq!((won, conflicts), (1, 15));
    }

    /// `set_state` changes only the state.
    async fn setting_the_state_keeps_the_tokens(store) {
        store_set(&*store, 0, "first").await;
        store.set_state(&token_key(), 1, &broken()).await.unwrap();
        let found = store.load(&token_key()).await.unwrap().unwrap();
        assert_eq!((&found.state, found.tokens.generation), (&broken(), 1));
        assert_eq!(access(Some(found)).as_deref(), Some("first"));
    }

    /// `set_state` with an older generation does nothing.
    async fn setting_the_state_of_an_older_set_does_nothing(store) {
        store_set(&*store, 0, "first").await;
        store_set(&*store, 1, "second").await;
        store.set_state(&token_key(), 1, &broken()).await.unwrap();
        assert_eq!(store.load(&token_key()).await.unwrap().unwrap().state, ConnectionState::Active);
    }

    /// A new token set makes a connection active again.
    async fn a_swap_makes_a_connection_active(store) {
        store_set(&*store, 0, "first").await;
        store.set_state(&token_key(), 1, &broken()).await.unwrap();
        store_set(&*store, 1, "second").await;
        assert_eq!(store.load(&token_key()).await.unwrap().unwrap().state, ConnectionState::Active);
    }

    /// A deleted connection is neither loaded nor listed.
    async fn a_deleted_connection_is_gone(store) {
        store_set(&*store, 0, "first").await;
        store.delete_tokens(&token_key()).await.unwrap();
        assert!(store.load(&token_key()).await.unwrap().is_none());
        assert!(store.connections(&org()).await.unwrap().is_empty());
        store.delete_tokens(&token_key()).await.unwrap();
    }

    /// A refresh that ends after the disconnect does not undo it.
    async fn a_late_swap_does_not_restore_a_deleted_connection(store) {
        store_set(&*store, 0, "first").await;
        store.delete_tokens(&token_key()).await.unwrap();
        assert_eq!(conflict(&*store, 1).await, None);
        store.set_state(&token_key(), 1, &broken()).await.unwrap();
        assert!(store.load(&token_key()).await.unwrap().is_none());
    }

    /// A reconnected connection continues the generation, so a late swap of the old one is a conflict.
    async fn generations_continue_after_a_disconnect(store) {
        store_set(&*store, 0, "first").await;
        store.delete_tokens(&token_key()).await.unwrap();
        assert_eq!(store_set(&*store, 0, "reconnected").await, 2);
        assert_eq!(conflict(&*store, 1).await.as_deref(), Some("reconnected"));
        let found = store.load(&token_key()).await.unwrap().unwrap();
        assert_eq!((found.tokens.generation, found.state), (2, ConnectionState::Active));
    }

    /// Lists the connections of one organization, ordered by resource.
    async fn connections_are_listed_by_resource(store) {
        for (organization, resource) in [(ORG, "ghl:location:b"), ("org_2", "ghl:location:x"), (ORG, "ghl:location:a")] {
            let key = TokenKey::new(organization, resource);
            assert!(matches!(store.swap(&key, 0, &token_set(resource), &ConnectionState::Active).await.unwrap(), CasResult::Stored(1)));
        }
        let found: Vec<_> = store.connections(&org()).await.unwrap().into_iter().map(|c| c.key.resource().to_owned()).collect();
        assert_eq!(found, ["ghl:location:a", "ghl:location:b"]);
    }
}
