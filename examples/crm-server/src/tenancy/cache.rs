use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A bounded in-memory cache: the callers decide how old an entry may be. It is emptied when it is full.
pub struct Cache<K, V> {
    /// Each value with the monotonic time it was read at.
    entries: Mutex<HashMap<K, (Duration, V)>>,
    max_entries: usize,
}

impl<K, V> fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("max_entries", &self.max_entries).finish_non_exhaustive()
    }
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    /// Returns an empty cache that holds at most `max_entries`.
    pub fn new(max_entries: usize) -> Self {
        Self { entries: Mutex::default(), max_entries }
    }

    /// Returns the value of `key` if it was read less than `ttl` before `now`.
    pub fn get(&self, key: &K, now: Duration, ttl: Duration) -> Option<V> {
        self.get_if(key, now, |age, _| age < ttl)
    }

    /// Returns the value of `key` if `is_fresh` accepts its age and content.
    pub fn get_if(&self, key: &K, now: Duration, is_fresh: impl FnOnce(Duration, &V) -> bool) -> Option<V> {
        let entries = self.lock();
        let (read_at, value) = entries.get(key)?;
        is_fresh(now.saturating_sub(*read_at), value).then(|| value.clone())
    }

    /// Stores a value that was read at `read_at`.
    pub fn insert(&self, key: K, read_at: Duration, value: V) {
        let mut entries = self.lock();
        if entries.len() >= self.max_entries {
            entries.clear();
        }
        entries.insert(key, (read_at, value));
    }

    /// Removes the value of `key`.
    pub fn remove(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (Duration, V)>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(5);

    #[test]
    fn a_value_is_returned_until_its_ttl_ends() {
        let cache = Cache::new(10);
        cache.insert("a", Duration::from_secs(1), 7);
        assert_eq!(cache.get(&"a", Duration::from_secs(5), TTL), Some(7));
        assert_eq!(cache.get(&"a", Duration::from_secs(6), TTL), None);
        assert_eq!(cache.get(&"b", Duration::from_secs(1), TTL), None);
        cache.remove(&"a");
        assert_eq!(cache.get(&"a", Duration::from_secs(1), TTL), None);
    }

    #[test]
    fn a_full_cache_is_emptied_before_the_next_value() {
        let cache = Cache::new(2);
        for key in 0..3 {
            cache.insert(key, TTL, key);
        }
        assert_eq!([0, 1, 2].map(|key| cache.get(&key, TTL, TTL)), [None, None, Some(2)]);
    }
}
