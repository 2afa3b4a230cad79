//! A made-up call to tell about: addresses and names of documentation, law and findings as the rules word them.

use std::net::IpAddr;
use std::sync::Arc;
use zollhund::attribution::{Claim, Company, Confidence, CountryCode, NameBasis, Source};
use zollhund::dissect::fact::{Hidden, NameSource};
use zollhund::engine::view::{
    CaptureInfo, Cell, Interface, LawNote, LookUps, LossView, Marker, Recording, Series, Stated, StatedPlace, Summary,
    Tally, Timeline,
};
use zollhund::policy::subject::{Blind, Label, Traffic};
use zollhund::policy::{Circumstances, Finding, Ground, Lang, Listing, Severity, Subject, Twin};
use zollhund::wire::{FrameNo, Text, Timestamp};

/// 2020-04-16T11:34:10Z.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_587_036_850);

pub(crate) fn after(millis: u64) -> Timestamp {
    START.plus_nanos(millis * 1_000_000)
}

pub(crate) fn source(name: &str, date: &str) -> Arc<Source> {
    let sha256 =
        name.bytes().fold(String::new(), |hex, b| if hex.len() < 64 { hex + &format!("{b:02x}") } else { hex });
    Arc::new(Source { name: name.into(), date: date.into(), sha256: format!("{sha256:0<64}").into() })
}

pub(crate) fn places() -> Arc<Source> {
    source("Example Country Lite", "2026-06-01")
}

fn companies() -> Arc<Source> {
    source("organisations.toml", "2026-08-20")
}

fn country(code: &str) -> CountryCode {
    CountryCode::parse(code).unwrap()
}

pub(crate) fn company(name: &str, seat: &str, parent: Option<(&str, &str)>) -> Claim<Arc<Company>> {
    Claim {
        value: Arc::new(Company {
            name: name.into(),
            seat: Some(country(seat)),
            parent: parent.map(|(name, _)| name.into()),
            parent_seat: parent.map(|(_, seat)| country(seat)),
            unverified: false,
        }),
        source: companies(),
        confidence: Confidence::High,
    }
}

pub(crate) fn placed(code: &str, confidence: Confidence) -> Claim<CountryCode> {
    Claim { value: country(code), source: places(), confidence }
}

fn recipient(listing: Listing, name: &str, address: &str, bytes_up: u64) -> Subject {
    let address: IpAddr = address.parse().unwrap();
    let name = (!name.is_empty()).then(|| (Text::from(name), NameBasis::Hello(NameSource::TlsSni)));
    Subject {
        names: name.into_iter().collect(),
        addresses: vec![address],
        address_count: 1,
        listing,
        traffic: Traffic { packets_up: 12, bytes_up, packets_down: 14, bytes_down: bytes_up * 3 },
        first: after(10),
        last: after(70_000),
        frames: vec![FrameNo(12), FrameNo(40)],
        flow_count: 2,
        applications: vec!["tls"],
        ..Subject::default()
    }
}

