use http::Method;

use crate::client::{Group, Operation};

const fn team(name: &'static str, method: Method, path: &'static str) -> Operation {
    Operation::new(name, method, path, Group::Unversioned).cloud_only()
}

pub(crate) static CREATE: Operation = team("teams.create", Method::POST, "/v2/teams");
pub(crate) static LIST: Operation = team("teams.list", Method::GET, "/v2/teams");
pub(crate) static GET: Operation = team("teams.get", Method::GET, "/v2/teams/{teamId}");
pub(crate) static UPDATE: Operation = team("teams.update", Method::PATCH, "/v2/teams/{teamId}").repeatable();
pub(crate) static DELETE: Operation = team("teams.delete", Method::DELETE, "/v2/teams/{teamId}");
