//! The ladder on the files that are compiled in and on test databases; broken files.

use super::*;
use std::sync::OnceLock;

fn atlas() -> &'static Atlas {
    static ATLAS: OnceLock<Atlas> = OnceLock::new();
    ATLAS.get_or_init(|| Atlas::embedded().unwrap())
}

fn place(text: &str) -> Place {
    atlas().place(text.parse().unwrap())
}

fn located(place: &Place) -> Option<(&str, Confidence)> {
    place.located_in.as_ref().map(|claim| (claim.value.as_str(), claim.confidence))
}

fn fixture(name: &str) -> (String, Vec<u8>) {
    let path = format!("{}/geoip/testdata/{name}", env!("CARGO_MANIFEST_DIR"));
    (name.rsplit('/').next().unwrap().to_owned(), std::fs::read(path).unwrap())
}

fn with(names: &[&str]) -> Atlas {
    Atlas::with_user_files(names.iter().map(|name| fixture(name)).collect()).unwrap()
}

#[test]
fn the_ladder_on_known_addresses() {
    use Confidence::{High, Low, Medium};
    for (address, expected, why) in [
        // The provider's range file stands above the country database.
        ("3.64.10.1", Some(("DE", High)), None),
        ("34.240.10.1", Some(("IE", High)), None),
        ("2a05:d014:1::1", Some(("DE", High)), None),
        ("52.94.76.10", Some(("US", High)), None),
        // A country database alone.
        ("88.198.0.1", Some(("DE", Medium)), None),
        ("5.161.10.1", Some(("US", Medium)), None),
        ("20.52.64.1", Some(("DE", High)), None),
        ("34.107.1.1", Some(("DE", High)), None),
        ("130.61.10.1", Some(("DE", High)), None),
        // Relays of Teams': Microsoft names the region, for today. Another region of Azure stays where it is.
        ("52.112.1.5", Some(("IE", Low)), Some("spread over many countries, may stand elsewhere")),
        ("52.120.1.1", Some(("US", Low)), Some("spread over many countries, may stand elsewhere")),
        ("2603:1063::1", Some(("KR", Low)), Some("spread over many countries, may stand elsewhere")),
        ("2603:1020:200::1", Some(("NL", High)), None),
        // A cloud whose list is silent about it.
        ("213.199.169.5", Some(("CN", Low)), Some("a cloud whose list of regions does not name it")),
        // Younger than the list that tells zones from their region: the region's country, less surely, and doubtful where a
        // database says otherwise.
        ("15.129.31.1", Some(("IE", Medium)), None),
        ("2a05:d06b:b000::1", Some(("DE", Low)), Some("sources disagree: DE, TR")),
        // A younger database knows that this range of Frankfurt's has moved to a zone in Istanbul.
        ("83.119.128.1", Some(("DE", Low)), Some("sources disagree: DE, TR")),
        ("2003:40::1", Some(("DE", Medium)), None),
        // Registration defaults: whatever the database says counts little.
        ("206.247.10.1", Some(("US", Low)), Some("spread over many countries, may stand elsewhere")),
        ("170.114.10.1", Some(("US", Low)), Some("spread over many countries, may stand elsewhere")),
        ("62.109.192.10", Some(("NL", Low)), Some("registered there, may stand elsewhere")),
        ("74.125.250.10", Some(("US", Low)), Some("spread over many countries, may stand elsewhere")),
        ("2.16.10.1", Some(("DE", Low)), Some("registered there, may stand elsewhere")),
        // No place at all.
        ("104.16.10.1", None, Some("anycast")),
        ("1.1.1.1", None, Some("anycast")),
        ("8.8.8.8", None, Some("anycast")),
        ("9.9.9.9", None, Some("anycast")),
        ("151.101.1.1", None, Some("anycast")),
        ("13.107.64.10", None, Some("anycast")),
        ("2606:4700::6810:a01", None, Some("anycast")),
        ("142.250.185.78", None, Some("one prefix, many sites")),
        ("2a00:1450:4001:80e::200e", None, Some("one prefix, many sites")),
        ("13.224.10.1", None, Some("one prefix, many sites")),
        ("75.2.60.5", None, Some("anycast")),
    ] {
        let place = place(address);
        assert_eq!(located(&place), expected, "{address} {place:?}");
        assert_eq!(place.indeterminate.as_deref(), why, "{address}");
    }
}

