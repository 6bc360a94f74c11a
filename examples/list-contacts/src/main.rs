//! Lists the contacts of a location: `cargo run -p list-contacts [-- search text]`.
//!
//! With `GHL_TOKEN` (a private integration token, `pit-…`) and `GHL_LOCATION_ID` it calls GoHighLevel, or the API at `GHL_API_URL`.
//! Without them it starts the provider sandbox in this process.

use std::{env, error::Error, pin::pin};

use futures_util::TryStreamExt;
use ghl_client::{GhlClient, config::BASE_URL, contacts::Direction};
use provider_sandbox::Sandbox;

/// The connection settings, with the sandbox if there is one; dropping the sandbox stops it.
struct Setup {
    token: String,
    location: String,
    url: String,
    sandbox: Option<Sandbox>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Setup { token, location, url, sandbox } = setup().await?;
    let ghl = GhlClient::builder().private_integration_token(token).base_url(url).build()?;

    let mut search = ghl.contacts().search(location).sort("dateAdded", Direction::Asc);
    if let Some(text) = env::args().nth(1) {
        search = search.query(text);
    }
    let mut contacts = pin!(search.items());
    let mut count = 0;
    while let Some(contact) = contacts.try_next().await? {
        count += 1;
        let (name, email) = (contact.display_name().unwrap_or_default(), contact.email.as_deref().unwrap_or_default());
        println!("{}  {name:28}  {email}", contact.id);
    }
    eprintln!("{count} contacts");

    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    Ok(())
}

async fn setup() -> Result<Setup, Box<dyn Error>> {
    match (env::var("GHL_TOKEN"), env::var("GHL_LOCATION_ID")) {
        (Ok(token), Ok(location)) => {
            let url = env::var("GHL_API_URL").unwrap_or_else(|_| BASE_URL.to_owned());
            Ok(Setup { token, location, url, sandbox: None })
        }
        (Err(_), Err(_)) => {
            eprintln!("GHL_TOKEN and GHL_LOCATION_ID are not set: using a sandbox with generated contacts");
            let sandbox = Sandbox::builder().contacts(250).locations(1).start().await?;
            let location = sandbox.ghl().location_ids().into_iter().next().ok_or("the sandbox has no location")?;
            let token = sandbox.ghl().private_integration_token(&location)?;
            Ok(Setup { token, location, url: format!("{}/ghl", sandbox.url()), sandbox: Some(sandbox) })
        }
        _ => Err("set both GHL_TOKEN and GHL_LOCATION_ID, or neither to use the sandbox".into()),
    }
}
