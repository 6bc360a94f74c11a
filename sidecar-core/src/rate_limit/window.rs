//! The counters: a sliding window of cells for bursts and a counter with a reset for budgets.
//!
//! Times are those of the monotonic clock. A window covers [`MARGIN`] more than its span, because calls do not arrive
//! as evenly as they leave: what left 10 s apart may arrive 9.8 s apart.

use std::{collections::VecDeque, time::Duration};

/// How finely a window counts: calls less than this apart share a cell, so that its size does not depend on the quota.
const CELL: Duration = Duration::from_millis(250);
/// How much longer than at the server a call counts here: the jitter of latency that is tolerated.
const MARGIN: Duration = Duration::from_millis(250);
/// How much longer than that a call is remembered, to be compared with what a late answer says of the server's count.
const MEMORY: Duration = Duration::from_secs(1);

/// At most `limit` calls in any `span`, all at once if need be.
#[derive(Debug)]
pub(super) struct Window {
    span: Duration,
    /// In order of their first calls; those that left the window stay for [`MEMORY`].
    cells: VecDeque<Cell>,
    blocked_until: Duration,
}

#[derive(Debug)]
struct Cell {
    first: Duration,
    last: Duration,
    ours: u32,
    /// Calls of others on the same quota, as the server's count betrayed them.
    theirs: u32,
}

/// The calls that a window has room for: this process's share and the whole quota that it is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Room {
    /// Ours alone.
    pub(super) share: u32,
    /// Ours and everybody's.
    pub(super) whole: u32,
}

impl Room {
    /// Without the last `part`-th (20: 5 %), but never nothing where there was something.
    pub(super) fn leaving(self, part: u32) -> Self {
        let less = |calls: u32| (calls - calls.div_ceil(part)).max(calls.min(1));
        Self { share: less(self.share), whole: less(self.whole) }
    }
}

impl Window {
    pub(super) fn new(span: Duration) -> Self {
        Self { span, cells: VecDeque::new(), blocked_until: Duration::ZERO }
    }

    /// How long until there is room for a call; zero when there is now.
    pub(super) fn wait(&mut self, now: Duration, room: Room) -> Duration {
        self.forget(now);
        let blocked = self.blocked_until.saturating_sub(now);
        if room.share == 0 || room.whole == 0 {
            return blocked.max(self.covered());
        }
        let (mut ours, mut all) = self.counted(now, Duration::ZERO);
        let covered = self.covered();
        let mut free_at = now;
        for cell in self.cells.iter().filter(|cell| cell.last.saturating_add(covered) > now) {
            if ours < room.share && all < room.whole {
                break;
            }
            ours = ours.saturating_sub(cell.ours);
            all = all.saturating_sub(cell.ours.saturating_add(cell.theirs));
            free_at = free_at.max(cell.last.saturating_add(covered));
        }
        blocked.max(free_at.saturating_sub(now))
    }

    pub(super) fn take(&mut self, now: Duration) {
        self.add(now, 1, 0);
    }

    /// The server says that it counted `used` calls. What exceeds all calls that we let go is somebody else's.
    pub(super) fn observe_used(&mut self, now: Duration, used: u32) {
        self.forget(now);
        let (_, known) = self.counted(now, MEMORY);
        if used > known {
            self.add(now, 0, used - known);
        }
    }

    /// A call that was asked for `took` ago was answered only now. The server may have counted it as late as that, so
    /// here it counts for a span from now on.
    pub(super) fn observe_answer(&mut self, now: Duration, took: Duration) {
        let (asked, counted_at) = (now.saturating_sub(took), now.saturating_sub(MARGIN));
        if asked >= counted_at {
            return;
        }
        // It was counted where it was asked for, or a little later. Another one's place from before does as well: as
        // many calls count as before, none of them for less long.
        let before = |cell: &Cell| cell.ours > 0 && cell.first <= asked && asked < cell.first + CELL * 2;
        let after = |cell: &Cell| cell.ours > 0 && cell.first > asked && cell.first < counted_at;
        let place = self.cells.iter().rposition(before).or_else(|| self.cells.iter().position(after));
        if let Some(cell) = place.and_then(|place| self.cells.get_mut(place)) {
            cell.ours -= 1;
            self.add(counted_at, 1, 0);
        }
    }

