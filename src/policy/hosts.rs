//! Host names held against patterns; the most specific pattern wins.

use rustc_hash::FxHashMap;

/// Labels a pattern may have. No real one needs more, and it bounds the work per look-up.
const MAX_LABELS: usize = 10;

/// Patterns with a value each.
///
/// `zoom.us` stands for that name and every name below it, `=zoom.us` for that name alone, and `log-*.zoom.us` for every
/// name whose label before `zoom.us` starts with `log-` (one star, in the leftmost label), with all names below.
#[derive(Debug, Clone)]
pub(crate) struct HostMap<T> {
    by_suffix: FxHashMap<Box<str>, Slot<T>>,
    deepest: usize,
}

#[derive(Debug, Clone)]
struct Slot<T> {
    exact: Option<T>,
    below: Option<T>,
    starred: Vec<(Box<str>, Box<str>, T)>,
}

/// What a name matched.
#[derive(Debug)]
pub(crate) struct Hit<'a, T> {
    pub(crate) value: &'a T,
    pub(crate) rank: Rank,
}

/// How specific a pattern is; comparable between maps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(usize);

impl<T> Default for HostMap<T> {
    fn default() -> Self {
        Self { by_suffix: FxHashMap::default(), deepest: 0 }
    }
}

impl<T> HostMap<T> {
    /// Says in plain words what is wrong with the pattern and how it should read.
    pub(crate) fn insert(&mut self, pattern: &str, value: T) -> Result<(), String> {
        let exact = pattern.starts_with('=');
        let host = pattern.strip_prefix('=').unwrap_or(pattern);
        let (star, suffix) = match host.split_once('.') {
            Some(("*", rest)) => return Err(format!("`{pattern}`: write `{rest}`, it covers every name below it")),
            Some((label, rest)) if label.contains('*') => (Some(label), rest),
            _ => (None, host),
        };
        let labels = suffix.split('.').count();
        if suffix.split('.').any(str::is_empty) || labels > MAX_LABELS || (exact && star.is_some()) {
            return Err(format!(
                "`{pattern}` is no host pattern; write `example.org`, `=example.org` or `log-*.example.org`"
            ));
        }
        if !suffix.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.')) {
            return Err(format!("`{pattern}`: host names are lower-case letters, digits, `-`, `_` and `.`"));
        }
        let twice = || format!("`{pattern}` is given twice; remove one");
        self.deepest = self.deepest.max(labels);
        let slot =
            self.by_suffix.entry(suffix.into()).or_insert(Slot { exact: None, below: None, starred: Vec::new() });
        match star {
            Some(label) => {
                let (head, tail) = label.split_once('*').unwrap_or((label, ""));
                if tail.contains('*') {
                    return Err(format!("`{pattern}` has more than one star; use one"));
                }
                if slot.starred.iter().any(|(h, t, _)| (&**h, &**t) == (head, tail)) {
                    return Err(twice());
                }
                slot.starred.push((head.into(), tail.into(), value));
                // The longest fixed part is the most specific.
                slot.starred.sort_by_key(|(h, t, _)| std::cmp::Reverse(h.len() + t.len()));
            }
            None if exact => {
                if slot.exact.replace(value).is_some() {
                    return Err(twice());
                }
            }
            None => {
                if slot.below.replace(value).is_some() {
                    return Err(twice());
                }
            }
        }
        Ok(())
    }

    /// `name` is lower-case and without trailing dot. Cost: one look-up per label, at most the depth of the patterns.
    pub(crate) fn find(&self, name: &str) -> Option<Hit<'_, T>> {
        let mut starts = [0; MAX_LABELS];
        let mut count = 0;
        let mut whole = true;
        for (at, _) in name.bytes().enumerate().rev().filter(|(_, b)| *b == b'.') {
            if count == self.deepest {
                whole = false;
                break;
            }
            *starts.get_mut(count)? = at + 1;
            count += 1;
        }
        if whole && count < self.deepest {
            *starts.get_mut(count)? = 0;
            count += 1;
        }
        for (labels, &start) in starts.iter().enumerate().take(count).rev() {
            let Some(slot) = name.get(start..).and_then(|suffix| self.by_suffix.get(suffix)) else { continue };
            let rank = Rank(2 * labels);
            if start == 0 {
                if let Some(value) = &slot.exact {
                    return Some(Hit { value, rank: Rank(rank.0 + 1) });
                }
            } else if !slot.starred.is_empty() {
                let left = name.get(..start - 1).and_then(|l| l.rsplit('.').next()).unwrap_or_default();
                let fits =
                    |h: &str, t: &str| left.len() >= h.len() + t.len() && left.starts_with(h) && left.ends_with(t);
                if let Some((_, _, value)) = slot.starred.iter().find(|(h, t, _)| fits(h, t)) {
                    return Some(Hit { value, rank: Rank(rank.0 + 1) });
                }
            }
            if let Some(value) = &slot.below {
                return Some(Hit { value, rank });
            }
        }
        None
    }

    /// Patterns in the map.
    pub(crate) fn len(&self) -> usize {
        self.by_suffix
            .values()
            .map(|s| usize::from(s.exact.is_some()) + usize::from(s.below.is_some()) + s.starred.len())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> HostMap<&'static str> {
        let mut map = HostMap::default();
        for pattern in
            ["zoom.us", "=info.zoom.us", "log-*.zoom.us", "log.zoom.us", "*-eu.zoom.us", "com", "metrics-*.wbx2.com"]
        {
            map.insert(pattern, pattern).unwrap();
        }
        map
    }

    #[test]
    fn the_most_specific_pattern_wins() {
        let map = map();
        for (name, found) in [
            ("zoom.us", Some("zoom.us")),
            ("a.b.c.d.e.f.g.zoom.us", Some("zoom.us")),
            ("log-gateway.zoom.us", Some("log-*.zoom.us")),
            ("x.log-gateway.zoom.us", Some("log-*.zoom.us")),
            ("log.zoom.us", Some("log.zoom.us")),
            ("x.log.zoom.us", Some("log.zoom.us")),
            ("info.zoom.us", Some("=info.zoom.us")),
            ("x.info.zoom.us", Some("zoom.us")),
            ("idbroker-eu.zoom.us", Some("*-eu.zoom.us")),
            ("metrics-a.wbx2.com", Some("metrics-*.wbx2.com")),
            ("wbx2.com", Some("com")),
            ("notzoom.us", None),
            ("zoom.us.example.org", None),
            ("", None),
            (".", None),
            ("...", None),
            ("us", None),
        ] {
            assert_eq!(map.find(name).map(|h| *h.value), found, "{name}");
        }
        assert!(map.find("info.zoom.us").unwrap().rank > map.find("zoom.us").unwrap().rank);
        assert_eq!(map.len(), 7);
    }

    #[test]
    fn a_bad_pattern_is_refused_with_its_cure() {
        for (pattern, says) in [
            ("*.zoom.us", "write `zoom.us`"),
            ("zoom.us", "given twice"),
            ("log-*.zoom.us", "given twice"),
            ("a*b*.zoom.us", "more than one star"),
            ("Zoom.us", "lower-case"),
            ("https://zoom.us", "lower-case"),
            ("", "no host pattern"),
            ("zoom..us", "no host pattern"),
            (".zoom.us", "no host pattern"),
            ("=a-*.zoom.us", "no host pattern"),
        ] {
            let said = map().insert(pattern, "").unwrap_err();
            assert!(said.contains(says), "{pattern}: {said}");
        }
    }

    #[test]
    fn a_hostile_name_costs_no_more_than_the_depth_of_the_patterns() {
        assert!(map().find(&"a.".repeat(100_000)).is_none());
        assert!(map().find(&".".repeat(100_000)).is_none());
    }
}
