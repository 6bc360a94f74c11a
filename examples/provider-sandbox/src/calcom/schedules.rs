//! Schedules: weekly hours and the dates that differ, in a time zone of their own.
//! Invariant: whatever is kept here was checked, so that its hours can be reckoned with.

use std::sync::Arc;

use axum::extract::{Path, State};
use bytes::Bytes;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::Account;
use super::availability::Span;
use super::error::ApiError;
use super::me::merged;
use super::reply::{self, Answer};
use super::shape;
use super::state::World;
use crate::lock;

/// When its owner can be booked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Schedule {
    #[serde(default)]
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) owner_id: i64,
    name: String,
    pub(crate) time_zone: String,
    #[serde(default = "office_hours")]
    availability: Vec<Weekly>,
    #[serde(default)]
    pub(crate) is_default: bool,
    #[serde(default)]
    overrides: Vec<Override>,
}

/// Hours of some days of each week.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Weekly {
    days: Vec<String>,
    start_time: String,
    end_time: String,
}

/// Hours of one date, in place of its weekday's; from 00:00 to 00:00 it is a day off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Override {
    date: String,
    start_time: String,
    end_time: String,
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn office_hours() -> Vec<Weekly> {
    let days = DAYS[..5].iter().map(|day| (*day).to_owned()).collect();
    vec![Weekly { days, start_time: "09:00".to_owned(), end_time: "17:00".to_owned() }]
}

impl Schedule {
    /// Monday to Friday, 9 to 17, as the default.
    pub(crate) fn office_hours(name: &str, time_zone: &str) -> Self {
        Self {
            id: 0,
            owner_id: 0,
            name: name.to_owned(),
            time_zone: time_zone.to_owned(),
            availability: office_hours(),
            is_default: true,
            overrides: Vec::new(),
        }
    }

    pub(crate) fn open_all_hours(&mut self) {
        let days = DAYS.iter().map(|day| (*day).to_owned()).collect();
        self.availability = vec![Weekly { days, start_time: "00:00".to_owned(), end_time: "23:45".to_owned() }];
    }

    fn check(&self) -> Result<(), ApiError> {
        shape::zone("timeZone", &self.time_zone)?;
        for weekly in &self.availability {
            if let Some(day) = weekly.days.iter().find(|day| !DAYS.contains(&day.as_str())) {
                return Err(ApiError::invalid("days", format!("{day} is no day of the week, such as Monday")));
            }
            check_hours(&weekly.start_time, &weekly.end_time)?;
        }
        for own in &self.overrides {
            if own.date.parse::<Date>().is_err() || own.date.len() != 10 {
                return Err(ApiError::invalid("date", format!("{} is no date: it must be YYYY-MM-DD", own.date)));
            }
            check_hours(&own.start_time, &own.end_time)?;
        }
        Ok(())
    }

    /// When it can be booked between two moments: in order, without overlaps, and not cut at the moments.
    pub(crate) fn windows(&self, from_ms: i64, to_ms: i64) -> Vec<Span> {
        let Ok(zone) = TimeZone::get(&self.time_zone) else { return Vec::new() };
        let (Some(mut date), Some(last)) = (date_of(&zone, from_ms), date_of(&zone, to_ms)) else {
            return Vec::new();
        };
        let mut windows = Vec::new();
        while date <= last {
            let hours = self.hours(date).into_iter().filter_map(|hours| instants(&zone, date, hours));
            windows.extend(hours);
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        joined(windows)
    }

    /// The hours of a date.
    fn hours(&self, date: Date) -> Vec<(Time, Time)> {
        let text = date.to_string();
        let own: Vec<_> = self.overrides.iter().filter(|own| own.date == text).collect();
        if !own.is_empty() {
            return own.iter().filter_map(|own| hours(&own.start_time, &own.end_time)).collect();
        }
        let day = day_name(date.weekday());
        let weekly = self.availability.iter().filter(|weekly| weekly.days.iter().any(|known| known == day));
        weekly.filter_map(|weekly| hours(&weekly.start_time, &weekly.end_time)).collect()
    }
}

fn day_name(weekday: Weekday) -> &'static str {
    usize::try_from(weekday.to_monday_zero_offset()).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or_default()
}

fn date_of(zone: &TimeZone, ms: i64) -> Option<Date> {
    jiff::Timestamp::from_millisecond(ms).ok().map(|moment| zone.to_datetime(moment).date())
}

/// `HH:MM` twice; an end of midnight is the day's end.
fn hours(start: &str, end: &str) -> Option<(Time, Time)> {
    Some((time(start)?, time(end)?))
}