#[test]
fn votes_and_holders_stay_beside_the_answer() {
    let place = place("3.64.10.1");
    let cloud = place.cloud.as_ref().unwrap();
    assert_eq!((&*cloud.provider, &*cloud.region), ("aws", "eu-central-1"));
    assert_eq!(place.located_in.as_ref().unwrap().source.to_string(), "Cloud region list of 2026-10-26");
    let network = place.network.as_ref().unwrap();
    assert_eq!((network.asn, network.country.unwrap().as_str()), (16_509, "US"));
    let said: Vec<_> = place.votes.iter().map(|v| (v.country.as_str(), &*v.source.name)).collect();
    assert_eq!(said, [("DE", "Cloud region list"), ("DE", "DB-IP Country Lite")]);
    let around = |v: &Vote| matches!(v.basis, VoteBasis::Prefix(p) if p.contains("3.64.10.1".parse().unwrap()));
    assert!(place.votes.iter().all(around));

    let anycast = self::place("104.16.10.1");
    assert!(!anycast.votes.is_empty(), "the votes are kept although they do not count");
    let caveat = anycast.caveat.unwrap();
    assert_eq!((&*caveat.holder, caveat.unverified), ("Cloudflare", false));
    assert!(caveat.source.sha256.len() == 64 && !caveat.why.is_empty());
}

#[test]
fn addresses_that_are_not_public_have_no_place() {
    for address in [
        "10.1.2.3",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.1.1",
        "127.0.0.1",
        "224.0.0.251",
        "255.255.255.255",
        "198.51.100.7",
        "240.0.0.1",
        "0.0.0.0",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "ff02::fb",
        "2001:db8::1",
        "::ffff:192.168.0.1",
        "64:ff9b::10.0.0.1",
    ] {
        assert_eq!(place(address), Place::default(), "{address}");
    }
}

#[test]
fn mapped_and_translated_addresses_are_their_ipv4_address() {
    for address in ["::ffff:3.64.10.1", "64:ff9b::3.64.10.1"] {
        assert_eq!(place(address), place("3.64.10.1"), "{address}");
    }
}

#[test]
fn the_constants_match_the_files() {
    for file in &EMBEDDED {
        assert_eq!(&*sha256(file.bytes), file.sha256, "{}", file.name);
        let database = Database::compiled_in(file).unwrap();
        let epoch = Timestamp::from_secs(database.reader.metadata().build_epoch);
        assert_eq!(epoch.day().to_string(), &*database.source.date);
        assert_eq!(Schema::probe(&database.reader), Some(database.schema), "{}", database.source.name);
    }
}

#[test]
fn schemas_are_told_by_their_fields() {
    for (file, fields) in [
        ("GeoLite2-Country-Test.mmdb", vec![("country", "country.iso_code")]),
        ("GeoLite2-City-Test.mmdb", vec![("country", "country.iso_code")]),
        (
            "GeoLite2-ASN-Test.mmdb",
            vec![("asn", "autonomous_system_number"), ("as_name", "autonomous_system_organization")],
        ),
        (
            "GeoIP2-ISP-Test.mmdb",
            vec![("asn", "autonomous_system_number"), ("as_name", "autonomous_system_organization")],
        ),
        ("made/ipinfo-lite.mmdb", vec![("country", "country_code"), ("asn", "asn"), ("as_name", "as_name")]),
        ("made/ipinfo-country-asn.mmdb", vec![("country", "country"), ("asn", "asn"), ("as_name", "as_name")]),
        ("made/iplocate-asn.mmdb", vec![("asn", "asn"), ("as_name", "org"), ("as_country", "country_code")]),
        ("made/flat-v4-only.mmdb", vec![("country", "country_code")]),
    ] {
        let atlas = with(&[file]);
        let info = atlas.databases().into_iter().next().unwrap();
        assert_eq!(info.fields, fields, "{file}");
        assert!(!info.embedded && info.source.sha256.len() == 64);
    }
}

#[test]
fn the_users_databases_are_asked_first() {
    let atlas = with(&["GeoLite2-Country-Test.mmdb", "GeoLite2-ASN-Test.mmdb"]);
    let place = atlas.place("89.160.20.112".parse().unwrap());
    assert_eq!(
        place.votes.first().map(|v| (v.country.as_str(), &*v.source.name)),
        Some(("SE", "GeoLite2-Country-Test.mmdb"))
    );
    let network = atlas.place("1.128.0.1".parse().unwrap()).network.unwrap();
    assert_eq!((network.asn, &*network.source.name), (1221, "GeoLite2-ASN-Test.mmdb"));
    let names: Vec<_> = atlas.sources().iter().map(|s| s.name.clone()).collect();
    assert_eq!(names.len(), 6, "{names:?}");

    let ipinfo = with(&["made/ipinfo-lite.mmdb"]);
    let place = ipinfo.place("89.160.20.112".parse().unwrap());
    let network = place.network.unwrap();
    assert_eq!((network.asn, &*network.name, network.country), (29_518, "Bredband2 AB", None));
}

