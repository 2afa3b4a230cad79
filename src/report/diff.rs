//! Two pictures side by side: recipients, organisations, countries, findings and volumes by phase that are new, gone or
//! changed; before and after a vendor's fix, default against hardened client. Says what makes the comparison weak.

mod html;
mod text;

pub use html::diff_html;
pub use text::diff_text;

use super::canonical::canonical;
use super::format::{company, duration, role_word};
use super::phases;
use crate::attribution::registrable;
use crate::engine::view::Summary;
use crate::policy::tracker::Category;
use crate::policy::{self, Lang, Listing, Severity, Subject};
use crate::wire::{Timestamp, neutralise};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

/// The version of the document's shape.
const DIFF_VERSION: u32 = 1;

/// The JSON Schema (2020-12) of the document.
pub const DIFF_SCHEMA: &str = include_str!("diff.schema.json");

/// Volumes differ from call to call. A change is told from this factor and this many bytes on.
const FACTOR: u64 = 2;
const BYTES: u64 = 10_000;
/// Hosts that are named of one recipient.
const HOSTS: usize = 12;

/// How something stands in the second picture against the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    New,
    Gone,
    Changed,
    Same,
}

/// What the second picture has and the first has not, and so on.
#[derive(Debug, Serialize)]
pub struct Difference {
    schema: u32,
    zollhund: &'static str,
    #[serde(serialize_with = "token")]
    lang: Lang,
    a: Side,
    b: Side,
    /// What makes the comparison weak.
    cautions: Vec<String>,
    recipients: Vec<Change>,
    organisations: Vec<Change>,
    countries: Vec<Change>,
    findings: Vec<FindingChange>,
    phases: Vec<PhaseChange>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's form")]
fn token<S: serde::Serializer>(lang: &Lang, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(lang.token())
}

#[derive(Debug, Serialize)]
struct Side {
    name: String,
    first: Timestamp,
    last: Timestamp,
    frames: u64,
    bytes_up: u64,
    bytes_down: u64,
    incomplete: bool,
}

/// A recipient, an organisation or a country in both pictures.
#[derive(Debug, Serialize)]
struct Change {
    state: State,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<Amount>,
    /// What changed, in words.
    notes: Vec<String>,
}

/// What is known of it in one picture.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
struct Amount {
    bytes_up: u64,
    bytes_down: u64,
    flows: u64,
    countries: BTreeSet<String>,
    standing: BTreeSet<&'static str>,
    hosts: BTreeSet<String>,
}

#[derive(Debug, Serialize)]
struct FindingChange {
    state: State,
    code: &'static str,
    severity: Severity,
    subject: String,
    text: String,
    /// In the picture that has it: the second, unless it is gone.
    frames: Vec<u64>,
    /// The auditor has set it aside in the picture that has it.
    aside: bool,
    /// The severity in the first picture, if it was another.
    #[serde(skip_serializing_if = "Option::is_none")]
    was: Option<Severity>,
}

/// What a group was sent and sent between the same markers.
#[derive(Debug, Serialize)]
struct PhaseChange {
    phase: String,
    group: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<(u64, u64)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<(u64, u64)>,
}

impl Difference {
    /// Compares two pictures in the same language.
    #[must_use]
    pub fn between(a: &Summary, b: &Summary) -> Self {
        let lang = b.lang;
        Self {
            schema: DIFF_VERSION,
            zollhund: env!("CARGO_PKG_VERSION"),
            lang,
            a: side(a),
            b: side(b),
            cautions: cautions(a, b, lang),
            recipients: changes(&amounts(a, recipient), &amounts(b, recipient), lang, true),
            organisations: changes(&amounts(a, organisation), &amounts(b, organisation), lang, true),
            countries: changes(&amounts(a, country), &amounts(b, country), lang, false),
            findings: findings(a, b),
            phases: phase_changes(a, b, lang),
        }
    }

    /// Whether a finding of this severity or above is new, or became as grave.
    #[must_use]
    pub fn has_new(&self, floor: Severity) -> bool {
        let graver = |f: &FindingChange| f.state == State::New || f.was.is_some_and(|was| was < f.severity);
        self.findings.iter().any(|f| f.severity >= floor && !f.aside && graver(f))
    }

    /// One of the captures was not whole.
    #[must_use]
    pub const fn is_incomplete(&self) -> bool {
        self.a.incomplete || self.b.incomplete
    }

