use std::time::Duration;

use crate::time::Timestamp;

/// Which rows a worker claims, and for how long. Organizations take turns, so that the backlog of one does not delay the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimRequest {
    /// The most rows to claim.
    pub limit: u32,
    /// The most rows of one organization: in the inbox of one claim, in the outbox of all current claims together.
    pub max_per_organization: u32,
    /// The organizations after this one, in the order of their ids, have the first turn. Rows without an organization belong to the
    /// empty id.
    pub after: Option<String>,
    /// How long the claims last.
    pub lease: Duration,
    /// The current time.
    pub now: Timestamp,
}

impl ClaimRequest {
    /// Returns a request for at most `limit` rows, all of which may belong to the same organization.
    pub fn new(limit: u32, lease: Duration, now: Timestamp) -> Self {
        Self { limit, max_per_organization: u32::MAX, after: None, lease, now }
    }
}

/// Remembers whose turn it is.
#[derive(Debug, Default)]
pub(super) struct Turns(Option<String>);

impl Turns {
    /// Returns the organization that had the last turn.
    pub(super) fn last(&self) -> Option<String> {
        self.0.clone()
    }

    /// Records the claims that a request returned. When it returned fewer rows than it allowed, every organization had its turn.
    pub(super) fn record<'a>(&mut self, request: &ClaimRequest, organizations: impl ExactSizeIterator<Item = &'a str>) {
        let is_full = organizations.len() == usize::try_from(request.limit).unwrap_or(usize::MAX);
        // After the last organization the turns start again with the first.
        let is_next_round = |id: &str| request.after.as_deref().is_some_and(|after| id <= after);
        self.0 = match is_full {
            true => organizations.max_by_key(|id| (is_next_round(id), *id)).map(str::to_owned),
            false => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(limit: u32, after: Option<&str>) -> ClaimRequest {
        ClaimRequest {
            after: after.map(str::to_owned),
            ..ClaimRequest::new(limit, Duration::from_secs(1), Timestamp::EPOCH)
        }
    }

    fn turn_after(limit: u32, after: Option<&str>, claimed: &[&str]) -> Option<String> {
        let mut turns = Turns::default();
        turns.record(&request(limit, after), claimed.iter().copied());
        turns.last()
    }

    #[test]
    fn the_next_turn_follows_the_last_organization() {
        assert_eq!(turn_after(3, None, &["a", "b", "a"]).as_deref(), Some("b"));
        assert_eq!(turn_after(2, Some("b"), &["c", "d"]).as_deref(), Some("d"));
    }

    #[test]
    fn after_the_last_organization_comes_the_first() {
        assert_eq!(turn_after(3, Some("b"), &["a", "c", "d"]).as_deref(), Some("a"));
    }

    #[test]
    fn a_claim_that_is_not_full_ends_the_round() {
        assert_eq!(turn_after(3, Some("b"), &["c", "d"]), None);
        assert_eq!(turn_after(3, None, &[]), None);
    }
}
