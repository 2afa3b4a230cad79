//! Section 6 of the page: a sheet per recipient.

use super::findings::{Short, frame_list};
use super::{FRAMES, Fact, Maker, NAMES, SHEET_FINDINGS, clean};
use crate::attribution::{Claim, Company, Confidence, CountryCode, NameBasis};
use crate::policy::subject::Alias;
use crate::policy::{self, Lang, Listing, Subject};
use crate::report::annex::Chosen;
use crate::report::format::{confidence_word, duration, period, role_word};
use crate::wire::FrameNo;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

pub(super) struct Sheet {
    pub(super) number: usize,
    pub(super) name: String,
    pub(super) facts: Vec<Fact>,
    pub(super) findings: Vec<Short>,
}

impl Maker<'_> {
    pub(super) fn sheet(&self, at: usize, r: &Subject) -> Sheet {
        let lang = self.lang;
        let mut facts: Vec<Fact> = Vec::new();
        let mut say = |en, de, lines: Vec<String>| {
            let lines: Vec<String> = lines.iter().filter(|l| !l.is_empty()).map(|line| clean(line)).collect();
            if !lines.is_empty() {
                facts.push((lang.pick(en, de), lines));
            }
        };
        say("Names and how they are known", "Namen und woher bekannt", self.names(r));
        let alias = |alias: &Alias| {
            let company = alias.company.as_ref().map(|claim| format!(" ({})", claim.value.name));
            format!("{} → {}{}", alias.name, alias.target, company.unwrap_or_default())
        };
        say("Aliases (CNAME)", "Alias (CNAME)", r.aliases.iter().take(NAMES).map(alias).collect());
        say("Addresses", "Adressen", vec![self.addresses(r)]);
        say("Called (looked up)", "Bezeichnung (erfragt)", self.told.reverse(r));
        let same = r.operator.as_ref().zip(r.holder.as_ref()).is_some_and(|(a, b)| a.value == b.value);
        if same {
            say("Run by, network of", "Betrieben von, Netz von", r.operator.iter().map(|c| self.runner(c)).collect());
        } else {
            say("Run by", "Betrieben von", r.operator.iter().map(|claim| self.runner(claim)).collect());
            say("Network of", "Netz von", r.holder.iter().map(|claim| self.runner(claim)).collect());
        }
        say("Place", "Ort", vec![self.place(r)]);
        let purpose = r.role.as_ref().map(|role| {
            format!("{} {}", lang.pick("purpose by the profile:", "Zweck laut Profil:"), role_word(role, lang))
        });
        let listed = r.label.as_ref().and_then(|_| self.told.marks(r).first().cloned());
        let standing = [standing(r.listing, lang).to_owned()].into_iter().chain(purpose).chain(listed);
        say("Standing", "Verhältnis zum Dienst", vec![standing.collect::<Vec<_>>().join(" · ")]);
        let t = &r.traffic;
        let way = |packets: u64, count: u64| match (lang, packets) {
            (Lang::En, 1) => format!("{} in 1 packet", self.bytes(count)),
            (Lang::En, _) => format!("{} in {} packets", self.bytes(count), self.n(packets)),
            (Lang::De, 1) => format!("{} in 1 Paket", self.bytes(count)),
            (Lang::De, _) => format!("{} in {} Paketen", self.bytes(count), self.n(packets)),
        };
        let (up, down) = (way(t.packets_up, t.bytes_up), way(t.packets_down, t.bytes_down));
        say(
            "Traffic",
            "Verkehr",
            vec![
                match lang {
                    Lang::En => format!("sent {up}, received {down}"),
                    Lang::De => format!("gesendet {up}, empfangen {down}"),
                },
                format!("{} · {}", self.flows(r.flow_count.into()), period(r.first, r.last, lang)),
            ],
        );
        say("First frames", "Erste Frames", vec![frame_list(&r.frames, FRAMES)]);
        say("Protocols", "Protokolle", vec![r.applications.join(", ")]);
        say("Negotiated", "Ausgehandelt", self.negotiated(r));
        say("Readable in clear text", "Im Klartext lesbar", vec![r.clear.join(", ")]);
        say("In a tunnel", "Im Tunnel", vec![r.tunnels.join(", ")]);
        let processes: Vec<String> = r.processes.iter().map(ToString::to_string).collect();
        say("Programs", "Programme", vec![processes.join(", ")]);
        let of = self.about.iter().enumerate().filter(|(_, about)| **about == Some(at)).take(SHEET_FINDINGS);
        let own = of.filter_map(|(at, _)| Some((at, self.summary.findings.get(at)?)));
        Sheet { number: at + 1, name: self.name(r), facts, findings: own.map(|(at, f)| self.short(at, f)).collect() }
    }

    fn names(&self, r: &Subject) -> Vec<String> {
        let lang = self.lang;
        let known = |(name, basis): &(crate::wire::Text, NameBasis)| match *basis {
            NameBasis::DnsAnswer { age_secs, frame } => {
                let age = duration(u64::from(age_secs) * 1_000_000_000, lang);
                match lang {
                    Lang::En => format!("{name} (DNS answer in frame {frame}, {age} before)"),
                    Lang::De => format!("{name} (DNS-Antwort in Frame {frame}, {age} vorher)"),
                }
            }
            NameBasis::OuterHello(_) => {
                format!(
                    "{name} ({})",
                    lang.pick("beside ECH, perhaps a cover name", "neben ECH, vielleicht ein Deckname")
                )
            }
            NameBasis::Certificate => format!("{name} ({})", lang.pick("certificate", "Zertifikat")),
            NameBasis::DnsAfter { frame } => match lang {
                Lang::En => format!("{name} (DNS answer in frame {frame}, after the flow had begun)"),
                Lang::De => format!("{name} (DNS-Antwort in Frame {frame}, nach Beginn der Verbindung)"),
            },
            basis => format!("{name} ({})", basis.token()),
        };
        let mut names: Vec<String> = r.names.iter().take(NAMES).map(known).collect();
        let more = r.names.len().saturating_sub(NAMES);
        if more > 0 {
            names.push(format!("+{}", self.n(more as u64)));
        }
        names
    }

    /// What hellos and answers settled, alike ones together.
    fn negotiated(&self, r: &Subject) -> Vec<String> {
        let mut kinds: BTreeMap<String, (u64, FrameNo)> = BTreeMap::new();
        for agreed in &r.agreements {
            let Some(c) = agreed.choice else { continue };
            let chosen = Chosen { version: c.version, cipher: c.cipher, group: c.group, srtp: c.srtp };
            let part = |label: &str, code: Option<u16>| code.map(|c| format!(", {label} {c:#06x}")).unwrap_or_default();
            let key = agreed.leaf.as_ref().filter(|leaf| !leaf.key.is_empty());
            let key = key.map(|leaf| format!(", {} {}", self.lang.pick("certificate", "Zertifikat"), leaf.key));
            let kind = format!(
                "{}, {} {:#06x}{}{}{}",
                chosen.version(),
                self.lang.pick("suite", "Suite"),
                c.cipher,
                part(self.lang.pick("group", "Gruppe"), c.group),
                part("SRTP", c.srtp),
                key.unwrap_or_default(),
            );
            let sum = kinds.entry(kind).or_insert((0, agreed.frame));
            sum.0 += u64::from(agreed.flows);
        }
        let told = |(kind, (flows, frame)): (String, (u64, FrameNo))| {
            format!("{kind} ({}, {})", self.flows(flows), self.told.frames(&[frame], 1))
        };
        kinds.into_iter().take(NAMES).map(told).collect()
    }

    fn flows(&self, count: u64) -> String {
        let flow =
            if count == 1 { self.lang.pick("flow", "Verbindung") } else { self.lang.pick("flows", "Verbindungen") };
        format!("{} {flow}", self.n(count))
    }

    fn addresses(&self, r: &Subject) -> String {
        let shown: Vec<String> = r.addresses.iter().take(NAMES).map(ToString::to_string).collect();
        let more = u64::from(r.address_count).saturating_sub(shown.len() as u64);
        let more = if more > 0 { format!(" +{}", self.n(more)) } else { String::new() };
        format!("{}{more}", shown.join(", "))
    }

    fn runner(&self, claim: &Claim<Arc<Company>>) -> String {
        let (company, lang) = (&*claim.value, self.lang);
        let seat = |seat: Option<CountryCode>| match seat {
            Some(code) => format!(", {} {}", lang.pick("seat:", "Sitz:"), policy::country_name(code, lang)),
            None => String::new(),
        };
        let mut text = format!("{}{}", company.name, seat(company.seat));
        if let Some(parent) = &company.parent {
            let _ = write!(text, "; {} {parent}{}", lang.pick("parent:", "Mutter:"), seat(company.parent_seat));
        }
        if company.unverified {
            text.push_str(lang.pick("; general knowledge, unverified", "; Allgemeinwissen, ungeprüft"));
        }
        let by = lang.pick("by", "laut");
        format!("{text} ({by} {}, {})", policy::source(&claim.source, lang), self.sure(claim.confidence))
    }

    fn sure(&self, confidence: Confidence) -> String {
        format!("{} {}", self.lang.pick("confidence", "Verlässlichkeit"), confidence_word(confidence, self.lang))
    }

    fn place(&self, r: &Subject) -> String {
        let lang = self.lang;
        if r.listing == Listing::Local {
            return lang.pick("own network", "eigenes Netz").to_owned();
        }
        let doubt = r.indeterminate.as_deref().map(|why| policy::place_doubt(why, lang));
        match (&r.located_in, doubt) {
            (Some(claim), doubt) => {
                let country = policy::country_name(claim.value, lang);
                let by = lang.pick("by", "laut");
                let doubt = doubt.map(|doubt| format!("; {doubt}")).unwrap_or_default();
                format!(
                    "{country} ({by} {}, {}{doubt})",
                    policy::source(&claim.source, lang),
                    self.sure(claim.confidence)
                )
            }
            (None, Some(doubt)) => format!("{}: {doubt}", lang.pick("cannot be told", "nicht bestimmbar")),
            (None, None) => lang.pick("unknown", "unbekannt").to_owned(),
        }
    }
}

const fn standing(listing: Listing, lang: Lang) -> &'static str {
    match listing {
        Listing::Service => lang.pick("the service itself", "der Dienst selbst"),
        Listing::Subprocessor => lang.pick("in the list in use", "in der verwendeten Liste"),
        Listing::NotListed => lang.pick("not in the list in use", "nicht in der verwendeten Liste"),
        Listing::Background => lang.pick("operating system and background", "Betriebssystem und Hintergrund"),
        Listing::Local => lang.pick("own network", "eigenes Netz"),
        Listing::Unjudged => lang.pick("held against no list", "an keiner Liste gemessen"),
    }
}
