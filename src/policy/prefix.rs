//! Address ranges in prefix notation.

use crate::wire::canonical;
use std::net::IpAddr;

/// `192.0.2.0/24`, `2001:db8::/32`; a bare address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prefix {
    v6: bool,
    bits: u128,
    mask: u128,
    len: u8,
}

fn bits(address: IpAddr) -> (bool, u128) {
    match address {
        IpAddr::V4(v4) => (false, u128::from(u32::from(v4)) << 96),
        IpAddr::V6(v6) => (true, u128::from(v6)),
    }
}

impl Prefix {
    /// `None` for anything that is no prefix, or that has bits set behind its length.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, len) = match text.split_once('/') {
            Some((address, len)) => (address, Some(len)),
            None => (text, None),
        };
        let (v6, bits) = bits(address.parse().ok()?);
        let most = if v6 { 128 } else { 32 };
        let len = len.map_or(Some(most), |l| l.parse().ok().filter(|l| *l <= most))?;
        let mask = u128::MAX.checked_shl(128 - u32::from(len)).unwrap_or(0);
        (bits & !mask == 0).then_some(Self { v6, bits, mask, len })
    }

    pub(crate) fn contains(&self, address: IpAddr) -> bool {
        let (v6, bits) = bits(canonical(address));
        v6 == self.v6 && bits & self.mask == self.bits
    }

    /// Length in bits.
    pub(crate) const fn len(&self) -> u8 {
        self.len
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
