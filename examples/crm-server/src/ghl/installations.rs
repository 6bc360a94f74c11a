//! What follows from an installation of the app, from its removal, and from a disconnect.
//!
//! When they happen lives in `connect`, `tasks` and `work`. Invariant: whoever lets go gives the holding back first, and
//! whoever connects looks at it last; so of two at once none leaves tokens behind that nobody holds.

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
use crate::{app::App, sync::schedule, tasks::Trouble, tenancy::connections::Connected};

/// What an installation task speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installation {
    /// The company; UNINSTALL of a location does not name it.
    pub company: Option<CompanyId>,
    /// The location; none when it is about the company.
    pub location: Option<LocationId>,
    /// When it happened, by the provider's clock; none when a listing told.
    pub at: Option<Timestamp>,
}

impl Installation {
    /// As a task's payload.
    pub fn to_json(&self) -> Value {
        json!(self)
    }

    /// Installations and removals of the same location or company are carried out one after another.
    pub fn order_key(&self) -> String {
        let location = self.location.as_ref().map(LocationId::as_str);
        let what = location.or_else(|| self.company.as_ref().map(CompanyId::as_str));
        format!("ghl:installation:{}", what.unwrap_or_default())
    }

    /// Whether a token was bought before this happened. One that was bought later has outlived it: deliveries overtake
    /// each other, and the provider gives no tokens for what is not installed.
    fn is_after(&self, issued_at: Option<Timestamp>) -> bool {
        match (self.at, issued_at) {
            (Some(at), Some(issued_at)) => issued_at < at,
            _ => true,
        }
    }
}

/// What became of a claim on what fresh tokens are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// It belongs to the organization.
    Ours,
    /// It belongs to another organization.
    TakenBySomeoneElse,
    /// The organization has connected another company: which of the two is meant could not be told later.
    OtherCompany,
    /// The tokens do not say what they are for.
    Nameless,
}

/// Claims the company or location that fresh tokens are for.
pub(super) async fn claim(app: &App, organization: &OrganizationId, set: &TokenSet) -> Result<Claim, StoreError> {
    let claimed = match held_by(set) {
        (None, Some(location)) => app.store.claim_location(SOURCE, location.as_str(), organization).await?,
        (Some(company), None) => {
            let before = app.store.companies_of(organization, SOURCE).await?;
            let known = before.iter().any(|held| held == company.as_str());
            if !known && !before.is_empty() {
                return Ok(Claim::OtherCompany);
            }
            let claimed = app.store.claim_company(SOURCE, company.as_str(), organization).await?;
            // Somebody may have connected another one at the same time.
            if !known && app.store.companies_of(organization, SOURCE).await?.len() > 1 {
                app.store.release_company(SOURCE, company.as_str(), organization).await?;
                return Ok(Claim::OtherCompany);
            }
            claimed
        }
        _ => return Ok(Claim::Nameless),
    };
    Ok(if claimed == Claimed::Claimed { Claim::Ours } else { Claim::TakenBySomeoneElse })
}

/// Looks whether what was just connected is still the organization's, and lets go of it if it was given back meanwhile.
pub(super) async fn keep_if_held(app: &App, organization: &OrganizationId, set: &TokenSet) -> Result<bool> {
    let (company, location) = held_by(set);
    if still_held(app, organization, company.as_ref(), location.as_ref()).await? {
        return Ok(true);
    }
    match (&company, &location) {
        (_, Some(location)) => let_go(app, organization, location).await?,
        (Some(company), None) => let_go_of_company(app, organization, company).await?,
        (None, None) => {}
    }
    Ok(false)
}

/// The company or the location that the tokens are for.
fn held_by(set: &TokenSet) -> (Option<CompanyId>, Option<LocationId>) {
    match user_type_of(set) {
        UserType::Company => (company_of(set), None),
        UserType::Location => (None, location_of(set)),
        _ => (None, None),
    }
}

