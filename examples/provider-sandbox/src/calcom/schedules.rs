//! Schedules: weekly hours and date overrides, in the schedule's time zone.
//! Invariant: stored schedules are valid, so that their hours can be computed.

use std::sync::Arc;

use axum::extract::{Path, State};
use bytes::Bytes;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::account::Account;
use super::availability::TimeRange;
use super::response::{self, ApiError, ApiResult};
use super::schema;
use super::state::CalcomState;
use crate::lock;

/// A stored schedule.
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
    availability: Vec<WeeklyHours>,
    #[serde(default)]
    pub(crate) is_default: bool,
    #[serde(default)]
    overrides: Vec<DateOverride>,
}

/// Hours on some days of every week.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WeeklyHours {
    days: Vec<String>,
    start_time: String,
    end_time: String,
}

/// Hours on one date, instead of its weekday's. 00:00 to 00:00 is a day off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DateOverride {
    date: String,
    start_time: String,
    end_time: String,
}

const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

fn office_hours() -> Vec<WeeklyHours> {
    let days = DAYS[..5].iter().map(|day| (*day).to_owned()).collect();
    vec![WeeklyHours { days, start_time: "09:00".to_owned(), end_time: "17:00".to_owned() }]
}

impl Schedule {
    /// Returns a default schedule: Monday to Friday, 9 to 17.
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
        self.availability = vec![WeeklyHours { days, start_time: "00:00".to_owned(), end_time: "23:45".to_owned() }];
    }

    fn validate(&self) -> Result<(), ApiError> {
        schema::time_zone("timeZone", &self.time_zone)?;
        for weekly in &self.availability {
            if let Some(day) = weekly.days.iter().find(|day| !DAYS.contains(&day.as_str())) {
                return Err(ApiError::invalid("days", format!("{day} is not a day of the week, such as Monday")));
            }
            validate_hours(&weekly.start_time, &weekly.end_time)?;
        }
        for date_override in &self.overrides {
            let date = &date_override.date;
            if date.parse::<Date>().is_err() || date.len() != 10 {
                return Err(ApiError::invalid("date", format!("{date} is not a date: it must be YYYY-MM-DD")));
            }
            validate_hours(&date_override.start_time, &date_override.end_time)?;
        }
        Ok(())
    }

    /// Returns the open hours around `from_ms..to_ms` in order and without overlaps. They may reach beyond the range.
    pub(crate) fn windows(&self, from_ms: i64, to_ms: i64) -> Vec<TimeRange> {
        let Ok(zone) = TimeZone::get(&self.time_zone) else { return Vec::new() };
        let (Some(mut date), Some(last)) = (date_of(&zone, from_ms), date_of(&zone, to_ms)) else {
            return Vec::new();
        };
        let mut windows = Vec::new();
        while date <= last {
            let hours = self.hours(date).into_iter().filter_map(|hours| to_time_range(&zone, date, hours));
            windows.extend(hours);
            let Ok(next) = date.tomorrow() else { break };
            date = next;
        }
        merge_overlapping(windows)
    }

    /// Returns the local hours of a date.
    fn hours(&self, date: Date) -> Vec<(Time, Time)> {
        let text = date.to_string();
        let overrides: Vec<_> = self.overrides.iter().filter(|hours| hours.date == text).collect();
        if !overrides.is_empty() {
            return overrides.iter().filter_map(|day| parse_hours(&day.start_time, &day.end_time)).collect();
        }
        let day = day_name(date.weekday());
        let weekly = self.availability.iter().filter(|weekly| weekly.days.iter().any(|known| known == day));
        weekly.filter_map(|weekly| parse_hours(&weekly.start_time, &weekly.end_time)).collect()
    }
}

fn day_name(weekday: Weekday) -> &'static str {
    usize::try_from(weekday.to_monday_zero_offset()).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or_default()
}

fn date_of(zone: &TimeZone, ms: i64) -> Option<Date> {
    jiff::Timestamp::from_millisecond(ms).ok().map(|timestamp| zone.to_datetime(timestamp).date())
}

/// Parses two times in the format `HH:MM`. An end of midnight is the end of the day.
fn parse_hours(start: &str, end: &str) -> Option<(Time, Time)> {
    Some((parse_time(start)?, parse_time(end)?))
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.get(..2)?.parse().ok()?, 0, 0).ok()
}

fn validate_hours(start: &str, end: &str) -> Result<(), ApiError> {
    match parse_hours(start, end) {
        Some((from, to)) if from < to || to == Time::midnight() => Ok(()),
        Some(_) => Err(ApiError::invalid("endTime", format!("endTime must be after startTime: {start} to {end}"))),
        None => Err(ApiError::invalid("startTime", format!("{start} and {end} must be times in the format HH:MM"))),
    }
}

