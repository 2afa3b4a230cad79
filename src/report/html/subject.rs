//! The head of the page and section 1: what was captured, and what the auditor states of it.

use super::{Fact, Maker, class, clean};
use crate::attribution::CountryCode;
use crate::engine::view::{Interface, Recording};
use crate::policy::{self, Finding, Lang, Listing, Severity, Subject};
use crate::report::checklist;
use crate::report::format::{clock, duration, period, severity_word, title};
use crate::wire::Text;
use std::collections::BTreeSet;

/// Codes that are named at the top, and subjects of each.
const MATTERS: usize = 10;
const SUBJECTS: usize = 3;
/// Ways of recording that are told.
const RECORDED: usize = 16;

pub(super) struct Tile {
    pub(super) number: String,
    pub(super) label: String,
    pub(super) class: &'static str,
}

/// Findings of one code that call for attention.
pub(super) struct Matter {
    pub(super) severity: &'static str,
    pub(super) class: &'static str,
    pub(super) code: &'static str,
    pub(super) title: &'static str,
    pub(super) subjects: String,
}

impl Maker<'_> {
    pub(super) fn tiles(&self) -> Vec<Tile> {
        let (s, lang) = (self.summary, self.lang);
        let mut tiles = Vec::new();
        for severity in Severity::ALL.into_iter().rev().take(3) {
            let count = s.findings.iter().filter(|f| f.severity == severity && f.aside.is_none()).count();
            let word = severity_word(severity, lang);
            let label = match lang {
                Lang::En if count == 1 => format!("finding: {word}"),
                Lang::En => format!("findings: {word}"),
                Lang::De if count == 1 => format!("Befund: {word}"),
                Lang::De => format!("Befunde: {word}"),
            };
            tiles.push(Tile { number: self.n(count as u64), label, class: class(severity) });
        }
        let aside = s.findings.iter().filter(|f| f.aside.is_some()).count() as u64;
        if aside > 0 {
            let label = lang.pick("set aside by the auditor", "von der prüfenden Stelle zurückgestellt");
            tiles.push(Tile { number: self.n(aside), label: label.to_owned(), class: "" });
        }
        let outside = |r: &&Subject| !matches!(r.listing, Listing::Local);
        let recipients = s.recipients.iter().filter(outside).count() as u64;
        let label = lang.pick("recipients outside the own network", "Empfänger außerhalb des eigenen Netzes");
        tiles.push(Tile { number: self.n(recipients), label: label.to_owned(), class: "" });
        if s.list.is_some() {
            let count = s.recipients.iter().filter(|r| r.listing == Listing::NotListed).count() as u64;
            let label = lang.pick("of them not in the list in use", "davon nicht in der verwendeten Liste");
            tiles.push(Tile { number: self.n(count), label: label.to_owned(), class: "" });
        }
        let countries: BTreeSet<CountryCode> =
            s.recipients.iter().filter_map(|r| r.located_in.as_ref()).map(|claim| claim.value).collect();
        let label = lang.pick("countries named by sources", "Länder, die Quellen nennen");
        tiles.push(Tile { number: self.n(countries.len() as u64), label: label.to_owned(), class: "" });
        tiles
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        let (s, c, lang) = (self.summary, &self.summary.circumstances, self.lang);
        let mut facts: Vec<Fact> = Vec::new();
        let mut say = |en, de, lines: Vec<String>| {
            if !lines.is_empty() {
                facts.push((lang.pick(en, de), lines.iter().map(|line| clean(line)).collect()));
            }
        };
        say("Service", "Dienst", vec![self.told.service()]);
        say("Device", "Gerät", c.device.iter().map(ToString::to_string).collect());
        let when = format!("{} ({})", period(c.first, c.last, lang), duration(c.last.since(c.first), lang));
        say("Captured", "Erfasst", if c.frames == 0 { Vec::new() } else { vec![when] });
        say("Contents", "Inhalt", vec![self.told.contents()]);
        say("Complete", "Lückenlos", vec![self.told.completeness_words().1]);
        say("Kept as evidence", "Aufbewahrt", self.kept().into_iter().collect());
        let links: BTreeSet<&str> = s.captures.iter().flat_map(|c| &c.link_types).map(|link| &**link).collect();
        say("Link types", "Sicherungsschicht", vec![links.into_iter().collect::<Vec<_>>().join(", ")]);
        let markers = s.markers.iter().take(40).map(|marker| {
            let text = marker.text.to_string();
            let phase = policy::phase::Phase::of(&text).map_or(text, |phase| phase.words(lang).to_owned());
            format!("{} {phase}", clock(marker.time))
        });
        say("Markers (UTC)", "Marken (UTC)", markers.collect());
        say("Table of law", "Tabelle der Rechtslage", self.told.law_age().into_iter().collect());
        say("Look-ups", "Abfragen", s.look_ups.iter().map(|look_ups| self.told.look_ups(look_ups)).collect());
        facts
    }

    /// How much of the frames the evidence keeps, where that is not all.
    fn kept(&self) -> Option<String> {
        let (c, lang) = (&self.summary.circumstances, self.lang);
        let bytes = c.payload_kept.map(|kept| match lang {
            Lang::En => format!("all headers, and the first {} bytes of each direction of a flow", self.n(kept.into())),
            Lang::De => {
                format!("alle Kopfdaten und die ersten {} Byte jeder Richtung einer Verbindung", self.n(kept.into()))
            }
        });
        let others = (c.outside_scope > 0).then(|| match lang {
            Lang::En => format!("without {} frames that are out of scope", self.n(c.outside_scope)),
            Lang::De => format!("ohne {} Frames, die nicht zum Gegenstand gehören", self.n(c.outside_scope)),
        });
        let said: Vec<_> = bytes.into_iter().chain(others).collect();
        (!said.is_empty()).then(|| said.join("; "))
    }

    /// How frames are counted.
    pub(super) fn counted(&self) -> &'static str {
        let s = self.summary;
        match (s.kept.is_empty() && s.circumstances.outside_scope == 0, self.lang) {
            (true, Lang::En) => "counted from 1 in the capture; any packet analyser shows them.",
            (true, Lang::De) => "gezählt ab 1 in der Aufzeichnung; jedes Analyseprogramm zeigt sie.",
            (false, Lang::En) => {
                "counted from 1 in the capture as it was taken or given; in the files of the bundle that number is the packet id (Wireshark: frame.packet_id)."
            }
            (false, Lang::De) => {
                "gezählt ab 1 in der Aufzeichnung, wie sie entstand oder übergeben wurde; in den Dateien des Bündels ist diese Nummer die Packet-ID (Wireshark: frame.packet_id)."
            }
        }
    }

    /// What calls for attention, by code.
    pub(super) fn first(&self) -> Vec<Matter> {
        let grave = |f: &&Finding| f.severity >= Severity::Attention && f.aside.is_none();
        let findings: Vec<&Finding> = self.summary.findings.iter().filter(grave).collect();
        let mut matters = Vec::new();
        for group in findings.chunk_by(|a, b| (a.severity, a.code) == (b.severity, b.code)).take(MATTERS) {
            let Some(first) = group.first() else { continue };
            let mut subjects: Vec<String> = group.iter().take(SUBJECTS).map(|f| clean(&f.subject)).collect();
            let more = group.len().saturating_sub(SUBJECTS);
            if more > 0 {
                subjects.push(format!("+{}", self.n(more as u64)));
            }
            matters.push(Matter {
                severity: severity_word(first.severity, self.lang),
                class: class(first.severity),
                code: first.code,
                title: title(first.code, self.lang),
                subjects: subjects.join(", "),
            });
        }
        matters
    }

    /// What a machine cannot know: from the audit file; and what it does not say.
    pub(super) fn stated(&self) -> (Vec<(&'static str, String)>, String) {
        let items = checklist::items(self.summary.stated.as_ref(), self.lang);
        let (said, unsaid): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| !item.said.is_empty());
        let unsaid: Vec<&str> = unsaid.iter().map(|item| item.label).collect();
        (said.into_iter().map(|item| (item.label, clean(&item.said))).collect(), unsaid.join(" · "))
    }

    /// How the captures were recorded, in the words of their files.
    pub(super) fn recorded(&self) -> Vec<Fact> {
        let lang = self.lang;
        let mut all: Vec<&Recording> = Vec::new();
        for capture in &self.summary.captures {
            if !all.contains(&&capture.recording) {
                all.push(&capture.recording);
            }
        }
        let distinct = |text: fn(&Recording) -> &Text| {
            let mut said: Vec<String> = Vec::new();
            for text in all.iter().map(|r| text(r).to_string()).filter(|text| !text.is_empty()) {
                if !said.contains(&text) && said.len() < RECORDED {
                    said.push(text);
                }
            }
            said
        };
        let mut interfaces: Vec<String> = Vec::new();
        for interface in all.iter().flat_map(|r| &r.interfaces) {
            let line = self.interface(interface);
            if !interfaces.contains(&line) && interfaces.len() < RECORDED {
                interfaces.push(line);
            }
        }
        let facts = [
            (lang.pick("Recorded by", "Aufgezeichnet mit"), distinct(|r| &r.application)),
            (lang.pick("System", "System"), distinct(|r| &r.system)),
            (lang.pick("Machine", "Gerät"), distinct(|r| &r.hardware)),
            (lang.pick("Interfaces", "Schnittstellen"), interfaces),
        ];
        facts.into_iter().filter(|(_, said)| !said.is_empty()).collect()
    }

    fn interface(&self, interface: &Interface) -> String {
        let Interface { name, description, filter, snap_len } = interface;
        let lang = self.lang;
        let mut parts: Vec<String> = [name, description].into_iter().map(ToString::to_string).collect();
        parts.retain(|part| !part.is_empty());
        parts.push(match snap_len {
            Some(bytes) if lang == Lang::En => format!("at most {} bytes of each frame", self.n((*bytes).into())),
            Some(bytes) => format!("höchstens {} Bytes je Frame", self.n((*bytes).into())),
            None => lang.pick("frames in full", "Frames vollständig").to_owned(),
        });
        parts.push(match filter.exact() {
            "" => lang.pick("no filter stated", "kein Filter angegeben").to_owned(),
            _ => format!("{} {filter}", lang.pick("filter:", "Filter:")),
        });
        parts.join(" · ")
    }
}
