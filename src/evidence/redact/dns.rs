//! A DNS message (RFC 1035) in which names and addresses of the audited side are replaced by others of the same length, so
//! that every pointer in it still fits.

use super::super::pseudonym::Pseudonyms;
use crate::wire::Cursor;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Labels of a name, pointers followed; a name of 255 bytes has no more.
const MAX_LABELS: usize = 128;
/// Records of a message; more do not fit into any that a resolver sends.
const MAX_RECORDS: usize = 4_096;

/// A name as it stands in a message.
struct Name {
    text: String,
    /// Where its labels stand, without their length bytes.
    labels: Vec<(usize, usize)>,
    /// Bytes that it takes in its place.
    here: usize,
}

/// Reads the name at `at`.
fn name(message: &[u8], at: usize) -> Option<Name> {
    let (mut text, mut labels, mut here, mut next) = (String::new(), Vec::new(), None, at);
    for _ in 0..MAX_LABELS {
        let len = usize::from(*message.get(next)?);
        match len {
            0 => {
                let here = here.unwrap_or_else(|| next + 1 - at);
                return Some(Name { text, labels, here });
            }
            0xc0.. => {
                let low = usize::from(*message.get(next + 1)?);
                here.get_or_insert_with(|| next + 2 - at);
                next = (len & 0x3f) << 8 | low;
            }
            1..0x40 => {
                let label = message.get(next + 1..next + 1 + len)?;
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(&String::from_utf8_lossy(label));
                labels.push((next + 1, len));
                next += 1 + len;
            }
            _ => return None,
        }
    }
    None
}

/// The name that a message with one question asks for, lower-case.
#[must_use]
pub fn question(message: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(message);
    cursor.skip(4)?;
    (cursor.u16()? == 1).then_some(())?;
    name(message, 12).map(|name| name.text.to_ascii_lowercase())
}

struct Message<'a> {
    bytes: &'a [u8],
    out: Vec<u8>,
    pseudonyms: &'a mut Pseudonyms,
    /// Labels that are replaced; kept labels are in `out` already.
    hidden: BTreeSet<(usize, usize)>,
}

/// The message with everything of the audited side replaced; `None` if it cannot be read to its end, or changes a zone.
pub(super) fn message(bytes: &[u8], pseudonyms: &mut Pseudonyms) -> Option<Vec<u8>> {
    let mut cursor = Cursor::new(bytes);
    let (_, flags) = (cursor.u16()?, cursor.u16()?);
    if flags & 0x7800 != 0 {
        return None;
    }
    let counts = [cursor.u16()?, cursor.u16()?, cursor.u16()?, cursor.u16()?].map(usize::from);
    let [questions, records @ ..] = counts;
    let records: usize = records.iter().sum();
    if questions + records > MAX_RECORDS {
        return None;
    }
    let mut message = Message { bytes, out: vec![0; bytes.len()], pseudonyms, hidden: BTreeSet::new() };
    message.keep(0, 12)?;
    let mut at = 12;
    for _ in 0..questions {
        let (_, len) = message.name(at, false)?;
        message.keep(at + len, 4)?;
        at += len + 4;
    }
    for _ in 0..records {
        at = message.record(at)?;
    }
    let Message { mut out, hidden, pseudonyms, .. } = message;
    for (at, len) in hidden {
        let label = pseudonyms.label(bytes.get(at..at + len)?);
        out.get_mut(at..at + len)?.copy_from_slice(&label);
    }
    // What stands behind the last record belongs to no message.
    out.truncate(at);
    Some(out)
}

