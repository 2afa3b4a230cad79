//! Which fields a MaxMind DB has. Databases are told by what their records hold: the type they declare is free text.

use maxminddb::{LookupResult, PathElement, Reader};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One field, by its path in the record.
pub(super) type Path = &'static [PathElement<'static>];

/// A field name for people, and its path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    /// `country.iso_code`.
    pub(super) name: &'static str,
    path: Path,
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

macro_rules! field {
    ($name:literal, $($key:literal),+) => {
        Field { name: $name, path: &[$(PathElement::Key($key)),+] }
    };
}

/// Location, best first. `registered_country` is left out on purpose: it is where the holder is registered. A flat
/// `country` counts only with two letters: newer IPinfo files keep the full name there.
const COUNTRY: [Field; 3] = [
    field!("country.iso_code", "country", "iso_code"),
    field!("country_code", "country_code"),
    field!("country", "country"),
];
const ASN: [Field; 2] = [field!("autonomous_system_number", "autonomous_system_number"), field!("asn", "asn")];
const AS_NAME: [Field; 4] = [
    field!("autonomous_system_organization", "autonomous_system_organization"),
    field!("as_name", "as_name"),
    field!("org", "org"),
    field!("name", "name"),
];
const AS_COUNTRY: Field = field!("as_country", "as_country");
const REGION: Field = field!("region", "region");
const PROVIDER: Field = field!("provider", "provider");
const CONTINENT: [Field; 4] = [
    field!("continent.code", "continent", "code"),
    field!("continent_code", "continent_code"),
    field!("continent_name", "continent_name"),
    field!("continent", "continent"),
];

/// Records looked at before a database is judged. The first ones of real files are enough; test files have fewer.
const PROBE_RECORDS: usize = 64;
/// Look-ups in each address family until those records have been found; empty stretches are stepped over whole.
const PROBE_STEPS: usize = 8192;

/// The fields that a database fills, by role. A database may play several roles.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Schema {
    pub(super) country: Option<Field>,
    pub(super) asn: Option<Field>,
    pub(super) as_name: Option<Field>,
    pub(super) as_country: Option<Field>,
    /// `provider`, `region`, and perhaps `country_code` and `services`.
    pub(super) cloud: bool,
}

impl Schema {
    /// The schemas of the files that are compiled in; a test holds them against [`Schema::probe`].
    pub(super) const FLAT_COUNTRY: Self = Self { country: Some(COUNTRY[1]), ..Self::NONE };
    pub(super) const OWN_ASN: Self =
        Self { asn: Some(ASN[0]), as_name: Some(AS_NAME[0]), as_country: Some(AS_COUNTRY), ..Self::NONE };
    pub(super) const CLOUD: Self = Self { cloud: true, ..Self::NONE };
    const NONE: Self = Self { country: None, asn: None, as_name: None, as_country: None, cloud: false };

    /// Looks at some records. `None` if no field is known.
    pub(super) fn probe<S: AsRef<[u8]>>(reader: &Reader<S>) -> Option<Self> {
        let mut seen = Seen::default();
        walk(reader, IpAddr::V4(Ipv4Addr::UNSPECIFIED), &mut seen);
        if seen.records < PROBE_RECORDS {
            walk(reader, IpAddr::V6(Ipv6Addr::UNSPECIFIED), &mut seen);
        }
        let mut schema = Self {
            country: first(&COUNTRY, seen.country),
            asn: first(&ASN, seen.asn),
            as_name: first(&AS_NAME, seen.as_name),
            as_country: seen.as_country.then_some(AS_COUNTRY),
            cloud: seen.cloud,
        };
        if schema.cloud {
            // The country there is the region's: it is asked for together with the region.
            return Some(Self::CLOUD);
        }
        if schema.asn.is_none() {
            (schema.as_name, schema.as_country) = (None, None);
        } else if !seen.continent && schema.country.is_some_and(|field| field != COUNTRY[0]) {
            // An AS list (IPLocate and others) keeps the holder's country in the same flat field in which location
            // databases keep theirs; only the latter name a continent too.
            schema.as_country = schema.as_country.or(schema.country);
            schema.country = None;
        }
        (schema.country.is_some() || schema.asn.is_some()).then_some(schema)
    }
}

