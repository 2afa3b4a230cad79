//! Public resolvers that answer over HTTPS (RFC 8484): a TLS flow to one of them hides name lookups.
//!
//! Host names and operators as the operators publish them; general knowledge as of 2025-06, without claim to be complete.
//! The addresses answer plain DNS and DNS over TLS as well: they point to DoH only on port 443.

use std::net::IpAddr;

/// Host name and operator, sorted by name. A leading dot stands for every name below.
static HOSTS: &[(&str, &str)] = &[
    (".cloudflare-gateway.com", "Cloudflare"),
    (".d.adguard-dns.com", "AdGuard"),
    (".dns.controld.com", "Control D"),
    (".dns.nextdns.io", "NextDNS"),
    ("1dot1dot1dot1.cloudflare-dns.com", "Cloudflare"),
    ("adblock.dns.mullvad.net", "Mullvad"),
    ("all.dns.mullvad.net", "Mullvad"),
    ("base.dns.mullvad.net", "Mullvad"),
    ("chrome.cloudflare-dns.com", "Cloudflare"),
    ("cloudflare-dns.com", "Cloudflare"),
    ("dns-family.adguard.com", "AdGuard"),
    ("dns-unfiltered.adguard.com", "AdGuard"),
    ("dns.aa.net.uk", "Andrews & Arnold"),
    ("dns.adguard-dns.com", "AdGuard"),
    ("dns.adguard.com", "AdGuard"),
    ("dns.alidns.com", "Alibaba"),
    ("dns.cloudflare.com", "Cloudflare"),
    ("dns.controld.com", "Control D"),
    ("dns.digitale-gesellschaft.ch", "Digitale Gesellschaft"),
    ("dns.dnshome.de", "dnshome.de"),
    ("dns.google", "Google"),
    ("dns.google.com", "Google"),
    ("dns.hostux.net", "Hostux"),
    ("dns.mullvad.net", "Mullvad"),
    ("dns.nextdns.io", "NextDNS"),
    ("dns.njal.la", "Njalla"),
    ("dns.quad9.net", "Quad9"),
    ("dns.sb", "DNS.SB"),
    ("dns.switch.ch", "SWITCH"),
    ("dns.twnic.tw", "TWNIC"),
    ("dns.umbrella.com", "Cisco"),
    ("dns0.eu", "dns0.eu"),
    ("dns10.quad9.net", "Quad9"),
    ("dns11.quad9.net", "Quad9"),
    ("dns64.dns.google", "Google"),
    ("dns9.quad9.net", "Quad9"),
    ("dnsforge.de", "dnsforge.de"),
    ("dnspub.restena.lu", "Restena"),
    ("doh.360.cn", "Qihoo 360"),
    ("doh.appliedprivacy.net", "Foundation for Applied Privacy"),
    ("doh.bortzmeyer.fr", "Stephane Bortzmeyer"),
    ("doh.cleanbrowsing.org", "CleanBrowsing"),
    ("doh.crypto.sx", "crypto.sx"),
    ("doh.dns.apple.com", "Apple"),
    ("doh.dns.sb", "DNS.SB"),
    ("doh.familyshield.opendns.com", "Cisco"),
    ("doh.ffmuc.net", "Freifunk München"),
    ("doh.libredns.gr", "LibreOps"),
    ("doh.mullvad.net", "Mullvad"),
    ("doh.opendns.com", "Cisco"),
    ("doh.powerdns.org", "PowerDNS"),
    ("doh.pub", "Tencent"),
    ("doh.quickline.ch", "Quickline"),
    ("doh.sandbox.opendns.com", "Cisco"),
    ("doh.tiar.app", "tiar.app"),
    ("doh.umbrella.com", "Cisco"),
    ("doh.xfinity.com", "Comcast"),
    ("extended.dns.mullvad.net", "Mullvad"),
    ("family.adguard-dns.com", "AdGuard"),
    ("family.cloudflare-dns.com", "Cloudflare"),
    ("family.dns.mullvad.net", "Mullvad"),
    ("firefox.dns.nextdns.io", "NextDNS"),
    ("freedns.controld.com", "Control D"),
    ("jp.tiar.app", "tiar.app"),
    ("mozilla.cloudflare-dns.com", "Cloudflare"),
    ("noads.joindns4.eu", "DNS4EU"),
    ("odvr.nic.cz", "CZ.NIC"),
    ("one.one.one.one", "Cloudflare"),
    ("ordns.he.net", "Hurricane Electric"),
    ("private.canadianshield.cira.ca", "CIRA"),
    ("protective.joindns4.eu", "DNS4EU"),
    ("rdns.faelix.net", "Faelix"),
    ("security.cloudflare-dns.com", "Cloudflare"),
    ("unfiltered.adguard-dns.com", "AdGuard"),
    ("unfiltered.joindns4.eu", "DNS4EU"),
    ("wikimedia-dns.org", "Wikimedia"),
    ("zero.dns0.eu", "dns0.eu"),
];

