use super::*;
use crate::attribution::{Claim, Company, Confidence, CountryCode, NameBasis, Source};
use crate::dissect::fact::{Hidden, NameSource};
use crate::policy::service::Parameters;
use crate::policy::subject::{Blind, Label, Silence, Traffic};
use crate::policy::{Ground, Profile, Twin};
use crate::wire::{Day, FrameNo, Text, Timestamp};
use std::sync::{Arc, OnceLock};

fn book() -> &'static Book {
    static BOOK: OnceLock<Book> = OnceLock::new();
    BOOK.get_or_init(|| Book::embedded().unwrap())
}

fn zoom() -> Profile {
    book().profile("zoom", &Parameters::new()).unwrap()
}

fn source(name: &str) -> Arc<Source> {
    Arc::new(Source { name: name.into(), date: "2026-06-01".into(), sha256: "ab".repeat(32).into() })
}

fn code(text: &str) -> CountryCode {
    CountryCode::parse(text).unwrap()
}

fn at(day: &str) -> Timestamp {
    Timestamp::from_secs(u64::from(Day::parse(day).unwrap().0) * 86_400 + 3600)
}

#[allow(clippy::unnecessary_wraps, reason = "made for the optional fields of a subject")]
fn company(name: &str, seat: &str, parent: Option<(&str, &str)>) -> Option<Claim<Arc<Company>>> {
    let value = Arc::new(Company {
        name: name.into(),
        seat: Some(code(seat)),
        parent: parent.map(|p| p.0.into()),
        parent_seat: parent.map(|p| code(p.1)),
        unverified: false,
    });
    Some(Claim { value, source: source("organisations.toml"), confidence: Confidence::High })
}

/// A public host by that name, placed there, on that day.
fn subject(name: &str, country: &str, day: &str) -> Subject {
    let named = NameBasis::Hello(NameSource::TlsSni);
    Subject {
        names: if name.is_empty() { vec![] } else { vec![(Text::from(name), named)] },
        addresses: vec!["203.0.112.7".parse().unwrap()],
        address_count: 1,
        operator: None,
        holder: None,
        located_in: (!country.is_empty()).then(|| Claim {
            value: code(country),
            source: source("DB-IP Country Lite"),
            confidence: Confidence::Medium,
        }),
        indeterminate: None,
        listing: Listing::Unjudged,
        role: None,
        label: None,
        traffic: Traffic { packets_up: 1234, bytes_up: 56_789, packets_down: 1, bytes_down: 60 },
        first: at(day),
        last: at(day),
        frames: vec![FrameNo(7)],
        flow_count: 1,
        applications: vec!["tls"],
        clear: vec![],
        outer_names: 0,
        tunnels: vec![],
        processes: vec![],
    }
}

fn judged(subject: Subject, profile: Option<&Profile>, lang: Lang) -> Vec<Finding> {
    let circumstances =
        Circumstances { first: subject.first, last: subject.last, frames: 10, ..Circumstances::default() };
    let case = Case::new(book(), profile, lang, &circumstances);
    let mut all = judge_all(&[subject], &circumstances, &case);
    all.retain(|f| f.code != "NEG-00" && f.code != "SUB-05");
    all
}

/// The codes a subject raises, gravest first.
fn codes(subject: Subject, profile: Option<&Profile>) -> Vec<&'static str> {
    judged(subject, profile, Lang::En).iter().map(|f| f.code).collect()
}

#[test]
fn a_place_is_held_against_the_law_of_its_day() {
    for (country, day, expected) in [
        ("US", "2015-10-05", "TRF-02"),
        ("US", "2018-06-01", "TRF-02"),
        ("US", "2020-03-01", "TRF-02"),
        ("US", "2020-08-01", "TRF-02"),
        ("US", "2021-02-18", "TRF-02"),
        ("US", "2023-06-30", "TRF-02"),
        ("US", "2023-08-01", "TRF-02"),
        ("GB", "2020-01-31", ""),
        ("GB", "2020-06-01", "TRF-04"),
        ("GB", "2021-03-01", "TRF-04"),
        ("GB", "2021-07-01", "TRF-04"),
        ("GB", "2026-05-01", "TRF-04"),
        ("BR", "2026-01-25", "TRF-01"),
        ("BR", "2026-01-26", "TRF-03"),
        ("CH", "2020-04-16", "TRF-04"),
        ("JP", "2020-04-16", "TRF-03"),
        ("CA", "2020-04-16", "TRF-03"),
        ("IL", "2020-04-16", "TRF-03"),
        ("IN", "2020-04-16", "TRF-01"),
        ("XK", "2020-04-16", "TRF-01"),
        ("GI", "2020-06-01", "TRF-04"),
        ("GI", "2021-02-01", "TRF-01"),
        ("GP", "2020-04-16", ""),
        ("DE", "2020-04-16", ""),
        ("BL", "2020-04-16", "TRF-13"),
        ("EU", "2020-04-16", "TRF-05"),
        ("", "2020-04-16", "TRF-05"),
    ] {
        let expected: Vec<_> = Some(expected).filter(|e| !e.is_empty()).into_iter().collect();
        assert_eq!(codes(subject("a.example", country, day), None), expected, "{country} on {day}");
    }
}

