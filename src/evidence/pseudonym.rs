//! Other addresses, hardware addresses and names for those of the audited side: the same for the same under one key, and
//! without the key not to be turned back. Addresses keep what they share of their prefix with each other, as in Crypto-PAn
//! (Xu, Fan, Ammar, Moon: "Prefix-preserving IP address anonymization", ICNP 2002), with HMAC-SHA-256 in the place of AES.

use super::error::EvidenceError;
use super::store::new_file;
use crate::wire::{AddressKind, canonical};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use rustc_hash::FxHashMap;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

/// Bytes of a key.
const KEY: usize = 32;
/// Where public IPv4 addresses of the audited side go: RFC 2544's range for benchmarks, in which nobody is met.
const STAND_IN_V4: (Ipv4Addr, u32) = (Ipv4Addr::new(198, 18, 0, 0), 15);
/// Where public IPv6 addresses of the audited side go (RFC 3849).
const STAND_IN_V6: (Ipv6Addr, u32) = (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32);
/// Pseudonyms that are remembered; all are forgotten, and made again, when there are more.
const MAX_KNOWN: usize = 1 << 16;

/// What pseudonyms are made with. Whoever has it can find out whose a pseudonym is, by trying.
#[derive(Clone)]
pub struct PseudonymKey(hmac::Key);

impl std::fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PseudonymKey")
    }
}

impl PseudonymKey {
    /// A new key, which is nowhere kept.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn generate() -> Result<Self, EvidenceError> {
        Self::random().map(|bytes| Self::from(&bytes))
    }

    /// The key in a file of 32 bytes; a file that is not there is made, with a new key, for its owner only.
    ///
    /// # Errors
    /// The file holds something else, or cannot be read or made.
    pub fn in_file(path: &Path) -> Result<Self, EvidenceError> {
        if path.exists() {
            let read =
                fs::read(path).map_err(|source| EvidenceError::Read { name: super::error::name(path), source })?;
            let bytes = <[u8; KEY]>::try_from(read.as_slice());
            return bytes
                .map(|bytes| Self::from(&bytes))
                .map_err(|_| EvidenceError::Key { name: super::error::name(path) });
        }
        let bytes = Self::random()?;
        let mut file = new_file(path)?;
        file.write_all(&bytes).and_then(|()| file.sync_all()).map_err(|error| EvidenceError::writing(path, error))?;
        Ok(Self::from(&bytes))
    }

    fn random() -> Result<[u8; KEY], EvidenceError> {
        let mut bytes = [0; KEY];
        SystemRandom::new().fill(&mut bytes).map_err(|_| EvidenceError::NoRandom)?;
        Ok(bytes)
    }

    fn hash(&self, about: &[u8], bytes: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(about);
        context.update(bytes);
        let mut hash = [0; 32];
        for (to, from) in hash.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        hash
    }

    /// Turns the bits behind the first `fixed` ones of `width`, each by what stands before it: two values that share their
    /// first n bits still do, and no two become the same.
    fn turned(&self, value: u128, fixed: u32, width: u32) -> u128 {
        let mut out = value;
        for at in fixed..width {
            let before = value.checked_shr(width - at).unwrap_or(0);
            let mut about = [0; 18];
            for (to, from) in about.iter_mut().zip([width as u8, at as u8].into_iter().chain(before.to_be_bytes())) {
                *to = from;
            }
            let [first, ..] = self.hash(b"bit", &about);
            out ^= u128::from(first & 1) << (width - 1 - at);
        }
        out
    }
}

