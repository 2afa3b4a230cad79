//! Small files in the publishers' forms, and what is wrong with some.

use super::*;

const AWS: &str = r#"{"syncToken": "1761894521", "createDate": "2025-10-31-07-08-41", "prefixes": [
  {"ip_prefix": "3.64.0.0/12", "region": "eu-central-1", "service": "AMAZON", "network_border_group": "eu-central-1"},
  {"ip_prefix": "3.64.0.0/12", "region": "eu-central-1", "service": "EC2", "network_border_group": "eu-central-1"},
  {"ip_prefix": "83.119.128.0/18", "region": "eu-central-1", "service": "EC2", "network_border_group": "eu-central-1-ist-1"},
  {"ip_prefix": "3.64.9.0/24", "region": "eu-central-1", "service": "EC2", "network_border_group": "eu-central-1-zzz-1"},
  {"ip_prefix": "52.93.0.0/24", "region": "GLOBAL", "service": "AMAZON", "network_border_group": "GLOBAL"},
  {"ip_prefix": "1.2.3.4/8", "region": "us-east-1", "service": "AMAZON", "network_border_group": "us-east-1"}],
 "ipv6_prefixes": [
  {"ipv6_prefix": "2a05:d014::/35", "region": "eu-central-1", "service": "EC2", "network_border_group": "eu-central-1"}]}"#;
const AZURE: &str = r#"{"changeNumber": 376, "cloud": "Public", "values": [
  {"name": "AzureCloud.westeurope", "id": "AzureCloud.westeurope", "properties": {"changeNumber": 1, "region": "westeurope",
   "platform": "Azure", "systemService": "", "addressPrefixes": ["20.50.0.0/18", "2603:1020:200::/46"]}},
  {"name": "Storage.WestEurope", "id": "x", "properties": {"region": "westeurope", "addressPrefixes": ["20.60.0.0/24"]}},
  {"name": "AzureCloud", "id": "AzureCloud", "properties": {"region": "", "addressPrefixes": ["20.50.0.0/18", "13.73.0.0/19"]}},
  {"name": "AzureCloud.australiacentral2", "id": "y", "properties": {"region": "australiacentral2",
   "addressPrefixes": ["40.90.31.96/27"]}}]}"#;
const GCP: &str = r#"{"syncToken": "1", "creationTime": "2025-07-24T16:04:12.123456", "prefixes": [
  {"ipv4Prefix": "34.107.0.0/17", "service": "Google Cloud", "scope": "europe-west3"},
  {"ipv6Prefix": "2600:1900:40a0::/44", "service": "Google Cloud", "scope": "europe-west3"},
  {"ipv4Prefix": "34.96.0.0/20", "service": "Google Cloud", "scope": "global"}]}"#;
const OCI: &str = r#"{"last_updated_timestamp": "2025-07-21T19:45:26.431326", "regions": [
  {"region": "eu-frankfurt-1", "cidrs": [{"cidr": "130.61.0.0/17", "tags": ["OCI"]}]},
  {"region": "us-phoenix-1", "cidrs": [{"cidr": "129.146.0.0/21", "tags": ["OCI", "OSN"]}]}]}"#;
const GEOFEED: &str = "# prefix,country,region,city,postal\r\n203.0.112.0/24,DE,DE-HE,Frankfurt,\r\n\
  2001:db9::/32,\"NL\",,,\r\n198.51.99.0/24,,,,\r\n198.51.98.0/24,ZZ,,,\r\nonly one cell\r\n203.0.113.1/24,DE,,,\r\n";

fn day(text: &str) -> Day {
    Day::parse(text).unwrap()
}

fn import(kind: RangesKind, text: &str) -> Ranges {
    let name = if kind == RangesKind::Azure { "ServiceTags_Public_20251117.json" } else { "list.json" };
    let file = RangesFile { name, changed: day("2026-02-03"), imported: day("2026-11-27") };
    Ranges::import(kind, file, text.as_bytes()).unwrap()
}

/// `country region services` of an address.
fn said(ranges: &Ranges, address: &str) -> String {
    ranges.get(address.parse().unwrap()).map_or("nothing".to_owned(), |(prefix, said)| {
        let country = said.country.map_or("-".to_owned(), |c| c.to_string());
        format!("{prefix} {country} {} {}", said.region, said.services)
    })
}