#[test]
fn the_united_states_are_never_a_plain_yes_or_no() {
    let text = |day: &str, lang| judged(subject("a.example", "US", day), None, lang).remove(0).text.to_string();
    assert_eq!(
        text("2020-04-16", Lang::En),
        "Sent to a.example: 1,234 packets (56.8 kB); received: 1 packet (60 bytes). DB-IP Country Lite of 2026-06-01 places the \
         address 203.0.112.7 in the United States (US). For 2020-04-16 jurisdictions.toml of 2026-11-22 lists: Privacy Shield, \
         Decision (EU) 2016/1250, in force 2016-07-12 to 2020-07-15, for certified organisations only; annulled later by C-311/18 \
         (Schrems II). Whether the recipient was certified has not been checked: a possible transfer, to be assessed legally."
    );
    assert_eq!(
        text("2021-02-18", Lang::De),
        "Gesendet an a.example: 1.234 Pakete (56,8 kB); empfangen: 1 Paket (60 Byte). Standort der Adresse 203.0.112.7 laut DB-IP \
         Country Lite vom 2026-06-01: Vereinigte Staaten (US). Für den 2021-02-18 führt jurisdictions.toml vom 2026-11-22: kein \
         Angemessenheitsbeschluss; Privacy Shield war am 2020-07-16 durch C-311/18 für ungültig erklärt, das Data Privacy Framework \
         noch nicht erlassen. Mögliche Übermittlung, rechtlich zu prüfen."
    );
    assert!(
        text("2023-08-01", Lang::En)
            .contains("Data Privacy Framework, Decision (EU) 2023/1795, in force since 2023-07-10")
    );
}

#[test]
fn only_what_is_outside_is_placed() {
    let us = || subject("a.example", "US", "2021-02-18");
    assert_eq!(codes(Subject { listing: Listing::Local, ..us() }, None), Vec::<&str>::new());
    let private = Subject { addresses: vec!["192.168.1.1".parse().unwrap()], ..us() };
    assert_eq!(codes(private, None), Vec::<&str>::new());
    let background = judged(Subject { listing: Listing::Background, ..us() }, None, Lang::En);
    assert_eq!((background[0].code, background[0].severity), ("TRF-02", Severity::Info));
    // Name resolution has its own code; mixed traffic has not.
    assert_eq!(codes(Subject { applications: vec!["dns"], ..us() }, None), ["ENC-09", "TRF-09"]);
    assert_eq!(codes(Subject { applications: vec!["dns", "tls"], ..us() }, None), ["TRF-02", "ENC-09"]);
}

#[test]
fn doubts_lower_the_confidence_and_are_said() {
    let one = |s: Subject, profile: Option<&Profile>| judged(s, profile, Lang::En).remove(0);
    let us = || subject("a.example", "US", "2021-02-18");
    let plain = one(us(), None);
    assert_eq!(plain.confidence, Confidence::Medium);
    assert!(!plain.uncertainty.contains("anycast"));
    let anycast = one(Subject { indeterminate: Some("anycast".into()), ..us() }, None);
    assert_eq!((anycast.code, anycast.confidence), ("TRF-02", Confidence::Low));
    assert!(anycast.uncertainty.contains("anycast, the same address is served from many places"));
    // An EEA answer for an anycast address is no all-clear.
    let eea = Subject { indeterminate: Some("anycast".into()), ..subject("a.example", "DE", "2021-02-18") };
    assert_eq!(codes(eea, None), ["TRF-05"]);
    let profile = zoom();
    let own = Subject { addresses: vec!["170.114.10.1".parse().unwrap()], listing: Listing::Service, ..us() };
    let own = one(own, Some(&profile));
    assert_eq!(own.confidence, Confidence::Low);
    assert!(own.uncertainty.contains("seat"), "{}", own.uncertainty);
    let changed = one(Subject { first: at("2020-07-15"), last: at("2020-07-17"), ..us() }, None);
    assert!(changed.text.contains("Privacy Shield, Decision") && changed.uncertainty.contains("regime changed"));
    let future = one(subject("a.example", "US", "2030-01-01"), None);
    assert!(future.uncertainty.contains("older than the observation"));
}

#[test]
fn a_database_of_another_time_is_worth_less() {
    let sure = |day| {
        let mut s = subject("zoom.us", "US", day);
        s.located_in.as_mut().unwrap().confidence = Confidence::High;
        judged(s, None, Lang::En).remove(0)
    };
    let (then, now) = (sure("2019-09-26"), sure("2025-12-01"));
    assert_eq!((then.confidence, now.confidence), (Confidence::Medium, Confidence::High));
    assert!(then.uncertainty.contains("of 2026-06-01, the traffic of 2019-09-26"), "{}", then.uncertainty);
    assert_eq!(&*now.uncertainty, "");
}

