//! One subject, prepared for sentences: its short line, its traffic in words, and what weakens statements about it.

use super::{Case, Out, capped};
use crate::attribution::{Claim, Confidence, CountryCode, NameBasis, Source};
use crate::policy::country::{country_name, english};
use crate::policy::finding::{Finding, Ground, Severity};
use crate::policy::place::is_host_name;
use crate::policy::subject::{Listing, Subject};
use crate::policy::words::{self, Lang};
use crate::wire::{AddressKind, Day, Text};
use std::cell::OnceCell;
use std::net::IpAddr;
use std::sync::Arc;

/// A subject under judgement. What costs is made when first asked for.
#[derive(Debug)]
pub struct View<'a> {
    pub(crate) subject: &'a Subject,
    lang: Lang,
    at_least: bool,
    line: OnceCell<String>,
    traffic: OnceCell<String>,
}

impl<'a> View<'a> {
    pub(crate) fn of(subject: &'a Subject, case: &Case<'_>) -> Self {
        Self { subject, lang: case.lang, at_least: case.at_least, line: OnceCell::new(), traffic: OnceCell::new() }
    }

    /// The best host name; an address written as a name is none.
    pub(crate) fn name(&self) -> Option<&'a (Text, NameBasis)> {
        host_name(self.subject)
    }

    /// The first address outside the own network.
    pub(crate) fn public_address(&self) -> Option<IpAddr> {
        self.subject.addresses.iter().copied().find(|a| AddressKind::of(*a).is_outside())
    }

    pub(crate) fn day(&self) -> Day {
        self.subject.first.day()
    }

    /// Whether anything can be said of country and company at all.
    pub(crate) fn is_outside(&self) -> bool {
        self.subject.listing != Listing::Local && self.public_address().is_some()
    }

    /// `mobile.pipe.aria.microsoft.com (Microsoft Corporation)`, `52.114.250.152 (network of Microsoft Corporation)`.
    pub(crate) fn line(&self) -> &str {
        self.line.get_or_init(|| {
            let s = self.subject;
            let company = |c: &Claim<Arc<crate::attribution::Company>>| words::shown(&c.value.name);
            match (self.name(), &s.operator, &s.holder) {
                (Some((name, _)), Some(operator), _) => format!("{} ({})", words::shown_text(name), company(operator)),
                (Some((name, _)), None, _) => words::shown_text(name),
                (None, _, Some(holder)) => {
                    format!("{} ({} {})", self.address(), self.lang.pick("network of", "Netz von"), company(holder))
                }
                (None, Some(operator), None) => format!("{} ({})", self.address(), company(operator)),
                (None, None, None) => self.address(),
            }
        })
    }

    /// The host alone: its name, or its address.
    pub(crate) fn host(&self) -> String {
        self.name().map_or_else(|| self.address(), |(name, _)| words::shown_text(name))
    }

    fn address(&self) -> String {
        match self.public_address().or_else(|| self.subject.addresses.first().copied()) {
            Some(address) => address.to_string(),
            None => self.lang.pick("unknown address", "unbekannte Adresse").to_owned(),
        }
    }

    /// `1.2.3.4`, or with how many more there are.
    pub(crate) fn addresses(&self) -> String {
        let n = self.subject.address_count.max(1);
        match (n, self.lang) {
            (1, Lang::En) => format!("the address {}", self.address()),
            (1, Lang::De) => format!("der Adresse {}", self.address()),
            (n, Lang::En) => {
                format!("its {} addresses ({} among them)", words::number(n.into(), self.lang), self.address())
            }
            (n, Lang::De) => {
                format!("der {} Adressen (darunter {})", words::number(n.into(), self.lang), self.address())
            }
        }
    }

    /// A sentence with its full stop.
    pub(crate) fn traffic(&self) -> &str {
        self.traffic.get_or_init(|| self.traffic_words())
    }

    fn traffic_words(&self) -> String {
        let t = &self.subject.traffic;
        let n = |packets: u64, bytes: u64| {
            let (p, b) = (words::number(packets, self.lang), words::bytes(bytes, self.lang));
            match (self.lang, packets) {
                (Lang::En, 1) => format!("{p} packet ({b})"),
                (Lang::En, _) => format!("{p} packets ({b})"),
                (Lang::De, 1) => format!("{p} Paket ({b})"),
                (Lang::De, _) => format!("{p} Pakete ({b})"),
            }
        };
        let (up, down) = (n(t.packets_up, t.bytes_up), n(t.packets_down, t.bytes_down));
        match self.lang {
            Lang::En => {
                let least = if self.at_least { "at least " } else { "" };
                format!("Sent to {}: {least}{up}; received: {least}{down}.", self.line())
            }
            Lang::De => {
                let least = if self.at_least { "mindestens " } else { "" };
                format!("Gesendet an {}: {least}{up}; empfangen: {least}{down}.", self.line())
            }
        }
    }

    /// A sentence with its full stop: who places the addresses where.
    pub(crate) fn located(&self, claim: &Claim<CountryCode>) -> String {
        let (source, addresses) = (words::source(&claim.source, self.lang), self.addresses());
        match self.lang {
            Lang::En => format!("{source} places {addresses} in {}.", english(claim.value)),
            Lang::De => format!("Standort {addresses} laut {source}: {}.", country_name(claim.value, self.lang)),
        }
    }

    /// How far a statement that rests on the name can be trusted.
    pub(crate) fn name_confidence(&self) -> Confidence {
        match self.name().map(|(_, basis)| *basis) {
            Some(NameBasis::Hello(_)) => Confidence::High,
            Some(NameBasis::DnsAnswer { .. } | NameBasis::Certificate) => Confidence::Medium,
            Some(NameBasis::OuterHello(_) | NameBasis::ReverseLookup | NameBasis::DnsAfter { .. }) | None => {
                Confidence::Low
            }
        }
    }

    /// What weakens a statement that rests on the name.
    pub(crate) fn name_doubt(&self) -> Option<String> {
        let lang = self.lang;
        match self.name().map(|(_, basis)| *basis)? {
            NameBasis::Hello(_) => None,
            NameBasis::OuterHello(_) => Some(
                lang.pick(
                    "the name stood beside an encrypted one (ECH) and may be a cover",
                    "der Name stand neben einem verschlüsselten (ECH) und kann ein Deckname sein",
                )
                .to_owned(),
            ),
            NameBasis::DnsAnswer { age_secs, .. } => Some(match lang {
                Lang::En => {
                    format!("the name comes from a DNS answer {age_secs} s before the flow, not from the flow itself")
                }
                Lang::De => format!(
                    "der Name stammt aus einer DNS-Antwort {age_secs} s vor der Verbindung, nicht aus ihr selbst"
                ),
            }),
            NameBasis::Certificate => Some(
                lang.pick(
                    "the name comes from the server's certificate only",
                    "der Name stammt nur aus dem Zertifikat des Servers",
                )
                .to_owned(),
            ),
            NameBasis::DnsAfter { frame } => Some(match lang {
                Lang::En => {
                    format!("the name comes from a DNS answer (frame {frame}) that was seen after the flow had begun")
                }
                Lang::De => format!(
                    "der Name stammt aus einer DNS-Antwort (Frame {frame}), die erst nach Beginn der Verbindung zu sehen war"
                ),
            }),
            NameBasis::ReverseLookup => Some(
                lang.pick(
                    "the name was looked up by this program, nobody in the capture said it",
                    "der Name wurde von diesem Programm nachgeschlagen, niemand in der Aufzeichnung nannte ihn",
                )
                .to_owned(),
            ),
        }
    }

    /// Why the place cannot be told or is doubtful, in the reader's language. The words are those that attribution
    /// documents; what is not known here stays as it is.
    pub(crate) fn indeterminate(&self) -> Option<String> {
        self.subject.indeterminate.as_deref().map(|why| words::place_doubt(why, self.lang))
    }

    /// What weakens a statement about the place, and the confidence that is left of it.
    pub(crate) fn place_doubts(&self, claim: &Claim<CountryCode>, case: &Case<'_>) -> (Vec<String>, Confidence) {
        let mut doubts = Vec::new();
        let mut confidence = claim.confidence;
        if let Some(why) = self.indeterminate() {
            confidence = Confidence::Low;
            doubts.push(why);
        }
        // High is a cloud's own word on its range, no database's.
        let by_database = doubts.is_empty() && claim.confidence < Confidence::High;
        if by_database && case.profile.is_some_and(|p| p.place_is_uncertain(&self.subject.addresses, self.day())) {
            confidence = Confidence::Low;
            doubts.push(
                self.lang
                    .pick(
                        "country databases show the provider's seat for its own ranges, not the place of the machines",
                        "Länderdatenbanken zeigen für eigene Bereiche des Anbieters dessen Sitz, nicht den Ort der Maschinen",
                    )
                    .to_owned(),
            );
        }
        if claim.confidence == Confidence::Low && doubts.is_empty() {
            doubts.push(
                self.lang
                    .pick(
                        "the source gives where the range is registered rather than where it is used",
                        "die Quelle gibt eher den Ort der Registrierung als den der Nutzung an",
                    )
                    .to_owned(),
            );
        }
        if let Some(date) = far_from(&claim.source, self.day()) {
            // An address may have been handed on in the meantime.
            confidence = confidence.min(Confidence::Medium);
            let day = self.day();
            doubts.push(match self.lang {
                Lang::En => format!("the source is of {date}, the traffic of {day}: the range may have been used elsewhere then"),
                Lang::De => format!("die Quelle ist vom {date}, der Verkehr vom {day}: Der Bereich kann damals anderswo genutzt worden sein"),
            });
        }
        (doubts, confidence)
    }
}