impl From<&[u8; KEY]> for PseudonymKey {
    fn from(bytes: &[u8; KEY]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

/// Whose addresses and names are replaced, and by what.
#[derive(Debug)]
pub struct Pseudonyms {
    key: PseudonymKey,
    /// Public IPv4 addresses of the audited side.
    v4: BTreeMap<Ipv4Addr, Ipv4Addr>,
    /// The first 64 bits of its IPv6 addresses: the prefixes of its networks.
    v6: BTreeSet<u64>,
    /// Names of the audited side, lower-case; what ends in one of them behind a dot is its too.
    names: BTreeSet<Box<str>>,
    known: FxHashMap<IpAddr, IpAddr>,
}

impl Pseudonyms {
    /// `own` are the addresses of the audited side beside those that are never public, `names` its names.
    #[must_use]
    pub fn new(key: PseudonymKey, own: &BTreeSet<IpAddr>, names: BTreeSet<Box<str>>) -> Self {
        let (mut v4, mut v6, mut taken) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        for address in own.iter().map(|address| canonical(*address)).filter(|a| may_be_somebody(*a)) {
            match address {
                IpAddr::V4(v4_address) => {
                    let (base, fixed) = STAND_IN_V4;
                    let host = key.turned(v4_address.to_bits().into(), 0, 32) as u32 & (u32::MAX >> fixed);
                    // There are more addresses than places: the next free one.
                    let free = (0..=u32::MAX >> fixed).map(|step| (host + step) & (u32::MAX >> fixed));
                    let mut free = free.map(|host| Ipv4Addr::from_bits(base.to_bits() | host));
                    if let Some(free) = free.find(|at| taken.insert(*at)) {
                        v4.insert(v4_address, free);
                    }
                }
                IpAddr::V6(v6_address) => drop(v6.insert((v6_address.to_bits() >> 64) as u64)),
            }
        }
        Self { key, v4, v6, names, known: FxHashMap::default() }
    }

    /// Whether an address is of the audited side, and has a pseudonym.
    #[must_use]
    pub fn is_own(&self, address: IpAddr) -> bool {
        let address = canonical(address);
        match (AddressKind::of(address), address) {
            (AddressKind::Private | AddressKind::Shared | AddressKind::LinkLocal, _) => true,
            (_, IpAddr::V4(v4)) => self.v4.contains_key(&v4),
            (_, IpAddr::V6(v6)) => may_be_somebody(address) && self.v6.contains(&((v6.to_bits() >> 64) as u64)),
        }
    }

    /// What stands for an address: another of the same class if it is of the audited side, else itself.
    pub fn address(&mut self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(v4) => IpAddr::V4(self.v4(v4)),
            IpAddr::V6(v6) => IpAddr::V6(self.v6(v6)),
        }
    }

    pub fn v4(&mut self, address: Ipv4Addr) -> Ipv4Addr {
        if let Some(stand_in) = self.v4.get(&address) {
            return *stand_in;
        }
        let fixed = match (AddressKind::of(address.into()), address.octets()) {
            (AddressKind::Private, [10, ..]) => 8,
            (AddressKind::Private, [172, ..]) => 12,
            (AddressKind::Shared, _) => 10,
            (AddressKind::Private | AddressKind::LinkLocal, _) => 16,
            _ => return address,
        };
        let turned = self.remembered(address.into(), |key| {
            Ipv4Addr::from_bits(key.turned(address.to_bits().into(), fixed, 32) as u32).into()
        });
        if let IpAddr::V4(v4) = turned { v4 } else { address }
    }

    pub fn v6(&mut self, address: Ipv6Addr) -> Ipv6Addr {
        if let Some(v4) = address.to_ipv4_mapped() {
            return self.v4(v4).to_ipv6_mapped();
        }
        // The address of a group that holds the last 24 bits of a member's (RFC 4291 §2.7.1).
        if let [0xff02, 0, 0, 0, 0, 1, 0xff00..=0xffff, _] = address.segments() {
            return Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0);
        }
        if !self.is_own(address.into()) {
            return address;
        }
        let turned = self.remembered(address.into(), |key| {
            let bits = address.to_bits();
            let turned = match AddressKind::of(address.into()) {
                // RFC 4193 §3.1: the prefix and the bit behind it; RFC 4291 §2.5.6: ten bits and 54 zeros.
                AddressKind::Private => key.turned(bits, 8, 128),
                AddressKind::LinkLocal => key.turned(bits, 64, 128),
                _ => {
                    let (base, fixed) = STAND_IN_V6;
                    base.to_bits() | key.turned(bits, fixed, 128) & (u128::MAX >> fixed)
                }
            };
            Ipv6Addr::from_bits(turned).into()
        });
        if let IpAddr::V6(v6) = turned { v6 } else { address }
    }

