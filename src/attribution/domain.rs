//! Host names as the domain name system orders them: registrable domains, and tables of suffixes.

use rustc_hash::FxHashMap;
use std::net::IpAddr;

/// The registrable domain of a host name (`a.b.example.co.uk` gives `example.co.uk`) by the public suffix list that is
/// compiled in, private suffixes included: two customers of `cloudfront.net` are two domains. A name under a top-level
/// domain that the list does not know counts from its last label, as the list's own algorithm says.
///
/// `host` is lower-case and without the trailing dot, as [`crate::wire::Text::host`] gives it. Addresses, single labels
/// and bare suffixes give `None`.
#[must_use]
pub fn registrable(host: &str) -> Option<&str> {
    if host.starts_with('[') || is_address(host) || host.as_bytes().split(|b| *b == b'.').any(<[u8]>::is_empty) {
        return None;
    }
    psl::domain_str(host)
}

/// Whether a name is an address written out. Those of version 4 end in a digit, those of version 6 have a colon: most names
/// need no closer look.
#[must_use]
pub fn is_address(name: &str) -> bool {
    (name.ends_with(|c: char| c.is_ascii_digit()) || name.contains(':')) && name.parse::<IpAddr>().is_ok()
}

/// The longest name this room takes in: 255 octets (RFC 1035 §2.3.4), each printed as four characters at worst.
pub const MAX_NAME_BYTES: usize = 1020;

/// Values by domain suffix. `example.com` is found for itself and for every name below it, never for `badexample.com`;
/// the longest suffix wins.
#[derive(Debug, Clone)]
pub struct SuffixMap<T> {
    values: FxHashMap<Box<str>, T>,
    /// Bytes of the longest suffix: names from the wire may be of any length, the work for them may not.
    longest: usize,
}

impl<T> Default for SuffixMap<T> {
    fn default() -> Self {
        Self { values: FxHashMap::default(), longest: 0 }
    }
}

impl<T> SuffixMap<T> {
    /// Puts a value; gives back the one that had stood at this very suffix. Upper case, a leading and a trailing dot do
    /// not matter.
    pub fn insert(&mut self, suffix: &str, value: T) -> Option<T> {
        let suffix = suffix.trim_matches('.').to_ascii_lowercase();
        self.longest = self.longest.max(suffix.len());
        self.values.insert(suffix.into(), value)
    }

    /// The longest suffix around a lower-case host name, and its value.
    #[must_use]
    pub fn get<'h>(&self, host: &'h str) -> Option<(&'h str, &T)> {
        let mut rest = host;
        if let Some(surplus) = host.len().checked_sub(self.longest + 1) {
            // Nothing that starts further left can be a key. Cut behind a dot only.
            let dot = host.as_bytes().get(surplus..)?.iter().position(|&b| b == b'.')?;
            rest = host.get(surplus + dot + 1..)?;
        }
        loop {
            if let Some(value) = self.values.get(rest) {
                return Some((rest, value));
            }
            let dot = rest.bytes().position(|b| b == b'.')?;
            rest = rest.get(dot + 1..)?;
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registrable_domains() {
        for (host, domain) in [
            ("a.b.example.co.uk", Some("example.co.uk")),
            ("zoom.us", Some("zoom.us")),
            ("d111.cloudfront.net", Some("d111.cloudfront.net")),
            ("www.xn--85x722f.xn--55qx5d.cn", Some("xn--85x722f.xn--55qx5d.cn")),
            ("www.xn--fsqu00a.xn--0zwm56d", Some("xn--fsqu00a.xn--0zwm56d")),
            ("www.city.kawasaki.jp", Some("city.kawasaki.jp")),
            ("server.lan", Some("server.lan")),
            ("co.uk", None),
            ("localhost", None),
            ("192.0.2.1", None),
            ("2001:db8::1", None),
            ("[2001:db8::1]", None),
            ("", None),
            (".", None),
            ("a..example.com", None),
        ] {
            assert_eq!(registrable(host), domain, "{host}");
        }
    }

    #[test]
    fn addresses_are_told_from_names() {
        for (name, address) in [
            ("192.0.2.1", true),
            ("2001:db8::a", true),
            ("::", true),
            ("::ffff:192.0.2.1", true),
            ("192.0.2", false),
            ("host7", false),
            ("cafe.example", false),
            ("a:b", false),
            ("", false),
        ] {
            assert_eq!(is_address(name), address, "{name}");
            assert_eq!(name.parse::<IpAddr>().is_ok(), address, "{name}");
        }
    }

    #[test]
    fn the_longest_suffix_wins_and_only_whole_labels_count() {
        let mut map = SuffixMap::default();
        map.insert("zoom.us", 1);
        map.insert(".Telemetry.Zoom.US", 2);
        map.insert("us", 3);
        let found = |host: &str| map.get(host).map(|(suffix, n)| (suffix.to_owned(), *n));
        assert_eq!(found("zoom.us"), Some(("zoom.us".into(), 1)));
        assert_eq!(found("us04web.zoom.us"), Some(("zoom.us".into(), 1)));
        assert_eq!(found("us.telemetry.zoom.us"), Some(("telemetry.zoom.us".into(), 2)));
        assert_eq!(found("badzoom.us"), Some(("us".into(), 3)));
        assert_eq!(found("zoom.us.example.com"), None);
        assert_eq!(found(""), None);
        let endless = "a.".repeat(40_000) + "zoom.us";
        assert_eq!(found(&endless), Some(("zoom.us".into(), 1)));
        assert_eq!(found(&("a".repeat(70_000) + "zoom.us")), Some(("us".into(), 3)));
        assert_eq!(SuffixMap::<u8>::default().get("zoom.us"), None);
    }
}