#[test]
fn the_holder_of_a_network_is_not_said_to_control_the_host() {
    let s = Subject { holder: company("Lumen", "US", None), ..subject("zoom.us", "NL", "2021-02-18") };
    for (lang, says) in [(Lang::En, "whose network it is, not who runs"), (Lang::De, "wem das Netz gehört, nicht, wer")]
    {
        let found = judged(s.clone(), None, lang).remove(0);
        assert_eq!(found.code, "TRF-14");
        assert!(found.text.contains(says), "{}", found.text);
    }
}

#[test]
fn control_is_told_apart_from_place_and_never_merged() {
    let day = "2021-02-18";
    let grounds = |s: Subject| -> Vec<(&str, Ground, Severity)> {
        judged(s, None, Lang::En).iter().map(|f| (f.code, f.ground, f.severity)).collect()
    };
    let run_by = Subject { operator: company("Zoom", "US", None), ..subject("zoom.us", "DE", day) };
    assert_eq!(grounds(run_by), [("TRF-11", Ground::RunBy, Severity::Attention)]);
    let parent =
        Subject { operator: company("Adjust", "DE", Some(("AppLovin", "US"))), ..subject("adjust.com", "DE", day) };
    assert_eq!(grounds(parent), [("TRF-12", Ground::ParentSeatedIn, Severity::Notice)]);
    let both = Subject {
        operator: company("Zoom", "US", None),
        holder: company("Amazon Web Services", "US", Some(("Amazon.com", "US"))),
        ..subject("zoom.us", "US", day)
    };
    assert_eq!(
        grounds(both),
        [
            ("TRF-02", Ground::LocatedIn, Severity::Attention),
            ("TRF-11", Ground::RunBy, Severity::Attention),
            ("TRF-14", Ground::ParentSeatedIn, Severity::Notice)
        ]
    );
    // A regime for certified organisations: a look, not an alarm.
    let shield = Subject { operator: company("Zoom", "US", None), ..subject("zoom.us", "DE", "2018-06-01") };
    assert_eq!(grounds(shield), [("TRF-11", Ground::RunBy, Severity::Notice)]);
    // Near misses: seat within the EEA, in a country with an adequacy decision, own network, own address.
    for near in [
        Subject { operator: company("Hetzner", "DE", None), ..subject("a.example", "DE", day) },
        Subject { operator: company("Infomaniak", "CH", None), ..subject("a.example", "DE", day) },
        Subject { operator: company("Zoom", "US", None), listing: Listing::Local, ..subject("a.example", "DE", day) },
    ] {
        assert_eq!(grounds(near), []);
    }
    let own = Subject {
        operator: company("Zoom", "US", None),
        holder: company("Zoom", "US", None),
        ..subject("zoom.us", "DE", day)
    };
    assert_eq!(grounds(own), [("TRF-11", Ground::RunBy, Severity::Attention)]);
}

#[test]
fn what_is_not_in_the_list_is_said_with_list_and_hash() {
    let profile = zoom();
    let on = |listing| Subject { listing, ..subject("dati.ntop.org", "NL", "2019-09-26") };
    let found = judged(on(Listing::NotListed), Some(&profile), Lang::En).remove(0);
    assert_eq!((found.code, found.severity, found.confidence), ("SUB-01", Severity::Attention, Confidence::High));
    let hash = profile.list.source.sha256.get(..12).unwrap();
    assert!(found.text.starts_with(&format!(
        "dati.ntop.org is neither part of Zoom nor in the list “Zoom, recipients named by the provider” (zoom.toml of 2026-11-22, \
         SHA-256 {hash})."
    )), "{}", found.text);
    assert!(found.uncertainty.contains("not the contract"));
    for near in [Listing::Service, Listing::Subprocessor, Listing::Background, Listing::Local] {
        assert_eq!(codes(on(near), Some(&profile)), Vec::<&str>::new(), "{near:?}");
    }
    // Without a profile nothing is said of lists.
    assert_eq!(codes(on(Listing::NotListed), None), Vec::<&str>::new());
    let known = Subject { listing: Listing::NotListed, ..subject("www.googletagmanager.com", "NL", "2019-09-26") };
    let text = &judged(known, Some(&profile), Lang::En).remove(0).text;
    assert!(text.contains("knows the host as a contact of the client or its pages: Google."), "{text}");
}

#[test]
fn a_listed_recipient_outside_its_countries_is_told() {
    let list =
        "title = \"Annex\"\nas_of = 2026-01-01\n[[disclosed]]\nname = \"Amazon Web Services\"\ncountries = [\"DE\"]\n";
    let book = Book::embedded().unwrap().with_list("annex.toml", list).unwrap();
    let profile = book.profile("zoom", &Parameters::new()).unwrap();
    let at =
        |country| Subject { listing: Listing::Subprocessor, ..subject("d1.cloudfront.net", country, "2026-02-01") };
    assert_eq!(codes(at("DE"), Some(&profile)), Vec::<&str>::new());
    assert_eq!(codes(at("NL"), Some(&profile)), ["SUB-02"]);
    // The list says nothing of countries: nothing to hold against.
    assert_eq!(codes(at("NL"), Some(&zoom())), Vec::<&str>::new());
}