#[test]
fn databases_that_disagree_leave_a_weak_answer_and_say_so() {
    // Two networks that the databases place differently.
    let atlas = with(&["made/ipinfo-lite.mmdb"]);
    let place = atlas.place("88.198.0.1".parse().unwrap());
    assert_eq!(located(&place), Some(("FI", Confidence::Low)));
    assert_eq!(place.indeterminate.as_deref(), Some("sources disagree: FI, DE"));
    // A cloud's own range list is not outvoted by country databases; but a younger one makes it doubtful.
    let place = atlas.place("3.64.10.1".parse().unwrap());
    assert_eq!(located(&place), Some(("DE", Confidence::Low)));
    assert_eq!(place.indeterminate.as_deref(), Some("sources disagree: DE, US"));
}

#[test]
fn the_users_cloud_ranges_override_by_the_narrower_prefix() {
    let atlas = with(&["made/cloud-user.mmdb"]);
    // 3.64.10.0/24 there, 3.64.0.0/12 in the list that is compiled in.
    let place = atlas.place("3.64.10.1".parse().unwrap());
    assert_eq!(place.cloud.map(|c| c.region).as_deref(), Some("test-region-1"));
    assert_eq!(place.located_in.map(|c| c.value.to_string()).as_deref(), Some("AT"));
    // 3.0.0.0/8 there is wider, so the narrower range counts.
    let place = atlas.place("3.65.0.1".parse().unwrap());
    assert_eq!(place.cloud.map(|c| c.region).as_deref(), Some("eu-central-1"));
    // No country for this region: unknown, although DB-IP has an opinion.
    let place = atlas.place("88.198.0.1".parse().unwrap());
    assert_eq!(located(&place), None);
    assert_eq!(place.indeterminate.as_deref(), Some("cloud region nowhere-1 names no country"));
    assert_eq!(place.votes.len(), 1);
}

#[test]
fn a_database_for_ipv4_alone_knows_no_ipv6_address() {
    let atlas = with(&["made/flat-v4-only.mmdb"]);
    assert_eq!(atlas.databases().first().map(|d| d.ip_version), Some(4));
    let v4 = atlas.place("88.198.0.1".parse().unwrap());
    assert_eq!(v4.votes.len(), 2);
    let v6 = atlas.place("2003:40::1".parse().unwrap());
    assert_eq!(located(&v6), Some(("DE", Confidence::Medium)));
    assert_eq!(v6.votes.len(), 1);
}

#[test]
fn broken_databases_are_refused_or_know_nothing_and_never_panic() {
    let folder = format!("{}/geoip/testdata", env!("CARGO_MANIFEST_DIR"));
    let folders = ["bad-data/libmaxminddb", "bad-data/maxminddb-golang", "bad-data/maxminddb-python", "."];
    let mut files = 0;
    for path in folders.iter().flat_map(|f| std::fs::read_dir(format!("{folder}/{f}")).unwrap()) {
        let path = path.unwrap().path();
        if path.extension().is_none_or(|e| e != "mmdb") {
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).unwrap();
        for cut in [bytes.len(), bytes.len() / 2, bytes.len() * 3 / 4] {
            match Atlas::with_user_files(vec![("x.mmdb".into(), bytes[..cut].to_vec())]) {
                Ok(atlas) => {
                    for address in ["1.1.1.1", "88.198.0.1", "1.2.3.4", "255.0.0.1", "2003:40::1", "::1.2.3.4"] {
                        let _ = atlas.place(address.parse().unwrap());
                    }
                }
                Err(error) => assert!(error.to_string().contains("x.mmdb") && !error.to_string().contains('\n')),
            }
        }
    }
    assert!(files > 25, "{files}");
}

#[test]
fn faults_name_file_place_and_cure() {
    let refused = |name: &str, text: &str| {
        Atlas::with_user_files(vec![(name.into(), text.as_bytes().to_vec())]).map(|_| ()).unwrap_err().to_string()
    };
    let row = "as_of = \"2026-01-01\"\n[[network]]\nholder = \"X\"\nkind = \"anycast\"\nwhy = \"y\"\nsource = \"z\"\n\
               as_of = \"2026-01-01\"\nconfidence = \"verified\"\n";
    assert!(Atlas::with_user_files(vec![("anycast.toml".into(), row.into())]).is_ok());
    for (name, text, expected) in [
        ("a.mmdb", String::new(), "cannot open database a.mmdb: "),
        ("anycast.toml", format!("{row}colour = 1\n"), "table anycast.toml, line 9: unknown field `colour`"),
        ("anycast.toml", row.replace("anycast", "everywhere"), "line 4: unknown variant `everywhere`"),
        ("anycast.toml", format!("{row}prefixes = [\"10.0.0.1/8\"]"), "line 9: `10.0.0.1/8` is no address prefix"),
        (
            "anycast.toml",
            row.replace("source = \"z\"", "source = \" \""),
            "network `X`: `source` is empty; every statement",
        ),
        ("anycast.toml", format!("{row}asns = [1, 1]"), "network `X`: AS1 stands in two rows; take it out of one"),
        (
            "anycast.toml",
            row.replace("2026-01-01\"\nconf", "soon\"\nconf"),
            "as_of `soon` is no day; write it as YYYY-MM-DD",
        ),
        ("anycast.toml", format!("{row}services = [\"GLOBAL\"]"), "write it as provider:SERVICE"),
    ] {
        let said = refused(name, &text);
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains('\n'), "{said}");
    }
}

