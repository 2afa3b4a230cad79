//! Community ID version 1: a short hash of a conversation's ends that other tools (Zeek, Suricata, Arkime, Wireshark) print
//! too, so that their records can be laid beside these. Specification: <https://github.com/corelight/community-id-spec>.

use crate::wire::{End, TransportKind};
use data_encoding::BASE64;
use sha1::{Digest, Sha1};
use std::net::IpAddr;

/// Base64 of 20 bytes of SHA-1.
const HASH_LEN: usize = 28;

/// The identifier without its leading `1:`, in base64 (ASCII). The seed is 0; both directions have the same one.
#[must_use]
pub fn community_hash(transport: TransportKind, a: End, b: End) -> [u8; HASH_LEN] {
    // The smaller end by address bytes, then port. Ends of one conversation are of one family, whose order is that of
    // its bytes.
    let (low, high) = if (a.address, a.port) <= (b.address, b.port) { (a, b) } else { (b, a) };
    let mut input = Bytes { bytes: [0; 40], len: 0 };
    input.put(&[0, 0]);
    for address in [low.address, high.address] {
        match address {
            IpAddr::V4(v4) => input.put(&v4.octets()),
            IpAddr::V6(v6) => input.put(&v6.octets()),
        }
    }
    input.put(&[transport.number(), 0]);
    input.put(&low.port.to_be_bytes());
    input.put(&high.port.to_be_bytes());
    let hash = Sha1::digest(input.as_slice());
    let mut out = [b'='; HASH_LEN];
    if BASE64.encode_len(hash.len()) == HASH_LEN {
        BASE64.encode_mut(&hash, &mut out);
    }
    out
}

/// What is hashed: at most seed, two IPv6 addresses, protocol, padding and two ports.
struct Bytes {
    bytes: [u8; 40],
    len: usize,
}

impl Bytes {
    fn put(&mut self, part: &[u8]) {
        if let Some(room) = self.bytes.get_mut(self.len..self.len + part.len()) {
            room.copy_from_slice(part);
            self.len += part.len();
        }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(transport: TransportKind, a: (&str, u16), b: (&str, u16)) -> String {
        let end = |(address, port): (&str, u16)| End { address: address.parse().unwrap(), port };
        let hash = community_hash(transport, end(a), end(b));
        assert_eq!(hash, community_hash(transport, end(b), end(a)), "both directions are one conversation");
        String::from_utf8(hash.to_vec()).unwrap()
    }

    #[test]
    fn agrees_with_the_published_vectors() {
        use TransportKind::{Tcp, Udp};
        for (transport, a, b, expected) in [
            (Tcp, ("128.232.110.120", 34_855), ("66.35.250.204", 80), "LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (Udp, ("192.168.1.52", 54_585), ("8.8.8.8", 53), "d/FP5EW3wiY1vCndhwleRRKHowQ="),
        ] {
            assert_eq!(id(transport, a, b), expected);
        }
    }

    #[test]
    fn ipv6_fits() {
        let id = id(TransportKind::Tcp, ("2001:db8::1", 1), ("2001:db8::2", 2));
        assert_eq!((id.len(), id.ends_with('=')), (HASH_LEN, true));
    }
}
