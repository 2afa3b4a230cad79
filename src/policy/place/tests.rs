use super::*;
use crate::policy::load::Book;
use crate::policy::service::Parameters;

fn book() -> Book {
    Book::embedded().unwrap()
}

/// Places one recipient and gives listing and role.
fn of(service: &str, seen: &Sighting<'_>) -> (Listing, Option<&'static str>) {
    let book = book();
    let profile = book.profile(service, &Parameters::new()).unwrap();
    let found = book.place(Some(&profile), seen);
    (found.listing, found.role)
}

fn named(name: &str) -> (Listing, Option<&'static str>) {
    let (service, name) = name.split_once(' ').unwrap();
    of(
        service,
        &Sighting {
            names: &[name],
            addresses: &["203.0.112.1".parse().unwrap()],
            asn: Some(16509),
            ..Sighting::default()
        },
    )
}

#[test]
fn names_decide_and_beat_networks() {
    use Listing::{Background, NotListed, Service, Subprocessor};
    for (name, expected) in [
        ("zoom zoom.us", (Service, Some("signalling"))),
        ("zoom www3.zoom.us", (Service, Some("signalling"))),
        ("zoom log.zoom.us", (Service, Some("telemetry"))),
        ("zoom us.telemetry.zoom.us", (Service, Some("telemetry"))),
        ("zoom zoomfrn99mmr.zoom.us", (Service, Some("media"))),
        ("zoom zoomam105zc.zoom.us", (Service, Some("signalling"))),
        ("zoom rwciad.iad.zoom.us", (Service, Some("media"))),
        ("zoom us04web.zoom.us", (Service, Some("signalling"))),
        // In the network of a listed recipient, yet not the service: the name decides.
        ("zoom dati.ntop.org", (NotListed, None)),
        ("zoom zoominfo.com", (NotListed, None)),
        ("zoom notzoom.us", (NotListed, None)),
        ("zoom www.googletagmanager.com", (NotListed, Some("ads"))),
        ("zoom static.zdassets.com", (Subprocessor, Some("help"))),
        ("zoom d1234.cloudfront.net", (Subprocessor, None)),
        ("zoom spclient.wg.spotify.com", (NotListed, None)),
        ("zoom ocsp.digicert.com", (Background, Some("pki"))),
        ("zoom captive.apple.com", (Background, Some("connectivity"))),
        ("zoom self.events.data.microsoft.com", (Background, Some("telemetry"))),
        ("teams mobile.pipe.aria.microsoft.com", (Service, Some("telemetry"))),
        ("teams eu-teams.events.data.microsoft.com", (Service, Some("telemetry"))),
        // More specific in the background list than in the profile.
        ("teams self.events.data.microsoft.com", (Background, Some("telemetry"))),
        ("teams v10.events.data.microsoft.com", (Background, Some("telemetry"))),
        ("teams gate.hockeyapp.net", (Service, Some("crash"))),
        ("teams euaz.tr.teams.microsoft.com", (Service, Some("media"))),
        ("teams trouter2-asse-a.trouter.teams.microsoft.com", (Service, Some("signalling"))),
        ("teams eu-api.asm.skype.com", (Service, Some("signalling"))),
        ("teams login.microsoftonline.com", (Service, Some("auth"))),
        ("teams dati.ntop.org", (NotListed, None)),
        ("teams www.microsoft.com", (NotListed, None)),
        ("webex metrics-a.wbx2.com", (Service, Some("telemetry"))),
        ("webex mercury-connection.wbx2.com", (Service, Some("signalling"))),
        ("webex idbroker-b-us.webex.com", (Service, Some("auth"))),
        // The profile names this probe as the app's own; on a tie it beats the background.
        ("webex captive.apple.com", (Subprocessor, Some("signalling"))),
        ("webex data.logentries.com", (Subprocessor, Some("telemetry"))),
    ] {
        assert_eq!(named(name), expected, "{name}");
    }
}

