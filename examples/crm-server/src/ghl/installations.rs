//! Connecting and disconnecting locations and companies: installations of the app, removals, and disconnects.
//!
//! Invariant: a disconnect releases the claim before it erases tokens, and a connect checks the claim last. Of two at once, none
//! leaves tokens without a claim.

use ghl_client::{
    GhlTokens,
    model::{CompanyId, LocationId},
    oauth::{UserType, company_of, location_of, user_type_of},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sidecar_core::{Error, ErrorKind, OrganizationId, Result, StoreError, Timestamp, token::TokenSet};
use sidecar_store::Claimed;

use super::{access, events::SOURCE};
use crate::{app::App, tasks::TaskError, tenancy::connections::OrganizationConnections};

/// The payload of an installation task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// The company. UNINSTALL of a location does not name it.
    pub company: Option<CompanyId>,
    /// The location. `None` when the event is about the company.
    pub location: Option<LocationId>,
    /// When it happened, by the provider's clock. `None` when it was found in a listing.
    pub at: Option<Timestamp>,
}

impl Installation {
    /// As a task's payload.
    pub fn to_json(&self) -> Value {
        json!(self)
    }

    /// Installations and removals of one location or company are executed in order.
    pub fn order_key(&self) -> String {
        let location = self.location.as_ref().map(LocationId::as_str);
        let id = location.or_else(|| self.company.as_ref().map(CompanyId::as_str));
        format!("ghl:installation:{}", id.unwrap_or_default())
    }

    /// Whether the token was issued before this happened. A later token is still valid: deliveries overtake each other, and the
    /// provider issues no token for what is not installed.
    fn is_after(&self, issued_at: Option<Timestamp>) -> bool {
        match (self.at, issued_at) {
            (Some(at), Some(issued_at)) => issued_at < at,
            _ => true,
        }
    }
}

/// The outcome of claiming the company or location of new tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClaimOutcome {
    /// The organization owns it.
    Owned,
    /// Another organization owns it.
    OwnedByAnother,
    /// The organization has connected another company already; one is the most.
    OtherCompany,
    /// The tokens name neither a company nor a location.
    Unnamed,
}

/// Claims the company or location that new tokens are for.
pub(super) async fn claim(
    app: &App,
    organization: &OrganizationId,
    set: &TokenSet,
) -> Result<ClaimOutcome, StoreError> {
    let claimed = match subject_of(set) {
        (None, Some(location)) => app.store.claim_location(SOURCE, location.as_str(), organization).await?,
        (Some(company), None) => {
            let before = app.store.companies_of(organization, SOURCE).await?;
            let known = before.iter().any(|claimed| claimed == company.as_str());
            if !known && !before.is_empty() {
                return Ok(ClaimOutcome::OtherCompany);
            }
            let claimed = app.store.claim_company(SOURCE, company.as_str(), organization).await?;
            // A concurrent request may have connected another company.
            if !known && app.store.companies_of(organization, SOURCE).await?.len() > 1 {
                app.store.release_company(SOURCE, company.as_str(), organization).await?;
                return Ok(ClaimOutcome::OtherCompany);
            }
            claimed
        }
        _ => return Ok(ClaimOutcome::Unnamed),
    };
    Ok(if claimed == Claimed::Claimed { ClaimOutcome::Owned } else { ClaimOutcome::OwnedByAnother })
}

/// Returns whether the organization still owns what it just connected, and disconnects it otherwise.
pub(super) async fn keep_if_claimed(app: &App, organization: &OrganizationId, set: &TokenSet) -> Result<bool> {
    let (company, location) = subject_of(set);
    if is_claimed(app, organization, company.as_ref(), location.as_ref()).await? {
        return Ok(true);
    }
    match (&company, &location) {
        (_, Some(location)) => release_location(app, organization, location).await?,
        (Some(company), None) => release_company(app, organization, company).await?,
        (None, None) => {}
    }
    Ok(false)
}

/// The company or the location that the tokens are for.
fn subject_of(set: &TokenSet) -> (Option<CompanyId>, Option<LocationId>) {
    match user_type_of(set) {
        UserType::Company => (company_of(set), None),
        UserType::Location => (None, location_of(set)),
        _ => (None, None),
    }
}

/// Connects a location through its company: claims it, mints its token, schedules its first sync.
///
/// # Errors
/// [`TaskError::Permanent`] when the provider rejects it or another organization owns it. A new claim is released.
pub(crate) async fn install(app: &App, organization: &OrganizationId, what: &Installation) -> Result<(), TaskError> {
    let Some(location) = &what.location else {
        // The company was connected with its token; each of its locations has an INSTALL event.
        return Ok(());
    };
    let connections = app.connections(organization).await?;
    let company = what.company.clone().or_else(|| connections.company());
    let company = company.filter(|company| connections.has_company(company));
    let mint = if connections.has_location(location) {
        // Installing the app again ends the tokens that were minted before.
        let is_stale = what.at.is_some() && what.is_after(connections.location_issued_at(location));
        company.filter(|_| is_stale && connections.is_minted(location))
    } else {
        match company {
            Some(company) => Some(company),
            None => return Err(no_company(app, organization, what, location).await?),
        }
    };
    let owner = app.store.organization_of_location(SOURCE, location.as_str()).await?;
    if app.store.claim_location(SOURCE, location.as_str(), organization).await? == Claimed::OwnedByAnother {
        return Err(TaskError::Permanent(format!(
            "location {location} belongs to another organization (location_taken)"
        )));
    }
    if let Some(company) = &mint
        && let Err(error) = tokens(app, organization)?.mint(company, location).await
    {
        let error = mint_error(error);
        if owner.is_none() && matches!(error, TaskError::Permanent(_)) {
            app.store.release_location(SOURCE, location.as_str(), organization).await?;
        }
        return Err(error);
    }
    app.sync_schedule.schedule_location(organization, location).await?;
    // Bookings that are mapped to the location are waiting for it.
    app.sync_schedule.schedule_bookings(organization).await?;
    if is_claimed(app, organization, mint.as_ref(), Some(location)).await? {
        return Ok(());
    }
    release_location(app, organization, location).await?;
    Err(TaskError::Permanent(format!("location {location} was disconnected while it was being connected")))
}

