//! Computes the overrides of a schedule when times are blocked and freed: pure functions on the schedule that was read.
//!
//! Invariant: the hours of a date are those without blocks, minus every block. A handle stores the hours that its time had without
//! blocks, so blocks may overlap: a caller that passes the others
//! ([`with_existing_blocks`](super::CreateBlockedSlots::with_existing_blocks)) frees only hours that no other block covers.

use jiff::{civil, tz::TimeZone};
use sidecar_core::{Error, ErrorKind, Result};

use super::blocked::BlockedSlot;
use crate::model::{BlockHandle, DateOverride, Hours, RemovedDay, Schedule, Weekday, covered};

/// A schedule that was read, and its changed overrides.
pub(super) struct ScheduleEditor<'a> {
    schedule: &'a Schedule,
    overrides: Vec<DateOverride>,
    changed: bool,
}

impl<'a> ScheduleEditor<'a> {
    pub(super) fn new(schedule: &'a Schedule) -> Self {
        Self { schedule, overrides: schedule.overrides.clone().unwrap_or_default(), changed: false }
    }

    /// Returns all overrides if any of them changed.
    pub(super) fn into_changed(self) -> Option<Vec<DateOverride>> {
        self.changed.then_some(self.overrides)
    }

    /// Removes the time from the schedule; `others` are the existing blocks.
    pub(super) fn block(&mut self, slot: &BlockedSlot, others: &[BlockHandle]) -> Result<BlockHandle> {
        let zone = self.zone()?;
        let days = covered(slot.start, slot.end, &zone).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the blocked time is outside the supported range of dates")
        })?;
        let mut removed = Vec::new();
        for (day, span) in days {
            let date = day.to_string();
            let own = self.overridden_hours(&date)?;
            let blocked: Vec<_> = of_date(others, self.schedule, &date).collect();
            let overridden = blocked.first().map_or(own.is_some(), |day| day.overridden);
            let now = match own {
                Some(hours) => hours,
                None => self.weekly_hours(day)?,
            };
            let hours = blocked.iter().fold(now.clone(), |all, day| all.or(&day.hours)).and(&span);
            if hours.is_empty() {
                continue;
            }
            let left = now.minus(&span);
            if left != now {
                self.set(&date, Some(&left));
            }
            removed.push(RemovedDay { date, hours, overridden });
        }
        Ok(BlockHandle::ScheduleOverride { schedule: self.schedule.id, removed })
    }

    /// Restores the hours that a block removed, except those that `others` cover.
    pub(super) fn unblock(&mut self, removed: &[RemovedDay], others: &[BlockHandle]) -> Result<()> {
        for day in removed {
            // If the user deleted the override, the hours are restored already.
            let Some(now) = self.overridden_hours(&day.date)? else { continue };
            let blocked: Vec<_> = of_date(others, self.schedule, &day.date).collect();
            let still_blocked = blocked.iter().fold(Hours::default(), |all, day| all.or(&day.hours));
            let then = now.or(&day.hours.minus(&still_blocked));
            let date: civil::Date = day.date.parse().map_err(|_| {
                Error::new(ErrorKind::InvalidInput, format!("`{}` in the handle is not a date", day.date))
            })?;
            if blocked.is_empty() && !day.overridden && then == self.weekly_hours(date)? {
                self.set(&day.date, None);
            } else if then != now {
                self.set(&day.date, Some(&then));
            }
        }
        Ok(())
    }

    fn zone(&self) -> Result<TimeZone> {
        let name = self.schedule.time_zone.as_deref().unwrap_or("UTC");
        TimeZone::get(name).map_err(|error| {
            Error::new(ErrorKind::Decode, format!("the schedule's time zone `{name}` is unknown: {error}"))
        })
    }

    /// Returns the hours of a date that has an override.
    fn overridden_hours(&self, date: &str) -> Result<Option<Hours>> {
        let own = self.overrides.iter().filter(|own| is_of(own, date));
        own.map(|own| parse(&own.start_time, &own.end_time))
            .try_fold(None, |all: Option<Hours>, hours| Ok(Some(all.unwrap_or_default().or(&hours?))))
    }

    /// Returns the hours of the weekday of a date.
    fn weekly_hours(&self, date: civil::Date) -> Result<Hours> {
        let weekday = &Weekday::ALL[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
        let weekly = self.schedule.availability.iter().flatten().filter(|weekly| weekly.days.contains(weekday));
        weekly
            .map(|weekly| parse(&weekly.start_time, &weekly.end_time))
            .try_fold(Hours::default(), |all, hours| Ok(all.or(&hours?)))
    }

    /// Overrides the hours of a date, or removes its override.
    fn set(&mut self, date: &str, hours: Option<&Hours>) {
        self.changed = true;
        self.overrides.retain(|own| !is_of(own, date));
        for (start, end) in hours.map(Hours::to_wire).unwrap_or_default() {
            self.overrides.push(DateOverride::new(date, start, end));
        }
    }
}

/// Some dates of Cal.com are followed by a time.
fn is_of(own: &DateOverride, date: &str) -> bool {
    own.date.starts_with(date)
}

fn of_date<'a>(handles: &'a [BlockHandle], schedule: &Schedule, date: &'a str) -> impl Iterator<Item = &'a RemovedDay> {
    let id = schedule.id;
    handles.iter().flat_map(move |handle| handle.removed_from(id)).filter(move |day| day.date == date)
}

fn parse(start: &str, end: &str) -> Result<Hours> {
    Hours::between(start, end).ok_or_else(|| {
        Error::new(ErrorKind::Decode, format!("the schedule has hours that are not `HH:MM`: {start} to {end}"))
    })
}
