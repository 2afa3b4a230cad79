//! DNS messages: a question, and answers with addresses, aliases and HTTPS records (RFC 1035, RFC 9460).

use super::Bytes;
use std::net::IpAddr;

pub const A: u16 = 1;
pub const CNAME: u16 = 5;
pub const PTR: u16 = 12;
pub const AAAA: u16 = 28;
pub const HTTPS: u16 = 65;

/// One record of an answer.
#[derive(Debug, Clone)]
pub struct Record {
    pub owner: Vec<u8>,
    pub ttl: u32,
    pub data: Data,
}

/// What the record says.
#[derive(Debug, Clone)]
pub enum Data {
    Address(IpAddr),
    Alias(Vec<u8>),
    Pointer(Vec<u8>),
    /// Service mode for the owner itself: ALPN `h2` and `h3`, address hints, and an ECH configuration if wished.
    Https {
        hints: Vec<IpAddr>,
        ech: bool,
    },
}

/// A query for one name. Labels are split at dots and may hold any bytes.
#[must_use]
pub fn query(id: u16, name: &[u8], kind: u16) -> Vec<u8> {
    message(id, 0x0100, name, kind, &[])
}

/// The answer to that query; no records make it an empty answer.
#[must_use]
pub fn answer(id: u16, name: &[u8], kind: u16, records: &[Record]) -> Vec<u8> {
    message(id, 0x8180, name, kind, records)
}

/// An mDNS question or answer has id 0 (RFC 6762 §18.1); this is the answer.
#[must_use]
pub fn multicast_answer(records: &[Record]) -> Vec<u8> {
    Bytes::of(|b| {
        b.u16(0).u16(0x8400).u16(0).u16(records.len() as u16).u16(0).u16(0);
        for record in records {
            write_record(b, record, None);
        }
    })
}

fn message(id: u16, flags: u16, question: &[u8], kind: u16, records: &[Record]) -> Vec<u8> {
    Bytes::of(|b| {
        b.u16(id).u16(flags).u16(1).u16(records.len() as u16).u16(0).u16(0);
        write_name(b, question);
        b.u16(kind).u16(1);
        for record in records {
            write_record(b, record, Some(question));
        }
    })
}

fn write_record(b: &mut Bytes, record: &Record, question: Option<&[u8]>) {
    // The question stands at offset 12; servers point there (RFC 1035 §4.1.4).
    if question == Some(&record.owner[..]) {
        b.u16(0xc00c);
    } else {
        write_name(b, &record.owner);
    }
    let kind = match &record.data {
        Data::Address(IpAddr::V4(_)) => A,
        Data::Address(IpAddr::V6(_)) => AAAA,
        Data::Alias(_) => CNAME,
        Data::Pointer(_) => PTR,
        Data::Https { .. } => HTTPS,
    };
    b.u16(kind).u16(1).u32(record.ttl).vec16(|data| match &record.data {
        Data::Address(IpAddr::V4(v4)) => {
            data.put(&v4.octets());
        }
        Data::Address(IpAddr::V6(v6)) => {
            data.put(&v6.octets());
        }
        Data::Alias(name) | Data::Pointer(name) => write_name(data, name),
        Data::Https { hints, ech } => write_service(data, hints, *ech),
    });
}

/// Priority 1, target ".", parameters in ascending order of their keys (RFC 9460 §2.2).
fn write_service(b: &mut Bytes, hints: &[IpAddr], ech: bool) {
    b.u16(1).u8(0);
    b.u16(1).vec16(|v| {
        v.put(b"\x02h3\x02h2");
    });
    let (v4, v6): (Vec<_>, Vec<_>) = hints.iter().partition(|a| a.is_ipv4());
    let mut parameter = |key: u16, body: Vec<u8>| {
        if !body.is_empty() {
            b.u16(key).vec16(|v| {
                v.put(&body);
            });
        }
    };
    let octets = |list: Vec<&IpAddr>| {
        Bytes::of(|o| {
            for address in list {
                match address {
                    IpAddr::V4(a) => o.put(&a.octets()),
                    IpAddr::V6(a) => o.put(&a.octets()),
                };
            }
        })
    };
    parameter(4, octets(v4));
    if ech {
        // ECHConfigList with one configuration of 62 bytes: version, length, and a body that nobody opens.
        let config = [&[0, 66, 0xfe, 0x0d, 0, 62][..], &[0x20; 62]].concat();
        parameter(5, config);
    }
    parameter(6, octets(v6));
}

/// A name as labels; an empty name is the root. Labels longer than 63 bytes are cut, as no message can hold them.
fn write_name(b: &mut Bytes, name: &[u8]) {
    for label in name.split(|c| *c == b'.').filter(|l| !l.is_empty()) {
        let label = label.get(..63).unwrap_or(label);
        b.vec8(|v| {
            v.put(label);
        });
    }
    b.u8(0);
}