#[test]
fn networks_speak_only_for_flows_without_a_name() {
    use Listing::{Background, Local, NotListed, Service, Subprocessor};
    let day = Day::parse("2020-04-16").unwrap();
    let see = |service: &str, address: &str, asn: Option<u32>, names: &[&str], applications: &[&str]| {
        let addresses = [address.parse().unwrap()];
        of(service, &Sighting { names, addresses: &addresses, asn, applications, day, ..Sighting::default() })
    };
    assert_eq!(see("teams", "52.114.250.152", Some(8075), &[], &["stun"]), (Service, Some("media")));
    // The client wrote the bare address into the hello: that is no name.
    assert_eq!(see("teams", "52.114.250.152", None, &["52.114.250.152"], &["tls"]), (Service, Some("media")));
    assert_eq!(see("teams", "52.114.250.152", None, &["example.org"], &["tls"]), (NotListed, None));
    assert_eq!(see("zoom", "109.94.160.99", None, &[], &["zoom"]), (Service, Some("media")));
    assert_eq!(see("zoom", "9.9.9.9", Some(30103), &[], &[]), (Service, Some("media")));
    assert_eq!(see("zoom", "52.1.1.1", Some(16509), &[], &[]), (Subprocessor, None));
    assert_eq!(see("zoom", "52.1.1.1", Some(64500), &[], &[]), (NotListed, None));
    assert_eq!(see("zoom", "192.168.1.1", None, &[], &["dns"]), (Local, None));
    assert_eq!(see("zoom", "224.0.0.251", None, &["_spotify-connect._tcp.local"], &["mdns"]), (Local, None));
    assert_eq!(see("zoom", "8.8.8.8", Some(15169), &[], &["dns"]), (Background, Some("dns")));
    assert_eq!(see("zoom", "9.9.9.9", None, &[], &["dns", "tls"]), (NotListed, None));
    // Infrastructure in the provider's own network is still infrastructure.
    assert_eq!(see("zoom", "170.114.1.1", None, &[], &["ntp"]), (Background, Some("time")));
}

#[test]
fn ranges_hold_on_their_days() {
    let see = |day: &str| {
        let addresses = ["18.230.160.5".parse().unwrap()];
        of("webex", &Sighting { addresses: &addresses, day: Day::parse(day).unwrap(), ..Sighting::default() }).0
    };
    assert_eq!(see("2022-07-31"), Listing::Service);
    assert_eq!(see("2022-08-01"), Listing::NotListed);
}

#[test]
fn the_operator_by_name_may_be_listed_but_the_network_holder_not_for_a_named_host() {
    let addresses = ["203.0.112.1".parse().unwrap()];
    let seen = Sighting { names: &["x.example.org"], addresses: &addresses, ..Sighting::default() };
    assert_eq!(of("zoom", &Sighting { operator: Some("Zendesk, Inc."), ..seen }).0, Listing::Subprocessor);
    assert_eq!(of("zoom", &Sighting { holder: Some("Amazon.com, Inc."), ..seen }).0, Listing::NotListed);
    let unnamed = Sighting { names: &[], holder: Some("Amazon.com, Inc."), ..seen };
    assert_eq!(of("zoom", &unnamed).0, Listing::Subprocessor);
}

#[test]
fn without_a_profile_only_background_and_own_network_are_told() {
    let book = book();
    let public = ["203.0.112.1".parse().unwrap()];
    let see = |names: &[&str]| book.place(None, &Sighting { names, addresses: &public, ..Sighting::default() }).listing;
    assert_eq!(see(&["zoom.us"]), Listing::Unjudged);
    assert_eq!(see(&[]), Listing::Unjudged);
    assert_eq!(see(&["ocsp.digicert.com"]), Listing::Background);
    let local = ["10.0.0.1".parse().unwrap()];
    assert_eq!(book.place(None, &Sighting { addresses: &local, ..Sighting::default() }).listing, Listing::Local);
    assert_eq!(book.place(None, &Sighting::default()).listing, Listing::Unjudged);
}

#[test]
fn another_list_decides_anew() {
    let list = "title = \"Annex\"\nas_of = 2026-01-01\n[[disclosed]]\nname = \"Google Ireland Limited\"\n";
    let book = book().with_list("annex.toml", list).unwrap();
    let profile = book.profile("zoom", &Parameters::new()).unwrap();
    let public = ["203.0.112.1".parse().unwrap()];
    let see = |names: &[&str]| {
        book.place(Some(&profile), &Sighting { names, addresses: &public, ..Sighting::default() }).listing
    };
    assert_eq!(see(&["www.googletagmanager.com"]), Listing::Subprocessor);
    assert_eq!(see(&["static.zdassets.com"]), Listing::NotListed);
    assert_eq!(see(&["zoom.us"]), Listing::Service);
    let alone = book.list_profile().unwrap();
    let found = book.place(Some(&alone), &Sighting { names: &["zoom.us"], addresses: &public, ..Sighting::default() });
    assert_eq!((found.listing, found.reason), (Listing::NotListed, Reason::Nothing));
}