#[test]
fn listed_recipients_not_seen_are_one_finding() {
    let profile = zoom();
    let circumstances = Circumstances::default();
    let case = Case::new(book(), Some(&profile), Lang::En, &circumstances);
    let listed = Subject { listing: Listing::Subprocessor, ..subject("d1.cloudfront.net", "DE", "2026-02-01") };
    let found: Vec<_> =
        judge_all(&[listed], &circumstances, &case).into_iter().filter(|f| f.code == "SUB-05").collect();
    assert_eq!(found.len(), 1);
    let all = profile.list.entries.len();
    assert!(
        found[0].text.starts_with(&format!("{} of the {all} recipients in the list", all - 1)),
        "{}",
        found[0].text
    );
    assert!(!found[0].text.contains("Amazon") && found[0].text.contains("Brighthire"));
    let without = Case::new(book(), None, Lang::En, &circumstances);
    assert!(judge_all(&[], &circumstances, &without).iter().all(|f| f.code != "SUB-05"));
}

#[test]
fn recipients_without_a_name_are_told() {
    let nobody = || subject("", "DE", "2020-04-16");
    assert_eq!(codes(nobody(), None), ["SUB-03"]);
    let network = Subject { holder: company("Hetzner", "DE", None), ..nobody() };
    assert_eq!(codes(network.clone(), None), ["SUB-06"]);
    let bare = Subject { names: vec![(Text::from("203.0.112.7"), NameBasis::Hello(NameSource::TlsSni))], ..nobody() };
    assert_eq!(codes(bare, None), ["SUB-03"]);
    let profile = zoom();
    let text = &judged(Subject { listing: Listing::NotListed, ..network }, Some(&profile), Lang::En).remove(0).text;
    assert!(text.contains("no entry of the list") && text.contains("SHA-256"), "{text}");
    // An abbreviation at the end of a name is not followed by another full stop.
    let stops = Subject { holder: company("Aruba S.p.A.", "IT", None), ..nobody() };
    for lang in Lang::ALL {
        let text = judged(stops.clone(), None, lang).remove(0).text;
        assert!(text.contains("S.p.A.") && !text.contains(".."), "{text}");
    }
    // In a listed company's network, but not by name: the list does not speak for whoever answered.
    let cloud = Subject {
        listing: Listing::Subprocessor,
        holder: company("Amazon Web Services, Inc.", "DE", None),
        ..nobody()
    };
    let found = judged(cloud.clone(), Some(&profile), Lang::En).remove(0);
    assert_eq!(found.code, "SUB-06");
    assert!(found.text.contains("another customer"), "{}", found.text);
    assert_eq!(
        codes(Subject { names: subject("a.example", "DE", "2020-04-16").names, ..cloud }, Some(&profile)),
        Vec::<&str>::new()
    );
    for near in [Listing::Service, Listing::Background, Listing::Local, Listing::Subprocessor] {
        assert_eq!(codes(Subject { listing: near, ..nobody() }, Some(&profile)), Vec::<&str>::new(), "{near:?}");
    }
    assert_eq!(codes(subject("a.example", "DE", "2020-04-16"), None), Vec::<&str>::new());
}

#[test]
fn telemetry_is_told_by_list_and_by_profile() {
    let label = |host: &str| book().trackers.label(host);
    let teams = book().profile("teams", &Parameters::new()).unwrap();
    let here = |host: &str| Subject { label: label(host), ..subject(host, "DE", "2020-04-16") };
    let found = judged(here("gate.hockeyapp.net"), None, Lang::En).remove(0);
    assert_eq!((found.code, found.severity, found.confidence), ("TEL-01", Severity::Notice, Confidence::Medium));
    assert!(found.text.starts_with(
        "trackers.toml of 2026-11-22 labels gate.hockeyapp.net as crash reporting (entry hockeyapp.net, operator Microsoft (HockeyApp), \
         controlled from the United States (US))."
    ), "{}", found.text);
    let by_profile = Subject {
        role: Some("telemetry".into()),
        listing: Listing::Service,
        ..subject("t.example", "DE", "2020-04-16")
    };
    assert_eq!(codes(by_profile.clone(), Some(&teams)), ["TEL-01"]);
    assert_eq!(codes(Subject { role: Some("media".into()), ..by_profile.clone() }, Some(&teams)), Vec::<&str>::new());
    assert_eq!(codes(by_profile, None), Vec::<&str>::new());
    // A third party with a function is not telemetry.
    assert_eq!(codes(here("fcm.googleapis.com"), None), ["TEL-05"]);
    let windows = Subject {
        listing: Listing::Background,
        role: Some("telemetry".into()),
        ..here("self.events.data.microsoft.com")
    };
    let windows = judged(windows, Some(&teams), Lang::En).remove(0);
    assert_eq!((windows.code, windows.severity), ("TEL-01", Severity::Info));
    assert!(!windows.text.contains("gives as purpose"), "{}", windows.text);
    assert_eq!(codes(here("a.example"), None), Vec::<&str>::new());
}

