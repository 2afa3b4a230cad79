use super::*;
use crate::policy::Book;
use std::sync::OnceLock;

fn catalogue() -> &'static Catalogue {
    static BOOK: OnceLock<Book> = OnceLock::new();
    BOOK.get_or_init(|| Book::embedded().unwrap()).catalogue().unwrap()
}

/// A thousand bytes to a host, on a day of 2026.
fn seen<'a>(name: &'a str, address: &str, spoken: &'a [&'static str]) -> Seen<'a> {
    Seen {
        name: Some(name).filter(|n| !n.is_empty()),
        address: address.parse().unwrap(),
        asn: None,
        port: 443,
        spoken,
        packets: 30,
        bytes: 1_000,
        day: Day::parse("2026-11-01").unwrap(),
        frame: FrameNo(7),
    }
}

fn told(all: &[Seen<'_>]) -> Option<(String, u32, Confidence)> {
    let mut recogniser = Recogniser::new(catalogue());
    for one in all {
        recogniser.see(one);
    }
    recogniser.proposal(None).0.map(|p| (p.id.to_string(), p.score, p.confidence))
}

fn id(all: &[Seen<'_>]) -> Option<String> {
    told(all).map(|(id, ..)| id)
}

const TLS: &[&str] = &["tls"];
const MEDIA: &[&str] = &["rtp", "stun"];

#[test]
fn every_service_can_be_told_by_hosts_of_its_own() {
    for known in &catalogue().services {
        let name = |host: &str| host.trim_start_matches('=').replace('*', "1");
        let hosts: Vec<String> = {
            let Recognise { client, relays, site, .. } = &known.recognise;
            client.iter().chain(relays).chain(site).map(|h| name(h)).collect()
        };
        let Some(first) = hosts.first() else {
            assert!(!known.recognise.protocols.is_empty(), "{} cannot be told", known.id);
            continue;
        };
        // Media to one of its hosts is enough, unless a sister has the same.
        let shared = known.base.is_some() || &*known.id == "jitsi";
        assert!(shared || id(&[seen(first, "203.0.112.9", MEDIA)]).as_deref() == Some(&*known.id), "{}", known.id);
    }
}

#[test]
fn a_call_is_told_by_its_media() {
    for (seen, expected) in [
        (Seen { ..seen("", "192.168.1.7", &["zoom"]) }, "zoom"),
        (seen("", "170.114.10.1", MEDIA), "zoom"),
        (Seen { asn: Some(30103), ..seen("", "203.0.112.9", MEDIA) }, "zoom"),
        (seen("", "52.114.1.1", MEDIA), "teams"),
        (seen("", "62.109.200.1", &[]), ""),
        (Seen { asn: Some(30103), port: 9_000, ..seen("", "203.0.112.9", &[]) }, ""),
        (seen("fra1.discord.media", "203.0.112.9", MEDIA), "discord"),
        (Seen { asn: Some(15169), port: 19305, ..seen("", "203.0.112.9", MEDIA) }, "google-meet"),
        // A rented machine of the same company is not the service.
        (Seen { asn: Some(15169), port: 10000, ..seen("", "203.0.112.9", MEDIA) }, ""),
        (Seen { asn: Some(8075), ..seen("", "203.0.112.9", MEDIA) }, ""),
        // The network of a company with two services alone does not tell which.
        (Seen { asn: Some(32934), ..seen("", "203.0.112.9", MEDIA) }, ""),
        (Seen { asn: Some(32934), ..seen("", "203.0.112.9", &["stun", "stun-whatsapp"]) }, "whatsapp"),
        (seen("stun.nextcloud.com", "203.0.112.9", &["stun"]), "nextcloud-talk"),
        (seen("meet-jit-si-turnrelay.jitsi.net", "203.0.112.9", &["stun"]), "jitsi-self-hosted"),
        (seen("stun.l.google.com", "203.0.112.9", &["stun"]), ""),
        (seen("", "203.0.112.9", MEDIA), ""),
    ] {
        assert_eq!(id(&[seen]).unwrap_or_default(), expected, "{seen:?}");
    }
    // The service proper shows its own hosts as well.
    let jitsi =
        [seen("meet-jit-si-turnrelay.jitsi.net", "203.0.112.9", MEDIA), seen("meet.jit.si", "203.0.112.8", TLS)];
    assert_eq!(id(&jitsi).as_deref(), Some("jitsi"));
    let mut recogniser = Recogniser::new(catalogue());
    recogniser.realm("eu.turner.facebook", FrameNo(3));
    assert_eq!(&*recogniser.proposal(None).0.unwrap().id, "messenger");
    let mut recogniser = Recogniser::new(catalogue());
    recogniser.realm("notviber.com", FrameNo(3));
    assert_eq!(recogniser.proposal(None).0, None);
}

#[test]
fn a_network_of_the_day_counts() {
    let skype = |day: &str| {
        let spoken = &["rtp", "stun", "stun-microsoft"];
        let day = Day::parse(day).unwrap();
        told(&[Seen { asn: Some(8075), day, ..seen("", "104.46.40.49", spoken) }])
    };
    assert_eq!(skype("2017-07-26"), Some(("skype".into(), 6, Confidence::High)));
    assert_eq!(skype("2025-05-05"), None);
    // Withdrawn in April 2025.
    let webex = |day: &str| id(&[Seen { day: Day::parse(day).unwrap(), ..seen("", "66.114.160.9", MEDIA) }]);
    assert_eq!((webex("2024-01-01").as_deref(), webex("2025-06-01")), (Some("webex"), None));
}

#[test]
fn hosts_alone_count_where_they_are_what_the_capture_is_about() {
    let hosts = [seen("chat.signal.org", "203.0.112.9", TLS), seen("cdn.signal.org", "203.0.112.8", TLS)];
    assert_eq!(told(&hosts), Some(("signal".into(), 4, Confidence::Low)));
    let other = Seen { bytes: 6_001, ..seen("www.example.org", "203.0.112.7", TLS) };
    assert_eq!(told(&[hosts[0], hosts[1], other]), None);
    // The home network is no measure.
    let home = Seen { bytes: 9_000_000, ..seen("", "192.168.1.2", &["smb"]) };
    assert_eq!(told(&[hosts[0], hosts[1], home]).unwrap().0, "signal");
    // One host twice is one host; a visit of a web site is no call.
    assert_eq!(told(&[hosts[0], hosts[0]]), None);
    assert_eq!(told(&[seen("zoom.us", "203.0.112.9", TLS), seen("us02web.zoom.us", "203.0.112.9", TLS)]), None);
    assert_eq!(told(&[seen("notzoom.us", "203.0.112.9", MEDIA)]), None);
    assert_eq!(told(&[]), None);
}

/// Visits of web sites and idle helpers: hosts of the same companies, no call.
#[test]
fn web_sites_and_helpers_are_no_calls() {
    let visits: [&[&str]; 9] = [
        &[
            "zoom.us",
            "www.zoom.com",
            "st1.zoom.us",
            "us04web.zoom.us",
            "log-gateway.zoom.us",
            "us.telemetry.zoom.us",
            "logfiles.zoom.us",
        ],
        &["teams.microsoft.com", "statics.teams.cdn.office.net", "config.teams.microsoft.com"],
        &["www.gotomeeting.com", "gotowebinar.com", "www.goto.com", "assets.logmeininc.com"],
        &["www.webex.com", "help.webex.com", "conferencing.telekom.de"],
        &["www.teamviewer.com", "master12.teamviewer.com", "router5.teamviewer.com", "www.blizz.com"],
        &["element.io", "packages.element.io", "posthog.element.io"],
        &["discord.com", "cdn.discordapp.com", "discord.gg"],
        &["www.tixeo.com", "repos.tixeo.com"],
        &["meet.jit.si", "8x8.vc", "meet.google.com", "wire.com", "alfaview.com", "rocket.chat"],
    ];
    for hosts in visits {
        let all: Vec<_> = hosts.iter().map(|host| seen(host, "203.0.112.9", TLS)).collect();
        assert_eq!(told(&all), None, "{hosts:?}");
    }
}

/// Where UDP is blocked media goes over TLS: then how much goes to a relay tells, beside other traffic too.
#[test]
fn a_call_over_tls_is_told_by_its_relay() {
    let download = Seen { bytes: 9_000_000, ..seen("www.example.org", "203.0.112.7", TLS) };
    for (host, expected) in [
        ("zoomfr114mmr.zoom.us", "zoom"),
        ("euaz.tr.teams.microsoft.com", "teams"),
        ("meet.turns.goog", "google-meet"),
        ("frankfurt369.discord.media", "discord"),
        ("turn.matrix.org", "matrix"),
    ] {
        let relay = |packets| Seen { packets, bytes: 400_000, ..seen(host, "203.0.112.9", TLS) };
        assert_eq!(told(&[relay(5_000), download]), Some((expected.into(), 5, Confidence::Medium)));
        // A probe whether it can be reached.
        assert_eq!(told(&[relay(40), download]), None);
    }
    assert_eq!(told(&[Seen { packets: 5_000, ..seen("us04web.zoom.us", "203.0.112.9", TLS) }, download]), None);
}

#[test]
fn unknown_traffic_into_media_networks_tells_beside_a_host_and_not_on_the_ports_of_the_web() {
    let unknown = |port, packets| Seen { port, packets, ..seen("", "62.109.200.1", &[]) };
    let page = seen("www.webex.com", "203.0.112.9", TLS);
    assert_eq!(told(&[unknown(9_000, 30), page]), Some(("webex".into(), 4, Confidence::Medium)));
    // A page that was open already; a few packets.
    assert_eq!((told(&[unknown(443, 3_000), page]), told(&[unknown(9_000, 19), page])), (None, None));
}

#[test]
fn what_looks_the_same_is_named() {
    assert!(catalogue().beside("teamviewer").is_some_and(|b| b.en.contains("remote control")));
    assert!(catalogue().beside("webex").is_none() && catalogue().beside("nothing").is_none());
}

#[test]
fn programs_speak_for_their_service() {
    let mut recogniser = Recogniser::new(catalogue());
    recogniser.process("ms-teams.exe");
    recogniser.process("firefox");
    recogniser.see(&seen("teams.microsoft.com", "203.0.112.9", TLS));
    let (proposal, points) = recogniser.proposal(Some("zoom"));
    let proposal = proposal.unwrap();
    assert_eq!((&*proposal.id, proposal.score, points), ("teams", 4, 0));
    assert_eq!(proposal.words(Lang::En), "its program (ms-teams.exe); its web site (teams.microsoft.com)");
    assert_eq!(proposal.words(Lang::De), "sein Programm (ms-teams.exe); seine Website (teams.microsoft.com)");
}

#[test]
fn hostile_names_stay_harmless_and_are_bounded() {
    let mut recogniser = Recogniser::new(catalogue());
    let names: Vec<String> = (0..1_000).map(|n| format!("a{n}\u{1b}[2J.discord.media")).collect();
    for name in &names {
        recogniser.see(&seen(name, "203.0.112.9", MEDIA));
    }
    let proposal = recogniser.proposal(None).0.unwrap();
    assert_eq!(&*proposal.id, "discord");
    assert!(proposal.reasons.iter().all(|r| r.what.len() <= HOSTS_TOLD));
    assert!(!proposal.words(Lang::En).contains('\u{1b}'));
}

#[test]
fn host_names_carry_codes_of_places() {
    let found = |name: &str| {
        catalogue().host_code(name).map(|c| (c.country.map(|c| c.to_string()).unwrap_or_default(), &*c.place))
    };
    for (name, country, place) in [
        ("rwcfra.fra.zoom.us", "DE", "Frankfurt"),
        ("iad.zoom.us", "US", "Washington"),
        ("zoomfrn99mmr.zoom.us", "DE", "Frankfurt"),
        ("zoomam105zc.zoom.us", "NL", "Amsterdam"),
        ("us02web.zoom.us", "US", "account cluster"),
        ("us.telemetry.zoom.us", "US", "intake"),
        ("euaz.tr.teams.microsoft.com", "", "Europe"),
        ("a.northeurope.notifications.teams.microsoft.com", "IE", "Azure North Europe"),
        ("eu-prod.asyncgw.teams.microsoft.com", "", "Europe"),
        ("locus-a.wbx2.com", "US", "AWS us-east-2"),
        ("mercury-connection-k.wbx2.com", "DE", "AWS eu-central-1"),
        ("idbroker-b-us.webex.com", "US", "second cluster"),
        ("frankfurt369.discord.media", "DE", "Frankfurt"),
        ("us-east1234.discord.media", "US", "East"),
        ("de-fra-anx-r001.router.teamviewer.com", "DE", "relay"),
        ("cdns.euc1.cloud.rocket.chat", "DE", "AWS eu-central-1"),
    ] {
        assert_eq!(found(name), Some((country.to_owned(), place)), "{name}");
    }
    for name in [
        "zoom.us",
        "www.zoom.us",
        "frankfurter.discord.media",
        "fra.example.org",
        "wbx2.com",
        "data.wbx2.com",
        "",
        "zoommmr.zoom.us",
    ] {
        assert_eq!(found(name), None, "{name}");
    }
}
