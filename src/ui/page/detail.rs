//! Everything that is known about one recipient, each statement with who says so and how old that is.

use super::super::lines::{Line, Lines};
use super::super::list;
use super::super::table::millis;
use super::super::theme::Role;
use super::super::view::View;
use super::overview::{age, days_old};
use super::time_of_day;
use crate::attribution::{Claim, Company, Confidence, NameBasis, Source};
use crate::dissect::fact::{Ech, NameSource};
use crate::engine::{FlowRow, HandshakeRow};
use crate::policy::tracker::Category;
use crate::policy::{self, Lang, Listing, Subject, country_name};
use crate::report::format::{self, bytes, confidence_word, duration, number, severity_word, title};
use crate::wire::Timestamp;

/// Flows and hellos that are listed; the tables of the evidence hold all.
const MAX_ROWS: usize = 200;

struct Told<'v> {
    view: &'v View,
    lang: Lang,
    now: Timestamp,
}

pub(super) fn lines(view: &View, width: u16) -> Vec<Line> {
    let lang = view.look.lang;
    let mut lines = Lines::new(view.look, width);
    let Some((at, recipient)) = view.detailed() else {
        lines.text(
            Role::Faint,
            lang.pick(
                "This recipient is not in the picture any more; Esc leads back.",
                "Dieser Empfänger ist nicht mehr im Bild; Esc führt zurück.",
            ),
        );
        return lines.finish();
    };
    let told = Told { view, lang, now: view.picture.now };
    told.who(&mut lines, recipient);
    told.traffic(&mut lines, at, recipient);
    told.findings(&mut lines, recipient);
    let flows: Vec<&FlowRow> = view.picture.flows.iter().filter(|flow| flow.recipient == Some(at)).collect();
    told.names_by_dns(&mut lines, &flows);
    told.handshakes(&mut lines, &flows);
    told.flows(&mut lines, &flows);
    lines.finish()
}