fn recipients() -> Vec<Subject> {
    let call = || Some(company("Call Company Ireland Limited", "IE", Some(("Call Company, Inc.", "US"))));
    let mut media = recipient(Listing::Service, "media.call.example", "192.0.2.10", 3_400_000);
    media.operator = call();
    media.located_in = Some(placed("NL", Confidence::Medium));
    media.role = Some("media".into());
    media.names.push(("relay.call.example".into(), NameBasis::DnsAnswer { age_secs: 3, frame: FrameNo(9) }));
    let mut pipe = recipient(Listing::Service, "mobile.pipe.aria.call.example", "192.0.2.11", 88_000);
    pipe.operator = call();
    pipe.located_in = Some(placed("US", Confidence::Low));
    pipe.indeterminate = Some("registered there, may stand elsewhere".into());
    pipe.label = Some(Label {
        category: "telemetry".into(),
        suffix: "aria.call.example".into(),
        via: None,
        operator: "Call Company, Inc.".into(),
        operator_country: Some(country("US")),
        unverified: false,
    });
    let mut listed = recipient(Listing::Subprocessor, "cdn.delivery.example", "198.51.100.7", 12_000);
    listed.holder = Some(company("Delivery GmbH", "DE", None));
    listed.indeterminate = Some("anycast".into());
    listed.address_count = 4;
    let mut stranger = recipient(Listing::NotListed, "crash.reports.example", "203.0.113.5", 4_700);
    stranger.operator = Some(company("Reports Inc.", "US", None));
    stranger.located_in = Some(Claim {
        value: country("US"),
        source: source("Cloud ranges", "2025-10-31"),
        confidence: Confidence::High,
    });
    stranger.label = Some(Label {
        category: "crash".into(),
        suffix: "reports.example".into(),
        via: None,
        operator: "Reports Inc.".into(),
        operator_country: Some(country("US")),
        unverified: true,
    });
    let mut nameless = recipient(Listing::NotListed, "", "203.0.113.77", 900);
    nameless.tunnels = vec!["gtp-u"];
    nameless.clear = vec!["http"];
    let mut probe = recipient(Listing::Background, "connectivity.example", "198.51.100.200", 300);
    probe.located_in = Some(placed("US", Confidence::Medium));
    let mut router = recipient(Listing::Local, "", "192.168.1.1", 2_000);
    router.applications = vec!["dns"];
    let mut all = vec![media, pipe, listed, stranger, nameless, probe, router];
    for at in 0..9_u8 {
        let name = format!("edge-{at}.servers.somewhere.example");
        all.push(recipient(
            Listing::NotListed,
            &name,
            &format!("203.0.113.{}", 100 + at),
            u64::from(800 - u32::from(at)),
        ));
    }
    all
}

fn finding(code: &'static str, severity: Severity, ground: Ground, subject: &str, text: &str) -> Finding {
    Finding {
        code,
        severity,
        ground,
        subject: subject.into(),
        text: text.into(),
        confidence: Confidence::High,
        uncertainty: "".into(),
        first: after(10),
        last: after(70_000),
        frames: vec![FrameNo(12), FrameNo(40), FrameNo(77), FrameNo(102)],
        sources: Vec::new(),
        aside: None,
    }
}

fn findings(lang: Lang) -> Vec<Finding> {
    let de = lang == Lang::De;
    let mut all = Vec::new();
    let clear = if de {
        "Gesendet an 203.0.113.77: 12 Pakete (900 Byte); empfangen: 14 Pakete (2,7 kB). Die Anwendungsdaten (http) konnte jeder auf dem Weg mitlesen."
    } else {
        "Sent to 203.0.113.77: 12 packets (900 bytes); received: 14 packets (2.7 kB). Anyone on the way could read the application data (http)."
    };
    all.push(finding("ENC-01", Severity::High, Ground::Transport, "203.0.113.77", clear));
    for at in 0..12 {
        let subject = match at {
            0 => "mobile.pipe.aria.call.example (Call Company Ireland Limited)".to_owned(),
            1 => "crash.reports.example (Reports Inc.)".to_owned(),
            at => format!("host-{at}.call.example (Call Company Ireland Limited)"),
        };
        let text =
            if de { "Standort laut Quelle: Vereinigte Staaten." } else { "Placed in the United States by the source." };
        let mut f = finding("TRF-02", Severity::Attention, Ground::LocatedIn, &subject, text);
        if at < 9 {
            f.confidence = Confidence::Low;
            f.uncertainty = if de {
                "dort registriert, der Standort kann ein anderer sein"
            } else {
                "registered there, may stand elsewhere"
            }
            .into();
        }
        f.sources = vec![places(), source("jurisdictions.toml", "2026-08-05")];
        f.frames.truncate(1 + at % 4);
        all.push(f);
    }
    let tracker = if de {
        "trackers.toml vom 2026-08-20 führt crash.reports.example (Reports Inc.) unter: Absturzberichte (Eintrag reports.example, Betreiber Reports Inc., beherrscht aus: Vereinigte Staaten (US)). Gesendet an crash.reports.example (Reports Inc.): 12 Pakete (4,7 kB); empfangen: 14 Pakete (14,1 kB)."
    } else {
        "trackers.toml of 2026-08-20 labels crash.reports.example (Reports Inc.) as crash reports (entry reports.example, operator Reports Inc., controlled from the United States (US)). Sent to crash.reports.example (Reports Inc.): 12 packets (4.7 kB); received: 14 packets (14.1 kB)."
    };
    let mut f = finding("TEL-01", Severity::Notice, Ground::Category, "crash.reports.example (Reports Inc.)", tracker);
    f.confidence = Confidence::Medium;
    f.uncertainty =
        if de { "ein Kontakt sagt nichts über seinen Inhalt" } else { "a contact says nothing of its content" }.into();
    f.sources = vec![source("trackers.toml", "2026-08-20")];
    all.push(f);
    let tunnel = if de {
        "1 der 82 Verbindungen liefen in einem Tunnel (gtp-u); gezeigt sind die inneren Adressen, auch die Enden des Tunnels sahen den Verkehr."
    } else {
        "1 of 82 flows ran inside a tunnel (gtp-u); the inner addresses are shown, the ends of the tunnel saw the traffic too."
    };
    let subject = if de { "die Aufzeichnung" } else { "the capture" };
    let mut f = finding("CAP-10", Severity::Notice, Ground::Capture, subject, tunnel);
    f.frames = vec![FrameNo(1500)];
    all.push(f);
    let adequate = finding("TRF-04", Severity::Info, Ground::LocatedIn, "host.example", "A country with a decision.");
    all.extend([adequate.clone(), adequate]);
    let never = if de {
        "Dieser Bericht beruht auf 1.540 Frames an einem Ort. Er kann nicht zeigen, was Server untereinander weitergeben oder was zu anderen Zeiten geschieht."
    } else {
        "This report rests on 1,540 frames at one place. It cannot show what servers pass on among themselves, or what happens at other times."
    };
    let mut f = finding("NEG-00", Severity::Info, Ground::Capture, subject, never);
    f.frames.clear();
    all.push(f);
    all
}

