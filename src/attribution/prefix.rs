//! Address prefixes, and tables that find the most specific one around an address.

use crate::wire::canonical;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A CIDR prefix such as `52.112.0.0/14`. The host bits are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: IpAddr,
    len: u8,
}

impl Prefix {
    /// The prefix of `len` bits around `address`; `None` if the address has fewer bits.
    #[must_use]
    pub fn around(address: IpAddr, len: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(v4) => {
                let host = 32u32.checked_sub(len.into())?;
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & u32::MAX.checked_shl(host).unwrap_or(0)))
            }
            IpAddr::V6(v6) => {
                let host = 128u32.checked_sub(len.into())?;
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & u128::MAX.checked_shl(host).unwrap_or(0)))
            }
        };
        Some(Self { address, len })
    }

    /// Reads `address/length` or a single address. A prefix with host bits set is refused: one of its two halves is a
    /// slip of the pen, and nobody knows which.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let Some((address, len)) = text.split_once('/') else {
            let address = canonical(text.parse().ok()?);
            return Self::around(address, if address.is_ipv4() { 32 } else { 128 });
        };
        let address: IpAddr = address.parse().ok()?;
        let prefix = Self::around(address, len.parse().ok()?)?;
        (prefix.address == address).then_some(prefix)
    }

    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        address.is_ipv4() == self.address.is_ipv4() && Self::around(address, self.len) == Some(*self)
    }

    /// The first address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// The length in bits.
    #[must_use]
    pub const fn bits(&self) -> u8 {
        self.len
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.len)
    }
}

impl Serialize for Prefix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Prefix {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format_args!("`{text}` is no address prefix")))
    }
}

/// Values by prefix; finds the most specific prefix around an address by one look-up per length in use.
#[derive(Debug, Clone)]
pub struct PrefixMap<T> {
    values: FxHashMap<Prefix, T>,
    /// Lengths in use, longest first: IPv4, IPv6.
    lengths: [Vec<u8>; 2],
}

impl<T> Default for PrefixMap<T> {
    fn default() -> Self {
        Self { values: FxHashMap::default(), lengths: [Vec::new(), Vec::new()] }
    }
}

impl<T> PrefixMap<T> {
    /// Puts a value; gives back the one that had stood at this very prefix.
    pub fn insert(&mut self, prefix: Prefix, value: T) -> Option<T> {
        let [v4, v6] = &mut self.lengths;
        let lengths = if prefix.address.is_ipv4() { v4 } else { v6 };
        if let Err(at) = lengths.binary_search_by(|len| prefix.len.cmp(len)) {
            lengths.insert(at, prefix.len);
        }
        self.values.insert(prefix, value)
    }

    /// The value of the most specific prefix around a canonical address.
    #[must_use]
    pub fn get(&self, address: IpAddr) -> Option<(Prefix, &T)> {
        let [v4, v6] = &self.lengths;
        let lengths = if address.is_ipv4() { v4 } else { v6 };
        lengths.iter().find_map(|&len| {
            let prefix = Prefix::around(address, len)?;
            Some((prefix, self.values.get(&prefix)?))
        })
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
    fn reads_what_it_prints_and_refuses_slips() {
        for text in ["52.112.0.0/14", "0.0.0.0/0", "2603:1063::/38", "::/0", "1.1.1.1/32"] {
            assert_eq!(Prefix::parse(text).map(|p| p.to_string()).as_deref(), Some(text));
        }
        assert_eq!(Prefix::parse("1.1.1.1").map(|p| p.bits()), Some(32));
        for wrong in ["52.112.0.1/14", "1.2.3.4/33", "2603:1063::1/38", "::/129", "1.2.3/8", "x", "1.2.3.4/-1", ""] {
            assert_eq!(Prefix::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_most_specific_prefix_wins_within_its_family() {
        let mut map = PrefixMap::default();
        for (n, text) in ["10.0.0.0/8", "10.2.0.0/16", "10.2.3.4/32", "::/0", "2001:db8::/32"].iter().enumerate() {
            map.insert(Prefix::parse(text).unwrap(), n);
        }
        let found = |text: &str| map.get(text.parse().unwrap()).map(|(_, n)| *n);
        assert_eq!(found("10.9.9.9"), Some(0));
        assert_eq!(found("10.2.9.9"), Some(1));
        assert_eq!(found("10.2.3.4"), Some(2));
        assert_eq!(found("11.0.0.1"), None);
        assert_eq!(found("2001:db8::1"), Some(4));
        assert_eq!(found("2002::1"), Some(3));
    }

    #[test]
    fn an_address_is_in_its_prefix_and_in_no_other() {
        for (prefix, address, inside) in [
            ("52.112.0.0/14", "52.115.255.255", true),
            ("52.112.0.0/14", "52.116.0.0", false),
            ("52.112.0.0/14", "::ffff:52.112.0.1", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("2603:1063::/38", "2603:1063:3ff::1", true),
            ("2603:1063::/38", "2603:1063:400::1", false),
            ("::/0", "2001:db8::1", true),
        ] {
            assert_eq!(Prefix::parse(prefix).unwrap().contains(address.parse().unwrap()), inside, "{prefix} {address}");
        }
    }

    #[test]
    fn text_that_is_no_prefix_is_refused() {
        for text in ["", "10.0.0.0/33", "10.0.0.1/24", "10.0.0.0/", "10.0.0/8", "::/129", "zoom.us", "10.0.0.0/-1"] {
            assert_eq!(Prefix::parse(text), None, "{text}");
        }
    }
}