#[test]
fn clear_text_is_graded_by_what_it_shows() {
    let clear = |protocols: &[&'static str], listing| {
        let s = Subject { clear: protocols.to_vec(), listing, ..subject("a.example", "DE", "2020-04-16") };
        judged(s, None, Lang::En).iter().map(|f| (f.code, f.severity)).collect::<Vec<_>>()
    };
    assert_eq!(clear(&["http"], Listing::Unjudged), [("ENC-01", Severity::High)]);
    assert_eq!(clear(&["smtp"], Listing::Service), [("ENC-01", Severity::High)]);
    assert_eq!(clear(&["http"], Listing::Local), [("ENC-01", Severity::Notice)]);
    assert_eq!(clear(&["http"], Listing::Background), [("ENC-01", Severity::Info)]);
    assert_eq!(clear(&["dns"], Listing::Background), [("ENC-09", Severity::Notice)]);
    assert_eq!(clear(&["dns"], Listing::Local), [("ENC-09", Severity::Info)]);
    assert_eq!(clear(&["ntp", "mdns", "ssdp", "dhcp", "llmnr", "netbios"], Listing::Local), []);
    assert_eq!(clear(&["stun"], Listing::Unjudged), [("ENC-13", Severity::Notice)]);
    assert_eq!(clear(&["stun"], Listing::Service), []);
    assert_eq!(clear(&["ocsp"], Listing::Background), [("ENC-14", Severity::Info)]);
    assert_eq!(clear(&[], Listing::Unjudged), []);
    let pki = Subject {
        clear: vec!["http"],
        listing: Listing::Background,
        role: Some("pki".into()),
        ..subject("ocsp.digicert.com", "DE", "2020-04-16")
    };
    assert_eq!(codes(pki, None), ["ENC-14"]);
}

fn blind(what: Hidden) -> Blind {
    Blind { what, flows: 2, frames: vec![FrameNo(3)], to: vec![Text::from("dns.example")] }
}

fn silence(secs: u64) -> Silence {
    let (from, nanos) = (at("2020-04-16"), secs * 1_000_000_000);
    Silence { nanos, from, until: from.plus_nanos(nanos), before: FrameNo(700), after: FrameNo(701) }
}

/// Everything that can go wrong with a capture.
fn broken() -> Circumstances {
    Circumstances {
        first: at("2020-04-16"),
        last: at("2020-04-16"),
        first_frame: FrameNo(1),
        frames: 1540,
        lost: 12,
        cut: 3,
        snap_length: 96,
        payload_kept: None,
        unreadable: 4,
        truncated_file: true,
        blind: [Hidden::Dot, Hidden::Doq, Hidden::Doh, Hidden::Dnscrypt, Hidden::Vpn, Hidden::Proxy].map(blind).into(),
        ech_hellos: 2,
        ech_frames: vec![FrameNo(5)],
        esni_hellos: 1,
        one_sided_flows: 6,
        midstream_flows: 7,
        tunnelled_flows: 1,
        tunnels: vec!["gtp-u"],
        tunnel_frames: vec![FrameNo(9)],
        flows: 83,
        time_reversals: 2,
        silence: Some(silence(1_000)),
        device: Some("192.168.1.6".into()),
        foreign_flows: 5,
        limits: vec![Twin { en: "flow table".into(), de: "Tabelle".into() }],
        proposal: None,
        profile_shows: false,
    }
}

#[test]
fn each_blind_spot_is_told_and_none_is_invented() {
    let told = |c: Circumstances| -> Vec<&'static str> {
        let case = Case::new(book(), None, Lang::En, &c);
        let mut codes: Vec<_> = judge_all(&[], &c, &case).iter().map(|f| f.code).collect();
        codes.sort_unstable();
        codes
    };
    let quiet = Circumstances::default;
    assert_eq!(told(quiet()), ["NEG-00"]);
    let device = || Some("192.168.1.6".into());
    assert_eq!(told(Circumstances { device: device(), flows: 3, ..quiet() }), ["NEG-00"]);
    assert_eq!(told(Circumstances { silence: Some(silence(599)), ..quiet() }), ["NEG-00"]);
    for (circumstances, code) in [
        (Circumstances { lost: 1, ..quiet() }, "CAP-01"),
        (Circumstances { cut: 1, ..quiet() }, "CAP-02"),
        (Circumstances { time_reversals: 1, ..quiet() }, "CAP-03"),
        (Circumstances { blind: vec![blind(Hidden::Vpn)], ..quiet() }, "CAP-04"),
        (Circumstances { blind: vec![blind(Hidden::Proxy)], ..quiet() }, "CAP-04"),
        (Circumstances { device: device(), flows: 3, foreign_flows: 1, ..quiet() }, "CAP-05"),
        (Circumstances { device: device(), flows: 3, foreign_flows: 3, ..quiet() }, "CAP-05"),
        (Circumstances { unreadable: 1, ..quiet() }, "CAP-06"),
        (Circumstances { truncated_file: true, ..quiet() }, "CAP-07"),
        (Circumstances { one_sided_flows: 1, ..quiet() }, "CAP-08"),
        (Circumstances { midstream_flows: 1, ..quiet() }, "CAP-09"),
        (Circumstances { tunnelled_flows: 1, ..quiet() }, "CAP-10"),
        (Circumstances { limits: vec![Twin { en: "x".into(), de: "x".into() }], ..quiet() }, "CAP-11"),
        (Circumstances { blind: vec![blind(Hidden::Doh)], ..quiet() }, "CAP-12"),
        (Circumstances { ech_hellos: 1, ..quiet() }, "CAP-13"),
        (Circumstances { esni_hellos: 1, ..quiet() }, "CAP-14"),
        (Circumstances { silence: Some(silence(600)), ..quiet() }, "CAP-15"),
    ] {
        assert_eq!(told(circumstances), [code, "NEG-00"]);
    }
}

