//! Books the first free slot of the next week: `cargo run -p book-a-slot -- "Ann Example" ann@example.com Europe/Berlin`.
//!
//! Environment: `CALCOM_EVENT_TYPE_ID` is the event type, `CALCOM_API_URL` the API (default: Cal.com's cloud), and `CALCOM_API_KEY` the
//! host's key. Without a key it books anonymously.

use std::{env, error::Error, time::Duration};

use calcom_client::{
    CalcomClient, CalcomErrorExt, EventTypeId,
    bookings::{CreatedOrFound, NewAttendee},
};
use sidecar_core::{Clock, SystemClock, Timestamp};

const WEEK: Duration = Duration::from_secs(7 * 86_400);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let [name, email, time_zone] = <[String; 3]>::try_from(env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: book-a-slot NAME EMAIL TIME_ZONE")?;
    let event_type =
        env::var("CALCOM_EVENT_TYPE_ID").map_err(|_| "set CALCOM_EVENT_TYPE_ID to the id of an event type")?;
    let event_type = EventTypeId::from(event_type.parse::<i64>()?);
    let calcom = client()?;

    let now = SystemClock::new().now();
    let slots = calcom.slots().list(event_type).between(now, now + WEEK).time_zone(&time_zone).await?;
    let attendee = NewAttendee::new(name, &email, time_zone);
    for start in slots.iter().filter_map(|slot| slot.start.timestamp()) {
        match book(&calcom, event_type, start, &attendee).await {
            Ok(created) => {
                let booking = created.booking().ok_or("the response contains no booking")?;
                println!("booked {} at {start}: {}", booking.title.as_deref().unwrap_or("a slot"), booking.uid);
                return Ok(());
            }
            Err(error) if error.is_slot_taken() => eprintln!("the slot at {start} was taken"),
            Err(error) => return Err(error.into()),
        }
    }
    Err("no slot is free within a week".into())
}

fn client() -> calcom_client::Result<CalcomClient> {
    let mut builder = CalcomClient::builder();
    if let Ok(url) = env::var("CALCOM_API_URL") {
        builder = builder.base_url(url);
    }
    if let Ok(key) = env::var("CALCOM_API_KEY") {
        builder = builder.api_key(key);
    }
    builder.build()
}

async fn book(
    calcom: &CalcomClient,
    event_type: EventTypeId,
    start: Timestamp,
    attendee: &NewAttendee,
) -> calcom_client::Result<CreatedOrFound> {
    calcom.bookings().create(event_type, start, attendee).reference(start.to_string()).create_or_find().await
}