/// Media for a minute, a start, and something every ten seconds.
fn timeline() -> Timeline {
    let cells = |every: usize, up, down| -> Vec<Cell> {
        (0..78_u32).step_by(every).map(|window| Cell { window, up: up + u64::from(window), down }).collect()
    };
    let series = |recipient, media, cells| Series { recipient, media, cells };
    Timeline {
        start: START,
        width: 1,
        windows: 78,
        series: vec![
            series(None, false, cells(39, 90, 90)),
            series(Some(0), false, cells(30, 1_000, 4_000)),
            series(Some(0), true, cells(1, 43_000, 130_000)),
            series(Some(1), false, cells(10, 11_000, 33_000)),
            series(Some(2), false, cells(26, 4_000, 12_000)),
            series(Some(3), false, cells(39, 2_350, 7_050)),
        ],
        kinds: Vec::new(),
    }
}

/// A whole capture of a call, with something of everything.
pub(crate) fn call(lang: Lang) -> Summary {
    let law = match lang {
        Lang::En => {
            "On 2020-04-16: Privacy Shield, Decision (EU) 2016/1250, in force 2016-07-12 to 2020-07-15, for certified organisations only; annulled later by C-311/18 (jurisdictions.toml of 2026-08-05)."
        }
        Lang::De => {
            "Am 2020-04-16: Privacy Shield, Beschluss (EU) 2016/1250, in Kraft 2016-07-12 bis 2020-07-15, nur für zertifizierte Organisationen; später aufgehoben durch C-311/18 (jurisdictions.toml vom 2026-08-05)."
        }
    };
    Summary {
        captures: vec![CaptureInfo {
            name: "call.pcap".into(),
            format: "pcap".into(),
            sha256: "596b1cb3d079a58ec83bc5c06372a0229a775d5996262331e87dee7e4444ef18".into(),
            bytes: 704_179,
            link_types: vec!["Ethernet".into()],
            recording: Recording {
                application: "recorder 4.2".into(),
                system: "Example OS 12".into(),
                interfaces: vec![Interface { name: "eth0".into(), filter: "ip or ip6".into(), ..Interface::default() }],
                ..Recording::default()
            },
        }],
        kept: Vec::new(),
        circumstances: Circumstances {
            first: START,
            last: after(77_000),
            first_frame: FrameNo(1),
            frames: 1_540,
            flows: 82,
            tunnelled_flows: 1,
            tunnels: vec!["gtp-u"],
            tunnel_frames: vec![FrameNo(1500)],
            blind: vec![Blind {
                what: Hidden::Doh,
                flows: 2,
                frames: vec![FrameNo(30)],
                to: vec!["dns.example".into()],
            }],
            ..Circumstances::default()
        },
        up: Tally { packets: 700, bytes: 300_000, payload: 250_000 },
        down: Tally { packets: 840, bytes: 404_179, payload: 350_000 },
        flows: 82,
        endpoints: 34,
        dns_answers: 58,
        handshakes: 38,
        service: Some(("call".into(), "Example Call".into())),
        stated: Some(Stated {
            reference: "2020-0416".into(),
            date: "2020-04-17".into(),
            controller: "Example Authority".into(),
            client: "Example Call for Desktop".into(),
            version: "6.6".into(),
            jurisdiction: "DE".into(),
            place: Some(StatedPlace { city: "Berlin".into(), latitude: 52.52, longitude: 13.41, radius_km: 25.0 }),
            ..Stated::default()
        }),
        list: Some(source("call-subprocessors.toml", "2020-03-01")),
        recipients: recipients(),
        lang,
        findings: findings(lang),
        law: vec![LawNote { country: "US".into(), text: law.into() }],
        other: Vec::new(),
        markers: vec![Marker { time: after(5_000), text: "joined".into() }],
        timeline: timeline(),
        losses: vec![LossView {
            stage: "set aside".into(),
            kind: "icmp".into(),
            frames: 3,
            bytes: 210,
            from: after(3_000),
            until: after(3_400),
        }],
        sources: vec![
            places(),
            source("Example ASN Lite", "2026-06-01"),
            source("Cloud ranges", "2025-10-31"),
            companies(),
            source("jurisdictions.toml", "2026-08-05"),
            source("trackers.toml", "2026-08-20"),
        ],
        look_ups: Some(LookUps { upstream: "192.0.2.53".into(), asked: 3, unanswered: 1, left_out: 0 }),
        reverse_names: [("203.0.113.77".parse().unwrap(), "host-77.dial-up.nowhere.example".into())].into(),
    }
}

