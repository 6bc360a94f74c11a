//! An organization has one company.

use sidecar_store::Claimed;

use crate::connect::Scene;

#[tokio::test]
async fn a_second_company_is_refused_and_the_same_one_is_connected_again() {
    let scene = Scene::start().await;
    let (store, organization) = (&scene.server.app.store, scene.organization.as_str().into());
    let other = store.claim_company("ghl", "co_other", &organization).await.unwrap();
    assert_eq!(other, Claimed::Claimed);
    let end = scene.connect("company").await;
    assert!(end.ends_with("?error=company_already_connected"), "{end}");
    assert_eq!(store.connections(&organization).await.unwrap().len(), 0);
    assert_eq!(store.companies_of(&organization, "ghl").await.unwrap(), ["co_other"]);

    assert!(store.release_company("ghl", "co_other", &organization).await.unwrap());
    for _ in 0..2 {
        let end = scene.connect("company").await;
        assert!(end.ends_with("?integration=success"), "{end}");
    }
}