    fn remembered(&mut self, address: IpAddr, new: impl FnOnce(&PseudonymKey) -> IpAddr) -> IpAddr {
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.clear();
        }
        let made = new(&self.key);
        self.known.insert(address, made);
        made
    }

    /// What stands for a hardware address: a locally administered one. Groups and broadcast stay, but for the last bits of
    /// an IPv6 address in one (RFC 2464 §7).
    #[must_use]
    pub fn mac(&self, mac: [u8; 6]) -> [u8; 6] {
        match mac {
            [0x33, 0x33, 0xff, ..] => [0x33, 0x33, 0xff, 0, 0, 0],
            [first, ..] if first & 1 == 1 => mac,
            [0, 0, 0, 0, 0, 0] => mac,
            _ => {
                let mut other = [0x02; 6];
                for (to, from) in other.iter_mut().skip(1).zip(self.key.hash(b"mac", &mac)) {
                    *to = from;
                }
                other
            }
        }
    }

    /// Whether a host name is of the audited side: one that was learned, one without a dot, or below a name that is only
    /// used at home (RFC 6762, RFC 8375, and what routers and companies take for it).
    #[must_use]
    pub fn is_own_name(&self, name: &str) -> bool {
        const HOME: [&str; 14] = [
            "local",
            "localdomain",
            "localhost",
            "lan",
            "home",
            "home.arpa",
            "internal",
            "intranet",
            "private",
            "corp",
            "fritz.box",
            "speedport.ip",
            "workgroup",
            "domain",
        ];
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        if name.is_empty() {
            return false;
        }
        if let Ok(address) = name.parse::<IpAddr>() {
            return self.is_own(address);
        }
        let below = |upper: &str| name.strip_suffix(upper).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        !name.contains('.')
            || HOME.into_iter().any(below)
            || self.names.iter().any(|own| below(own))
            || reversed(&name).is_some_and(|address| self.is_own(address))
    }

    /// What stands for a label of a name: letters, as many.
    #[must_use]
    pub fn label(&self, label: &[u8]) -> Vec<u8> {
        const LETTERS: &[u8; 16] = b"bcdfghjklmnpqrst";
        let lower = label.to_ascii_lowercase();
        let halves = [self.key.hash(b"label 1", &lower), self.key.hash(b"label 2", &lower)].concat();
        let letters = halves.iter().filter_map(|byte| LETTERS.get(usize::from(byte & 15)));
        let mut out: Vec<u8> = b"x".iter().chain(letters).copied().take(label.len()).collect();
        out.resize(label.len(), b'x');
        out
    }

    /// What stands for a name in a text: each label replaced.
    #[must_use]
    pub fn name(&self, name: &str) -> String {
        let labels = name.split('.').map(|label| String::from_utf8_lossy(&self.label(label.as_bytes())).into_owned());
        labels.collect::<Vec<_>>().join(".")
    }
}

/// Whether an address can be that of one host somewhere.
fn may_be_somebody(address: IpAddr) -> bool {
    match AddressKind::of(address) {
        AddressKind::Public | AddressKind::Documentation => true,
        AddressKind::Reserved => !address.is_unspecified(),
        _ => false,
    }
}

