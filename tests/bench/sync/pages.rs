//! The provider process: every contact is serialized before the measurement, and a page is a slice of the text.

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

use super::contacts;

/// The arguments of the process.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The number of locations.
    #[arg(long)]
    locations: usize,
    /// The number of contacts in each.
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

/// The serialized contacts of a location, separated by commas.
struct Listing {
    text: Bytes,
    ranges: Vec<Range<usize>>,
}

impl Listing {
    fn new(index: usize, contacts: usize, generation: usize) -> Self {
        let (mut text, mut ranges) = (Vec::new(), Vec::new());
        for number in 0..contacts {
            let mut contact = contacts::contact(index, number, generation);
            let after = json!([contacts::added(number).as_millis(), contacts::id(index, number)]);
            contact.insert("searchAfter".to_owned(), after);
            text.extend_from_slice(if number == 0 { b"" } else { b"," });
            let begin = text.len();
            serde_json::to_writer(&mut text, &contact).unwrap();
            ranges.push(begin..text.len());
        }
        Self { text: text.into(), ranges }
    }

    fn page(&self, search: &Search) -> Vec<u8> {
        let begin = search.search_after.as_ref().map_or(0, |(_, id)| contacts::number(id) + 1);
        let rows = &self.ranges[begin.min(self.ranges.len())..];
        let rows = &rows[..search.page_limit.min(rows.len())];
        let text = match rows {
            [] => &b""[..],
            [first, ..] => &self.text[first.start..rows[rows.len() - 1].end],
        };
        let end = format!(r#"],"total":{},"traceId":"bench"}}"#, self.ranges.len());
        [br#"{"contacts":["#, text, end.as_bytes()].concat()
    }
}

/// The listings by generation and location.
type Provider = Arc<Vec<Vec<Listing>>>;

/// Prints its URL and serves until it is killed. The first path segment is the generation.
pub(crate) async fn run(arguments: Arguments) {
    let listing =
        |generation| (0..arguments.locations).map(move |index| Listing::new(index, arguments.contacts, generation));
    let provider: Provider = Arc::new((0..2).map(|generation| listing(generation).collect()).collect());
    let router = Router::new().route("/{generation}/contacts/search", post(search)).with_state(provider);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("http://{}", listener.local_addr().unwrap());
    axum::serve(listener, router).await.unwrap();
}

async fn search(State(provider): State<Provider>, Path(generation): Path<usize>, body: Bytes) -> impl IntoResponse {
    let search: Search = serde_json::from_slice(&body).unwrap();
    let index = (0..provider[generation].len()).find(|index| contacts::location(*index) == search.location_id);
    ([(CONTENT_TYPE, "application/json")], provider[generation][index.unwrap()].page(&search))
}