#[derive(Default)]
struct Seen {
    records: usize,
    country: [bool; COUNTRY.len()],
    asn: [bool; ASN.len()],
    as_name: [bool; AS_NAME.len()],
    as_country: bool,
    continent: bool,
    cloud: bool,
}

impl Seen {
    fn record<S: AsRef<[u8]>>(&mut self, found: &LookupResult<'_, S>) {
        self.records += 1;
        for (seen, field) in self.country.iter_mut().zip(COUNTRY) {
            *seen |= text(found, field).is_some_and(|t| t.len() == 2);
        }
        for (seen, field) in self.asn.iter_mut().zip(ASN) {
            *seen |= number(found, field).is_some();
        }
        for (seen, field) in self.as_name.iter_mut().zip(AS_NAME) {
            *seen |= text(found, field).is_some();
        }
        self.as_country |= text(found, AS_COUNTRY).is_some();
        self.continent |= CONTINENT.iter().any(|&field| text(found, field).is_some());
        self.cloud |= text(found, REGION).is_some() && text(found, PROVIDER).is_some();
    }
}

fn first(fields: &[Field], seen: impl IntoIterator<Item = bool>) -> Option<Field> {
    fields.iter().zip(seen).find(|(_, seen)| *seen).map(|(field, _)| *field)
}

/// Goes through the records of one address family in order, a whole network at each step.
fn walk<S: AsRef<[u8]>>(reader: &Reader<S>, from: IpAddr, seen: &mut Seen) {
    let mut at = from;
    for _ in 0..PROBE_STEPS {
        let Ok(found) = reader.lookup(at) else { return };
        if found.has_data() {
            seen.record(&found);
            if seen.records >= PROBE_RECORDS {
                return;
            }
        }
        // A database without an IPv4 part answers with an IPv6 network here.
        let Some(next) = found.network().ok().and_then(|network| after(at, network.prefix())) else { return };
        at = next;
    }
}

/// The first address behind the prefix of `len` bits around `address`.
fn after(address: IpAddr, len: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let size = 1u32.checked_shl(32u32.checked_sub(len.into())?)?;
            Some(Ipv4Addr::from_bits((v4.to_bits() & !(size - 1)).checked_add(size)?).into())
        }
        IpAddr::V6(v6) => {
            let size = 1u128.checked_shl(128u32.checked_sub(len.into())?)?;
            Some(Ipv6Addr::from_bits((v6.to_bits() & !(size - 1)).checked_add(size)?).into())
        }
    }
}

/// A text field that is there and not empty. A field of another type is no such field.
pub(super) fn text<'a, S: AsRef<[u8]>>(found: &LookupResult<'a, S>, field: Field) -> Option<&'a str> {
    found.decode_path::<&str>(field.path).ok().flatten().filter(|text| !text.is_empty())
}

/// An AS number, as a number or as text `AS174`.
pub(super) fn number<S: AsRef<[u8]>>(found: &LookupResult<'_, S>, field: Field) -> Option<u32> {
    found.decode_path::<AsNumber>(field.path).ok().flatten().map(|AsNumber(n)| n)
}

struct AsNumber(u32);

impl<'de> Deserialize<'de> for AsNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reading;
        impl Visitor<'_> for Reading {
            type Value = AsNumber;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an AS number")
            }
            fn visit_u64<E: de::Error>(self, n: u64) -> Result<AsNumber, E> {
                u32::try_from(n).map(AsNumber).map_err(E::custom)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<AsNumber, E> {
                let digits = text.strip_prefix("AS").unwrap_or(text);
                digits.parse().map(AsNumber).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Reading)
    }
}