/// Subjects that together raise every rule about subjects.
fn all_kinds(profile: &Profile) -> Vec<Subject> {
    let day = "2021-02-18";
    let s = |name: &str, country: &str| subject(name, country, day);
    let company_us = || company("Zoom", "US", Some(("Zoom Holding", "CN")));
    let with = |basis: NameBasis| Subject { names: vec![(Text::from("a.example"), basis)], ..s("", "US") };
    let dns = NameBasis::DnsAnswer { age_secs: 12, frame: FrameNo(1) };
    let unverified = Claim {
        value: Arc::new(Company { unverified: true, ..(*company_us().unwrap().value).clone() }),
        ..company_us().unwrap()
    };
    let mut all = vec![
        s("a.example", "US"),
        s("a.example", "IN"),
        s("a.example", "JP"),
        s("a.example", "CH"),
        s("a.example", "BL"),
        s("a.example", "EU"),
        s("a.example", ""),
        subject("a.example", "US", "2018-06-01"),
        subject("a.example", "GB", "2020-06-01"),
        subject("a.example", "US", "1990-01-01"),
        Subject { indeterminate: Some("sources disagree: US, NL".into()), ..s("a.example", "") },
        Subject { indeterminate: Some("no source knows this address".into()), ..s("a.example", "") },
        Subject { indeterminate: Some("anycast".into()), ..s("a.example", "DE") },
        Subject { indeterminate: Some("one prefix, many sites".into()), ..s("a.example", "") },
        Subject { indeterminate: Some("registered there, may stand elsewhere".into()), ..s("a.example", "US") },
        Subject { indeterminate: Some("cloud region GLOBAL names no country".into()), ..s("a.example", "") },
        Subject { applications: vec!["dns"], clear: vec!["dns"], ..s("a.example", "US") },
        Subject { clear: vec!["dns"], listing: Listing::Local, ..s("", "") },
        Subject { clear: vec!["http", "ftp"], address_count: 3, ..s("a.example", "US") },
        Subject { clear: vec!["stun"], ..s("a.example", "US") },
        Subject { clear: vec!["ocsp"], listing: Listing::Background, ..s("a.example", "US") },
        Subject {
            operator: company_us(),
            holder: company("Hetzner", "DE", Some(("Owner", "US"))),
            ..s("a.example", "DE")
        },
        Subject { operator: Some(unverified), holder: company("Amazon", "US", None), ..s("a.example", "DE") },
        Subject { listing: Listing::NotListed, ..s("a.example", "NL") },
        Subject { listing: Listing::NotListed, ..s("www.googletagmanager.com", "NL") },
        Subject { listing: Listing::Subprocessor, ..s("d1.cloudfront.net", "US") },
        Subject {
            listing: Listing::NotListed,
            holder: company("Hetzner", "DE", None),
            address_count: 4,
            ..s("", "NL")
        },
        Subject { listing: Listing::NotListed, ..s("", "NL") },
        Subject { label: book().trackers.label("t.sentry.io"), ..s("t.sentry.io", "US") },
        Subject { label: book().trackers.label("t.appsflyer.com"), ..s("t.appsflyer.com", "DE") },
        Subject {
            label: book().trackers.label("fcm.googleapis.com"),
            listing: Listing::Background,
            ..s("fcm.googleapis.com", "US")
        },
        Subject { role: Some("crash".into()), listing: Listing::Service, ..s("log.zoom.us", "US") },
        with(dns),
        with(NameBasis::Certificate),
        with(NameBasis::ReverseLookup),
        with(NameBasis::OuterHello(NameSource::TlsSni)),
        Subject { first: at("2020-07-15"), last: at("2020-07-17"), ..s("a.example", "US") },
        Subject { addresses: vec!["170.114.1.1".parse().unwrap()], listing: Listing::Service, ..s("zoom.us", "US") },
    ];
    assert!(profile.list.entries.iter().any(|e| !e.countries.is_empty()));
    all.push(Subject { listing: Listing::Subprocessor, ..s("static.ada.support", "IN") });
    all
}

/// Splits at full stops that end a sentence: followed by a space and a capital.
fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(". ") {
        if text[at + 2..].starts_with(char::is_uppercase) {
            out.push(&text[start..=at]);
            start = at + 2;
        }
    }
    out.push(&text[start..]);
    out
}