#[test]
fn files_that_are_no_databases_are_left_alone() {
    let atlas = Atlas::with_user_files(vec![("README.md".into(), b"text".to_vec())]).unwrap();
    assert_eq!(atlas.sources(), self::atlas().sources());
}

/// An atlas with lists that a user imported: `(kind, day, text)`.
fn importing(lists: &[(RangesKind, &str, &str)]) -> Atlas {
    let day = |text| crate::wire::Day::parse(text).unwrap();
    let files = lists.iter().enumerate().map(|(n, (kind, dated, text))| {
        let file = crate::attribution::RangesFile { name: "list", changed: day(dated), imported: day("2026-11-27") };
        (format!("{n}.ranges"), Ranges::import(*kind, file, text.as_bytes()).unwrap().to_text().into_bytes())
    });
    Atlas::with_user_files(files.collect()).unwrap()
}

#[test]
fn an_imported_list_places_its_cloud_and_silences_the_older_one() {
    let azure = r#"{"values": [{"name": "AzureCloud.germanywc", "properties": {"region": "germanywc", "addressPrefixes": ["20.52.64.0/18"]}},
        {"name": "AzureCloud", "properties": {"region": "", "addressPrefixes": ["20.52.0.0/24"]}}]}"#;
    let aws = |day: &str, group: &str| {
        format!(
            r#"{{"createDate": "{day}-00-00-00", "prefixes": [{{"ip_prefix": "83.119.128.0/18", "region": "eu-central-1",
            "network_border_group": "{group}", "service": "EC2"}}]}}"#
        )
    };
    let (new, old) = (aws("2026-11-20", "eu-central-1-ist-1"), aws("2020-01-01", "eu-west-1"));
    let atlas = importing(&[
        (RangesKind::Azure, "2026-11-17", azure),
        (RangesKind::Aws, "2026-11-17", &new),
        (
            RangesKind::Geofeed,
            "2026-11-17",
            "88.198.0.0/24,FI,,,\n5.161.10.0/24,US,,,\n206.247.10.0/24,NL,,,\n206.247.11.0/24,US,,,\n",
        ),
    ]);
    let told = |atlas: &Atlas, address: &str| {
        let place = atlas.place(address.parse().unwrap());
        let located = located(&place).map(|(country, confidence)| format!("{country} {}", confidence.token()));
        (located.unwrap_or_default(), place.indeterminate.unwrap_or_default().to_string())
    };
    let told = |address| told(&atlas, address);
    assert_eq!(told("20.52.64.1"), ("DE high".into(), String::new()));
    // Azure's tag of the whole cloud is no word on a place.
    assert_eq!(told("20.52.0.1"), ("DE low".into(), "a cloud whose list of regions does not name it".into()));
    assert_eq!(told("83.119.128.1"), ("TR high".into(), String::new()));
    // Amazon's new list does not have this prefix any more: what the old one said does not count.
    assert_eq!(told("3.64.10.1"), ("DE low".into(), "a cloud whose list of regions does not name it".into()));
    // An operator's own word is a vote, and no default of a database; where both differ, neither is sure.
    assert_eq!(told("88.198.0.1"), ("FI low".into(), "sources disagree: FI, DE".into()));
    assert_eq!(told("5.161.10.1"), ("US medium".into(), String::new()));
    assert_eq!(told("206.247.10.1"), ("NL low".into(), "sources disagree: NL, US".into()));
    // Where addresses move between countries, agreement of today is not sure either.
    assert_eq!(told("206.247.11.1"), ("US low".into(), "spread over many countries, may stand elsewhere".into()));
    assert_eq!(atlas.ranges().len(), 3);
    assert!(
        atlas.sources().iter().any(|s| &*s.name == "Azure service tags (list)" && s.date.starts_with("2026-11-17"))
    );
    // An import that is older than what is compiled in changes nothing.
    let stale = importing(&[(RangesKind::Aws, "2026-11-17", &old)]);
    assert_eq!(located(&stale.place("3.64.10.1".parse().unwrap())), Some(("DE", Confidence::High)));
}
