//! An organization has at most one company.

use sidecar_store::Claimed;

use crate::connect::Fixture;

#[tokio::test]
async fn a_second_company_is_rejected_and_the_same_one_can_reconnect() {
    let fixture = Fixture::start().await;
    let (store, organization) = (&fixture.server.app.store, fixture.organization.as_str().into());
    let other = store.claim_company("ghl", "co_other", &organization).await.unwrap();
    assert_eq!(other, Claimed::Claimed);
    let redirect = fixture.connect("company").await;
    assert!(redirect.ends_with("?error=company_already_connected"), "{redirect}");
    assert_eq!(store.connections(&organization).await.unwrap().len(), 0);
    assert_eq!(store.companies_of(&organization, "ghl").await.unwrap(), ["co_other"]);

    assert!(store.release_company("ghl", "co_other", &organization).await.unwrap());
    for _ in 0..2 {
        let redirect = fixture.connect("company").await;
        assert!(redirect.ends_with("?integration=success"), "{redirect}");
    }
}