    pub(super) fn block(&mut self, until: Duration) {
        self.blocked_until = self.blocked_until.max(until);
    }

    /// Calls that count now, ours and others'.
    pub(super) fn used(&self, now: Duration) -> u32 {
        self.counted(now, Duration::ZERO).1
    }

    /// How long until nothing counts any more.
    pub(super) fn busy(&self, now: Duration) -> Duration {
        let last = self.cells.back().map_or(Duration::ZERO, |cell| cell.last.saturating_add(self.covered()));
        last.max(self.blocked_until).saturating_sub(now)
    }

    fn covered(&self) -> Duration {
        self.span.saturating_add(MARGIN)
    }

    fn counted(&self, now: Duration, memory: Duration) -> (u32, u32) {
        let reach = self.covered().saturating_add(memory);
        let counted = self.cells.iter().filter(|cell| cell.last.saturating_add(reach) > now);
        counted.fold((0, 0), |(ours, all), cell| {
            (ours.saturating_add(cell.ours), all.saturating_add(cell.ours).saturating_add(cell.theirs))
        })
    }

    fn add(&mut self, at: Duration, ours: u32, theirs: u32) {
        let after = self.cells.iter().rposition(|cell| cell.first <= at).map_or(0, |before| before + 1);
        match after.checked_sub(1).and_then(|before| self.cells.get_mut(before)) {
            Some(cell) if at - cell.first < CELL => {
                cell.last = cell.last.max(at);
                cell.ours = cell.ours.saturating_add(ours);
                cell.theirs = cell.theirs.saturating_add(theirs);
            }
            _ => self.cells.insert(after, Cell { first: at, last: at, ours, theirs }),
        }
    }

    fn forget(&mut self, now: Duration) {
        let reach = self.covered().saturating_add(MEMORY);
        while self.cells.front().is_some_and(|cell| cell.last.saturating_add(reach) <= now) {
            self.cells.pop_front();
        }
    }
}

/// At most `limit` calls until the counter starts anew.
#[derive(Debug)]
pub(super) struct Budget {
    span: Duration,
    ours: u32,
    /// The server's count, when it is higher than ours.
    all: u32,
    /// `None` until the first call.
    resets_at: Option<Duration>,
    blocked_until: Duration,
}

impl Budget {
    pub(super) fn new(span: Duration) -> Self {
        Self { span, ours: 0, all: 0, resets_at: None, blocked_until: Duration::ZERO }
    }

    /// How long until there is room for a call; zero when there is now.
    pub(super) fn wait(&mut self, now: Duration, room: Room) -> Duration {
        self.turn(now);
        let blocked = self.blocked_until.saturating_sub(now);
        if self.ours < room.share && self.all < room.whole {
            return blocked;
        }
        blocked.max(self.resets_at.map_or(self.span, |at| at.saturating_sub(now)))
    }

    pub(super) fn take(&mut self, now: Duration) {
        self.turn(now);
        self.start(now);
        self.ours = self.ours.saturating_add(1);
        self.all = self.all.saturating_add(1);
    }

    /// The server says that it counted `used` calls.
    pub(super) fn observe_used(&mut self, now: Duration, used: u32) {
        self.turn(now);
        self.start(now);
        self.all = self.all.max(used);
    }

    /// The server says when its counter starts anew.
    pub(super) fn observe_reset(&mut self, now: Duration, after: Duration) {
        self.turn(now);
        self.resets_at = Some(now.saturating_add(after));
    }

    pub(super) fn block(&mut self, until: Duration) {
        self.blocked_until = self.blocked_until.max(until);
    }

    pub(super) fn used(&self, now: Duration) -> u32 {
        if self.resets_at.is_some_and(|at| at <= now) { 0 } else { self.all }
    }

    pub(super) fn busy(&self, now: Duration) -> Duration {
        self.resets_at.unwrap_or_default().max(self.blocked_until).saturating_sub(now)
    }

    fn start(&mut self, now: Duration) {
        self.resets_at.get_or_insert(now.saturating_add(self.span));
    }

    fn turn(&mut self, now: Duration) {
        if self.resets_at.is_some_and(|at| at <= now) {
            (self.ours, self.all, self.resets_at) = (0, 0, None);
        }
    }
}
