//! The recipients of the summary, grouped by how they stand to the service.

use super::Told;
use crate::attribution::{CaveatKind, Claim, Company, CountryCode, NameBasis, Source};
use crate::policy::tracker::Category;
use crate::policy::{self, Listing, Subject};
use crate::report::format::{bytes, company, confidence_word, fit_middle, role_word, short_source};
use crate::report::page::{Page, Role};
use std::sync::Arc;

/// Widths of the columns place, sent, received and flows.
const COLUMNS: [usize; 4] = [11, 10, 11, 6];

/// The groups in their order: how many rows each has at first, and whether the company behind each row is told.
pub(super) const GROUPS: [(Listing, usize, bool); 6] = [
    (Listing::Unjudged, 12, true),
    (Listing::Service, 3, false),
    (Listing::Subprocessor, 4, true),
    (Listing::NotListed, 5, true),
    (Listing::Background, 2, false),
    (Listing::Local, 1, false),
];

/// Attribution's words for whole networks: beside a country, `low` says enough.
const OF_NETWORKS: [&str; 2] = [CaveatKind::Registered.words(), CaveatKind::Spread.words()];

/// Columns that a looked-up name may take: whoever holds an address can have anything written there.
const REVERSE_NAME: usize = 56;

/// The sources behind most of the rows; rows name theirs only if it is another.
#[derive(Clone, Copy)]
pub(in crate::report) struct Usual<'s> {
    pub(in crate::report) place: Option<&'s Source>,
    pub(in crate::report) company: Option<&'s Source>,
}

