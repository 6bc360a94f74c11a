//! How a schedule's overrides change when times are blocked and freed: pure functions over what was read.
//!
//! Invariant: the hours of a date are those it would have without blocks, minus every block that holds. A handle has what its time
//! would have had, so that blocks may overlap: whoever knows of the others ([`beside`](super::CreateBlockedSlots::beside)) frees only
//! what no other block holds.

use jiff::{civil, tz::TimeZone};
use sidecar_core::{Error, ErrorKind, Result};

use super::{
    blocked::{BlockHandle, BlockedSlot, RemovedDay},
    hours::{Hours, covered},
};
use crate::model::{DateOverride, Schedule, Weekday};

/// A schedule as it was read, on its way to what it is to be.
pub(super) struct Draft<'a> {
    schedule: &'a Schedule,
    overrides: Vec<DateOverride>,
    changed: bool,
}

impl<'a> Draft<'a> {
    pub(super) fn of(schedule: &'a Schedule) -> Self {
        Self { schedule, overrides: schedule.overrides.clone().unwrap_or_default(), changed: false }
    }

    /// All overrides, if any of them changed.
    pub(super) fn into_changed(self) -> Option<Vec<DateOverride>> {
        self.changed.then_some(self.overrides)
    }

    /// Takes a time out; `others` are the blocks that hold already.
    pub(super) fn block(&mut self, slot: &BlockedSlot, others: &[BlockHandle]) -> Result<BlockHandle> {
        let zone = self.zone()?;
        let days = covered(slot.start, slot.end, &zone).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "the blocked time is too far away to be reckoned with")
        })?;
        let mut removed = Vec::new();
        for (day, span) in days {
            let date = day.to_string();
            let own = self.overriding(&date)?;
            let held: Vec<_> = of_date(others, self.schedule, &date).collect();
            let overridden = held.first().map_or(own.is_some(), |day| day.overridden);
            let now = match own {
                Some(hours) => hours,
                None => self.weekly(day)?,
            };
            let hours = held.iter().fold(now.clone(), |all, day| all.or(&day.hours)).and(&span);
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

    /// Gives back what a block took, except for what `others` hold.
    pub(super) fn unblock(&mut self, removed: &[RemovedDay], others: &[BlockHandle]) -> Result<()> {
        for day in removed {
            // An override that somebody took away by hand has given the hours back already.
            let Some(now) = self.overriding(&day.date)? else { continue };
            let held: Vec<_> = of_date(others, self.schedule, &day.date).collect();
            let kept = held.iter().fold(Hours::default(), |all, day| all.or(&day.hours));
            let then = now.or(&day.hours.minus(&kept));
            let date: civil::Date = day
                .date
                .parse()
                .map_err(|_| Error::new(ErrorKind::InvalidInput, format!("`{}` in the handle is no date", day.date)))?;
            if held.is_empty() && !day.overridden && then == self.weekly(date)? {
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
            Error::new(ErrorKind::Decode, format!("the schedule's time zone `{name}` is not known: {error}"))
        })
    }

    /// The hours of a date that has its own.
    fn overriding(&self, date: &str) -> Result<Option<Hours>> {
        let own = self.overrides.iter().filter(|own| is_of(own, date));
        own.map(|own| parse(&own.start_time, &own.end_time))
            .try_fold(None, |all: Option<Hours>, hours| Ok(Some(all.unwrap_or_default().or(&hours?))))
    }

    /// The hours of a date's weekday.
    fn weekly(&self, date: civil::Date) -> Result<Hours> {
        let weekday = &Weekday::ALL[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
        let weekly = self.schedule.availability.iter().flatten().filter(|weekly| weekly.days.contains(weekday));
        weekly
            .map(|weekly| parse(&weekly.start_time, &weekly.end_time))
            .try_fold(Hours::default(), |all, hours| Ok(all.or(&hours?)))
    }

    /// Gives a date these hours, or its weekday's.
    fn set(&mut self, date: &str, hours: Option<&Hours>) {
        self.changed = true;
        self.overrides.retain(|own| !is_of(own, date));
        for (start, end) in hours.map(Hours::to_wire).unwrap_or_default() {
            self.overrides.push(DateOverride::new(date, start, end));
        }
    }
}

/// Dates have been seen with a time behind them.
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