#[test]
fn every_publisher_is_understood_and_the_plain_form_says_the_same() {
    use RangesKind::{Aws, Azure, Gcp, Geofeed, Oci};
    for (kind, text, date, [v4, v6, without_country, refused], addresses) in [
        (
            Aws,
            AWS,
            "2025-10-31",
            [4, 1, 2, 1],
            &[
                ("3.64.10.1", "3.64.0.0/12 DE eu-central-1 EC2"),
                ("83.119.130.1", "83.119.128.0/18 TR eu-central-1-ist-1 EC2"),
                ("3.64.9.7", "3.64.9.0/24 - eu-central-1-zzz-1 EC2"),
                ("52.93.0.1", "52.93.0.0/24 - GLOBAL AMAZON"),
                ("2a05:d014:1::1", "2a05:d014::/35 DE eu-central-1 EC2"),
                ("1.2.3.4", "nothing"),
            ][..],
        ),
        (
            Azure,
            AZURE,
            "2025-11-17",
            [2, 1, 0, 0],
            &[
                ("20.50.2.1", "20.50.0.0/18 NL westeurope "),
                ("13.73.1.1", "nothing"),
                ("40.90.31.100", "40.90.31.96/27 AU australiacentral2 "),
                ("20.60.0.1", "nothing"),
            ],
        ),
        (
            Gcp,
            GCP,
            "2025-07-24",
            [2, 1, 1, 0],
            &[("34.107.1.1", "34.107.0.0/17 DE europe-west3 "), ("34.96.0.1", "34.96.0.0/20 - global ")],
        ),
        (
            Oci,
            OCI,
            "2025-07-21",
            [2, 0, 0, 0],
            &[
                ("130.61.10.1", "130.61.0.0/17 DE eu-frankfurt-1 OCI"),
                ("129.146.0.1", "129.146.0.0/21 US us-phoenix-1 OCI,OSN"),
            ],
        ),
        (
            Geofeed,
            GEOFEED,
            "2026-02-03",
            [3, 1, 2, 2],
            &[
                ("203.0.112.9", "203.0.112.0/24 DE  "),
                ("2001:db9::1", "2001:db9::/32 NL  "),
                ("198.51.99.1", "198.51.99.0/24 -  "),
            ],
        ),
    ] {
        let imported = import(kind, text);
        assert_eq!(imported.counts, RangeCounts { v4, v6, without_country, refused }, "{kind:?}");
        assert_eq!(&*imported.source.date, date, "{kind:?}");
        assert_eq!(imported.source.sha256, sha256(text.as_bytes()));
        let plain = imported.to_text();
        let again = Ranges::parse("x.ranges", plain.as_bytes()).unwrap();
        assert_eq!((again.kind, &*again.source, again.counts), (kind, &*imported.source, imported.counts));
        assert_eq!(&*again.imported, "2026-11-27");
        assert_eq!(again.to_text(), plain);
        for (address, want) in addresses {
            assert_eq!((said(&imported, address), said(&again, address)), ((*want).to_owned(), (*want).to_owned()));
        }
    }
}

#[test]
fn files_of_another_kind_are_refused_with_one_line() {
    let file = RangesFile { name: "evil\u{1b}[2J\nname", changed: day("2026-02-03"), imported: day("2026-11-27") };
    let all = [AWS, AZURE, GCP, OCI, GEOFEED, "", "{}", "[]", "null", "{\"prefixes\": 7}", "\u{feff}{}"];
    for kind in RangesKind::ALL {
        let mut understood = 0;
        for text in all {
            match Ranges::import(kind, file, text.as_bytes()) {
                Ok(ranges) => {
                    understood += 1;
                    assert!(!ranges.to_text().contains('\u{1b}') && !ranges.source.name.contains('\n'));
                }
                Err(error) => {
                    let error = error.to_string();
                    assert!(!error.contains(['\n', '\u{1b}']) && error.len() < 400, "{error}");
                }
            }
        }
        assert_eq!(understood, 1, "{kind:?}");
        assert!(Ranges::import(kind, file, &[0xff, 0xfe]).is_err());
        assert!(Ranges::import(kind, file, "[".repeat(100_000).as_bytes()).is_err());
    }
}

#[test]
fn texts_and_rows_are_bounded() {
    let long = "x".repeat(10_000);
    let rows: Vec<_> = [long.as_str(), "a b", "ok-1", "ü", "a\\nb"]
        .iter()
        .enumerate()
        .map(|(n, scope)| format!("{{\"ipv4Prefix\": \"20.0.{n}.0/24\", \"scope\": \"{scope}\"}}"))
        .collect();
    let ranges = import(RangesKind::Gcp, &format!("{{\"prefixes\": [{}]}}", rows.join(",")));
    assert_eq!((ranges.counts.v4, ranges.counts.refused), (1, 4));
    let mut rows = Rows::new(RangesKind::Geofeed);
    for n in 0..MAX_PREFIXES as u32 + 10 {
        rows.take(&Prefix::around(IpAddr::from((n << 8).to_be_bytes()), 24).unwrap().to_string(), "", None, []);
    }
    assert_eq!((rows.found.len(), rows.refused), (MAX_PREFIXES, 10));
}

#[test]
fn a_plain_form_that_was_spoilt_is_refused() {
    let plain = import(RangesKind::Aws, AWS).to_text();
    for (from, to) in [
        (HEADER, "# something else"),
        ("# kind: aws", "# kind: ibm"),
        ("# date: 2025-10-31", "# date: soon"),
        ("# sha256: ", "# sha256: x"),
        ("# refused: 1", "# refused: -1"),
        ("# imported: 2026-11-27\n", ""),
    ] {
        let spoilt = plain.replace(from, to);
        assert_ne!(spoilt, plain, "{from}");
        let error = Ranges::parse("aws.ranges", spoilt.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with("table aws.ranges, ") && error.contains("import"), "{error}");
    }
    let wild = plain.replace("3.64.0.0/12", "3.64.0.0/99");
    assert_eq!(Ranges::parse("aws.ranges", wild.as_bytes()).unwrap().counts.refused, 2);
}