impl Told<'_> {
    /// `DB-IP Country Lite of 2026-06-01, 136 days old`.
    fn source(&self, source: &Source) -> String {
        let name = policy::source(source, self.lang);
        days_old(&source.date, self.now).map_or(name.clone(), |days| format!("{name}, {}", age(days, self.lang)))
    }

    fn says<T>(&self, claim: &Claim<T>) -> String {
        let (source, sure) = (self.source(&claim.source), confidence_word(claim.confidence, self.lang));
        match self.lang {
            Lang::En => format!("says {source}; confidence {sure}"),
            Lang::De => format!("laut {source}; Verlässlichkeit {sure}"),
        }
    }

    fn who(&self, lines: &mut Lines, r: &Subject) {
        let (view, lang) = (self.view, self.lang);
        let group = format!("{} {}", view.look.listing_sign(r.listing), view.look.group(r.listing));
        lines.heading(&list::called(r), &group);
        if r.names.is_empty() {
            let none = lang.pick("no name was seen for it", "dafür war kein Name zu sehen");
            lines.labelled(lang.pick("names", "Namen"), Role::Faint, none);
        }
        for (n, (name, basis)) in r.names.iter().enumerate() {
            let label = if n == 0 { lang.pick("names", "Namen") } else { "" };
            lines.stated(label, Role::Strong, &name.to_string(), &self.basis(*basis));
        }
        for (n, address) in r.addresses.iter().enumerate() {
            let label = if n == 0 { lang.pick("addresses", "Adressen") } else { "" };
            let called = view.picture.summary.reverse_names.get(address);
            let called = called.map_or_else(String::new, |name| format!("{name} [ptr]"));
            lines.stated(label, Role::Plain, &address.to_string(), &called);
        }
        let more = u64::from(r.address_count).saturating_sub(r.addresses.len() as u64);
        if more > 0 {
            lines.labelled("", Role::Faint, &format!("+{} {}", number(more, lang), lang.pick("more", "weitere")));
        }
        self.company(
            lines,
            lang.pick("run by", "betrieben von"),
            r.operator.as_ref(),
            lang.pick("not known from the name", "aus dem Namen nicht bekannt"),
        );
        self.company(
            lines,
            lang.pick("in network of", "im Netz von"),
            r.holder.as_ref(),
            lang.pick("not known", "nicht bekannt"),
        );
        let label = lang.pick("placed in", "Ort laut Daten");
        match &r.located_in {
            Some(claim) => {
                let role = if claim.confidence == Confidence::Low { Role::Plain } else { Role::Strong };
                lines.stated(label, role, &country_name(claim.value, lang), &self.says(claim));
            }
            None if r.listing == Listing::Local => {
                lines.labelled(label, Role::Plain, lang.pick("the local network", "das lokale Netz"));
            }
            None => lines.labelled(label, Role::Faint, lang.pick("it cannot be told", "nicht bestimmbar")),
        }
        if let Some(why) = &r.indeterminate {
            lines.labelled("", Role::Faint, &policy::place_doubt(why, lang));
        }
        self.listing(lines, r);
        if !r.processes.is_empty() {
            let names: Vec<String> = r.processes.iter().map(ToString::to_string).collect();
            lines.labelled(lang.pick("programs", "Programme"), Role::Plain, &names.join(", "));
        }
        if !r.clear.is_empty() {
            let text = lang.pick("application data readable:", "Anwendungsdaten lesbar:");
            lines.labelled(lang.pick("clear text", "Klartext"), Role::Bad, &format!("{text} {}", r.clear.join(", ")));
        }
        if r.outer_names > 0 {
            let text = lang.pick(
                "beside Encrypted Client Hello: the name may be a cover",
                "neben Encrypted Client Hello: der Name ist vielleicht ein Deckname",
            );
            lines.labelled("ECH", Role::Plain, text);
        }
        if !r.tunnels.is_empty() {
            lines.labelled(lang.pick("in a tunnel", "im Tunnel"), Role::Plain, &r.tunnels.join(", "));
        }
    }

    /// How a name is known, in words.
    fn basis(&self, basis: NameBasis) -> String {
        let lang = self.lang;
        let said = match basis {
            NameBasis::Hello(NameSource::Greeting | NameSource::HttpConnect | NameSource::HttpHost) => {
                lang.pick("said by the client itself", "vom Client selbst genannt")
            }
            NameBasis::Hello(_) => lang.pick("said in the client's hello", "im Hello des Clients genannt"),
            NameBasis::OuterHello(_) => {
                lang.pick("outer name beside ECH, perhaps a cover", "äußerer Name neben ECH, vielleicht Deckname")
            }
            NameBasis::DnsAnswer { age_secs, frame } => {
                let text = lang.pick("DNS answer", "DNS-Antwort");
                let before = lang.pick("s before", "s vorher");
                return format!("[dns] {text} {age_secs} {before}, {} {}", lang.pick("frame", "Frame"), frame.0);
            }
            NameBasis::DnsAfter { frame } => {
                let text = lang.pick("DNS answer after it began", "DNS-Antwort nach Beginn");
                return format!("[dns-after] {text}, {} {}", lang.pick("frame", "Frame"), frame.0);
            }
            NameBasis::Certificate => lang.pick("in the server's certificate", "im Zertifikat des Servers"),
            NameBasis::ReverseLookup => lang.pick("looked up on request", "auf Wunsch abgefragt"),
        };
        format!("[{}] {said}", basis.token())
    }

    fn company(&self, lines: &mut Lines, label: &str, claim: Option<&Claim<std::sync::Arc<Company>>>, unknown: &str) {
        let lang = self.lang;
        let Some(claim) = claim else { return lines.labelled(label, Role::Faint, unknown) };
        let company = &claim.value;
        let unverified = if company.unverified { lang.pick(" (unverified)", " (ungeprüft)") } else { "" };
        lines.stated(label, Role::Strong, &format!("{}{unverified}", company.name), &self.says(claim));
        let seat = |country| country_name(country, lang);
        if let Some(country) = company.seat {
            let text = lang.pick("seated in", "Sitz in");
            lines.labelled("", Role::Plain, &format!("{text} {}", seat(country)));
        }
        if let Some(parent) = &company.parent {
            let text = lang.pick("owned by", "gehört zu");
            let where_ = company
                .parent_seat
                .map_or_else(String::new, |c| format!(", {} {}", lang.pick("seated in", "Sitz in"), seat(c)));
            lines.labelled("", Role::Plain, &format!("{text} {parent}{where_}"));
        }
    }

    fn listing(&self, lines: &mut Lines, r: &Subject) {
        let lang = self.lang;
        let summary = &self.view.picture.summary;
        let against = summary.list.as_ref().map_or_else(String::new, |list| {
            format!("{} {}", lang.pick("held against", "gemessen an"), self.source(list))
        });
        let against = if matches!(r.listing, Listing::Local | Listing::Unjudged) { String::new() } else { against };
        let group = self.view.look.group(r.listing);
        let text = match r.listing {
            Listing::Unjudged => lang.pick("no list was given", "keine Liste genannt").to_owned(),
            _ => group.to_owned(),
        };
        lines.stated(lang.pick("list", "Liste"), Role::Group(r.listing), &text, &against);
        if let Some(role) = &r.role {
            let profile = lang.pick("as the profile says", "laut Profil");
            lines.stated(lang.pick("purpose", "Zweck"), Role::Plain, format::role_word(role, lang), profile);
        }
        if let Some(label) = &r.label {
            let words = Category::parse(&label.category).map_or(&*label.category, |c| c.words(lang));
            let unverified = if label.unverified { lang.pick(", unverified", ", ungeprüft") } else { "" };
            let by = format!("{} {}", lang.pick("known by", "bekannt durch"), label.suffix);
            let operator = if label.operator.is_empty() { String::new() } else { format!(", {}", label.operator) };
            lines.stated(
                lang.pick("category", "Kategorie"),
                Role::Plain,
                words,
                &format!("{by}{operator}{unverified}"),
            );
        }
    }

    fn traffic(&self, lines: &mut Lines, at: usize, r: &Subject) {
        let lang = self.lang;
        let n = |count: u64| number(count, lang);
        let (t, packets) = (&r.traffic, lang.pick("packets", "Pakete"));
        lines.heading(lang.pick("Traffic", "Verkehr"), "");
        let amount = |bytes_there, packets_there| {
            format!("{} {} {} {packets}", bytes(bytes_there, lang), lang.pick("in", "in"), n(packets_there))
        };
        let sent = amount(t.bytes_up, t.packets_up);
        let received = amount(t.bytes_down, t.packets_down);
        lines.labelled(lang.pick("sent to it", "gesendet"), Role::Strong, &sent);
        lines.labelled(lang.pick("received", "empfangen"), Role::Strong, &received);
        let span = format!("{} ({})", format::period(r.first, r.last, lang), duration(r.last.since(r.first), lang));
        lines.labelled(lang.pick("seen", "gesehen"), Role::Plain, &span);
        if let Some(time) = self.view.round_trips.get(at).copied().flatten() {
            let how = lang.pick("smallest, of the TCP handshake", "kleinste, des TCP-Handshakes");
            lines.stated(lang.pick("round trip", "Umlaufzeit"), Role::Plain, &millis(time, lang), how);
        }
        if !r.applications.is_empty() {
            lines.labelled(lang.pick("protocols", "Protokolle"), Role::Plain, &r.applications.join(", "));
        }
    }

    fn findings(&self, lines: &mut Lines, r: &Subject) {
        let lang = self.lang;
        let mut found = list::findings_about(&self.view.picture.summary, r).peekable();
        if found.peek().is_none() {
            return;
        }
        lines.heading(lang.pick("Findings", "Befunde"), "");
        for finding in found {
            let role = Role::Severity(finding.severity);
            let sign = format::left(self.view.look.severity_sign(finding.severity), 2);
            let head =
                format!("{} {}: {}", severity_word(finding.severity, lang), finding.code, title(finding.code, lang));
            lines.item((role, &sign), Role::Strong, &head);
            lines.item((role, "  "), Role::Plain, &finding.text);
        }
    }

    /// What DNS said on the way to the flows.
    fn names_by_dns(&self, lines: &mut Lines, flows: &[&FlowRow]) {
        let lang = self.lang;
        let mut told: Vec<String> = Vec::new();
        for flow in flows {
            let by_dns = match &flow.name {
                Some((name, NameBasis::DnsAnswer { age_secs, frame })) => Some(format!(
                    "{name} → {} · {} {}, {age_secs} {} {}",
                    flow.server.address,
                    lang.pick("frame", "Frame"),
                    frame.0,
                    lang.pick("s before flow", "s vor Verbindung"),
                    flow.flow
                )),
                Some((name, _)) if !flow.aliases.is_empty() => Some(format!("{name} → {}", flow.server.address)),
                _ => None,
            };
            let Some(mut text) = by_dns else { continue };
            if !flow.aliases.is_empty() {
                let aliases: Vec<String> = flow.aliases.iter().map(ToString::to_string).collect();
                text = format!("{text} · {} {}", lang.pick("by way of", "über"), aliases.join(" → "));
            }
            if told.len() < MAX_ROWS && !told.contains(&text) {
                told.push(text);
            }
        }
        if !told.is_empty() {
            lines.heading("DNS", "");
            for text in &told {
                lines.item((Role::Plain, ""), Role::Plain, text);
            }
        }
    }

    fn handshakes(&self, lines: &mut Lines, flows: &[&FlowRow]) {
        let lang = self.lang;
        // Flows are in order of their numbers.
        let ours = |hello: &&HandshakeRow| flows.binary_search_by_key(&hello.flow, |flow| flow.flow).is_ok();
        let hellos: Vec<&HandshakeRow> = self.view.picture.handshakes.iter().filter(ours).take(MAX_ROWS).collect();
        if hellos.is_empty() {
            return;
        }
        lines.heading(lang.pick("Handshakes", "Handshakes"), &number(hellos.len() as u64, lang));
        for hello in hellos {
            let offer = &hello.offer;
            let mut parts = vec![offer.transport.token().to_uppercase()];
            match hello.choice {
                Some(choice) => {
                    parts.push(format!("{} {}", lang.pick("negotiated", "ausgehandelt"), version(choice.version)));
                    parts.push(format!("{} 0x{:04x}", lang.pick("suite", "Suite"), choice.cipher));
                    parts.extend(choice.group.map(|group| format!("{} 0x{group:04x}", lang.pick("group", "Gruppe"))));
                    parts.extend(choice.srtp.map(|srtp| format!("SRTP 0x{srtp:04x}")));
                    if choice.resumed {
                        parts.push(lang.pick("resumed", "wiederaufgenommen").into());
                    }
                }
                None => parts.push(format!(
                    "{} {}, {}",
                    lang.pick("offered", "angeboten"),
                    version(offer.version),
                    lang.pick("no answer seen", "keine Antwort gesehen")
                )),
            }
            if !offer.alpn.is_empty() {
                let alpn: Vec<String> = offer.alpn.iter().map(ToString::to_string).collect();
                parts.push(format!("ALPN {}", alpn.join(",")));
            }
            if offer.ech != Ech::Absent {
                parts.push(format!("ECH {}", offer.ech.token()));
            }
            if !offer.ja4.is_empty() {
                parts.push(format!("JA4 {}", offer.ja4));
            }
            let name =
                hello.sni.as_ref().map_or_else(|| lang.pick("no SNI", "ohne SNI").to_owned(), ToString::to_string);
            let head =
                format!("{} · {} {} · {name}", time_of_day(hello.time), lang.pick("frame", "Frame"), hello.frame.0);
            lines.item((Role::Plain, ""), Role::Plain, &head);
            lines.item((Role::Plain, "  "), Role::Faint, &parts.join(" · "));
        }
    }

    fn flows(&self, lines: &mut Lines, flows: &[&FlowRow]) {
        let lang = self.lang;
        let all = number(flows.len() as u64, lang);
        lines.heading(lang.pick("Flows", "Verbindungen"), &all);
        for flow in flows.iter().rev().take(MAX_ROWS) {
            let spoken = if flow.application.is_empty() { lang.pick("unknown", "unbekannt") } else { flow.application };
            let mut parts = vec![
                format!("{} → {}", list::socket(flow.client), list::socket(flow.server)),
                format!("{}/{spoken}", flow.transport.token()),
                format!("{} {}", self.view.look.signs().up, bytes(flow.up.bytes, lang)),
                format!("{} {}", self.view.look.signs().down, bytes(flow.down.bytes, lang)),
                duration(flow.last.since(flow.first), lang),
            ];
            parts.extend(flow.round_trip.map(|time| format!("RTT {}", millis(time, lang))));
            parts.extend(
                flow.owner.as_ref().map(|owner| format!("{} [{}] ({})", owner.name, owner.pid, owner.matched.token())),
            );
            let head = format!("{:>5}  {}  ", flow.flow, time_of_day(flow.first));
            lines.item((Role::Faint, &head), Role::Plain, &parts.join(" · "));
        }
        if flows.len() > MAX_ROWS {
            let text = lang.pick("older ones are on the page of flows", "ältere stehen auf der Seite der Verbindungen");
            lines.text(Role::Faint, text);
        }
    }
}

fn version(code: u16) -> String {
    match code {
        0x0300 => "SSL3".into(),
        0x0301 => "TLS1.0".into(),
        0x0302 => "TLS1.1".into(),
        0x0303 => "TLS1.2".into(),
        0x0304 => "TLS1.3".into(),
        0xfeff => "DTLS1.0".into(),
        0xfefd => "DTLS1.2".into(),
        0xfefc => "DTLS1.3".into(),
        other => format!("0x{other:04x}"),
    }
}
