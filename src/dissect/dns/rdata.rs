//! The data of a DNS record as text, in the form that zone files use.

use super::message::{escape, read_name};
use crate::wire::{Cursor, Text, canonical, dotted};
use hickory_proto::rr::{RData, RecordType};
use hickory_proto::serialize::binary::{BinDecoder, Restrict};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses kept from one HTTPS or SVCB record. Real records hint at two or four; a datagram could hold a thousand.
const MAX_HINTS: usize = 16;

/// What the data of a record says.
#[derive(Debug, Default)]
pub(super) struct Data {
    pub text: Text,
    /// The address of an A or AAAA record.
    pub address: Option<IpAddr>,
    /// Addresses hinted in HTTPS and SVCB records.
    pub hints: Vec<IpAddr>,
}

/// Reads the `data` of a record of this `kind`, which lies at `at` in `message`. What does not read as its kind comes in
/// the generic form of RFC 3597 §5, so that no record is lost. `scratch` is overwritten.
pub(super) fn read(message: &[u8], at: usize, data: &[u8], kind: u16, scratch: &mut Vec<u8>) -> Data {
    let mut record =
        Record { message, cursor: Cursor::new(message.get(..at + data.len()).unwrap_or_default()), scratch };
    let read = record.cursor.skip(at).and_then(|()| record.read(RecordType::from(kind)));
    match read {
        Some(read) if record.cursor.is_empty() => read,
        _ => generic(data),
    }
}

/// The data being read. The cursor ends with the record; names may point anywhere into the message.
struct Record<'a, 's> {
    message: &'a [u8],
    cursor: Cursor<'a>,
    scratch: &'s mut Vec<u8>,
}

impl Record<'_, '_> {
    fn read(&mut self, kind: RecordType) -> Option<Data> {
        match kind {
            RecordType::A => self.cursor.array::<4>().map(|a| {
                let v4 = Ipv4Addr::from(a);
                Data { address: Some(v4.into()), ..text(dotted(v4).as_str()) }
            }),
            RecordType::AAAA => self.cursor.array::<16>().map(|a| {
                let v6 = Ipv6Addr::from(a);
                Data { address: Some(canonical(v6.into())), ..text(&v6.to_string()) }
            }),
            RecordType::CNAME | RecordType::NS | RecordType::PTR | RecordType::DNAME => {
                read_name(self.message, &mut self.cursor, self.scratch)?;
                Some(Data { text: Text::from_wire(self.scratch), ..Data::default() })
            }
            RecordType::MX => self.numbers_and_name::<1>(),
            RecordType::SRV => self.numbers_and_name::<3>(),
            RecordType::TXT => self.strings(),
            RecordType::SVCB | RecordType::HTTPS => self.service(),
            RecordType::Unknown(_) | RecordType::NULL | RecordType::ZERO => None,
            other => self.rare(other),
        }
    }

    fn numbers_and_name<const N: usize>(&mut self) -> Option<Data> {
        let mut all = String::new();
        for _ in 0..N {
            let _ = write!(all, "{} ", self.cursor.u16()?);
        }
        self.name_onto(&mut all)?;
        Some(text(&all))
    }

    fn name_onto(&mut self, all: &mut String) -> Option<()> {
        read_name(self.message, &mut self.cursor, self.scratch)?;
        all.push_str(if self.scratch.is_empty() { "." } else { std::str::from_utf8(self.scratch).ok()? });
        Some(())
    }

    /// Character strings, RFC 1035 §3.3.14.
    fn strings(&mut self) -> Option<Data> {
        let mut all = String::new();
        while !self.cursor.is_empty() {
            if !all.is_empty() {
                all.push(' ');
            }
            quote(self.cursor.vec8()?, &mut all);
        }
        Some(text(&all))
    }

    /// Priority, target and parameters, RFC 9460 §2.2. Read here and not by the library, because that refuses the whole
    /// record when the parameters are out of order.
    fn service(&mut self) -> Option<Data> {
        let mut all = format!("{} ", self.cursor.u16()?);
        self.name_onto(&mut all)?;
        let mut hints = Vec::new();
        while !self.cursor.is_empty() {
            let key = self.cursor.u16()?;
            parameter(key, self.cursor.vec16()?, &mut all, &mut hints)?;
        }
        Some(Data { hints, ..text(&all) })
    }

    /// Records that say nothing about hosts and their addresses, by the library.
    fn rare(&mut self, kind: RecordType) -> Option<Data> {
        let len = u16::try_from(self.cursor.rest().len()).ok()?;
        let mut decoder = BinDecoder::new(self.message);
        decoder.read_slice(self.cursor.position()).ok()?;
        let data = RData::read(&mut decoder, kind, Restrict::new(len)).ok()?;
        self.cursor.skip(len.into())?;
        Some(text(&data.to_string()))
    }
}

fn text(text: &str) -> Data {
    Data { text: Text::from(text), ..Data::default() }
}

/// Writes one service parameter as ` key=value` (RFC 9460 §2.1, RFC 9848) and gathers the addresses it hints at.
fn parameter(key: u16, value: &[u8], all: &mut String, hints: &mut Vec<IpAddr>) -> Option<()> {
    const KEYS: [&str; 7] = ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"];
    match KEYS.get(usize::from(key)) {
        Some(name) => _ = write!(all, " {name}"),
        None => _ = write!(all, " key{key}"),
    }
    if value.is_empty() {
        return Some(());
    }
    all.push('=');
    let mut cursor = Cursor::new(value);
    let mut comma = "";
    match key {
        1 => {
            let mut protocols = Vec::with_capacity(value.len());
            while !cursor.is_empty() {
                protocols.extend_from_slice(comma.as_bytes());
                protocols.extend_from_slice(cursor.vec8()?);
                comma = ",";
            }
            quote(&protocols, all);
        }
        3 => _ = write!(all, "{}", cursor.u16()?),
        4 | 6 => {
            while !cursor.is_empty() {
                let address = match key {
                    4 => IpAddr::from(cursor.array::<4>()?),
                    _ => IpAddr::from(cursor.array::<16>()?),
                };
                let _ = write!(all, "{comma}{address}");
                comma = ",";
                if hints.len() < MAX_HINTS {
                    hints.push(canonical(address));
                }
            }
        }
        5 => data_encoding::BASE64.encode_append(value, all),
        _ => quote(value, all),
    }
    Some(())
}

fn quote(bytes: &[u8], all: &mut String) {
    all.push('"');
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => all.extend(['\\', char::from(byte)]),
            b' '..=b'~' => all.push(char::from(byte)),
            _ => escape(byte, all),
        }
    }
    all.push('"');
}

/// `\# 4 0a000001`, RFC 3597 §5.
fn generic(data: &[u8]) -> Data {
    let mut all = format!("\\# {}", data.len());
    if !data.is_empty() {
        all.push(' ');
        data_encoding::HEXLOWER.encode_append(data, &mut all);
    }
    text(&all)
}
