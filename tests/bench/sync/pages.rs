//! The provider's side, in a process of its own: every contact is written down before the clock starts, and a page is a
//! slice of that.

use std::{ops::Range, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::header::CONTENT_TYPE,
    response::IntoResponse,
    routing::post,
};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::documents;

/// What there is.
#[derive(Debug, Args)]
pub(crate) struct Order {
    /// How many locations.
    #[arg(long)]
    locations: usize,
    /// How many contacts in each.
    #[arg(long)]
    contacts: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Search {
    location_id: String,
    page_limit: usize,
    search_after: Option<(i64, String)>,
}

/// A location's contacts, one behind the other with a comma between.
struct Listing {
    text: Bytes,
    places: Vec<Range<usize>>,
}

impl Listing {
    fn new(place: usize, contacts: usize, generation: usize) -> Self {
        let (mut text, mut places) = (Vec::new(), Vec::new());
        for number in 0..contacts {
            let mut contact = documents::contact(place, number, generation);
            let after = json!([documents::added(number).as_millis(), documents::id(place, number)]);
            contact.insert("searchAfter".to_owned(), after);
            text.extend_from_slice(if number == 0 { b"" } else { b"," });
            let begin = text.len();
            serde_json::to_writer(&mut text, &contact).unwrap();
            places.push(begin..text.len());
        }
        Self { text: text.into(), places }
    }

    fn page(&self, search: &Search) -> Vec<u8> {
        let begin = search.search_after.as_ref().map_or(0, |(_, id)| documents::number(id) + 1);
        let rows = &self.places[begin.min(self.places.len())..];
        let rows = &rows[..search.page_limit.min(rows.len())];
        let text = match rows {
            [] => &b""[..],
            [first, ..] => &self.text[first.start..rows[rows.len() - 1].end],
        };
        let end = format!(r#"],"total":{},"traceId":"bench"}}"#, self.places.len());
        [br#"{"contacts":["#, text, end.as_bytes()].concat()
    }
}

/// By generation and location.
type Provider = Arc<Vec<Vec<Listing>>>;

/// Serves until it is killed, after a line that tells the address. The address's path names the generation.
pub(crate) async fn run(order: Order) {
    let listing = |generation| (0..order.locations).map(move |place| Listing::new(place, order.contacts, generation));
    let provider: Provider = Arc::new((0..2).map(|generation| listing(generation).collect()).collect());
    let router = Router::new().route("/{generation}/contacts/search", post(search)).with_state(provider);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn search(State(provider): State<Provider>, Path(generation): Path<usize>, body: Bytes) -> impl IntoResponse {
    let search: Search = serde_json::from_slice(&body).unwrap();
    let place = (0..provider[generation].len()).find(|place| documents::location(*place) == search.location_id);
    ([(CONTENT_TYPE, "application/json")], provider[generation][place.unwrap()].page(&search))
}