/// Hosts through which browsers and apps send their traffic elsewhere, and who runs them; a leading dot as above. General
/// knowledge as of 2025-06, without claim to be complete.
static PROXIES: &[(&str, &str)] = &[
    (".mask-api.icloud.com", "Apple"),
    (".mask-h2.icloud.com", "Apple"),
    (".mask.icloud.com", "Apple"),
    (".opera-proxy.net", "Opera"),
    (".sec-tunnel.com", "Opera"),
    ("mask-api.icloud.com", "Apple"),
    ("mask-h2.icloud.com", "Apple"),
    ("mask.icloud.com", "Apple"),
];

/// Addresses and operator, sorted.
static V4: &[([u8; 4], &str)] = &[
    ([1, 0, 0, 1], "Cloudflare"),
    ([1, 0, 0, 2], "Cloudflare"),
    ([1, 0, 0, 3], "Cloudflare"),
    ([1, 1, 1, 1], "Cloudflare"),
    ([1, 1, 1, 2], "Cloudflare"),
    ([1, 1, 1, 3], "Cloudflare"),
    ([1, 12, 12, 12], "Tencent"),
    ([8, 8, 4, 4], "Google"),
    ([8, 8, 8, 8], "Google"),
    ([9, 9, 9, 9], "Quad9"),
    ([9, 9, 9, 10], "Quad9"),
    ([9, 9, 9, 11], "Quad9"),
    ([45, 11, 45, 11], "DNS.SB"),
    ([45, 90, 28, 0], "NextDNS"),
    ([45, 90, 30, 0], "NextDNS"),
    ([74, 82, 42, 42], "Hurricane Electric"),
    ([76, 76, 2, 0], "Control D"),
    ([76, 76, 2, 1], "Control D"),
    ([76, 76, 2, 2], "Control D"),
    ([76, 76, 10, 0], "Control D"),
    ([76, 76, 10, 1], "Control D"),
    ([76, 76, 10, 2], "Control D"),
    ([86, 54, 11, 1], "DNS4EU"),
    ([86, 54, 11, 11], "DNS4EU"),
    ([86, 54, 11, 12], "DNS4EU"),
    ([86, 54, 11, 13], "DNS4EU"),
    ([86, 54, 11, 100], "DNS4EU"),
    ([86, 54, 11, 200], "DNS4EU"),
    ([86, 54, 11, 201], "DNS4EU"),
    ([86, 54, 11, 211], "DNS4EU"),
    ([86, 54, 11, 212], "DNS4EU"),
    ([86, 54, 11, 213], "DNS4EU"),
    ([94, 140, 14, 14], "AdGuard"),
    ([94, 140, 14, 15], "AdGuard"),
    ([94, 140, 14, 140], "AdGuard"),
    ([94, 140, 14, 141], "AdGuard"),
    ([94, 140, 15, 15], "AdGuard"),
    ([94, 140, 15, 16], "AdGuard"),
    ([120, 53, 53, 53], "Tencent"),
    ([130, 59, 31, 248], "SWITCH"),
    ([130, 59, 31, 251], "SWITCH"),
    ([146, 255, 56, 98], "Foundation for Applied Privacy"),
    ([149, 112, 112, 10], "Quad9"),
    ([149, 112, 112, 11], "Quad9"),
    ([149, 112, 112, 112], "Quad9"),
    ([149, 112, 121, 10], "CIRA"),
    ([149, 112, 121, 20], "CIRA"),
    ([149, 112, 121, 30], "CIRA"),
    ([149, 112, 122, 10], "CIRA"),
    ([149, 112, 122, 20], "CIRA"),
    ([149, 112, 122, 30], "CIRA"),
    ([162, 159, 36, 1], "Cloudflare"),
    ([162, 159, 46, 1], "Cloudflare"),
    ([185, 43, 135, 1], "CZ.NIC"),
    ([185, 71, 138, 138], "Wikimedia"),
    ([185, 95, 218, 42], "Digitale Gesellschaft"),
    ([185, 95, 218, 43], "Digitale Gesellschaft"),
    ([185, 222, 222, 222], "DNS.SB"),
    ([185, 228, 168, 9], "CleanBrowsing"),
    ([185, 228, 168, 10], "CleanBrowsing"),
    ([185, 228, 168, 168], "CleanBrowsing"),
    ([185, 228, 169, 9], "CleanBrowsing"),
    ([185, 228, 169, 11], "CleanBrowsing"),
    ([185, 228, 169, 168], "CleanBrowsing"),
    ([185, 253, 5, 0], "dns0.eu"),
    ([193, 17, 47, 1], "CZ.NIC"),
    ([193, 110, 81, 0], "dns0.eu"),
    ([194, 242, 2, 2], "Mullvad"),
    ([194, 242, 2, 3], "Mullvad"),
    ([194, 242, 2, 4], "Mullvad"),
    ([194, 242, 2, 5], "Mullvad"),
    ([194, 242, 2, 6], "Mullvad"),
    ([194, 242, 2, 9], "Mullvad"),
    ([208, 67, 220, 123], "Cisco"),
    ([208, 67, 220, 220], "Cisco"),
    ([208, 67, 222, 123], "Cisco"),
    ([208, 67, 222, 222], "Cisco"),
    ([223, 5, 5, 5], "Alibaba"),
    ([223, 6, 6, 6], "Alibaba"),
];