fn to_time_range(zone: &TimeZone, date: Date, (start, end): (Time, Time)) -> Option<TimeRange> {
    let timestamp = |time: DateTime| zone.to_timestamp(time).ok().map(jiff::Timestamp::as_millisecond);
    let is_day_off = start == Time::midnight() && end == Time::midnight();
    let end_of_range =
        if end == Time::midnight() { date.tomorrow().ok()?.to_datetime(end) } else { date.to_datetime(end) };
    let range = TimeRange { start_ms: timestamp(date.to_datetime(start))?, end_ms: timestamp(end_of_range)? };
    (!is_day_off && range.start_ms < range.end_ms).then_some(range)
}

fn merge_overlapping(mut windows: Vec<TimeRange>) -> Vec<TimeRange> {
    windows.sort_by_key(|window| window.start_ms);
    let mut merge_overlapping: Vec<TimeRange> = Vec::new();
    for window in windows {
        match merge_overlapping.last_mut() {
            Some(last) if window.start_ms <= last.end_ms => last.end_ms = last.end_ms.max(window.end_ms),
            _ => merge_overlapping.push(window),
        }
    }
    merge_overlapping
}

fn not_found(id: i64) -> ApiError {
    ApiError::not_found(format!("Schedule with id={id} does not exist."))
}

/// `GET /v2/schedules`.
pub(crate) async fn list(State(state): State<Arc<CalcomState>>) -> ApiResult {
    response::ok(&lock(&state.account).schedules.values().collect::<Vec<_>>())
}

/// `GET /v2/schedules/default`.
pub(crate) async fn default(State(state): State<Arc<CalcomState>>) -> ApiResult {
    response::ok(&lock(&state.account).default_schedule())
}

/// `GET /v2/schedules/{id}`.
pub(crate) async fn get(State(state): State<Arc<CalcomState>>, Path(id): Path<String>) -> ApiResult {
    let id = schema::id(&id)?;
    let account = lock(&state.account);
    response::ok(account.schedules.get(&id).ok_or_else(|| not_found(id))?)
}

/// `POST /v2/schedules`.
pub(crate) async fn create(State(state): State<Arc<CalcomState>>, body: Bytes) -> ApiResult {
    let body = schema::object(&body)?;
    if !body.get("isDefault").is_some_and(Value::is_boolean) {
        return Err(ApiError::invalid("isDefault", "isDefault must be a boolean value"));
    }
    let schedule: Schedule = schema::from_object(body)?;
    schedule.validate()?;
    let mut account = lock(&state.account);
    let id = account.add_schedule(schedule);
    apply_default(&mut account, id);
    response::created(account.schedules.get(&id).ok_or_else(|| not_found(id))?)
}

/// `PATCH /v2/schedules/{id}`; lists are replaced as a whole.
pub(crate) async fn update(State(state): State<Arc<CalcomState>>, Path(id): Path<String>, body: Bytes) -> ApiResult {
    let id = schema::id(&id)?;
    let mut body = schema::object(&body)?;
    body.retain(|name, _| name != "id" && name != "ownerId");
    let mut account = lock(&state.account);
    let known = account.schedules.get(&id).ok_or_else(|| not_found(id))?;
    let schedule: Schedule = schema::from_object(schema::merge_fields(known, body)?)?;
    schedule.validate()?;
    account.schedules.insert(id, schedule);
    apply_default(&mut account, id);
    response::ok(account.schedules.get(&id).ok_or_else(|| not_found(id))?)
}

/// `DELETE /v2/schedules/{id}`.
pub(crate) async fn delete(State(state): State<Arc<CalcomState>>, Path(id): Path<String>) -> ApiResult {
    let id = schema::id(&id)?;
    let mut account = lock(&state.account);
    account.schedules.remove(&id).ok_or_else(|| not_found(id))?;
    if account.me.default_schedule_id == Some(id) {
        account.me.default_schedule_id = account.schedules.keys().next().copied();
        if let Some(next) = account.me.default_schedule_id.and_then(|id| account.schedules.get_mut(&id)) {
            next.is_default = true;
        }
    }
    response::ok_without_data()
}

/// Makes the schedule the only default if it is marked as the default.
fn apply_default(account: &mut Account, id: i64) {
    let is_default = account.schedules.get(&id).is_some_and(|schedule| schedule.is_default);
    if is_default {
        account.me.default_schedule_id = Some(id);
        for schedule in account.schedules.values_mut() {
            schedule.is_default = schedule.id == id;
        }
    }
}
