//! Subjects and captures as the tests of the rules need them.

#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use super::*;
use crate::attribution::{Claim, Company, Confidence, CountryCode, NameBasis, Source};
use crate::dissect::fact::{Hidden, MediaKind, MediaSeen, NameSource};
use crate::policy::Twin;
use crate::policy::course::{Cell, KindSeries, Marker, Series, Timeline};
use crate::policy::service::Parameters;
use crate::policy::subject::{Blind, Incidents, Silence, Traffic};
use crate::wire::{Day, FrameNo, Text, Timestamp};
use std::sync::{Arc, OnceLock};

pub(in crate::policy) fn book() -> &'static Book {
    static BOOK: OnceLock<Book> = OnceLock::new();
    BOOK.get_or_init(|| Book::embedded().unwrap())
}

pub(in crate::policy) fn zoom() -> Profile {
    book().profile("zoom", &Parameters::new()).unwrap()
}

pub(in crate::policy) fn source(name: &str) -> Arc<Source> {
    Arc::new(Source { name: name.into(), date: "2026-06-01".into(), sha256: "ab".repeat(32).into() })
}

pub(in crate::policy) fn code(text: &str) -> CountryCode {
    CountryCode::parse(text).unwrap()
}

pub(in crate::policy) fn at(day: &str) -> Timestamp {
    Timestamp::from_secs(u64::from(Day::parse(day).unwrap().0) * 86_400 + 3600)
}

#[allow(clippy::unnecessary_wraps, reason = "made for the optional fields of a subject")]
pub(in crate::policy) fn company(name: &str, seat: &str, parent: Option<(&str, &str)>) -> Option<Claim<Arc<Company>>> {
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
pub(in crate::policy) fn subject(name: &str, country: &str, day: &str) -> Subject {
    let named = NameBasis::Hello(NameSource::TlsSni);
    Subject {
        names: if name.is_empty() { vec![] } else { vec![(Text::from(name), named)] },
        addresses: vec!["203.0.112.7".parse().unwrap()],
        address_count: 1,
        located_in: (!country.is_empty()).then(|| Claim {
            value: code(country),
            source: source("DB-IP Country Lite"),
            confidence: Confidence::Medium,
        }),
        traffic: Traffic { packets_up: 1234, bytes_up: 56_789, packets_down: 1, bytes_down: 60 },
        first: at(day),
        last: at(day),
        frames: vec![FrameNo(7)],
        flow_count: 1,
        applications: vec!["tls"],
        ..Subject::default()
    }
}

pub(in crate::policy) fn judged(subject: Subject, profile: Option<&Profile>, lang: Lang) -> Vec<Finding> {
    let circumstances =
        Circumstances { first: subject.first, last: subject.last, frames: 10, ..Circumstances::default() };
    let case = Case::new(book(), profile, lang, &circumstances);
    let mut all = judge_all(&[subject], &circumstances, &case);
    // What is said of the capture as a whole.
    all.retain(|f| !matches!(f.code, "NEG-00" | "SUB-05" | "ENC-12"));
    all
}

/// The codes a subject raises, gravest first.
pub(in crate::policy) fn codes(subject: Subject, profile: Option<&Profile>) -> Vec<&'static str> {
    judged(subject, profile, Lang::En).iter().map(|f| f.code).collect()
}

pub(in crate::policy) fn blind(what: Hidden) -> Blind {
    Blind { what, flows: 2, frames: vec![FrameNo(3)], to: vec![Text::from("dns.example")] }
}

pub(in crate::policy) fn silence(secs: u64) -> Silence {
    let (from, nanos) = (at("2020-04-16"), secs * 1_000_000_000);
    Silence { nanos, from, until: from.plus_nanos(nanos), before: FrameNo(700), after: FrameNo(701) }
}

/// Everything that can go wrong with a capture.
pub(in crate::policy) fn broken() -> Circumstances {
    Circumstances {
        near: geo_conflict::tests::near(),
        first: at("2020-04-16"),
        last: at("2030-04-16"),
        first_frame: FrameNo(1),
        frames: 1540,
        lost: 12,
        cut: 3,
        snap_length: 96,
        payload_kept: None,
        outside_scope: 2,
        copy_of: None,
        proposal: None,
        profile_shows: false,
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
        incidents: Incidents {
            clock_set: 2,
            largest_step: 3_600_000_000_000,
            slept: 90_000_000_000,
            interfaces_gone: 1,
            ways_not_captured: 1,
        },
        silence: Some(silence(1_000)),
        device: Some("192.168.1.6".into()),
        foreign_flows: 5,
        limits: vec![Twin { en: "flow table".into(), de: "Tabelle".into() }],
        left_out: true,
    }
}