/// A capture with gaps, hostile names, and no profile.
pub(crate) fn hostile() -> Summary {
    let mut summary = call(Lang::En);
    summary.service = None;
    summary.list = None;
    let evil = "\u{1b}]0;owned\u{7}\u{202e}evil\u{200b}.example";
    let on = Interface { name: evil.into(), description: evil.into(), filter: evil.into(), snap_len: Some(96) };
    let recording =
        Recording { application: evil.into(), system: evil.into(), hardware: evil.into(), interfaces: vec![on] };
    let capture = CaptureInfo { name: evil.into(), format: "pcapng".into(), recording, ..CaptureInfo::default() };
    summary.captures = vec![capture; 5];
    summary.circumstances.lost = 312;
    summary.circumstances.cut = 12;
    summary.circumstances.snap_length = 96;
    summary.circumstances.truncated_file = true;
    summary.circumstances.unreadable = 1;
    summary.circumstances.time_reversals = 2;
    summary.circumstances.limits = vec![Twin {
        en: "at most 1,000,000 flows are kept at a time".into(),
        de: "höchstens 1.000.000 Verbindungen werden zugleich behalten".into(),
    }];
    for (at, r) in summary.recipients.iter_mut().enumerate() {
        r.listing = Listing::Unjudged;
        let name = match at % 4 {
            0 => evil.repeat(9),
            1 => "日本語の名前.example".repeat(6),
            2 => "a".repeat(253),
            _ => "=cmd|' /C calc'!A0".to_owned(),
        };
        r.names = vec![(name.as_str().into(), NameBasis::OuterHello(NameSource::QuicSni))];
        r.outer_names = 1;
    }
    for f in &mut summary.findings {
        f.subject = format!("{}{evil}", "w".repeat(300)).into();
        f.text = format!("{} {}", evil.repeat(20), "日本語".repeat(60)).into();
        f.uncertainty = format!("{evil}; {}", "x".repeat(200)).into();
    }
    let (from, until) = (START, after(77_000));
    summary.losses =
        vec![LossView { stage: "interface".into(), kind: "dropped".into(), frames: 312, bytes: 0, from, until }];
    summary.markers = vec![Marker { time: START, text: evil.into() }];
    summary
}
