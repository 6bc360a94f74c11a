use http::Method;

use crate::client::{Group, Operation};

pub(crate) static TOKEN: Operation =
    Operation::new("oauth.token", Method::POST, "/v2/auth/oauth2/token", Group::Unversioned).with_app_credentials();
pub(crate) static CLIENT: Operation =
    Operation::new("oauth.client", Method::GET, "/v2/auth/oauth2/clients/{clientId}", Group::Unversioned).public();