impl Told<'_> {
    pub(super) fn recipients(&self, page: &mut Page<'_>) {
        let (s, lang) = (self.summary, self.lang);
        page.blank();
        let usual = self.usual();
        let count = self.n(s.recipients.len() as u64);
        page.heading(lang.pick("Recipients", "Empfänger"), &count);
        if s.recipients.is_empty() {
            page.text(2, Role::Plain, lang.pick("none", "keine"), 1);
            return;
        }
        page.text(2, Role::Faint, &self.legend(usual), 3);
        let titles = [
            lang.pick("place", "Ort"),
            lang.pick("sent", "gesendet"),
            lang.pick("received", "empfangen"),
            lang.pick("flows", "Verb."),
        ];
        page.row(0, (Role::Plain, ""), (Role::Plain, &[]), (Role::Faint, &Page::columns(&titles, &COLUMNS)));
        for (listing, rows, with_company) in GROUPS {
            let group: Vec<&Subject> = s.recipients.iter().filter(|r| r.listing == listing).collect();
            if group.is_empty() {
                continue;
            }
            if listing != Listing::Unjudged {
                let title = self.group_title(listing);
                page.row(0, (Role::Strong, &title), (Role::Plain, &[]), (Role::Plain, ""));
            }
            let chosen = choose(&group, self.most(rows));
            for recipient in &chosen {
                self.recipient(page, recipient, usual, with_company || self.verbose);
            }
            if group.len() > chosen.len() {
                let (and, more) = (lang.pick("and", "und"), lang.pick("more", "weitere"));
                let count = self.n((group.len() - chosen.len()) as u64);
                page.text(2, Role::Faint, &format!("… {and} {count} {more} (endpoints.csv)"), 1);
            }
        }
    }

    pub(in crate::report) fn usual(&self) -> Usual<'_> {
        let recipients = &self.summary.recipients;
        Usual {
            place: most_common(recipients.iter().filter_map(|r| r.located_in.as_ref()).map(|c| &c.source)),
            company: most_common(recipients.iter().filter_map(company).map(|(_, c)| &c.source)),
        }
    }

    /// Who places and who knows the companies; empty if nobody does.
    pub(in crate::report) fn legend(&self, usual: Usual<'_>) -> String {
        let lang = self.lang;
        let mut basis = Vec::new();
        if let Some(source) = usual.place {
            let low = lang.pick(
                "low: registered there, may stand elsewhere",
                "gering: dort registriert, Standort vielleicht ein anderer",
            );
            basis.push(format!("{} {} ({low})", lang.pick("places by", "Orte laut"), policy::source(source, lang)));
        }
        if let Some(source) = usual.company {
            basis.push(format!("{} {}", lang.pick("companies by", "Unternehmen laut"), short_source(source)));
        }
        if basis.is_empty() {
            return String::new();
        }
        format!("{}; {}", basis.join("; "), lang.pick("unless said otherwise", "wenn nicht anders gesagt"))
    }

    pub(in crate::report) fn group_title(&self, listing: Listing) -> String {
        let lang = self.lang;
        let service = self.summary.service.as_ref().map(|(_, name)| &**name).unwrap_or_default();
        match listing {
            Listing::Service => format!("{} {service}", lang.pick("The service itself:", "Der Dienst selbst:")),
            Listing::Subprocessor => lang.pick("Subprocessors on the list", "Auf der Liste").to_owned(),
            Listing::NotListed => lang.pick("Not on the list", "Nicht auf der Liste").to_owned(),
            Listing::Background => {
                lang.pick("Operating system and background", "Betriebssystem und Hintergrund").to_owned()
            }
            Listing::Local => lang.pick("Local network", "Lokales Netz").to_owned(),
            Listing::Unjudged => String::new(),
        }
    }

    fn recipient(&self, page: &mut Page<'_>, r: &Subject, usual: Usual<'_>, with_company: bool) {
        let lang = self.lang;
        let address = r.addresses.first().map(ToString::to_string).unwrap_or_default();
        let more_addresses = match r.address_count.saturating_sub(1) {
            0 => String::new(),
            more => format!(" +{}", self.n(more)),
        };
        let (name, after) = match r.names.first() {
            Some((name, basis)) => (name.to_string(), self.after_name(r, *basis)),
            None => (address.clone(), vec![more_addresses.clone()]),
        };
        let (place, note) = self.place(r, usual.place);
        let (sent, received) = (bytes(r.traffic.bytes_up, lang), bytes(r.traffic.bytes_down, lang));
        let cells = Page::columns(&[&place, &sent, &received, &self.n(r.flow_count)], &COLUMNS);
        let after: Vec<&str> = after.iter().map(String::as_str).collect();
        page.row(2, (Role::Plain, &name), (Role::Faint, &after), (Role::Plain, &cells));

        let marks = self.marks(r);
        let mut parts = self.reverse(r);
        if with_company {
            parts.extend(companies(r).map(|(by_name, claim)| self.company(by_name, claim, usual.company)));
        }
        parts.extend(note);
        if with_company && !r.names.is_empty() && !address.is_empty() {
            parts.push(format!("{address}{more_addresses}"));
        }
        if marks.is_empty() && parts.is_empty() {
            return;
        }
        let mut label = format!("    {}", marks.join(" · "));
        if !marks.is_empty() && !parts.is_empty() {
            label.push_str(" · ");
        }
        page.paragraph((Role::Attention, &label), 4, (Role::Faint, &parts.join(" · ")), self.most(2));
    }

    /// What addresses that have no name are called by whom the user had asked; the one shown needs no repetition.
    pub(in crate::report) fn reverse(&self, r: &Subject) -> Vec<String> {
        let known = |address| self.summary.reverse_names.get(address);
        let addresses = r.addresses.iter().filter(|_| r.names.is_empty());
        let called = addresses.filter_map(|address| known(address).map(|name| (address, name.to_string())));
        let mark = |(address, name): (_, String)| {
            let of = if Some(address) == r.addresses.first() { String::new() } else { format!("{address}: ") };
            format!("{of}{} [ptr]", fit_middle(&name, REVERSE_NAME))
        };
        called.map(mark).take(self.most(1)).collect()
    }

    /// How the name is known, unless the flow said it itself; how many more there are; what the profile says it is for.
    pub(in crate::report) fn after_name(&self, r: &Subject, basis: NameBasis) -> Vec<String> {
        let basis = match basis {
            NameBasis::Hello(_) => String::new(),
            weaker => format!(" [{}]", weaker.token()),
        };
        let more = r.names.len().saturating_sub(1) as u64;
        let more = if more > 0 { format!(" +{}", self.n(more)) } else { String::new() };
        let role = r.role.as_deref().filter(|role| !is_telemetry(role));
        vec![basis, more, role.map(|role| format!("  {}", role_word(role, self.lang))).unwrap_or_default()]
    }

    /// What stands out about a recipient.
    pub(in crate::report) fn marks(&self, r: &Subject) -> Vec<String> {
        let lang = self.lang;
        let telemetry = lang.pick("TELEMETRY", "TELEMETRIE");
        let mut marks = Vec::new();
        if let Some(label) = &r.label {
            let category = Category::parse(&label.category);
            let words = category.map_or(&*label.category, |c| c.words(lang));
            marks.push(match category {
                Some(Category::Telemetry) => telemetry.to_owned(),
                Some(category) if !category.is_telemetry() => words.to_owned(),
                _ => format!("{telemetry}: {words}"),
            });
        } else if let Some(role) = r.role.as_deref().filter(|role| is_telemetry(role)) {
            marks.push(if role == "telemetry" {
                telemetry.to_owned()
            } else {
                format!("{telemetry}: {}", role_word(role, lang))
            });
        }
        if !r.tunnels.is_empty() {
            marks.push(format!("{} {}", lang.pick("IN A TUNNEL:", "IM TUNNEL:"), r.tunnels.join(", ")));
        }
        if !r.clear.is_empty() {
            marks.push(format!("{} {}", lang.pick("clear text:", "Klartext:"), r.clear.join(", ")));
        }
        if r.outer_names > 0 {
            marks.push(lang.pick("ECH: perhaps a cover name", "ECH: Name vielleicht Deckname").to_owned());
        }
        marks
    }

    pub(in crate::report) fn company(
        &self,
        by_name: bool,
        claim: &Claim<Arc<Company>>,
        usual: Option<&Source>,
    ) -> String {
        let (company, lang) = (&*claim.value, self.lang);
        let seat = |seat: Option<CountryCode>| seat.map(|code| format!(" ({code})")).unwrap_or_default();
        let mut text = if by_name { String::new() } else { lang.pick("network of ", "Netz von ").to_owned() };
        text.push_str(&company.name);
        text.push_str(&seat(company.seat));
        if let Some(parent) = &company.parent {
            text.push_str(lang.pick(", parent ", ", Mutter "));
            text.push_str(parent);
            text.push_str(&seat(company.parent_seat));
        }
        if company.unverified {
            text.push_str(lang.pick(", unverified", ", ungeprüft"));
        }
        if usual != Some(&*claim.source) {
            text.push_str(lang.pick(", by ", ", laut "));
            text.push_str(&short_source(&claim.source));
        }
        text
    }

    /// The cell of the place, and what must be said beside it.
    pub(in crate::report) fn place(&self, r: &Subject, usual: Option<&Source>) -> (String, Option<String>) {
        let lang = self.lang;
        if r.listing == Listing::Local {
            return (lang.pick("local", "lokal").to_owned(), None);
        }
        let why = r.indeterminate.as_deref().filter(|why| !OF_NETWORKS.contains(why) || r.located_in.is_none());
        let Some(claim) = &r.located_in else {
            return match why {
                Some("anycast") => ("anycast".to_owned(), None),
                Some(why) => (lang.pick("unknown", "unbekannt").to_owned(), Some(policy::place_doubt(why, lang))),
                None => (lang.pick("unknown", "unbekannt").to_owned(), None),
            };
        };
        let mut note = why.map(|why| policy::place_doubt(why, lang));
        if usual != Some(&*claim.source) {
            let by = lang.pick("placed by", "Ort laut");
            let source = format!("{by} {}", policy::source(&claim.source, lang));
            note = Some(note.map_or_else(|| source.clone(), |why| format!("{source}: {why}")));
        }
        (format!("{} {}", claim.value, confidence_word(claim.confidence, lang)), note)
    }
}