/// No company is connected. If one is claimed, it is being connected: the claim is stored before the tokens.
async fn no_company(
    app: &App,
    organization: &OrganizationId,
    what: &Installation,
    location: &LocationId,
) -> Result<TaskError, StoreError> {
    let why = format!("no company is connected to mint a token for location {location} from");
    let is_claimed = what.company.is_some() && is_claimed(app, organization, what.company.as_ref(), None).await?;
    Ok(if is_claimed { TaskError::NotReady(why) } else { TaskError::Permanent(why) })
}

/// A rejected mint is permanent: the app is not installed there, or the company must be reconnected. The next event or listing
/// installs the location.
fn mint_error(error: Error) -> TaskError {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::Rejected | ErrorKind::Auth => TaskError::Permanent(error.to_string()),
        _ => TaskError::Provider(error),
    }
}

/// Disconnects a location or company, unless it was connected after the app was removed.
///
/// # Errors
/// The store.
pub(crate) async fn uninstall(app: &App, organization: &OrganizationId, what: &Installation) -> Result<(), TaskError> {
    let connections = app.connections(organization).await?;
    match (&what.location, &what.company) {
        (Some(location), _) if what.is_after(connections.location_issued_at(location)) => {
            release_location(app, organization, location).await?;
        }
        (None, Some(company)) if what.is_after(connections.company_issued_at(company)) => {
            app.store.release_company(SOURCE, company.as_str(), organization).await?;
            for location in dependent_locations(app, organization, &connections, company).await? {
                release_location(app, organization, &location).await?;
            }
            release_company(app, organization, company).await?;
        }
        (None, None) => return Err(TaskError::Permanent("the event names neither location nor company".to_owned())),
        (location, company) => {
            tracing::info!(%organization, ?location, ?company, "kept the connection: it was connected again after the app was removed");
        }
    }
    Ok(())
}

/// The locations that depend on the company: with a token minted from its own, or claimed and without a token.
async fn dependent_locations(
    app: &App,
    organization: &OrganizationId,
    connections: &OrganizationConnections,
    company: &CompanyId,
) -> Result<Vec<LocationId>, StoreError> {
    let mut locations = connections.minted_from(company);
    let claimed = app.store.locations_of(organization, SOURCE).await?.into_iter().map(LocationId::from);
    locations.extend(claimed.filter(|location| !connections.has_location(location)));
    Ok(locations)
}

/// Releases the claim on a location, erases its tokens, stops its sync.
async fn release_location(app: &App, organization: &OrganizationId, location: &LocationId) -> Result<()> {
    app.store.release_location(SOURCE, location.as_str(), organization).await?;
    tokens(app, organization)?.disconnect_location(location).await?;
    app.store.stop(organization, Some(location.as_str())).await?;
    Ok(())
}

/// Releases the claim on a company, erases its tokens, stops syncing the list of its locations.
async fn release_company(app: &App, organization: &OrganizationId, company: &CompanyId) -> Result<()> {
    app.store.release_company(SOURCE, company.as_str(), organization).await?;
    tokens(app, organization)?.disconnect_company(company).await?;
    app.store.stop(organization, Some("")).await?;
    Ok(())
}

/// Disconnects everything of the organization, also while GHL is off.
pub(super) async fn disconnect(app: &App, organization: &OrganizationId) -> Result<()> {
    for company in app.store.companies_of(organization, SOURCE).await? {
        app.store.release_company(SOURCE, &company, organization).await?;
    }
    for location in app.store.locations_of(organization, SOURCE).await? {
        app.store.release_location(SOURCE, &location, organization).await?;
    }
    for connection in app.store.connections(organization).await? {
        let resource = connection.key.resource();
        let (company, location) = (resource.strip_prefix("ghl:company:"), resource.strip_prefix("ghl:location:"));
        match (app.ghl.tokens(organization), company, location) {
            (Some(tokens), Some(company), _) => tokens.disconnect_company(&CompanyId::from(company)).await?,
            (Some(tokens), _, Some(location)) => tokens.disconnect_location(&LocationId::from(location)).await?,
            // Of another provider.
            (_, None, None) => {}
            (None, ..) => app.store.delete_tokens(&connection.key).await?,
        }
    }
    app.store.stop(organization, None).await?;
    app.sync_schedule.schedule_bookings(organization).await?;
    Ok(())
}

/// Returns whether the organization owns the company and the location, as far as they are given. Whatever connects checks this
/// last: a concurrent disconnect may have released them.
pub(crate) async fn is_claimed(
    app: &App,
    organization: &OrganizationId,
    company: Option<&CompanyId>,
    location: Option<&LocationId>,
) -> Result<bool, StoreError> {
    if let Some(company) = company
        && app.store.organization_of_company(SOURCE, company.as_str()).await?.as_ref() != Some(organization)
    {
        return Ok(false);
    }
    match location {
        Some(location) => {
            Ok(app.store.organization_of_location(SOURCE, location.as_str()).await?.as_ref() == Some(organization))
        }
        None => Ok(true),
    }
}

fn tokens(app: &App, organization: &OrganizationId) -> Result<GhlTokens> {
    app.ghl.tokens(organization).ok_or_else(access::ghl_is_off)
}
