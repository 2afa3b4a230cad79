//! The table that is compiled in, and what a faulty table is told.

use super::*;
use crate::attribution::{Atlas, registrable};

fn table() -> Organisations {
    Organisations::embedded().unwrap()
}

#[test]
fn names_lead_to_companies_and_their_owners() {
    let table = table();
    for (host, id, parent) in [
        ("us04web.zoom.us", "zoom", None),
        ("o1.ingest.de.sentry.io", "sentry", None),
        ("teams.microsoft.com", "microsoft", None),
        ("api.teams.skype.com", "microsoft", None),
        ("meet.jit.si", "8x8", None),
        ("cdn.segment.com", "segment", Some("Twilio Inc.")),
        ("idbroker-eu.webex.com", "cisco-webex", Some("Cisco Systems, Inc.")),
        ("fonts.googleapis.com", "google", Some("Alphabet Inc.")),
        ("slido-assets-production.s3.eu-west-1.amazonaws.com", "slido", Some("Cisco Systems, Inc.")),
        ("lh3.googleusercontent.com", "google", Some("Alphabet Inc.")),
    ] {
        let (entry, part) = table.by_domain(host).unwrap();
        assert_eq!((&*entry.id, part), (id, Part::Operator), "{host}");
        assert_eq!(entry.company.parent.as_deref(), parent, "{host}");
        assert_eq!(table.operator_of(host).unwrap().value, entry.company);
    }
    for stranger in ["zoominfo.us", "badzoom.us", "zoom.us.example.org", "example.org", "", "us", "192.0.2.1"] {
        assert!(table.operator_of(stranger).is_none(), "{stranger}");
    }
}

#[test]
fn lent_machines_name_the_holder_not_the_operator() {
    let table = table();
    for (host, holder) in [
        ("ec2-3-64-10-1.eu-central-1.compute.amazonaws.com", "amazon-web-services"),
        ("d111.cloudfront.net", "amazon-web-services"),
        ("conference.azurewebsites.net", "microsoft"),
        ("files.blob.core.windows.net", "microsoft"),
        ("e1.akamaiedge.net", "akamai"),
        ("10.1.155.104.bc.googleusercontent.com", "google"),
        ("mine.herokuapp.com", "salesforce"),
    ] {
        let (entry, part) = table.by_domain(host).unwrap();
        assert_eq!((&*entry.id, part), (holder, Part::Host), "{host}");
        assert!(table.operator_of(host).is_none(), "{host}");
    }
}

#[test]
fn addresses_lead_to_the_holder_of_their_network() {
    let (table, atlas) = (table(), Atlas::embedded().unwrap());
    let holder = |address: &str| table.holder_of(&atlas.place(address.parse().unwrap()));
    // Registered in NL, owned in the US: the table overrides the registry.
    let akamai = holder("23.32.10.1").unwrap();
    assert_eq!((&*akamai.value.name, akamai.value.top_seat().unwrap().as_str()), ("Akamai Technologies, Inc.", "US"));
    let aws = holder("3.64.10.1").unwrap();
    assert_eq!((aws.value.parent.as_deref(), aws.confidence), (Some("Amazon.com, Inc."), Confidence::High));
    let hetzner = holder("88.198.0.1").unwrap();
    assert_eq!((hetzner.value.seat.unwrap().as_str(), hetzner.confidence), ("DE", Confidence::Medium));
    // Not in the table: the name the AS table has, and no seat although the registry has a country.
    let place = atlas.place("89.160.20.112".parse().unwrap());
    let network = place.network.clone().unwrap();
    assert!(table.by_asn(network.asn).is_none() && network.country.is_some());
    let claim = table.holder_of(&place).unwrap();
    assert_eq!((&*claim.value.name, claim.value.seat, claim.confidence), (&*network.name, None, Confidence::Low));
    assert!(claim.value.unverified && claim.source == network.source);
    assert!(holder("10.0.0.1").is_none());
    // Amazon's range file knows addresses that nobody announces.
    let mut unrouted = atlas.place("3.64.10.1".parse().unwrap());
    unrouted.network = None;
    assert_eq!(table.holder_of(&unrouted).unwrap().value, aws.value);
}

#[test]
fn every_entry_is_sourced_and_precise() {
    let table = table();
    assert!(table.entries().len() >= 129);
    for entry in table.entries() {
        let kebab = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        assert!(!entry.id.is_empty() && entry.id.bytes().all(kebab), "{}", entry.id);
        assert_eq!(table.by_id(&entry.id), Some(entry));
        if !entry.company.unverified {
            assert!(!entry.read_in.contains("general knowledge"), "{}: verified without a source", entry.id);
        }
        assert!(entry.company.seat.is_some(), "{}", entry.id);
        assert_eq!(entry.company.parent.is_some(), entry.company.parent_seat.is_some(), "{}", entry.id);
        assert_ne!(entry.company.parent.as_deref(), Some(&*entry.company.name), "{}: its own parent", entry.id);
    }
    let text: toml::Table = EMBEDDED.1.parse().unwrap();
    for organisation in text["organisation"].as_array().unwrap() {
        for suffix in ["domains", "hosting"].iter().filter_map(|key| organisation.get(*key)?.as_array()).flatten() {
            let suffix = suffix.as_str().unwrap();
            // A suffix such as `co.uk` would give a whole registry to one company. Private suffixes are its own.
            let whole_registry = psl::suffix(suffix.as_bytes())
                .is_some_and(|s| s.as_bytes() == suffix.as_bytes() && s.typ() != Some(psl::Type::Private));
            assert!(!whole_registry && (registrable(suffix).is_some() || suffix.contains('.')), "{suffix}");
        }
    }
}

#[test]
fn faults_name_file_organisation_and_cure() {
    let row = "as_of = \"2026-01-01\"\n[[organisation]]\nid = \"x\"\nname = \"X\"\nseat = \"DE\"\nkind = \"k\"\n\
               source = \"s\"\nas_of = \"2026-01-01\"\nconfidence = \"unverified\"\n";
    assert!(Organisations::parse("o.toml", row).is_ok());
    let second = row.split_once('\n').unwrap().1;
    for (text, expected) in [
        (format!("{row}color = 1\n"), "table o.toml, line 10: unknown field `color`"),
        (format!("{row}{second}"), "organisation `x`: this id stands twice; give each organisation an id of its own"),
        (row.replace("DE", "Germany"), "organisation `x`: `seat` is `Germany`; write an ISO 3166-1 code such as DE"),
        (row.replace("DE", "EU"), "`seat` is `EU`"),
        (row.replace("DE", "de"), "`seat` is `de`"),
        (format!("{row}parent_seat = \"US\"\n"), "`parent_seat` without `parent`; name the parent or remove its seat"),
        (format!("{row}domains = [\"Zoom.us\"]\n"), "`Zoom.us` is no domain suffix; write lower-case labels"),
        (format!("{row}domains = [\"us\"]\n"), "`us` is no domain suffix"),
        (format!("{row}domains = [\"a.b\"]\nhosting = [\"a.b\"]\n"), "a.b stands in two rows"),
        (
            format!("{row}asns = [1]\n{}asns = [1]\n", second.replace("\"x\"", "\"y\"")),
            "organisation `y`: AS1 stands in two rows",
        ),
        (row.replace("source = \"s\"", "source = \"\""), "`source` is empty"),
        (row.replace("confidence = \"unverified\"\n", ""), "line 2: missing field `confidence`"),
        ("as_of = 5".into(), "line 1: "),
    ] {
        let said = Organisations::parse("o.toml", &text).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains('\n'), "{said}");
    }
}
