use super::WireTime;

/// The free slots of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DaySlots {
    /// The day, `YYYY-MM-DD` in the time zone that was asked for.
    pub date: String,
    /// When each slot begins, with that time zone's offset.
    pub slots: Vec<WireTime>,
}