impl Message<'_> {
    fn keep(&mut self, at: usize, len: usize) -> Option<()> {
        self.out.get_mut(at..at + len)?.copy_from_slice(self.bytes.get(at..at + len)?);
        Some(())
    }

    /// Takes a name over; whether it is one of the audited side, and its length in place.
    fn name(&mut self, at: usize, own: bool) -> Option<(bool, usize)> {
        let Name { text, labels, here } = name(self.bytes, at)?;
        self.keep(at, here)?;
        let own = own || self.pseudonyms.is_own_name(&text);
        let lower = text.to_ascii_lowercase();
        let reverse = [".in-addr.arpa", ".ip6.arpa"].iter().any(|zone| lower.ends_with(zone));
        let shown = if reverse { labels.len().saturating_sub(2) } else { labels.len() };
        if own {
            self.hidden.extend(labels.into_iter().take(shown));
        }
        Some((own, here))
    }

    /// Takes a record over; where the next one begins.
    fn record(&mut self, at: usize) -> Option<usize> {
        let (own, len) = self.name(at, false)?;
        let at = at + len;
        self.keep(at, 10)?;
        let mut cursor = Cursor::new(self.bytes.get(at..)?);
        let (kind, _, _, length) = (cursor.u16()?, cursor.u16()?, cursor.u32()?, cursor.u16()?);
        let (data, length) = (at + 10, usize::from(length));
        let end = data + length;
        self.bytes.get(data..end)?;
        match kind {
            1 if length == 4 => self.v4(data)?,
            28 if length == 16 => self.v6(data)?,
            // NS, CNAME, PTR, DNAME; MX, SRV; SOA. The name behind a reverse look-up is that of its address.
            2 | 5 | 12 | 39 => drop(self.name(data, own)?),
            15 => {
                self.keep(data, 2)?;
                self.name(data + 2, own)?;
            }
            33 => {
                self.keep(data, 6)?;
                self.name(data + 6, own)?;
            }
            6 => {
                let (_, first) = self.name(data, own)?;
                let (_, second) = self.name(data + first, own)?;
                self.keep(data + first + second, 20)?;
            }
            64 | 65 => self.service(data, end, own)?,
            41 => self.options(data, end)?,
            // DS, RRSIG, NSEC, DNSKEY, NSEC3, CAA: what a zone publishes about itself.
            43 | 46 | 47 | 48 | 50 | 51 | 257 if !own => self.keep(data, length)?,
            // Text, and what nobody here knows, may say anything: zeros stand for it.
            _ => {}
        }
        Some(end)
    }

    fn v4(&mut self, at: usize) -> Option<()> {
        let octets: [u8; 4] = self.bytes.get(at..at + 4)?.try_into().ok()?;
        let other = self.pseudonyms.v4(Ipv4Addr::from(octets)).octets();
        self.out.get_mut(at..at + 4)?.copy_from_slice(&other);
        Some(())
    }

    fn v6(&mut self, at: usize) -> Option<()> {
        let octets: [u8; 16] = self.bytes.get(at..at + 16)?.try_into().ok()?;
        let other = self.pseudonyms.v6(Ipv6Addr::from(octets)).octets();
        self.out.get_mut(at..at + 16)?.copy_from_slice(&other);
        Some(())
    }

    /// SVCB and HTTPS (RFC 9460 §2.2): priority, name, parameters; those with the keys 4 and 6 are addresses.
    fn service(&mut self, data: usize, end: usize, own: bool) -> Option<()> {
        self.keep(data, 2)?;
        let (_, len) = self.name(data + 2, own)?;
        let mut at = data + 2 + len;
        while at < end {
            let mut cursor = Cursor::new(self.bytes.get(at..end)?);
            let (key, length) = (cursor.u16()?, usize::from(cursor.u16()?));
            self.keep(at, 4)?;
            let value = at + 4;
            at = value + length;
            self.bytes.get(value..at).filter(|_| at <= end)?;
            match key {
                4 => (value..at).step_by(4).try_for_each(|at| self.v4(at))?,
                6 => (value..at).step_by(16).try_for_each(|at| self.v6(at))?,
                _ => self.keep(value, length)?,
            }
        }
        Some(())
    }

    /// EDNS options (RFC 6891 §6.1.2) may hold the client's network (RFC 7871) or a cookie: each becomes padding (RFC 7830).
    fn options(&mut self, mut at: usize, end: usize) -> Option<()> {
        while at < end {
            let length: [u8; 2] = self.bytes.get(at + 2..at + 4)?.try_into().ok()?;
            self.keep(at + 2, 2)?;
            self.out.get_mut(at..at + 2)?.copy_from_slice(&12_u16.to_be_bytes());
            at += 4 + usize::from(u16::from_be_bytes(length));
        }
        (at == end).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::pseudonym::PseudonymKey;
    use super::*;
    use proptest::prelude::*;
    use std::net::IpAddr;

    fn pseudonyms() -> Pseudonyms {
        let own: BTreeSet<IpAddr> = ["203.0.113.77".parse().unwrap()].into();
        Pseudonyms::new(PseudonymKey::from(&[1; 32]), &own, ["muster.example".into()].into())
    }

    fn labels(name: &str) -> Vec<u8> {
        let mut out: Vec<u8> = name.split('.').flat_map(|l| [&[l.len() as u8], l.as_bytes()].concat()).collect();
        out.push(0);
        out
    }

    #[test]
    fn a_pointer_may_lead_to_a_pointer() {
        let mut bytes = answer("host.muster.example", &[(1, &[203, 0, 113, 77]), (5, &[0xc0, 37])]);
        // Behind the question stand two records; the alias of the second points to the pointer of the first.
        let first = 12 + labels("host.muster.example").len() + 4;
        let alias = bytes.len() - 1;
        bytes[alias] = first as u8;
        let out = message(&bytes, &mut pseudonyms()).unwrap();
        assert_eq!(out.len(), bytes.len());
        assert!(!out.windows(6).any(|w| w == b"muster"));
    }

    /// An answer: a question, and records that point to its name.
    fn answer(question: &str, records: &[(u16, &[u8])]) -> Vec<u8> {
        let mut out = vec![0, 1, 0x81, 0x80, 0, 1, 0, records.len() as u8, 0, 0, 0, 0];
        out.extend(labels(question));
        out.extend([0, 1, 0, 1]);
        for (kind, data) in records {
            out.extend([0xc0, 12]);
            out.extend(kind.to_be_bytes());
            out.extend([0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
            out.extend(*data);
        }
        out
    }

    fn holds(bytes: &[u8], part: &[u8]) -> bool {
        bytes.windows(part.len()).any(|w| w == part)
    }

    #[test]
    fn what_is_of_others_stays() {
        let bytes = answer("www.zoom.us", &[(5, &labels("edge.zoom.us")), (1, &[170, 114, 52, 2])]);
        assert_eq!(message(&bytes, &mut pseudonyms()).unwrap(), bytes);
    }

    #[test]
    fn own_names_and_addresses_go() {
        let https = [&[0, 1, 0][..], &[0, 4, 0, 4, 192, 168, 178, 23]].concat();
        let ecs = [0, 8, 0, 7, 0, 1, 24, 0, 203, 0, 113];
        for (bytes, gone) in [
            (
                answer("nas.muster.example", &[(1, &[192, 168, 178, 23])]),
                [&b"nas"[..], b"muster", &[192, 168, 178, 23]],
            ),
            (
                answer("23.178.168.192.in-addr.arpa", &[(12, &labels("laptop.muster.example"))]),
                [b"178", b"laptop", b"muster"],
            ),
            (
                answer("printer.local", &[(28, &[0xfd, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9])]),
                [b"printer", &[2, 3, 0], &[9, 9]],
            ),
            (
                answer("www.zoom.us", &[(65, &https), (1, &[203, 0, 113, 77])]),
                [&[192, 168, 178, 23], &[203, 0, 113, 77], &[178, 23]],
            ),
            (answer("www.zoom.us", &[(41, &ecs), (16, b"\x0cowner=muster")]), [&[203, 0, 113], b"owner", b"muster"]),
            (answer("laptop", &[]), [b"laptop", b"laptop", b"aptop"]),
        ] {
            let other = message(&bytes, &mut pseudonyms()).unwrap();
            assert_eq!(other.len(), bytes.len());
            for part in gone {
                assert!(holds(&bytes, part) && !holds(&other, part), "{part:?} in {other:?}");
            }
        }
    }

    #[test]
    fn what_cannot_be_read_or_changes_a_zone_is_left_out() {
        let whole = answer("www.zoom.us", &[(1, &[1, 2, 3, 4])]);
        for len in 0..whole.len() {
            assert_eq!(message(&whole[..len], &mut pseudonyms()), None, "{len}");
        }
        let mut update = whole.clone();
        update[2] = 0x28;
        assert_eq!(message(&update, &mut pseudonyms()), None);
        let mut trailed = whole.clone();
        trailed.extend(b"secret");
        assert_eq!(message(&trailed, &mut pseudonyms()).unwrap(), whole);
        // A pointer to itself ends.
        let looped = [&whole[..12], &[0xc0, 12, 0, 1, 0, 1]].concat();
        assert_eq!(message(&looped, &mut pseudonyms()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn anything_ends(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(out) = message(&bytes, &mut pseudonyms()) {
                prop_assert!(out.len() <= bytes.len());
            }
        }
    }
}
