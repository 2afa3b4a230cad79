#!/usr/bin/env python3
"""Build the small databases in ../testdata/made: the shapes of other publishers' records, with contents of our own; and the
database of the laboratory in ../../fixtures/lab, which places documentation addresses.
usage: build_test_mmdb.py   (run inside tools/)"""
import ipaddress
from mmdb_min_writer import W

EPOCH = 1780272000  # 2026-06-01


def build(name, records, version=6, folder="../testdata/made"):
    w = W()
    for prefix, record in sorted(records.items(), key=lambda r: ipaddress.ip_network(r[0]).prefixlen):
        n = ipaddress.ip_network(prefix)
        bits, length = int(n.network_address), n.prefixlen
        if version == 4:
            bits <<= 96
        elif n.version == 4:
            length += 96
        w.add(bits, length, w.put(record))
    w.save(f"{folder}/{name}.mmdb", f"test {name}", "made for tests", EPOCH, version=version)


build("ipinfo-lite", {
    "88.198.0.0/16": {"continent": "Europe", "continent_code": "EU", "country": "Finland", "country_code": "FI",
                      "asn": "AS24940", "as_name": "Hetzner Online GmbH", "as_domain": "hetzner.com"},
    "89.160.20.0/24": {"continent": "Europe", "continent_code": "EU", "country": "Sweden", "country_code": "SE",
                       "asn": "AS29518", "as_name": "Bredband2 AB", "as_domain": "bredband2.com"},
    "3.64.10.0/24": {"continent": "North America", "continent_code": "NA", "country": "United States",
                     "country_code": "US", "asn": "AS16509", "as_name": "Amazon.com, Inc.", "as_domain": "amazon.com"},
})
build("ipinfo-country-asn", {
    "88.198.0.0/16": {"continent": "EU", "continent_name": "Europe", "country": "DE", "country_name": "Germany",
                      "asn": "AS24940", "as_name": "Hetzner Online GmbH", "as_domain": "hetzner.com"},
})
build("iplocate-asn", {
    "3.64.10.0/24": {"asn": 16509, "country_code": "US", "name": "AMAZON-02", "org": "Amazon.com, Inc.",
                     "domain": "amazon.com"},
})
build("flat-v4-only", {"88.198.0.0/16": {"country_code": "DE"}}, version=4)
build("cloud-user", {
    "3.64.10.0/24": {"provider": "aws", "region": "test-region-1", "country_code": "AT", "services": "EC2"},
    "3.0.0.0/8": {"provider": "aws", "region": "too-wide-1", "country_code": "US"},
    "88.198.0.0/16": {"provider": "other", "region": "nowhere-1"},
})
build("laboratory", {
    "192.0.2.0/24": {"country_code": "DE"},
    "203.0.113.0/24": {"country_code": "DE"},
    "203.0.113.30/32": {"country_code": "FR"},
    "198.51.100.0/24": {"country_code": "IN"},
}, folder="../../fixtures/lab/geoip")