    /// As one JSON document ([`DIFF_SCHEMA`]), canonical but for the line end.
    ///
    /// # Errors
    /// Whatever the writer returns.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&canonical(self)?)?;
        out.write_all(b"\n")
    }
}

fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let _ = neutralise(text, &mut out);
    out
}

fn side(s: &Summary) -> Side {
    let c = &s.circumstances;
    let names: Vec<String> = s.captures.iter().take(3).map(|capture| capture.name.to_string()).collect();
    Side {
        name: names.join(", "),
        first: c.first,
        last: c.last,
        frames: c.frames,
        bytes_up: s.up.bytes,
        bytes_down: s.down.bytes,
        incomplete: c.lost > 0 || c.has_gaps() || c.unreadable > 0 || !c.limits.is_empty(),
    }
}

/// Differences of the circumstances that look like differences of the client.
fn cautions(a: &Summary, b: &Summary, lang: Lang) -> Vec<String> {
    let mut cautions = Vec::new();
    let mut say = |en: String, de: String| cautions.push(if lang == Lang::En { en } else { de });
    let (long_a, long_b) = (span(a), span(b));
    if long_a.max(long_b) > long_a.min(long_b).saturating_mul(3) / 2 {
        let (a, b) = (duration(long_a, lang), duration(long_b, lang));
        say(
            format!("The captures are not equally long ({a} and {b}): volumes differ for that alone."),
            format!("Die Aufzeichnungen sind verschieden lang ({a} und {b}): Schon deshalb weichen Mengen ab."),
        );
    }
    for (name, s) in [("A", a), ("B", b)] {
        if side(s).incomplete {
            say(
                format!("{name} is incomplete: what is missing there may have been there."),
                format!("{name} ist unvollständig: Was dort fehlt, kann da gewesen sein."),
            );
        }
    }
    let service = |s: &Summary| s.service.as_ref().map(|(id, _)| id.clone());
    let hash = |s: &Summary| s.list.as_ref().map(|list| list.sha256.clone());
    if service(a) != service(b) || hash(a) != hash(b) {
        say(
            "They were held against different services or lists: findings differ for that alone.".into(),
            "Sie wurden an verschiedenen Diensten oder Listen gemessen: Schon deshalb weichen Befunde ab.".into(),
        );
    }
    let sources = |s: &Summary| s.sources.iter().map(|source| source.sha256.clone()).collect::<BTreeSet<_>>();
    if sources(a) != sources(b) {
        say(
            "They were made with different databases or tables: places and companies may differ for that alone.".into(),
            "Sie entstanden mit verschiedenen Datenbanken oder Tabellen: Schon deshalb können Orte und Unternehmen abweichen."
                .into(),
        );
    }
    if a.circumstances.first.day() != b.circumstances.first.day() {
        let (a, b) = (a.circumstances.first.day(), b.circumstances.first.day());
        say(
            format!("They are of different days ({a} and {b}): the law of the day may be another."),
            format!("Sie stammen von verschiedenen Tagen ({a} und {b}): Die Rechtslage kann eine andere sein."),
        );
    }
    cautions
}

fn span(s: &Summary) -> u64 {
    s.circumstances.last.since(s.circumstances.first)
}

/// Whom a recipient is taken for in both pictures: the company behind the name, the domain, the network, the address; and
/// what it is for, so that a company's media and its telemetry are compared apart.
fn recipient(r: &Subject, lang: Lang) -> Option<String> {
    if r.listing == Listing::Local {
        return None;
    }
    let who = match (&r.operator, r.names.first(), &r.holder, r.addresses.first()) {
        (Some(claim), ..) => claim.value.name.to_string(),
        (None, Some((name, _)), ..) => registrable(name.exact()).unwrap_or(name.exact()).to_owned(),
        (None, None, Some(claim), _) => format!("{} {}", lang.pick("network of", "Netz von"), claim.value.name),
        (None, None, None, Some(address)) => address.to_string(),
        (None, None, None, None) => return None,
    };
    let label = r
        .label
        .as_ref()
        .map(|label| Category::parse(&label.category).map_or(&*label.category, |category| category.words(lang)));
    let purpose = label.or_else(|| r.role.as_deref().map(|role| role_word(role, lang)));
    Some(clean(&purpose.map_or_else(|| who.clone(), |purpose| format!("{who} · {purpose}"))))
}

