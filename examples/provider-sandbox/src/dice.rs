//! Repeatable chance: the same seed throws the same dice (SplitMix64). Not for secrets.

use std::sync::Mutex;

use crate::lock;

/// A stream of pseudo-random numbers.
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl Dice {
    /// Dice for one purpose: every part of `path` matters.
    pub(crate) fn new(seed: u64, path: &[u64]) -> Self {
        let state = path.iter().fold(mix(seed ^ GOLDEN), |state, part| mix(state ^ mix(part.wrapping_add(GOLDEN))));
        Self(state)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// A number in `0..bound` (0 when the bound is 0).
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True in `percent` of 100 throws.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of `items`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = self.below(items.len() as u64);
        &items[usize::try_from(at).unwrap_or(0)]
    }

    /// An id in the provider's style: 20 letters and digits.
    pub(crate) fn id(&mut self) -> String {
        (0..20).map(|_| char::from(*self.pick(LETTERS))).collect()
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = usize::try_from(self.below(last as u64 + 1)).unwrap_or(0);
            items.swap(last, other);
        }
    }
}

/// Dice that several tasks share.
#[derive(Debug)]
pub(crate) struct SharedDice(Mutex<Dice>);

impl SharedDice {
    pub(crate) fn new(seed: u64, path: &[u64]) -> Self {
        Self(Mutex::new(Dice::new(seed, path)))
    }

    pub(crate) fn throw<T>(&self, play: impl FnOnce(&mut Dice) -> T) -> T {
        play(&mut lock(&self.0))
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throws_differ_and_repeat_with_the_seed() {
        let throws =
            |seed| SharedDice::new(seed, &[1]).throw(|dice| (0..100).map(|_| dice.below(4_001)).collect::<Vec<_>>());
        assert_eq!(throws(1), throws(1));
        assert_ne!(throws(1), throws(2));
        let mut distinct = throws(1);
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() > 90);
    }

    #[test]
    fn shared_throws_go_on_where_the_last_one_ended() {
        let dice = SharedDice::new(1, &[1]);
        assert_ne!(dice.throw(Dice::next), dice.throw(Dice::next));
    }
}