/// The same for IPv6, as eight groups.
static V6: &[([u16; 8], &str)] = &[
    ([0x2001, 0x470, 0x20, 0, 0, 0, 0, 0x2], "Hurricane Electric"),
    ([0x2001, 0x67c, 0x930, 0, 0, 0, 0, 0x1], "Wikimedia"),
    ([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844], "Google"),
    ([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888], "Google"),
    ([0x2400, 0x3200, 0, 0, 0, 0, 0, 0x1], "Alibaba"),
    ([0x2400, 0x3200, 0xbaba, 0, 0, 0, 0, 0x1], "Alibaba"),
    ([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1001], "Cloudflare"),
    ([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1002], "Cloudflare"),
    ([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1003], "Cloudflare"),
    ([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111], "Cloudflare"),
    ([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1112], "Cloudflare"),
    ([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1113], "Cloudflare"),
    ([0x2620, 0xfe, 0, 0, 0, 0, 0, 0x9], "Quad9"),
    ([0x2620, 0xfe, 0, 0, 0, 0, 0, 0x10], "Quad9"),
    ([0x2620, 0xfe, 0, 0, 0, 0, 0, 0x11], "Quad9"),
    ([0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe], "Quad9"),
    ([0x2620, 0x119, 0x35, 0, 0, 0, 0, 0x35], "Cisco"),
    ([0x2620, 0x119, 0x53, 0, 0, 0, 0, 0x53], "Cisco"),
    ([0x2a05, 0xfc84, 0, 0, 0, 0, 0, 0x42], "Digitale Gesellschaft"),
    ([0x2a05, 0xfc84, 0, 0, 0, 0, 0, 0x43], "Digitale Gesellschaft"),
    ([0x2a09, 0, 0, 0, 0, 0, 0, 0], "DNS.SB"),
    ([0x2a10, 0x50c0, 0, 0, 0, 0, 0xad1, 0xff], "AdGuard"),
    ([0x2a10, 0x50c0, 0, 0, 0, 0, 0xad2, 0xff], "AdGuard"),
    ([0x2a11, 0, 0, 0, 0, 0, 0, 0], "DNS.SB"),
];

