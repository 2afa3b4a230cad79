//! What kind of address this is, before anybody asks where it is. Source: IANA special-purpose registries
//! (RFC 6890 and its updates).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4-mapped IPv6 addresses become IPv4. The one place where this is done: everything above sees canonical addresses.
#[must_use]
pub const fn canonical(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => v6.to_canonical(),
    }
}

/// Only a `Public` address has an operator and may have a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressKind {
    Public,
    /// RFC 1918, RFC 4193.
    Private,
    /// Carrier-grade NAT, RFC 6598.
    Shared,
    LinkLocal,
    Loopback,
    Multicast,
    Broadcast,
    /// RFC 5737, RFC 3849, RFC 9637.
    Documentation,
    /// Unspecified, benchmarking and everything that is not routed.
    Reserved,
}

impl AddressKind {
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match canonical(address) {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v4(v4: Ipv4Addr) -> Self {
        match v4.octets() {
            [127, ..] => Self::Loopback,
            [10, ..] | [192, 168, ..] => Self::Private,
            [172, b, ..] if b & 0xf0 == 16 => Self::Private,
            [100, b, ..] if b & 0xc0 == 64 => Self::Shared,
            [169, 254, ..] => Self::LinkLocal,
            [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Self::Documentation,
            [255, 255, 255, 255] => Self::Broadcast,
            [a, ..] if a & 0xf0 == 224 => Self::Multicast,
            // 192.0.0.9 and .10 are anycast services that are globally reachable (RFC 7723, RFC 8155).
            [192, 0, 0, 9 | 10] => Self::Public,
            [0 | 240..=255, ..] | [192, 0, 0, _] | [198, 18 | 19, ..] => Self::Reserved,
            _ => Self::Public,
        }
    }

    fn of_v6(v6: Ipv6Addr) -> Self {
        match v6.segments() {
            [0, 0, 0, 0, 0, 0, 0, 1] => Self::Loopback,
            [a, ..] if a & 0xfe00 == 0xfc00 => Self::Private,
            [a, ..] if a & 0xffc0 == 0xfe80 => Self::LinkLocal,
            [a, ..] if a & 0xff00 == 0xff00 => Self::Multicast,
            [0x2001, 0xdb8, ..] => Self::Documentation,
            [0x3fff, b, ..] if b & 0xf000 == 0 => Self::Documentation,
            // NAT64 (RFC 6052) leads to an IPv4 host somewhere else: reachable, so public.
            [0x64, 0xff9b, 0, ..] => Self::Public,
            [a, ..] if a & 0xe000 == 0x2000 => Self::Public,
            _ => Self::Reserved,
        }
    }

    #[must_use]
    pub const fn is_public(self) -> bool {
        matches!(self, Self::Public)
    }

    /// Beyond the own network: public addresses, and those of documentation, which stand for public ones in laboratories.
    #[must_use]
    pub const fn is_outside(self) -> bool {
        matches!(self, Self::Public | Self::Documentation)
    }

    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Shared => "shared",
            Self::LinkLocal => "link-local",
            Self::Loopback => "loopback",
            Self::Multicast => "multicast",
            Self::Broadcast => "broadcast",
            Self::Documentation => "documentation",
            Self::Reserved => "reserved",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_addresses_are_told_apart() {
        use AddressKind as K;
        for (text, kind) in [
            ("8.8.8.8", K::Public),
            ("10.0.0.1", K::Private),
            ("172.15.0.1", K::Public),
            ("172.31.255.255", K::Private),
            ("100.64.0.1", K::Shared),
            ("100.128.0.1", K::Public),
            ("169.254.3.4", K::LinkLocal),
            ("239.255.255.250", K::Multicast),
            ("255.255.255.255", K::Broadcast),
            ("203.0.113.9", K::Documentation),
            ("198.18.0.1", K::Reserved),
            ("0.0.0.0", K::Reserved),
            ("::1", K::Loopback),
            ("fd12::1", K::Private),
            ("fe80::1", K::LinkLocal),
            ("ff02::fb", K::Multicast),
            ("2001:db8::1", K::Documentation),
            ("2606:4700::1111", K::Public),
            ("::ffff:10.1.2.3", K::Private),
            ("::ffff:8.8.4.4", K::Public),
            ("::", K::Reserved),
        ] {
            assert_eq!(K::of(text.parse().unwrap()), kind, "{text}");
        }
    }
}