fn time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.get(..2)?.parse().ok()?, 0, 0).ok()
}

fn check_hours(start: &str, end: &str) -> Result<(), ApiError> {
    match hours(start, end) {
        Some((from, to)) if from < to || to == Time::midnight() => Ok(()),
        Some(_) => Err(ApiError::invalid("endTime", format!("hours end after they begin, not at {end} from {start}"))),
        None => Err(ApiError::invalid("startTime", format!("{start} and {end} must be times in the format HH:MM"))),
    }
}

fn instants(zone: &TimeZone, date: Date, (start, end): (Time, Time)) -> Option<Span> {
    let moment = |time: DateTime| zone.to_timestamp(time).ok().map(jiff::Timestamp::as_millisecond);
    let whole_day_off = start == Time::midnight() && end == Time::midnight();
    let until = if end == Time::midnight() { date.tomorrow().ok()?.to_datetime(end) } else { date.to_datetime(end) };
    let span = Span { start_ms: moment(date.to_datetime(start))?, end_ms: moment(until)? };
    (!whole_day_off && span.start_ms < span.end_ms).then_some(span)
}

fn joined(mut windows: Vec<Span>) -> Vec<Span> {
    windows.sort_by_key(|window| window.start_ms);
    let mut joined: Vec<Span> = Vec::new();
    for window in windows {
        match joined.last_mut() {
            Some(last) if window.start_ms <= last.end_ms => last.end_ms = last.end_ms.max(window.end_ms),
            _ => joined.push(window),
        }
    }
    joined
}

fn missing(id: i64) -> ApiError {
    ApiError::not_found(format!("Schedule with id={id} does not exist."))
}

/// `GET /v2/schedules`.
pub(crate) async fn list(State(world): State<Arc<World>>) -> Answer {
    reply::ok(&lock(&world.account).schedules.values().collect::<Vec<_>>())
}

/// `GET /v2/schedules/default`.
pub(crate) async fn default(State(world): State<Arc<World>>) -> Answer {
    reply::ok(&lock(&world.account).default_schedule())
}

/// `GET /v2/schedules/{id}`.
pub(crate) async fn get(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let id = shape::id(&id)?;
    let account = lock(&world.account);
    reply::ok(account.schedules.get(&id).ok_or_else(|| missing(id))?)
}

/// `POST /v2/schedules`.
pub(crate) async fn create(State(world): State<Arc<World>>, body: Bytes) -> Answer {
    let body = shape::object(&body)?;
    if !body.get("isDefault").is_some_and(Value::is_boolean) {
        return Err(ApiError::invalid("isDefault", "isDefault must be a boolean value"));
    }
    let schedule: Schedule = shape::typed(body)?;
    schedule.check()?;
    let mut account = lock(&world.account);
    let id = account.add_schedule(schedule);
    settle_default(&mut account, id);
    reply::created(account.schedules.get(&id).ok_or_else(|| missing(id))?)
}

/// `PATCH /v2/schedules/{id}`: lists are replaced as a whole.
pub(crate) async fn update(State(world): State<Arc<World>>, Path(id): Path<String>, body: Bytes) -> Answer {
    let id = shape::id(&id)?;
    let mut body = shape::object(&body)?;
    body.retain(|name, _| name != "id" && name != "ownerId");
    let mut account = lock(&world.account);
    let known = account.schedules.get(&id).ok_or_else(|| missing(id))?;
    let schedule: Schedule = shape::typed(merged(known, body)?)?;
    schedule.check()?;
    account.schedules.insert(id, schedule);
    settle_default(&mut account, id);
    reply::ok(account.schedules.get(&id).ok_or_else(|| missing(id))?)
}

/// `DELETE /v2/schedules/{id}`.
pub(crate) async fn delete(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let id = shape::id(&id)?;
    let mut account = lock(&world.account);
    account.schedules.remove(&id).ok_or_else(|| missing(id))?;
    if account.me.default_schedule_id == Some(id) {
        account.me.default_schedule_id = account.schedules.keys().next().copied();
        if let Some(next) = account.me.default_schedule_id.and_then(|id| account.schedules.get_mut(&id)) {
            next.is_default = true;
        }
    }
    reply::done()
}

/// One schedule is the default at most: the one that was just made so.
fn settle_default(account: &mut Account, id: i64) {
    let wants = account.schedules.get(&id).is_some_and(|schedule| schedule.is_default);
    if wants {
        account.me.default_schedule_id = Some(id);
        for schedule in account.schedules.values_mut() {
            schedule.is_default = schedule.id == id;
        }
    }
}