fn has_country(sentence: &str) -> bool {
    let bytes = sentence.as_bytes();
    bytes.windows(4).any(|w| w[0] == b'(' && w[1].is_ascii_uppercase() && w[2].is_ascii_uppercase() && w[3] == b')')
        && !sentence.contains("(EU)")
        || bytes.windows(4).any(|w| w == b"(US)" || w == b"(CN)")
}

fn has_date(sentence: &str) -> bool {
    sentence
        .as_bytes()
        .windows(10)
        .any(|w| w.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() }))
}

/// The service that media to a host makes likely.
fn proposal(host: &str) -> Option<crate::policy::Proposal> {
    use crate::policy::{Recogniser, Seen};
    let mut recogniser = Recogniser::new(book().catalogue().unwrap());
    let (address, day, frame) = ("203.0.112.9".parse().unwrap(), Day::parse("2026-11-01").unwrap(), FrameNo(4));
    for name in [host, &format!("a.{host}"), &format!("b.{host}")] {
        let (spoken, port) = (&["rtp"][..], 443);
        recogniser.see(&Seen { name: Some(name), address, asn: None, port, spoken, packets: 9, bytes: 9, day, frame });
    }
    recogniser.process("ms-teams.exe");
    recogniser.proposal(None).0
}

#[test]
fn every_text_keeps_to_the_manners_in_both_languages() {
    let zoom = zoom();
    let profile = zoom.clone();
    let mut raised: Vec<&str> = Vec::new();
    for lang in Lang::ALL {
        let quiet = || Circumstances { first: at("2020-04-16"), last: at("2020-04-16"), ..Circumstances::default() };
        let other = || Circumstances { proposal: proposal("teams.microsoft.com"), ..quiet() };
        for (circumstances, profile) in [
            (broken(), Some(&profile)),
            (quiet(), Some(&profile)),
            (other(), Some(&profile)),
            (other(), None),
            (Circumstances { proposal: proposal("voip.signal.org"), ..quiet() }, None),
        ] {
            let case = Case::new(book(), profile, lang, &circumstances);
            for finding in judge_all(&all_kinds(&zoom), &circumstances, &case) {
                raised.push(finding.code);
                let whole = format!("{} | {} | {}", finding.subject, finding.text, finding.uncertainty);
                if let Some(word) = forbidden(&whole, lang) {
                    panic!("{}: `{word}` in: {whole}", finding.code);
                }
                for sentence in sentences(&finding.text) {
                    assert!(!has_country(sentence) || has_date(sentence), "{}: no date: {sentence}", finding.code);
                }
                if finding.ground == Ground::List {
                    assert!(whole.contains("SHA-256") || case.profile.is_none(), "{}: no hash: {whole}", finding.code);
                    assert!(case.profile.is_none() || finding.sources.iter().any(|s| s.sha256.len() == 64));
                }
                if case.at_least && (finding.text.contains("1,234") || finding.text.contains("1.234")) {
                    assert!(finding.text.contains(lang.pick("at least 1,234", "mindestens 1.234")), "{}", finding.text);
                }
                assert!(finding.text.ends_with('.'), "{}: {}", finding.code, finding.text);
                assert!(
                    !finding.text.contains("  ") && !finding.text.contains(".."),
                    "{}: {}",
                    finding.code,
                    finding.text
                );
                let foreign: &[&str] = if lang == Lang::En {
                    &[" der ", " und ", " ist ", " nicht "]
                } else {
                    &[" the ", " and ", " is ", " not "]
                };
                for word in foreign {
                    assert!(!whole.contains(word), "{}: `{word}` in the other language: {whole}", finding.code);
                }
                assert!(!finding.subject.is_empty());
            }
        }
    }
    // No rule is left out of this test, and no code is raised that is not in the catalogue.
    let mut catalogue: Vec<&str> = RULES.iter().flat_map(|r| r.codes.iter().map(|c| c.0)).collect();
    catalogue.sort_unstable();
    assert!(catalogue.windows(2).all(|w| w[0] != w[1]), "a code belongs to one rule");
    raised.sort_unstable();
    raised.dedup();
    assert_eq!(raised, catalogue);
    for (_, en, de) in RULES.iter().flat_map(|r| r.codes) {
        assert_eq!((forbidden(en, Lang::En), forbidden(de, Lang::De)), (None, None), "{en} / {de}");
    }
}

#[test]
fn the_word_list_bites() {
    for (text, lang, bites) in [
        ("This is illegal.", Lang::En, true),
        ("a transfer", Lang::En, true),
        ("A possible transfer, to be assessed", Lang::En, false),
        ("secure.example.org", Lang::En, false),
        ("Das ist sicher.", Lang::De, true),
        ("Mögliche Übermittlung, rechtlich zu prüfen", Lang::De, false),
        ("Die Übermittlung", Lang::De, true),
    ] {
        assert_eq!(forbidden(text, lang).is_some(), bites, "{text}");
    }
}

