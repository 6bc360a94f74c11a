//! Teams. Members, event types and bookings of teams are reached by [`raw`](crate::CalcomClient::raw) calls. On the cloud only.

pub(crate) mod operations;
mod write;

use operations as op;
pub use write::{CreateTeam, UpdateTeam};

use crate::{
    client::{CalcomClient, PlainRequest, RequestBuilder},
    model::{Team, TeamId},
};

/// The teams family. From [`CalcomClient::teams`].
#[derive(Debug, Clone)]
pub struct Teams(CalcomClient);

impl CalcomClient {
    /// Teams.
    pub fn teams(&self) -> Teams {
        Teams(self.clone())
    }
}

impl Teams {
    /// Makes a team. Where teams cost something, the answer says where to pay, and the team is there afterwards.
    pub fn create(&self, name: impl Into<String>) -> CreateTeam {
        CreateTeam(RequestBuilder::new(&self.0, &op::CREATE, []).set("name", name.into()))
    }

    /// Lists the user's teams.
    pub fn list(&self) -> PlainRequest<Vec<Team>> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::LIST, []))
    }

    /// Reads a team.
    pub fn get(&self, id: impl Into<TeamId>) -> PlainRequest<Team> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::GET, [&id.into()]))
    }

    /// Changes the fields that are set.
    pub fn update(&self, id: impl Into<TeamId>) -> UpdateTeam {
        UpdateTeam(RequestBuilder::new(&self.0, &op::UPDATE, [&id.into()]).with_body())
    }

    /// Deletes a team and answers with it.
    pub fn delete(&self, id: impl Into<TeamId>) -> PlainRequest<Team> {
        PlainRequest::new(RequestBuilder::new(&self.0, &op::DELETE, [&id.into()]))
    }
}
