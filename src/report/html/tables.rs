//! Tables of the page that tell rows as they are: handshakes, losses, inputs, remote addresses.

use super::{LOSSES, Maker, clean};
use crate::attribution::Source;
use crate::report::annex::{Chosen, EndpointRow, HelloKind};
use crate::report::format::{clock, confidence_word};

pub(super) struct Hello {
    pub(super) transport: String,
    pub(super) version: String,
    pub(super) cipher: String,
    pub(super) group: String,
    pub(super) srtp: String,
    pub(super) count: String,
    pub(super) first: String,
}

pub(super) struct Loss {
    pub(super) stage: String,
    pub(super) kind: String,
    pub(super) frames: String,
    pub(super) bytes: String,
    pub(super) from: String,
    pub(super) until: String,
}

pub(super) struct Input {
    pub(super) name: String,
    pub(super) note: String,
    pub(super) date: String,
    pub(super) sha256: String,
}

pub(super) struct Endpoint {
    pub(super) address: String,
    pub(super) names: String,
    pub(super) network: String,
    pub(super) place: String,
    pub(super) sent: String,
    pub(super) received: String,
}

impl Maker<'_> {
    pub(super) fn hello(&self, kind: &HelloKind, count: u64, first: u64) -> Hello {
        let code = |code: Option<u16>| code.map(|code| format!("{code:#06x}")).unwrap_or_default();
        let none = || self.lang.pick("no answer seen", "keine Antwort gesehen").to_owned();
        Hello {
            transport: clean(&kind.transport.token().to_uppercase()),
            version: kind.chosen.map_or_else(none, Chosen::version),
            cipher: code(kind.chosen.map(|c| c.cipher)),
            group: code(kind.chosen.and_then(|c| c.group)),
            srtp: code(kind.chosen.and_then(|c| c.srtp)),
            count: self.n(count),
            first: first.to_string(),
        }
    }

    pub(super) fn losses(&self) -> Vec<Loss> {
        let losses = self.summary.losses.iter().take(LOSSES);
        losses
            .map(|l| Loss {
                stage: clean(self.told.stage(&l.stage)),
                kind: clean(&self.told.kind(&l.kind)),
                frames: self.n(l.frames),
                bytes: self.n(l.bytes),
                from: clock(l.from),
                until: clock(l.until),
            })
            .collect()
    }

    pub(super) fn inputs(&self) -> Vec<Input> {
        let (s, lang) = (self.summary, self.lang);
        let unhashed = lang.pick("not computed", "nicht berechnet");
        let capture = |what: &str, capture: &crate::engine::view::CaptureInfo| Input {
            name: capture.name.to_string(),
            note: clean(&format!("{what} · {} · {}", capture.format, self.bytes(capture.bytes))),
            date: String::new(),
            sha256: if capture.sha256.is_empty() { unhashed.to_owned() } else { clean(&capture.sha256) },
        };
        let given = match s.kept.as_slice() {
            [] => lang.pick("capture", "Aufzeichnung"),
            _ => lang.pick("capture as it was given, not in the bundle", "Aufzeichnung wie übergeben, nicht im Bündel"),
        };
        let part = lang.pick("what the bundle keeps of it", "was das Bündel davon enthält");
        let mut inputs: Vec<Input> = s.captures.iter().map(|info| capture(given, info)).collect();
        inputs.extend(s.kept.iter().map(|info| capture(part, info)));
        let mut sources: Vec<&Source> = s.sources.iter().map(|source| &**source).collect();
        sources.dedup();
        inputs.extend(sources.into_iter().map(|source| Input {
            name: clean(&source.name),
            note: String::new(),
            date: if source.date.is_empty() {
                lang.pick("undated", "ohne Datum").to_owned()
            } else {
                clean(&source.date)
            },
            sha256: clean(&source.sha256),
        }));
        inputs
    }

    pub(super) fn endpoint(&self, row: EndpointRow) -> Endpoint {
        let as_name = row.as_name.unwrap_or_default();
        let place = row.located_in.map(|code| {
            let confidence = row.located_confidence.map_or("", |c| confidence_word(c, self.lang));
            format!("{} ({}, {confidence})", self.country(&code), row.located_by.unwrap_or_default())
        });
        Endpoint {
            address: row.address.to_string(),
            names: clean(&row.names.join(", ")),
            network: clean(&row.asn.map(|asn| format!("AS{asn} {as_name}")).unwrap_or_default()),
            place: clean(&place.unwrap_or_default()),
            sent: self.bytes(row.bytes_up),
            received: self.bytes(row.bytes_down),
        }
    }
}