/// The address that a name for reverse look-ups asks for (RFC 1035 §3.5, RFC 3596 §2.5). Of a shorter one, the network.
fn reversed(name: &str) -> Option<IpAddr> {
    if let Some(labels) = name.strip_suffix(".in-addr.arpa") {
        let mut octets = [0_u8; 4];
        for (to, label) in octets.iter_mut().zip(labels.rsplit('.')) {
            *to = label.parse().ok()?;
        }
        return Some(octets.into());
    }
    let labels = name.strip_suffix(".ip6.arpa")?;
    let mut bits = 0_u128;
    for (at, label) in (0_u32..32).zip(labels.rsplit('.')) {
        bits |= u128::from_str_radix(label, 16).ok().filter(|nibble| *nibble < 16)? << (124 - 4 * at);
    }
    Some(Ipv6Addr::from_bits(bits).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pseudonyms(own: &[&str], names: &[&str]) -> Pseudonyms {
        let own = own.iter().map(|a| a.parse().unwrap()).collect();
        Pseudonyms::new(PseudonymKey::from(&[7; 32]), &own, names.iter().map(|n| (*n).into()).collect())
    }

    fn shared(a: IpAddr, b: IpAddr) -> u32 {
        match (a, b) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
            _ => 0,
        }
    }

    #[test]
    fn own_addresses_keep_their_class_and_others_themselves() {
        let mut of = pseudonyms(&["203.0.113.77", "203.0.113.78", "2001:db8:178::23"], &[]);
        for text in [
            "10.1.2.3",
            "172.20.0.9",
            "192.168.178.23",
            "100.64.7.7",
            "169.254.9.9",
            "fd12:3456::9",
            "fe80::1234:56ff:fe78:9abc",
        ] {
            let address: IpAddr = text.parse().unwrap();
            let other = of.address(address);
            assert_ne!(other, address);
            assert_eq!(AddressKind::of(other), AddressKind::of(address), "{text} → {other}");
        }
        let outside = ["203.0.113.77", "203.0.113.78", "::ffff:203.0.113.77"].map(|a| of.address(a.parse().unwrap()));
        assert!(outside.iter().all(|a| matches!(canonical(*a), IpAddr::V4(v4) if v4.octets()[..2] == [198, 18] || v4.octets()[..2] == [198, 19])));
        assert_ne!(outside[0], outside[1]);
        assert_eq!(canonical(outside[2]), outside[0]);
        let v6 = of.address("2001:db8:178::5".parse().unwrap());
        assert!(v6.to_string().starts_with("2001:db8:") && v6 != "2001:db8:178::5".parse::<IpAddr>().unwrap());
        for text in
            ["8.8.8.8", "203.0.113.79", "127.0.0.1", "::1", "224.0.0.251", "ff02::fb", "0.0.0.0", "2a00:1450::1"]
        {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(of.address(address), address, "{text}");
        }
        assert_eq!(of.v6("ff02::1:ff12:3456".parse().unwrap()).to_string(), "ff02::1:ff00:0");
    }

    #[test]
    fn names_of_the_own_side_are_told_from_others() {
        let of = pseudonyms(&["203.0.113.77"], &["muster.example", "nas"]);
        for own in [
            "laptop",
            "Nas.Muster.Example",
            "printer.local",
            "23.178.168.192.in-addr.arpa",
            "77.113.0.203.in-addr.arpa",
            "fritz.box",
            "192.168.1.1",
            "nas",
        ] {
            assert!(of.is_own_name(own), "{own}");
        }
        for other in ["zoom.us", "notmuster.example", "8.8.8.8.in-addr.arpa", "8.8.8.8", "www.local.example", ""] {
            assert!(!of.is_own_name(other), "{other}");
        }
        assert_eq!(of.label(b"Laptop"), of.label(b"laptop"));
        assert_eq!(of.name("laptop.muster.example").len(), "laptop.muster.example".len());
        assert_ne!(of.label(b"laptop"), of.label(b"tablet"));
    }

    #[test]
    fn hardware_addresses_become_local_ones_and_groups_stay() {
        let of = pseudonyms(&[], &[]);
        let mac = of.mac([0x00, 0x1b, 0x21, 1, 2, 3]);
        assert_eq!((mac[0], of.mac([0x00, 0x1b, 0x21, 1, 2, 3])), (2, mac));
        assert_eq!(of.mac([0xff; 6]), [0xff; 6]);
        assert_eq!(of.mac([0x33, 0x33, 0xff, 7, 8, 9]), [0x33, 0x33, 0xff, 0, 0, 0]);
    }

    #[test]
    fn a_key_file_is_made_once_and_used_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let (first, second) = (PseudonymKey::in_file(&path).unwrap(), PseudonymKey::in_file(&path).unwrap());
        let other = PseudonymKey::generate().unwrap();
        let turned = |key: &PseudonymKey| key.turned(0xc0a8_0101, 16, 32);
        assert_eq!(turned(&first), turned(&second));
        // Alike by chance once in 65 536.
        assert!((0..8).any(|n| first.turned(n << 9, 0, 32) != other.turned(n << 9, 0, 32)));
        fs::write(&path, b"short").unwrap();
        assert!(PseudonymKey::in_file(&path).unwrap_err().to_string().contains("32 bytes"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

        #[test]
        fn prefixes_are_preserved_exactly(a in any::<[u8; 2]>(), b in any::<[u8; 2]>(), c in any::<u64>(), d in any::<u64>()) {
            let mut of = pseudonyms(&["2001:db8:178::23"], &[]);
            for (x, y) in [
                (IpAddr::from([192, 168, a[0], a[1]]), IpAddr::from([192, 168, b[0], b[1]])),
                (IpAddr::from([10, 0, a[0], a[1]]), IpAddr::from([10, 0, b[0], b[1]])),
                (
                    IpAddr::from(Ipv6Addr::from_bits(0x2001_0db8_0178_0000 << 64 | u128::from(c))),
                    IpAddr::from(Ipv6Addr::from_bits(0x2001_0db8_0178_0000 << 64 | u128::from(d))),
                ),
            ] {
                let (p, q) = (of.address(x), of.address(y));
                prop_assert_eq!(shared(p, q), shared(x, y), "{} {} → {} {}", x, y, p, q);
            }
        }
    }
}