/// Days between a database and the traffic beyond which the difference is told: ranges move between countries within years.
const FAR: u32 = 365;

/// The date of a source, if it is far from a day.
#[must_use]
pub fn far_from(source: &Source, day: Day) -> Option<Day> {
    Day::parse(&source.date).filter(|date| date.0.abs_diff(day.0) > FAR)
}

/// A text of a finding without the sentence of [`View::traffic`], for where the traffic is shown beside it.
pub(crate) fn without_traffic(text: &str, lang: Lang) -> String {
    let (sent, received) = (lang.pick("Sent to ", "Gesendet an "), lang.pick("; received: ", "; empfangen: "));
    let start = match text.find(sent) {
        Some(at) if at == 0 || text.get(..at).is_some_and(|before| before.ends_with(". ")) => at,
        _ => return text.to_owned(),
    };
    let tail = text.get(start..).unwrap_or_default();
    let Some(rest) = tail.split_once(received).and_then(|(_, numbers)| numbers.split_once(").")) else {
        return text.to_owned();
    };
    let before = text.get(..start).unwrap_or_default();
    format!("{before}{}", rest.1.trim_start()).trim_end().to_owned()
}

pub(crate) fn host_name(subject: &Subject) -> Option<&(Text, NameBasis)> {
    subject.names.iter().find(|(name, _)| is_host_name(name.exact()))
}

