//! JA4, the client fingerprint of FoxIO (BSD 3-Clause part of JA4+), after its published technical details.

use super::hello::{ClientHello, Extensions, extension, is_grease, values};
use crate::dissect::fact::HelloTransport;
use hashbrown::HashMap;
use ring::digest::{SHA256, digest};
use smallvec::SmallVec;
use std::cell::RefCell;

/// What stands for the hash of an empty list.
const NOTHING: &[u8; 12] = b"000000000000";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// The fingerprint of a hello, for instance `t13d1516h2_8daaf6152771_e5627efa2ab1`.
#[must_use]
pub fn fingerprint(hello: &ClientHello<'_>, transport: HelloTransport) -> Box<str> {
    let extensions = || Extensions::of(hello.extensions).map(|(kind, _)| kind).filter(|kind| !is_grease(*kind));
    let mut sorted: SmallVec<[u16; 64]> = values(hello.ciphers).collect();
    let mut out: SmallVec<[u8; 36]> = SmallVec::new();
    out.push(match transport {
        HelloTransport::Tls => b't',
        HelloTransport::Quic => b'q',
        HelloTransport::Dtls => b'd',
    });
    out.extend_from_slice(version(hello));
    out.push(if hello.names_server { b'd' } else { b'i' });
    out.extend_from_slice(&count(sorted.len()));
    out.extend_from_slice(&count(extensions().count()));
    out.extend_from_slice(&protocol(hello.protocols().next().unwrap_or_default()));

    sorted.sort_unstable();
    out.push(b'_');
    out.extend_from_slice(&hash(&sorted));

    sorted.clear();
    sorted.extend(extensions().filter(|kind| !matches!(*kind, extension::SERVER_NAME | extension::ALPN)));
    sorted.sort_unstable();
    let mut algorithms = values(hello.signature_algorithms).peekable();
    if !sorted.is_empty() && algorithms.peek().is_some() {
        sorted.push(UNDERSCORE);
        sorted.extend(algorithms);
    }
    out.push(b'_');
    out.extend_from_slice(&hash(&sorted));
    std::str::from_utf8(&out).unwrap_or_default().into()
}

fn version(hello: &ClientHello<'_>) -> &'static [u8; 2] {
    let highest = if hello.legacy_version >> 8 == 0xfe {
        hello.best_version()
    } else {
        values(hello.versions).max().unwrap_or(hello.legacy_version)
    };
    match highest {
        0x0304 => b"13",
        0x0303 => b"12",
        0x0302 => b"11",
        0x0301 => b"10",
        0x0300 => b"s3",
        0x0002 => b"s2",
        0xfeff => b"d1",
        0xfefd => b"d2",
        0xfefc => b"d3",
        _ => b"00",
    }
}

fn count(n: usize) -> [u8; 2] {
    let n = n.min(99) as u8;
    [b'0' + n / 10, b'0' + n % 10]
}

/// First and last character of the first protocol name; of its hexadecimal form if either is no letter or digit.
fn protocol(name: &[u8]) -> [u8; 2] {
    match (name.first(), name.last()) {
        (Some(first), Some(last)) if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => [*first, *last],
        (Some(first), Some(last)) => [digit(first >> 4), digit(*last)],
        _ => *b"00",
    }
}

/// The low four bits as a hexadecimal digit.
fn digit(bits: u8) -> u8 {
    HEX.get(usize::from(bits & 15)).copied().unwrap_or_default()
}

/// `002f,0035,...`
fn list(text: &mut Vec<u8>, values: impl Iterator<Item = u16>) {
    for (i, value) in values.enumerate() {
        if i > 0 {
            text.push(b',');
        }
        let [high, low] = value.to_be_bytes();
        text.extend_from_slice(&[digit(high >> 4), digit(high), digit(low >> 4), digit(low)]);
    }
}

/// Stands where the underscore does in a list. GREASE is left out of all lists, so it is no value of one.
const UNDERSCORE: u16 = 0x0a0a;
/// Lists whose hash is remembered, and values of one: a client makes few and short ones, whatever it shuffles.
const REMEMBERED: (usize, usize) = (256, 256);

thread_local! {
    static KNOWN: RefCell<HashMap<Box<[u16]>, [u8; 12]>> = RefCell::default();
}

fn hash(values: &[u16]) -> [u8; 12] {
    KNOWN.with_borrow_mut(|known| {
        if let Some(hash) = known.get(values) {
            return *hash;
        }
        let hash = compute(values);
        if known.len() < REMEMBERED.0 && values.len() <= REMEMBERED.1 {
            known.insert(values.into(), hash);
        }
        hash
    })
}

fn compute(values: &[u16]) -> [u8; 12] {
    let mut text = Vec::with_capacity(5 * values.len());
    for (i, part) in values.split(|value| *value == UNDERSCORE).enumerate() {
        if i > 0 {
            text.push(b'_');
        }
        list(&mut text, part.iter().copied());
    }
    let mut out = *NOTHING;
    if !text.is_empty() {
        for (pair, byte) in out.chunks_exact_mut(2).zip(digest(&SHA256, &text).as_ref()) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(*byte)]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of the technical details.
    #[test]
    fn protocol_names_give_two_characters() {
        for (name, expected) in [
            (&b""[..], "00"),
            (b"h2", "h2"),
            (b"http/1.1", "h1"),
            (b"x", "xx"),
            (b"\xab", "ab"),
            (b"\xab\xcd", "ad"),
            (b"0\xab", "3b"),
            (b"01\xab\xcd", "3d"),
            (b"0\xab\xcd1", "01"),
        ] {
            assert_eq!(protocol(name), expected.as_bytes(), "{name:?}");
        }
    }

    #[test]
    fn hashes_are_those_of_the_published_example() {
        let mut ciphers = [
            0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x9c, 0x9d, 0x2f,
            0x35,
        ];
        ciphers.sort_unstable();
        for _ in 0..2 {
            assert_eq!(&hash(&ciphers), b"8daaf6152771");
            assert_eq!(&hash(&[]), NOTHING);
        }
        assert_eq!((count(7), count(100)), (*b"07", *b"99"));
    }
}