fn organisation(r: &Subject, _: Lang) -> Option<String> {
    let (_, claim) = company(r).filter(|_| r.listing != Listing::Local)?;
    Some(clean(&claim.value.name))
}

fn country(r: &Subject, lang: Lang) -> Option<String> {
    let claim = r.located_in.as_ref().filter(|_| r.listing != Listing::Local)?;
    Some(policy::country_name(claim.value, lang))
}

fn amounts(s: &Summary, key: fn(&Subject, Lang) -> Option<String>) -> BTreeMap<String, Amount> {
    let mut found: BTreeMap<String, Amount> = BTreeMap::new();
    for r in &s.recipients {
        let Some(key) = key(r, s.lang) else { continue };
        let amount = found.entry(key).or_default();
        amount.bytes_up = amount.bytes_up.saturating_add(r.traffic.bytes_up);
        amount.bytes_down = amount.bytes_down.saturating_add(r.traffic.bytes_down);
        amount.flows = amount.flows.saturating_add(r.flow_count.into());
        amount.countries.extend(r.located_in.as_ref().map(|claim| claim.value.to_string()));
        amount.standing.extend(Some(r.listing.token()).filter(|token| !token.is_empty()));
        amount.hosts.extend(r.names.iter().map(|(name, _)| name.to_string()));
    }
    found
}

/// New first, then gone, changed, the rest; within each what was sent most.
fn changes(a: &BTreeMap<String, Amount>, b: &BTreeMap<String, Amount>, lang: Lang, whole: bool) -> Vec<Change> {
    let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let mut changes: Vec<Change> = names
        .into_iter()
        .map(|name| {
            let (a, b) = (a.get(name).cloned(), b.get(name).cloned());
            let notes = a.as_ref().zip(b.as_ref()).map(|(a, b)| notes(a, b, lang, whole)).unwrap_or_default();
            let state = match (&a, &b) {
                (None, _) => State::New,
                (_, None) => State::Gone,
                _ if notes.is_empty() => State::Same,
                _ => State::Changed,
            };
            Change { state, name: name.clone(), a, b, notes }
        })
        .collect();
    let sent = |c: &Change| c.b.as_ref().or(c.a.as_ref()).map_or(0, |amount| amount.bytes_up);
    changes.sort_by_key(|c| (c.state, std::cmp::Reverse(sent(c))));
    changes
}

fn notes(a: &Amount, b: &Amount, lang: Lang, whole: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let size = |n| policy::bytes(n, lang);
    for (was, is, word) in [
        (a.bytes_up, b.bytes_up, lang.pick("sent", "gesendet")),
        (a.bytes_down, b.bytes_down, lang.pick("received", "empfangen")),
    ] {
        if was.abs_diff(is) >= BYTES && was.max(is) >= was.min(is).saturating_mul(FACTOR) {
            notes.push(format!("{word} {} → {}", size(was), size(is)));
        }
    }
    if !whole {
        return notes;
    }
    let joined = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
    if a.countries != b.countries {
        let none = |text: String| if text.is_empty() { lang.pick("unknown", "unbekannt").to_owned() } else { text };
        let (was, is) = (none(joined(&a.countries)), none(joined(&b.countries)));
        notes.push(format!("{} {was} → {is}", lang.pick("placed in", "Ort")));
    }
    if a.standing != b.standing {
        let words = |set: &BTreeSet<&str>| set.iter().copied().collect::<Vec<_>>().join(", ");
        notes.push(format!(
            "{} {} → {}",
            lang.pick("standing", "Verhältnis zur Liste"),
            words(&a.standing),
            words(&b.standing)
        ));
    }
    for (hosts, word) in [
        (b.hosts.difference(&a.hosts).collect::<Vec<_>>(), lang.pick("new hosts", "neue Hosts")),
        (a.hosts.difference(&b.hosts).collect::<Vec<_>>(), lang.pick("hosts gone", "weggefallene Hosts")),
    ] {
        if !hosts.is_empty() {
            let shown: Vec<&str> = hosts.iter().take(HOSTS).map(|host| host.as_str()).collect();
            let more = hosts.len().saturating_sub(HOSTS);
            let more = if more > 0 { format!(" +{more}") } else { String::new() };
            notes.push(format!("{word}: {}{more}", shown.join(", ")));
        }
    }
    notes
}