/// A finding in the making.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) code: &'static str,
    pub(crate) severity: Severity,
    pub(crate) ground: Ground,
    pub(crate) confidence: Confidence,
    pub(crate) text: String,
    pub(crate) doubts: Vec<String>,
    pub(crate) sources: Vec<Arc<Source>>,
}

impl Out {
    /// A finding about the view's subject. `make` is called only if the finding is kept.
    pub(crate) fn about(
        &mut self,
        view: &View<'_>,
        code: &'static str,
        severity: Severity,
        make: impl FnOnce(Severity) -> Draft,
    ) {
        let severity = capped(severity, view.subject.listing);
        self.push(code, severity, || {
            let mut draft = make(severity);
            if view.at_least {
                draft.doubts.push(
                    view.lang
                        .pick(
                            "frames were lost or not read, counts are lower bounds",
                            "Frames fehlen oder waren nicht lesbar, Zahlen sind Untergrenzen",
                        )
                        .to_owned(),
                );
            }
            draft.sources.dedup();
            Finding {
                code: draft.code,
                severity: draft.severity,
                ground: draft.ground,
                subject: view.line().into(),
                text: draft.text.into(),
                confidence: draft.confidence,
                uncertainty: draft.doubts.join("; ").into(),
                first: view.subject.first,
                last: view.subject.last,
                frames: view.subject.frames.clone(),
                sources: draft.sources,
                aside: None,
            }
        });
    }
}