/// Subjects that together raise every rule about subjects.
pub(in crate::policy) fn all_kinds(profile: &Profile) -> Vec<Subject> {
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
        Subject { indeterminate: Some("only a code in its host name says so".into()), ..s("a.example", "US") },
        Subject { indeterminate: Some("one prefix, many sites".into()), ..s("a.example", "") },
        Subject { indeterminate: Some("registered there, may stand elsewhere".into()), ..s("a.example", "US") },
        Subject {
            indeterminate: Some("spread over many countries, may stand elsewhere".into()),
            ..s("a.example", "IE")
        },
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
        with(NameBasis::DnsAfter { frame: FrameNo(9) }),
        Subject {
            media_up: MediaSeen { elements: 3, level: true, ..MediaSeen::default() },
            media_down: MediaSeen { named: true, cname: true, ..MediaSeen::default() },
            ..s("a.example", "DE")
        },
        with(NameBasis::ReverseLookup),
        with(NameBasis::OuterHello(NameSource::TlsSni)),
        Subject { first: at("2020-07-15"), last: at("2020-07-17"), ..s("a.example", "US") },
        Subject { addresses: vec!["170.114.1.1".parse().unwrap()], listing: Listing::Service, ..s("zoom.us", "US") },
    ];
    assert!(profile.list.entries.iter().any(|e| !e.countries.is_empty()));
    all.push(Subject { listing: Listing::Subprocessor, ..s("static.ada.support", "IN") });
    all.extend(handshake::tests::cases());
    all.extend(protection::tests::cases());
    all.extend(behind::tests::cases());
    all
}

/// A call of two hundred seconds with its markers: media all along (at position 0), a participant (1), telemetry every ten
/// seconds (2).
pub(super) fn talk() -> (Vec<Subject>, Timeline, Vec<Marker>) {
    let start = at("2026-02-18");
    let until = start.plus_nanos(200_000_000_000);
    let during = |s: Subject| Subject { first: start, last: until, ..s };
    let media = Subject {
        listing: Listing::Service,
        role: Some("media".into()),
        applications: vec!["turn", "zoom"],
        ..subject("rwcfra.fra.zoom.us", "US", "2026-02-18")
    };
    let peer = Subject { peer: true, applications: vec!["zoom"], ..subject("", "DE", "2026-02-18") };
    let label = book().trackers.label("log.zoom.us");
    let telemetry = Subject { label, listing: Listing::Service, ..subject("log-gateway.zoom.us", "US", "2026-02-18") };
    let cell = |window, up| Cell { window, up, down: 50_000 };
    let series = vec![
        Series { recipient: Some(0), media: true, cells: (0..200).map(|w| cell(w, 100_000)).collect() },
        Series { recipient: Some(2), media: false, cells: (0..20).map(|n| cell(n * 10, 900)).collect() },
    ];
    let markers = [
        (20, "signed in"),
        (30, "lobby"),
        (60, "joined, microphone off"),
        (90, "microphone on"),
        (100, "camera off"),
        (150, "left"),
    ];
    let marker = |(secs, text): (u64, &str)| Marker { time: start.plus_nanos(secs * 1_000_000_000), text: text.into() };
    let timeline = Timeline { start, width: 1, windows: 200, series, kinds: Vec::new() };
    (vec![during(media), during(peer), during(telemetry)], timeline, markers.map(marker).into())
}

/// The same with the kinds of its media told apart: sound all along, pictures for part of it.
pub(super) fn sorted_talk() -> (Vec<Subject>, Timeline, Vec<Marker>) {
    let (subjects, mut timeline, markers) = talk();
    let sound = |window| Cell { window, up: 4_000, down: 5_000 };
    let pictures = |window| Cell { window, up: 80_000, down: 0 };
    timeline.kinds = vec![
        KindSeries { recipient: 0, kind: MediaKind::Audio, cells: (0..200).map(sound).collect() },
        KindSeries { recipient: 0, kind: MediaKind::Video, cells: (60..160).map(pictures).collect() },
        KindSeries { recipient: 0, kind: MediaKind::Unknown, cells: (0..200).map(sound).collect() },
    ];
    (subjects, timeline, markers)
}

/// What a rule finds in a call, as the auditor of Zoom.
pub(super) fn found_in(
    rule: &Rule,
    subjects: &[Subject],
    timeline: &Timeline,
    markers: &[Marker],
    lang: Lang,
) -> Vec<Finding> {
    let c = Circumstances { first: subjects[0].first, last: subjects[0].last, ..Circumstances::default() };
    let course = Course { timeline, markers, first: c.first, last: c.last };
    let profile = zoom();
    let mut all = judge_all(subjects, &c, &Case::new(book(), Some(&profile), lang, &c).with_course(course));
    all.retain(|f| rule.codes.iter().any(|(code, ..)| *code == f.code));
    all
}

/// The codes of it, sorted.
pub(super) fn codes_in(
    rule: &Rule,
    subjects: &[Subject],
    timeline: &Timeline,
    markers: &[Marker],
) -> Vec<&'static str> {
    let mut codes: Vec<_> = found_in(rule, subjects, timeline, markers, Lang::En).iter().map(|f| f.code).collect();
    codes.sort_unstable();
    codes
}

/// An audit file that declares regions, allowed countries, and telemetry off.
pub(super) fn declared() -> Audit {
    let text = "[case]\nreference = \"A\"\ndate = 2026-11-20\n\
                [declared]\nregions = [\"EEA\"]\ntelemetry = \"off\"\n\
                [contract]\ntitle = \"C\"\nas_of = 2026-01-01\napproved_countries = [\"EEA\", \"CH\"]\n";
    Audit::parse("audit.toml", text, None).unwrap()
}
