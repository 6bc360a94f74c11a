//! [`Organizations`](crate::Organizations) and [`OAuthStates`](crate::OAuthStates): a location has one owner, and a state works once.

use std::sync::Arc;

use sidecar_core::OrganizationId;

use super::{
    behaviours,
    fixtures::{at, org},
};
use crate::{Claimed, OAuthState, Organization, OrganizationError, Store};

fn organization(id: &str, slug: &str, seconds: i64) -> Organization {
    Organization { id: id.into(), slug: slug.into(), name: format!("The {slug}"), created_at: at(seconds) }
}

async fn two(store: &dyn Store) -> (OrganizationId, OrganizationId) {
    for (id, slug, seconds) in [("org_1", "acme", 2), ("org_2", "other", 1)] {
        store.create_organization(&organization(id, slug, seconds)).await.unwrap();
    }
    (org(), "org_2".into())
}

fn state() -> OAuthState {
    OAuthState { organization: org(), binding: "hash of the cookie".into(), expires_at: at(600) }
}

behaviours! { $ organization_conformance, organizations, dyn Store:
    /// Finds organizations by id and slug, and lists them, oldest first.
    async fn organizations_are_found(store) {
        let (one, _) = two(&*store).await;
        let expected = organization("org_1", "acme", 2);
        assert_eq!(store.organization(&one).await.unwrap(), Some(expected.clone()));
        assert_eq!(store.organization_by_slug("acme").await.unwrap(), Some(expected.clone()));
        assert_eq!(store.organizations().await.unwrap(), [organization("org_2", "other", 1), expected]);
        assert_eq!(store.organization_by_slug("unknown").await.unwrap(), None);
        assert_eq!(store.organization(&"unknown".into()).await.unwrap(), None);
    }

    /// Slugs and ids are unique, and the error says which one exists.
    async fn slugs_and_ids_are_unique(store) {
        two(&*store).await;
        let error = store.create_organization(&organization("org_3", "acme", 3)).await.unwrap_err();
        assert!(matches!(&error, OrganizationError::SlugTaken(slug) if slug == "acme"), "{error:?}");
        let error = store.create_organization(&organization("org_1", "new", 3)).await.unwrap_err();
        assert!(matches!(&error, OrganizationError::IdTaken(id) if *id == org()), "{error:?}");
        assert_eq!(store.organizations().await.unwrap().len(), 2);
    }

    /// A location has one owner, who can claim it again.
    async fn a_location_has_one_owner(store) {
        let (one, other) = two(&*store).await;
        assert_eq!(store.claim_location("ghl", "l_1", &one).await.unwrap(), Claimed::Claimed);
        assert_eq!(store.claim_location("ghl", "l_1", &one).await.unwrap(), Claimed::Claimed);
        assert_eq!(store.claim_location("ghl", "l_1", &other).await.unwrap(), Claimed::OwnedByAnother);
        assert_eq!(store.claim_location("calcom", "l_1", &other).await.unwrap(), Claimed::Claimed);
        assert_eq!(store.organization_of_location("ghl", "l_1").await.unwrap(), Some(one.clone()));
        assert_eq!(store.organization_of_location("ghl", "l_9").await.unwrap(), None);
        assert_eq!(store.locations_of(&one, "ghl").await.unwrap(), ["l_1"]);
    }

    /// Only the owner can release a location, which is then free.
    async fn a_released_location_is_free(store) {
        let (one, other) = two(&*store).await;
        assert_eq!(store.claim_location("ghl", "l_1", &one).await.unwrap(), Claimed::Claimed);
        assert!(!store.release_location("ghl", "l_1", &other).await.unwrap());
        assert!(store.release_location("ghl", "l_1", &one).await.unwrap());
        assert!(!store.release_location("ghl", "l_1", &one).await.unwrap());
        assert_eq!(store.claim_location("ghl", "l_1", &other).await.unwrap(), Claimed::Claimed);
    }

    /// A company has one owner and is separate from locations.
    async fn a_company_has_one_owner(store) {
        let (one, other) = two(&*store).await;
        assert_eq!(store.claim_company("ghl", "c_1", &one).await.unwrap(), Claimed::Claimed);
        assert_eq!(store.claim_company("ghl", "c_1", &other).await.unwrap(), Claimed::OwnedByAnother);
        assert_eq!(store.organization_of_company("ghl", "c_1").await.unwrap(), Some(one.clone()));
        assert_eq!(store.organization_of_location("ghl", "c_1").await.unwrap(), None);
        assert_eq!(store.companies_of(&one, "ghl").await.unwrap(), ["c_1"]);
        assert!(store.release_company("ghl", "c_1", &one).await.unwrap());
        assert_eq!(store.organization_of_company("ghl", "c_1").await.unwrap(), None);
    }

    /// One of several concurrent claims wins.
    async fn one_of_many_claims_wins(store) {
        for n in 0..8 {
            store.create_organization(&organization(&format!("o{n}"), &format!("s{n}"), n)).await.unwrap();
        }
        let claims = (0..8).map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.claim_location("ghl", "l_1", &format!("o{n}").into()).await.unwrap() })
        });
        let mut won = 0;
        for claim in claims.collect::<Vec<_>>() {
            won += usize::from(claim.await.unwrap() == Claimed::Claimed);
        }
        assert_eq!(won, 1);
    }

    /// An unknown organization cannot own a location.
    async fn an_unknown_organization_owns_nothing(store) {
        assert!(store.claim_location("ghl", "l_1", &"unknown".into()).await.is_err());
        assert_eq!(store.organization_of_location("ghl", "l_1").await.unwrap(), None);
    }

    /// A state can be taken once.
    async fn a_state_is_taken_once(store) {
        store.put_state("h1", &state()).await.unwrap();
        assert_eq!(store.take_state("other", at(0)).await.unwrap(), None);
        assert_eq!(store.take_state("h1", at(599)).await.unwrap(), Some(state()));
        assert_eq!(store.take_state("h1", at(0)).await.unwrap(), None);
    }

    /// An expired state is not returned.
    async fn an_expired_state_is_none(store) {
        store.put_state("h1", &state()).await.unwrap();
        assert_eq!(store.take_state("h1", at(600)).await.unwrap(), None);
    }

    /// One of several concurrent callers gets a state.
    async fn one_of_many_callers_takes_a_state(store) {
        store.put_state("h1", &state()).await.unwrap();
        let takers = (0..16).map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.take_state("h1", at(0)).await.unwrap().is_some() })
        });
        let mut taken = 0;
        for taker in takers.collect::<Vec<_>>() {
            taken += usize::from(taker.await.unwrap());
        }
        assert_eq!(taken, 1);
    }
}
