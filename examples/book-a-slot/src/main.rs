//! Books the first free slot of the next week: `cargo run -p book-a-slot -- "Ann Example" ann@example.com Europe/Berlin`.
//!
//! `CALCOM_EVENT_TYPE_ID` says what is booked, `CALCOM_API_URL` where (Cal.com's cloud unless set), and `CALCOM_API_KEY` as whom;
//! without a key it is booked as anybody on the internet can.

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
        .map_err(|_| "give name, e-mail and time zone")?;
    let event_type =
        env::var("CALCOM_EVENT_TYPE_ID").map_err(|_| "set CALCOM_EVENT_TYPE_ID to an event type's number")?;
    let event_type = EventTypeId::from(event_type.parse::<i64>()?);
    let calcom = client()?;

    let now = SystemClock::new().now();
    let slots = calcom.slots().list(event_type).between(now, now + WEEK).time_zone(&time_zone).await?;
    let attendee = NewAttendee::new(name, &email, time_zone);
    for start in slots.iter().filter_map(|slot| slot.start.timestamp()) {
        match book(&calcom, event_type, start, &attendee).await {
            Ok(made) => {
                let booking = made.booking().ok_or("the provider answered without a booking")?;
                println!("booked {} at {start}: {}", booking.title.as_deref().unwrap_or("a slot"), booking.uid);
                return Ok(());
            }
            Err(error) if error.is_slot_taken() => eprintln!("somebody was faster at {start}"),
            Err(error) => return Err(error.into()),
        }
    }
    Err("nothing is free within a week".into())
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