/// Connects a location through its company: claims it, mints its token, makes its first copy due.
///
/// # Errors
/// [`Trouble::Never`] when the provider will not have it or it is not ours; a claim that was made for it is given back.
pub(crate) async fn install(app: &App, organization: &OrganizationId, what: &Installation) -> Result<(), Trouble> {
    let Some(location) = &what.location else {
        // The company's token came with the connection; its locations have events of their own.
        return Ok(());
    };
    let connected = Connected::of(app, organization).await?;
    let company = what.company.clone().or_else(|| connected.any_company());
    let company = company.filter(|company| connected.has_company(company));
    let mint = if connected.has_location(location) {
        // A token that was minted before the app was installed (anew) ended with the installation before.
        let outlived = what.at.is_some() && what.is_after(connected.location_issued_at(location));
        company.filter(|_| outlived && connected.is_minted(location))
    } else {
        match company {
            Some(company) => Some(company),
            None => return Err(no_company(app, organization, what, location).await?),
        }
    };
    let holder = app.store.organization_of_location(SOURCE, location.as_str()).await?;
    if app.store.claim_location(SOURCE, location.as_str(), organization).await? == Claimed::TakenBySomeoneElse {
        return Err(Trouble::Never(format!("location {location} belongs to another organization (location_taken)")));
    }
    if let Some(company) = &mint
        && let Err(error) = tokens(app, organization)?.mint(company, location).await
    {
        let trouble = not_installed(error);
        if holder.is_none() && matches!(trouble, Trouble::Never(_)) {
            app.store.release_location(SOURCE, location.as_str(), organization).await?;
        }
        return Err(trouble);
    }
    schedule::schedule_location(app, organization, location).await?;
    // Bookings may have waited for it.
    schedule::schedule_bookings(app, organization).await?;
    if still_held(app, organization, mint.as_ref(), Some(location)).await? {
        return Ok(());
    }
    let_go(app, organization, location).await?;
    Err(Trouble::Never(format!("location {location} was disconnected while it was being connected")))
}

/// The provider tells of an installation while it is being connected here: the claim is there before the tokens are.
async fn no_company(
    app: &App,
    organization: &OrganizationId,
    what: &Installation,
    location: &LocationId,
) -> Result<Trouble, StoreError> {
    let why = format!("no company is connected that a token for {location} could be minted from");
    let is_held = what.company.is_some() && still_held(app, organization, what.company.as_ref(), None).await?;
    Ok(if is_held { Trouble::NotYet(why) } else { Trouble::Never(why) })
}

/// A refusal to mint is final: the app is not installed there, or the company has to be connected again. Either way what
/// follows (another event, the next look at the list of installations) installs it.
fn not_installed(error: Error) -> Trouble {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::Rejected | ErrorKind::Auth => Trouble::Never(error.to_string()),
        _ => Trouble::Provider(error),
    }
}

/// Lets go of a location or company, unless it was connected after the app was removed.
///
/// # Errors
/// The store.
pub(crate) async fn uninstall(app: &App, organization: &OrganizationId, what: &Installation) -> Result<(), Trouble> {
    let connected = Connected::of(app, organization).await?;
    match (&what.location, &what.company) {
        (Some(location), _) if what.is_after(connected.location_issued_at(location)) => {
            let_go(app, organization, location).await?;
        }
        (None, Some(company)) if what.is_after(connected.company_issued_at(company)) => {
            app.store.release_company(SOURCE, company.as_str(), organization).await?;
            for location in concerned(app, organization, &connected, company).await? {
                let_go(app, organization, &location).await?;
            }
            let_go_of_company(app, organization, company).await?;
        }
        (None, None) => return Err(Trouble::Never("the event names neither location nor company".to_owned())),
        (location, company) => {
            tracing::info!(%organization, ?location, ?company, "connected again since the app was removed: it stays");
        }
    }
    Ok(())
}

/// The locations that live by the company: with a token minted from its own, or claimed and waiting for one.
async fn concerned(
    app: &App,
    organization: &OrganizationId,
    connected: &Connected,
    company: &CompanyId,
) -> Result<Vec<LocationId>, StoreError> {
    let mut concerned = connected.minted_from(company);
    let claimed = app.store.locations_of(organization, SOURCE).await?.into_iter().map(LocationId::from);
    concerned.extend(claimed.filter(|location| !connected.has_location(location)));
    Ok(concerned)
}

/// Gives a location back, erases its tokens, stops copying it.
async fn let_go(app: &App, organization: &OrganizationId, location: &LocationId) -> Result<()> {
    app.store.release_location(SOURCE, location.as_str(), organization).await?;
    tokens(app, organization)?.forget_location(location).await?;
    app.store.stop(organization, Some(location.as_str())).await?;
    Ok(())
}

/// Gives a company back, erases its tokens, stops copying the list of its locations.
async fn let_go_of_company(app: &App, organization: &OrganizationId, company: &CompanyId) -> Result<()> {
    app.store.release_company(SOURCE, company.as_str(), organization).await?;
    tokens(app, organization)?.forget_company(company).await?;
    app.store.stop(organization, Some("")).await?;
    Ok(())
}

/// Lets go of everything that the organization has at the provider, also while GHL is off.
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
            (Some(tokens), Some(company), _) => tokens.forget_company(&CompanyId::from(company)).await?,
            (Some(tokens), _, Some(location)) => tokens.forget_location(&LocationId::from(location)).await?,
            // Another provider's.
            (_, None, None) => {}
            (None, ..) => app.store.forget(&connection.key).await?,
        }
    }
    app.store.stop(organization, None).await?;
    schedule::schedule_bookings(app, organization).await?;
    Ok(())
}

/// Whether the organization holds (what is named of) the two. Nobody who connects may skip it: they may have been given
/// back meanwhile.
pub(crate) async fn still_held(
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
