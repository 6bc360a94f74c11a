//! [`TokenStore`]: sets are swapped whole, and a forgotten connection stays forgotten.

use std::sync::Arc;

use secrecy::ExposeSecret;
use serde_json::json;
use sidecar_core::token::{CasResult, ConnectionState, TokenKey, TokenSet, TokenStore};

use super::{
    behaviours,
    make::{ORG, access, at, org, set, token_key},
};

fn broken() -> ConnectionState {
    ConnectionState::NeedsReauth { reason: "invalid_grant".into(), since: at(5) }
}

async fn store_set(store: &dyn TokenStore, expected: u64, access: &str) -> u64 {
    match store.swap(&token_key(), expected, &set(access), &ConnectionState::Active).await.unwrap() {
        CasResult::Stored(generation) => generation,
        CasResult::Conflict(found) => panic!("lost to {found:?}"),
    }
}

async fn lost(store: &dyn TokenStore, expected: u64) -> Option<String> {
    match store.swap(&token_key(), expected, &set("late"), &ConnectionState::Active).await.unwrap() {
        CasResult::Stored(generation) => panic!("stored as {generation}"),
        CasResult::Conflict(found) => access(found),
    }
}

behaviours! { $ token_store_conformance, tokens, dyn TokenStore:
    /// Nothing is known of a connection that was never made.
    async fn an_unknown_connection_is_none(store) {
        assert!(store.load(&token_key()).await.unwrap().is_none());
    }

    /// Every field of a set comes back.
    async fn a_set_comes_back_whole(store) {
        let mut tokens = set("a\0ß\"");
        tokens.extra.insert("nested".into(), json!({"n": [1, null, "\u{1F600}\0"]}));
        assert!(matches!(store.swap(&token_key(), 0, &tokens, &ConnectionState::Active).await.unwrap(), CasResult::Stored(1)));
        let found = store.load(&token_key()).await.unwrap().unwrap();
        assert_eq!((found.key, found.state), (token_key(), ConnectionState::Active));
        assert_eq!(found.tokens.access.expose_secret(), "a\0ß\"");
        assert_eq!(found.tokens.refresh.unwrap().expose_secret(), tokens.refresh.unwrap().expose_secret());
        assert_eq!((found.tokens.expires_at, found.tokens.generation), (tokens.expires_at, 1));
        assert_eq!((found.tokens.scope, found.tokens.extra), (tokens.scope, tokens.extra));
    }

    /// A set may lack everything but the access token.
    async fn a_set_without_options_comes_back(store) {
        let tokens = TokenSet { refresh: None, expires_at: None, scope: None, extra: serde_json::Map::new(), ..set("a") };
        assert!(matches!(store.swap(&token_key(), 0, &tokens, &ConnectionState::Active).await.unwrap(), CasResult::Stored(1)));
        let found = store.load(&token_key()).await.unwrap().unwrap().tokens;
        assert!(found.refresh.is_none() && found.expires_at.is_none() && found.scope.is_none() && found.extra.is_empty());
    }

    /// `expected` 0 never replaces.
    async fn expected_zero_creates_only(store) {
        assert_eq!(store_set(&*store, 0, "first").await, 1);
        assert_eq!(lost(&*store, 0).await.as_deref(), Some("first"));
    }

    /// `expected` above 0 never creates.
    async fn a_swap_of_nothing_is_lost(store) {
        assert_eq!(lost(&*store, 1).await, None);
        assert!(store.load(&token_key()).await.unwrap().is_none());
    }

    /// The store counts generations itself, by one.
    async fn the_given_generation_is_ignored(store) {
        let tokens = TokenSet { generation: 77, ..set("a") };
        assert!(matches!(store.swap(&token_key(), 0, &tokens, &ConnectionState::Active).await.unwrap(), CasResult::Stored(1)));
        assert!(matches!(store.swap(&token_key(), 1, &tokens, &ConnectionState::Active).await.unwrap(), CasResult::Stored(2)));
        assert_eq!(store.load(&token_key()).await.unwrap().unwrap().tokens.generation, 2);
    }

    /// Who is late writes nothing and learns who won.
    async fn a_stale_swap_is_lost_and_shows_the_winner(store) {
        store_set(&*store, 0, "first").await;
        store_set(&*store, 1, "second").await;
        assert_eq!(lost(&*store, 1).await.as_deref(), Some("second"));
        assert_eq!(access(store.load(&token_key()).await.unwrap()).as_deref(), Some("second"));
    }

    /// Of many swaps from one generation exactly one wins.
    async fn of_many_swaps_one_wins(store) {
        store_set(&*store, 0, "first").await;
        let swaps = (0..16).map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.swap(&token_key(), 1, &set(&format!("s{n}")), &ConnectionState::Active).await.unwrap() })
        });
        let (mut won, mut lost) = (0, 0);
        for swap in swaps.collect::<Vec<_>>() {
            match swap.await.unwrap() {
                CasResult::Stored(generation) => { assert_eq!(generation, 2); won += 1; }
                CasResult::Conflict(found) => { assert_eq!(found.unwrap().tokens.generation, 2); lost += 1; }
            }
        }
        assert_eq!((won, lost), (1, 15));
    }

    /// A mark changes the state and nothing else.
    async fn a_mark_keeps_the_tokens(store) {
        store_set(&*store, 0, "first").await;
        store.set_state(&token_key(), 1, &broken()).await.unwrap();
        let found = store.load(&token_key()).await.unwrap().unwrap();
        assert_eq!((&found.state, found.tokens.generation), (&broken(), 1));
        assert_eq!(access(Some(found)).as_deref(), Some("first"));
    }

    /// A mark that speaks of an older set does nothing.
    async fn a_late_mark_does_nothing(store) {
        store_set(&*store, 0, "first").await;
        store_set(&*store, 1, "second").await;
        store.set_state(&token_key(), 1, &broken()).await.unwrap();
        assert_eq!(store.load(&token_key()).await.unwrap().unwrap().state, ConnectionState::Active);
    }

    /// A new set makes a connection active again.
    async fn a_swap_makes_a_connection_active(store) {
        store_set(&*store, 0, "first").await;
        store.set_state(&token_key(), 1, &broken()).await.unwrap();
        store_set(&*store, 1, "second").await;
        assert_eq!(store.load(&token_key()).await.unwrap().unwrap().state, ConnectionState::Active);
    }

    /// A forgotten connection is not there any more.
    async fn a_forgotten_connection_is_gone(store) {
        store_set(&*store, 0, "first").await;
        store.delete_tokens(&token_key()).await.unwrap();
        assert!(store.load(&token_key()).await.unwrap().is_none());
        assert!(store.connections(&org()).await.unwrap().is_empty());
        store.delete_tokens(&token_key()).await.unwrap();
    }

    /// A refresh that ends after the disconnect does not undo it.
    async fn a_late_swap_does_not_bring_back_what_was_forgotten(store) {
        store_set(&*store, 0, "first").await;
        store.delete_tokens(&token_key()).await.unwrap();
        assert_eq!(lost(&*store, 1).await, None);
        store.set_state(&token_key(), 1, &broken()).await.unwrap();
        assert!(store.load(&token_key()).await.unwrap().is_none());
    }

    /// A connection made anew counts on, so that a late swap of the old one cannot hit it.
    async fn generations_grow_over_a_disconnect(store) {
        store_set(&*store, 0, "first").await;
        store.delete_tokens(&token_key()).await.unwrap();
        assert_eq!(store_set(&*store, 0, "anew").await, 2);
        assert_eq!(lost(&*store, 1).await.as_deref(), Some("anew"));
        let found = store.load(&token_key()).await.unwrap().unwrap();
        assert_eq!((found.tokens.generation, found.state), (2, ConnectionState::Active));
    }

    /// The connections of one organization, ordered by resource.
    async fn connections_are_listed_by_resource(store) {
        for (organization, resource) in [(ORG, "ghl:location:b"), ("org_2", "ghl:location:x"), (ORG, "ghl:location:a")] {
            let key = TokenKey::new(organization, resource);
            assert!(matches!(store.swap(&key, 0, &set(resource), &ConnectionState::Active).await.unwrap(), CasResult::Stored(1)));
        }
        let found: Vec<_> = store.connections(&org()).await.unwrap().into_iter().map(|c| c.key.resource().to_owned()).collect();
        assert_eq!(found, ["ghl:location:a", "ghl:location:b"]);
    }
}
