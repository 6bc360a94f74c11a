use http::Method;

use crate::client::{Group, Operation};

const fn ooo(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::Unversioned).cloud_only()
}

pub(crate) static LIST: Operation = ooo("ooo.list", Method::GET, "/v2/me/ooo");
pub(crate) static CREATE: Operation = ooo("ooo.create", Method::POST, "/v2/me/ooo");
pub(crate) static UPDATE: Operation = ooo("ooo.update", Method::PATCH, "/v2/me/ooo/{oooId}").repeatable();
pub(crate) static DELETE: Operation = ooo("ooo.delete", Method::DELETE, "/v2/me/ooo/{oooId}");

pub(crate) static LIST_OF_ORGANIZATION: Operation =
    ooo("ooo.list_of_organization", Method::GET, "/v2/organizations/{orgId}/ooo");
pub(crate) static LIST_OF_USER: Operation =
    ooo("ooo.list_of_user", Method::GET, "/v2/organizations/{orgId}/users/{userId}/ooo");
pub(crate) static CREATE_OF_USER: Operation =
    ooo("ooo.create_of_user", Method::POST, "/v2/organizations/{orgId}/users/{userId}/ooo");
pub(crate) static UPDATE_OF_USER: Operation =
    ooo("ooo.update_of_user", Method::PATCH, "/v2/organizations/{orgId}/users/{userId}/ooo/{oooId}").repeatable();
pub(crate) static DELETE_OF_USER: Operation =
    ooo("ooo.delete_of_user", Method::DELETE, "/v2/organizations/{orgId}/users/{userId}/ooo/{oooId}");
