//! Who takes part in the generated call. Nothing was recorded and nothing is ever sent: the names `*.example` are
//! reserved (RFC 2606), the others are names of the services. The remote addresses lie in ranges that their owners
//! publish, so that place and operator can be told; which host answers at which address is invented.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A server, and how far away it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Host {
    pub name: &'static str,
    /// The canonical name behind the name, if it is an alias.
    pub alias: Option<&'static str>,
    pub v4: Ipv4Addr,
    pub v6: Option<Ipv6Addr>,
    /// The DNS answer has an HTTPS record with an ECH configuration.
    pub ech: bool,
    /// Milliseconds there and back.
    pub round_trip: u64,
}

impl Host {
    const fn new(name: &'static str, [a, b, c, d]: [u8; 4], round_trip: u64) -> Self {
        Self { name, alias: None, v4: Ipv4Addr::new(a, b, c, d), v6: None, ech: false, round_trip }
    }

    /// The address that the client prefers.
    pub(super) fn address(&self) -> IpAddr {
        self.v6.map_or(IpAddr::V4(self.v4), IpAddr::V6)
    }
}

/// The audited device behind a home router. Its IPv6 address is a documentation address: it stands for no customer.
pub(super) const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 178, 23);
pub(super) const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x178, 0, 0, 0, 0, 0x23);
pub(super) const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 178, 1);
/// What the router's translation makes of the client (RFC 5737).
pub(super) const CLIENT_OUTSIDE: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);
/// Locally administered, so nobody's hardware.
pub(super) const CLIENT_MAC: [u8; 6] = [0x02, 0x5a, 0x48, 0, 0, 0x23];
pub(super) const ROUTER_MAC: [u8; 6] = [0x02, 0x5a, 0x48, 0, 0, 0x01];

// The service, in the United States and in Frankfurt.
pub(super) const START: Host = Host::new("zoom.us", [170, 114, 52, 2], 14);
pub(super) const TENANT: Host =
    Host { alias: Some("us04web.zoom.us"), ..Host::new("musteramt.zoom.us", [170, 114, 10, 73], 97) };
pub(super) const CONTENT: Host = Host::new("st1.zoom.us", [18, 66, 97, 5], 11);
pub(super) const GATEWAY: Host = Host::new("rwcfra.fra.zoom.us", [134, 224, 111, 21], 12);
pub(super) const RELAY: Host = Host::new("zoomfra20mmr.fra.zoom.us", [134, 224, 111, 20], 12);
pub(super) const FAR_RELAY: Host = Host::new("zoomiad10mmr.iad.zoom.us", [206, 247, 64, 10], 96);
pub(super) const LOG: Host = Host::new("log-gateway.zoom.us", [3, 235, 69, 5], 98);
pub(super) const TELEMETRY: Host = Host::new("us.telemetry.zoom.us", [52, 202, 62, 196], 98);

// Third parties.
pub(super) const CRASH: Host = Host::new("o1.ingest.sentry.io", [34, 120, 195, 249], 13);
pub(super) const ANALYTICS: Host = Host {
    v6: Some(Ipv6Addr::new(0x2a00, 0x1450, 0x4001, 0x80b, 0, 0, 0, 0x200e)),
    ..Host::new("www.google-analytics.com", [142, 250, 185, 78], 10)
};
pub(super) const PARTNER: Host = Host::new("collector.metrics-partner.example", [18, 136, 20, 30], 172);

// What the device does besides.
pub(super) const CHECK: Host = Host::new("connectivity-check.ubuntu.com", [185, 125, 190, 48], 24);
pub(super) const CERTIFICATE_STATUS: Host =
    Host { alias: Some("ocsp.edge.digicert.com"), ..Host::new("ocsp.digicert.com", [23, 45, 12, 5], 12) };
pub(super) const TIME: Host = Host::new("ptbtime1.ptb.de", [192, 53, 103, 108], 16);
pub(super) const WEATHER: Host = Host::new("weather.desktop-widget.example", [88, 198, 55, 1], 15);
pub(super) const UPDATES: Host = Host::new("updates.desktop-widget.example", [46, 4, 55, 2], 15);
pub(super) const DOH: Host = Host::new("dns.google", [8, 8, 8, 8], 9);
pub(super) const COVERED: Host =
    Host { ech: true, ..Host::new("board.whiteboard-app.example", [104, 16, 132, 229], 9) };
/// The name that stands outside in hellos to hosts of the network that runs [`COVERED`].
pub(super) const COVER_NAME: &str = "cloudflare-ech.com";