/// Purposes in a service profile that are told as telemetry.
fn is_telemetry(role: &str) -> bool {
    matches!(role, "telemetry" | "crash" | "ads")
}

/// The first few, and beyond them a few that stand out.
fn choose<'r>(group: &[&'r Subject], most: usize) -> Vec<&'r Subject> {
    const BEYOND: usize = 2;
    let rest = group.iter().skip(most).filter(|r| r.label.is_some() || !r.tunnels.is_empty()).take(BEYOND);
    group.iter().take(most).chain(rest).copied().collect()
}

/// Who runs it by its name, and in whose network it stands: two recipients, unless they are the same.
pub(in crate::report) fn companies(r: &Subject) -> impl Iterator<Item = (bool, &Claim<Arc<Company>>)> {
    let same = |h: &&Claim<Arc<Company>>| r.operator.as_ref().is_none_or(|o| o.value.name != h.value.name);
    r.operator.iter().map(|c| (true, c)).chain(r.holder.iter().filter(same).map(|c| (false, c)))
}

fn most_common<'s>(sources: impl Iterator<Item = &'s Arc<Source>>) -> Option<&'s Source> {
    let mut counts: Vec<(&Source, usize)> = Vec::new();
    for source in sources {
        match counts.iter_mut().find(|(known, _)| *known == &**source) {
            Some((_, count)) => *count += 1,
            None => counts.push((source, 1)),
        }
    }
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(source, _)| source)
}
