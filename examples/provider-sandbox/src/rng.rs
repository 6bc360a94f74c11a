//! A seeded pseudo-random number generator (SplitMix64), so that a seed always produces the same data. Not for secrets.

/// A stream of pseudo-random numbers.
#[derive(Debug, Clone)]
pub(crate) struct SeededRng(u64);

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

impl SeededRng {
    /// Returns the generator for one purpose; each `path` yields an independent sequence.
    pub(crate) fn new(seed: u64, path: &[u64]) -> Self {
        let state = path.iter().fold(mix(seed ^ GOLDEN), |state, part| mix(state ^ mix(part.wrapping_add(GOLDEN))));
        Self(state)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mix(self.0)
    }

    /// Returns a number in `0..bound`, or 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// Returns true with a probability of `percent` in 100.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns one of `items`, which must not be empty.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = self.below(items.len() as u64);
        &items[usize::try_from(at).unwrap_or(0)]
    }

    /// Returns an id in the providers' style: 20 letters and digits.
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

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_repeats_the_same_numbers() {
        let draws = |seed| {
            let mut rng = SeededRng::new(seed, &[1]);
            (0..100).map(|_| rng.below(4_001)).collect::<Vec<_>>()
        };
        assert_eq!(draws(1), draws(1));
        assert_ne!(draws(1), draws(2));
        let mut distinct = draws(1);
        distinct.sort_unstable();
        distinct.dedup();
        assert!(distinct.len() > 90);
    }
}