#[test]
fn findings_come_gravest_first_and_carry_their_evidence() {
    let profile = zoom();
    let circumstances = broken();
    let case = Case::new(book(), Some(&profile), Lang::En, &circumstances);
    let all = judge_all(&all_kinds(&profile), &circumstances, &case);
    assert!(all.windows(2).all(|w| (Reverse(w[0].severity), w[0].code) <= (Reverse(w[1].severity), w[1].code)));
    let placed = all.iter().find(|f| f.code == "TRF-02").unwrap();
    assert_eq!(placed.frames, [FrameNo(7)]);
    assert_eq!(placed.sources.len(), 2);
    assert!(placed.sources.iter().all(|s| !s.date.is_empty() && s.sha256.len() == 64));
}

#[test]
fn a_flood_of_recipients_is_summed_up_and_nothing_vanishes() {
    let one = subject("a.example", "US", "2021-02-18");
    let many = vec![one; FINDINGS_PER_CODE + 1500];
    let circumstances = Circumstances::default();
    let case = Case::new(book(), None, Lang::En, &circumstances);
    let all = judge_all(&many, &circumstances, &case);
    let located: Vec<_> = all.iter().filter(|f| f.code == "TRF-02").collect();
    assert_eq!(located.len(), FINDINGS_PER_CODE + 1);
    let summary = located.last().unwrap();
    assert_eq!((&*summary.subject, summary.severity), ("1,500 further recipients", Severity::Attention));
    assert!(summary.text.starts_with("1,500 further findings of this code"));
}

#[test]
fn hostile_names_stay_harmless() {
    let name = format!("a\u{1b}[2J\u{202e}{}", "b".repeat(70_000));
    let named = Subject {
        names: vec![(Text::from(name.as_str()), NameBasis::Hello(NameSource::TlsSni))],
        ..subject("", "US", "2021-02-18")
    };
    let named = Subject {
        label: Some(Label {
            category: "odd".into(),
            suffix: "x".into(),
            operator: "y\u{7}".into(),
            operator_country: None,
            unverified: false,
        }),
        ..named
    };
    for lang in Lang::ALL {
        for finding in judged(named.clone(), Some(&zoom()), lang) {
            let whole = format!("{}{}{}", finding.subject, finding.text, finding.uncertainty);
            assert!(!whole.chars().any(crate::wire::is_treacherous), "{whole}");
            assert!(whole.len() < 3000);
        }
    }
}

#[test]
fn the_sentence_about_traffic_can_be_left_out() {
    for lang in Lang::ALL {
        let mut subject = subject("stats.example (a. b)", "US", "2021-02-18");
        subject.holder = company("Example, Inc.", "US", None);
        for finding in judged(subject, Some(&zoom()), lang) {
            let sent = lang.pick("Sent to", "Gesendet an");
            let short = without_traffic(&finding.text, lang);
            assert!(!short.contains(sent) && !short.is_empty(), "{}: {short}", finding.code);
            assert!(finding.text.contains(&*short) || finding.text.contains(sent), "{}", finding.code);
            assert_eq!(without_traffic(&short, lang), short);
        }
    }
}

#[test]
fn a_service_is_proposed_and_never_judged_by() {
    use crate::policy::{Recogniser, Seen};
    let zoom_seen = |spoken| {
        let mut recogniser = Recogniser::new(book().catalogue().unwrap());
        let day = Day::parse("2026-11-01").unwrap();
        let address = "170.114.10.1".parse().unwrap();
        recogniser.see(&Seen {
            name: None,
            address,
            asn: None,
            port: 8801,
            spoken,
            packets: 9,
            bytes: 9,
            day,
            frame: FrameNo(4),
        });
        recogniser.proposal(None).0
    };
    let told = |proposal, shows, profile: Option<&Profile>, lang| {
        let c = Circumstances { proposal, profile_shows: shows, ..Circumstances::default() };
        let mut all = judge_all(&[], &c, &Case::new(book(), profile, lang, &c));
        all.retain(|f| f.code.starts_with("SVC"));
        all
    };
    let one = told(zoom_seen(&["zoom"]), false, None, Lang::En).remove(0);
    assert_eq!(
        (one.code, one.severity, one.frames.as_slice()),
        ("SVC-01", Severity::Info, &[FrameNo(4), FrameNo(4)][..])
    );
    assert!(one.text.contains("looks like Zoom (8 points)") && one.text.contains("a guess"), "{}", one.text);
    assert!(
        one.text.contains("--service zoom uses the profile") && one.uncertainty.contains("patterns"),
        "{}",
        one.text
    );
    // Nothing seen, nothing proposed; the profile in use says enough; a weak proposal contradicts nobody.
    let teams = book().profile("teams", &Parameters::new()).unwrap();
    assert_eq!(told(None, false, None, Lang::En), []);
    assert_eq!(told(zoom_seen(&["zoom"]), true, Some(&teams), Lang::En), []);
    assert_eq!(told(zoom_seen(&["zoom"]), false, Some(&zoom()), Lang::En), []);
    assert_eq!(told(zoom_seen(&["rtp"]), false, Some(&teams), Lang::En), []);
    let other = told(zoom_seen(&["zoom"]), false, Some(&teams), Lang::De).remove(0);
    assert_eq!((other.code, other.severity), ("SVC-02", Severity::Notice));
    assert!(other.text.contains("Profil von Microsoft Teams, von dem nichts zu sehen war"), "{}", other.text);
}