fn findings(a: &Summary, b: &Summary) -> Vec<FindingChange> {
    // What a capture cannot show is no change of a client.
    let key = |f: &policy::Finding| (f.code, clean(&f.subject));
    let told = |s: &'_ Summary| -> BTreeMap<(&'static str, String), usize> {
        let of = s.findings.iter().enumerate().filter(|(_, f)| !f.code.starts_with("NEG-"));
        // The gravest of a code and subject comes first and stays.
        of.rev().map(|(at, f)| (key(f), at)).collect()
    };
    let (in_a, in_b) = (told(a), told(b));
    let keys: BTreeSet<_> = in_a.keys().chain(in_b.keys()).collect();
    let mut changes: Vec<FindingChange> = keys
        .into_iter()
        .filter_map(|key| {
            let was = in_a.get(key).and_then(|at| a.findings.get(*at));
            let is = in_b.get(key).and_then(|at| b.findings.get(*at));
            let finding = is.or(was)?;
            let other = was.filter(|was| is.is_some_and(|is| is.severity != was.severity)).map(|was| was.severity);
            let state = match (was, is) {
                (None, _) => State::New,
                (_, None) => State::Gone,
                _ if other.is_some() => State::Changed,
                _ => State::Same,
            };
            Some(FindingChange {
                state,
                code: finding.code,
                severity: finding.severity,
                subject: clean(&finding.subject),
                text: clean(&finding.text),
                frames: finding.frames.iter().map(|frame| frame.0).collect(),
                aside: finding.aside.is_some(),
                was: other,
            })
        })
        .collect();
    changes.sort_by_key(|f| (f.state, std::cmp::Reverse(f.severity), f.code));
    changes
}

/// Phases are the same if their markers have the same text, the first with the first, the second with the second.
fn phase_changes(a: &Summary, b: &Summary, lang: Lang) -> Vec<PhaseChange> {
    type Volumes = BTreeMap<(String, usize), BTreeMap<phases::Group, (u64, u64)>>;
    let told = |s: &Summary| -> (Vec<(String, usize)>, Volumes) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let (mut order, mut volumes) = (Vec::new(), Volumes::new());
        for phase in phases::sums(s) {
            let name = phase.name(lang);
            let nth = seen.entry(name.clone()).or_default();
            *nth += 1;
            order.push((name.clone(), *nth));
            volumes.insert((name, *nth), phase.volumes.into_iter().collect());
        }
        (order, volumes)
    };
    let ((order_a, a), (order_b, b)) = (told(a), told(b));
    let only_a = order_a.into_iter().filter(|key| !b.contains_key(key));
    let mut changes = Vec::new();
    for key in order_b.iter().cloned().chain(only_a) {
        let (in_a, in_b) = (a.get(&key), b.get(&key));
        let groups: BTreeSet<_> = in_a.into_iter().chain(in_b).flat_map(BTreeMap::keys).copied().collect();
        for group in groups {
            let of = |volumes: Option<&BTreeMap<phases::Group, (u64, u64)>>| {
                volumes.map(|volumes| volumes.get(&group).copied().unwrap_or_default())
            };
            let (a, b) = (of(in_a), of(in_b));
            if a.unwrap_or_default() == (0, 0) && b.unwrap_or_default() == (0, 0) {
                continue;
            }
            let phase = if key.1 > 1 { format!("{} ({})", key.0, key.1) } else { key.0.clone() };
            changes.push(PhaseChange { phase, group: phases::label(group, lang), a, b });
        }
    }
    changes
}

const fn sign(state: State) -> &'static str {
    match state {
        State::New => "+",
        State::Gone => "−",
        State::Changed => "~",
        State::Same => "=",
    }
}

const fn word(state: State, lang: Lang) -> &'static str {
    match state {
        State::New => lang.pick("new", "neu"),
        State::Gone => lang.pick("gone", "weg"),
        State::Changed => lang.pick("changed", "geändert"),
        State::Same => lang.pick("as before", "wie zuvor"),
    }
}

/// `2 new · 1 gone · 3 changed · 9 as before`.
fn tally(states: impl Iterator<Item = State>, lang: Lang) -> String {
    let mut counts: BTreeMap<State, u64> = BTreeMap::new();
    for state in states {
        *counts.entry(state).or_default() += 1;
    }
    let told = counts.iter().map(|(state, count)| format!("{} {}", policy::number(*count, lang), word(*state, lang)));
    told.collect::<Vec<_>>().join(" · ")
}