/// The operator of the DoH resolver with this host name (lower-case, without trailing dot), if it is a known one.
#[must_use]
pub fn doh_resolver(name: &str) -> Option<&'static str> {
    let exact = HOSTS.binary_search_by(|(host, _)| (*host).cmp(name)).ok().and_then(|n| HOSTS.get(n));
    // Those with a leading dot come first and are few.
    let mut parents = HOSTS.iter().take_while(|(host, _)| host.starts_with('.'));
    exact.or_else(|| parents.find(|(parent, _)| name.ends_with(parent))).map(|(_, operator)| *operator)
}

/// The operator of the proxy service with this host name (as above), if it is a known one.
#[must_use]
pub fn proxy(name: &str) -> Option<&'static str> {
    let is = |host: &str| name == host || host.starts_with('.') && name.ends_with(host);
    PROXIES.iter().find(|(host, _)| is(host)).map(|(_, operator)| *operator)
}

/// The operator of the public resolver at this address. Only port 443 makes a flow to it DoH.
#[must_use]
pub fn public_resolver(address: IpAddr) -> Option<&'static str> {
    let operator = match address {
        IpAddr::V4(v4) => V4.binary_search_by_key(&v4.octets(), |row| row.0).ok().and_then(|n| V4.get(n))?.1,
        IpAddr::V6(v6) => V6.binary_search_by_key(&v6.segments(), |row| row.0).ok().and_then(|n| V6.get(n))?.1,
    };
    Some(operator)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_without_doubles() {
        assert!(HOSTS.is_sorted_by(|a, b| a.0 < b.0));
        assert!(PROXIES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(V4.is_sorted_by(|a, b| a.0 < b.0));
        assert!(V6.is_sorted_by(|a, b| a.0 < b.0));
        assert!(HOSTS.iter().all(|(host, _)| *host == host.to_ascii_lowercase() && !host.ends_with('.')));
    }

    #[test]
    fn resolvers_are_found_by_name_and_address() {
        for (name, operator) in [
            ("dns.google", Some("Google")),
            ("mozilla.cloudflare-dns.com", Some("Cloudflare")),
            ("a1b2c3.dns.nextdns.io", Some("NextDNS")),
            ("phone-a1b2c3.dns.nextdns.io", Some("NextDNS")),
            ("www.google", None),
            ("evil-dns.google", None),
            ("x.dns.google", None),
            ("", None),
        ] {
            assert_eq!(doh_resolver(name), operator, "{name}");
        }
        for (name, operator) in [
            ("eu0.sec-tunnel.com", Some("Opera")),
            ("mask.icloud.com", Some("Apple")),
            ("sec-tunnel.com.example", None),
        ] {
            assert_eq!(proxy(name), operator, "{name}");
        }
        for (address, operator) in [
            ("9.9.9.9", Some("Quad9")),
            ("2606:4700:4700::1111", Some("Cloudflare")),
            ("192.0.2.1", None),
            ("2001:db8::1", None),
        ] {
            assert_eq!(public_resolver(address.parse().unwrap()), operator, "{address}");
        }
    }
}
