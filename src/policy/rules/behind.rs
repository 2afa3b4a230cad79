//! SUB-04, SUB-07, TRF-06: who stands behind a recipient without being seen in its name: whom DNS led on to, whose network
//! carries it, and where that network is registered.

use super::unlisted::{list_doubts, list_words};
use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::{Claim, Company, Confidence};
use crate::policy::country::{country_name, english};
use crate::policy::finding::{Ground, Severity};
use crate::policy::jurisdiction::Status;
use crate::policy::list::company_key;
use crate::policy::service::Profile;
use crate::policy::subject::{Alias, Listing};
use crate::policy::tracker::Category;
use crate::policy::words::{self, Lang};
use std::fmt::Write;
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("SUB-04", "a name leads on to somebody else's (CNAME)", "Ein Name führt weiter zu einem Dritten (CNAME)"),
        (
            "SUB-07",
            "stands in the network of a company that the list does not name",
            "Im Netz eines Unternehmens, das die Liste nicht nennt",
        ),
        (
            "TRF-06",
            "registered in one country, placed in another",
            "In einem Land registriert, in einem anderen verortet",
        ),
    ],
    judge: Judge::Subject(judge),
};

/// Aliases that a sentence spells out.
const SPELLED: usize = 4;

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    if !view.is_outside() {
        return;
    }
    aliases(view, case, out);
    if let (Some(profile), Some(holder)) = (case.profile, &view.subject.holder) {
        network(view, case, profile, holder, out);
    }
    registered(view, case, out);
}

/// A name of the service that leads to a host of somebody else: the contact looks like the service and is not.
fn aliases(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let telemetry =
        |a: &Alias| a.label.as_ref().is_some_and(|l| Category::parse(&l.category).is_none_or(Category::is_telemetry));
    // The whole cloud leads its names on; that is told where the name claims to be somebody.
    let claims = matches!(view.subject.listing, Listing::Service | Listing::Subprocessor | Listing::Unjudged);
    let foreign: Vec<&Alias> =
        view.subject.aliases.iter().filter(|a| a.label.is_some() || claims && a.company.is_some()).collect();
    let Some(first) = foreign.first() else { return };
    let cloaked = foreign.iter().any(|a| telemetry(a));
    let severity = if cloaked { Severity::Attention } else { Severity::Notice };
    out.about(view, "SUB-04", severity, |severity| {
        let lang = case.lang;
        let mut sources = Vec::new();
        let mut confidence = view.name_confidence();
        let items: Vec<String> = foreign
            .iter()
            .map(|alias| {
                let (name, target) = (words::shown_text(&alias.name), words::shown_text(&alias.target));
                let mut text = format!("{name} → {target}");
                let mut behind = Vec::new();
                if let Some(company) = &alias.company {
                    behind.push(words::shown(&company.value.name));
                    sources.push(Arc::clone(&company.source));
                    confidence = confidence.min(company.confidence);
                }
                if let Some(label) = &alias.label {
                    let class = Category::parse(&label.category).map_or(&*label.category, |c| c.words(lang));
                    let list = words::source(case.book.trackers.source(), lang);
                    behind.push(match lang {
                        Lang::En => format!("labelled as {class} by {list}, entry {}", label.suffix),
                        Lang::De => format!("laut {list}: {class}, Eintrag {}", label.suffix),
                    });
                    sources.push(Arc::clone(case.book.trackers.source()));
                }
                if !behind.is_empty() {
                    let _ = write!(text, " ({})", behind.join("; "));
                }
                text
            })
            .collect();
        let items = words::enumerate(&items, SPELLED, ", ", lang);
        let own = words::shown_text(&first.name);
        let mut text = match lang {
            Lang::En => format!("DNS led on from a name of this recipient to a name of somebody else, who receives what is sent: {items}."),
            Lang::De => format!("DNS führte von einem Namen dieses Empfängers weiter zu einem Namen eines Dritten, der das Gesendete erhält: {items}."),
        };
        if cloaked {
            let _ = match lang {
                Lang::En => write!(
                    text,
                    " {own} itself is on no list of such hosts: seen from the client it looks like a first party."
                ),
                Lang::De => write!(
                    text,
                    " {own} selbst steht auf keiner Liste solcher Hosts: vom Client aus sieht er nach dem Dienst selbst aus."
                ),
            };
        }
        text.push(' ');
        text.push_str(view.traffic());
        let doubts = vec![
            lang.pick(
                "the alias is from the last answer of DNS in the capture; a machine of the third party need not be run by it",
                "der Alias stammt aus der letzten DNS-Antwort der Aufzeichnung; eine Maschine des Dritten muss nicht von ihm betrieben sein",
            )
            .to_owned(),
        ];
        let ground = if cloaked { Ground::Category } else { Ground::RunBy };
        Draft { code: "SUB-04", severity, ground, confidence, text, doubts, sources }
    });
}

/// Whose network it is, beside who answers there: a host in a cloud has two recipients.
fn network(view: &View<'_>, case: &Case<'_>, profile: &Profile, holder: &Claim<Arc<Company>>, out: &mut Out) {
    let subject = view.subject;
    // A recipient that is known by its network alone is told as such (SUB-03, SUB-06).
    let named = view.name().is_some() || subject.operator.is_some();
    if !named || !matches!(subject.listing, Listing::Service | Listing::Subprocessor | Listing::NotListed) {
        return;
    }
    let provider = &profile.file.provider;
    let operator = subject.operator.as_ref().map(|o| &o.value);
    let keys = |company: &Company| {
        [Some(company.name.clone()), company.parent.clone()].into_iter().flatten().map(|n| company_key(&n))
    };
    let of_holder: Vec<String> = keys(&holder.value).collect();
    let own = operator
        .into_iter()
        .flat_map(|o| keys(o))
        .chain([&provider.operator, &provider.contract_partner, &provider.parent].map(|n| company_key(n)))
        .any(|own| !own.is_empty() && of_holder.contains(&own));
    let list = &profile.list;
    let listed = |name: &str| list.entry_of_company(name).is_some();
    if own || listed(&holder.value.name) || holder.value.parent.as_deref().is_some_and(listed) {
        return;
    }
    out.about(view, "SUB-07", Severity::Notice, |severity| {
        let lang = case.lang;
        let (company, source) = (words::shown(&holder.value.name), words::source(&holder.source, lang));
        let (host, list) = (view.host(), list_words(&profile.list, lang));
        let text = match lang {
            Lang::En => format!(
                "{host} stands in the network of {company} according to {source}: beside whoever runs the host, its network holder carries the traffic. The list {list} does not name {company}. {}",
                view.traffic()
            ),
            Lang::De => format!(
                "{host} steht laut {source} im Netz von {company}: Neben dem Betreiber des Hosts trägt auch der Inhaber des Netzes den Verkehr. Die Liste {list} nennt {company} nicht. {}",
                view.traffic()
            ),
        };
        let mut doubts = vec![
            lang.pick(
                "a network holder can be a mere carrier that reads nothing",
                "ein Netzinhaber kann bloßer Beförderer sein, der nichts liest",
            )
            .to_owned(),
        ];
        list_doubts(profile, lang, &mut doubts);
        let sources = vec![Arc::clone(&holder.source), Arc::clone(&profile.list.source)];
        let confidence = holder.confidence.min(Confidence::Medium);
        Draft { code: "SUB-07", severity, ground: Ground::List, confidence, text, doubts, sources }
    });
}

/// Registration answers who holds an address, not where packets go. Told where one of the two would be taken for the EEA.
fn registered(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let (Some(registered), Some(placed)) = (&view.subject.registered_in, &view.subject.located_in) else { return };
    if registered.value == placed.value {
        return;
    }
    let status = |country| case.book.regimes.on(country, view.day()).status;
    let (there, here) = (status(registered.value), status(placed.value));
    if there == Status::Indeterminate || (there == Status::Eea) == (here == Status::Eea) {
        return;
    }
    // A provider's own list of regions is not shaken by where the number is registered.
    let severity = if placed.confidence == Confidence::High { Severity::Info } else { Severity::Notice };
    out.about(view, "TRF-06", severity, |severity| {
        let lang = case.lang;
        let (by, place) = (words::source(&registered.source, lang), view.located(placed));
        let text = match lang {
            Lang::En => format!(
                "{by} lists the network of {} as registered in {}, which says who holds it. {place}",
                view.host(),
                english(registered.value)
            ),
            Lang::De => format!(
                "Registriert ist das Netz von {} laut {by} in: {}; das sagt, wer es hält. {place}",
                view.host(),
                country_name(registered.value, lang)
            ),
        };
        let (doubts, confidence) = view.place_doubts(placed, case);
        let sources = vec![Arc::clone(&registered.source), Arc::clone(&placed.source)];
        Draft { code: "TRF-06", severity, ground: Ground::LocatedIn, confidence, text, doubts, sources }
    });
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::sample::{book, code, company, judged, source, subject, zoom};
    use super::*;
    use crate::policy::subject::{Label, Subject};

    const DAY: &str = "2026-10-15";

    fn alias(target: &str, company: Option<Claim<Arc<Company>>>) -> Alias {
        let label = book().trackers.label(target).map(|label| Label { via: Some(target.into()), ..label });
        Alias { name: "metrics.zoom.us".into(), target: target.into(), company, label }
    }

    fn service(name: &str) -> Subject {
        Subject { listing: Listing::Service, ..subject(name, "DE", DAY) }
    }

    /// Subjects that together raise every code of this file.
    pub(in crate::policy::rules) fn cases() -> Vec<Subject> {
        let cloaked = alias("zoom.us.d1.omtrdc.net", company("Adobe Inc.", "US", None));
        let registered = Claim { value: code("US"), source: source("AS table"), confidence: Confidence::High };
        vec![
            Subject { aliases: vec![cloaked], ..service("metrics.zoom.us") },
            Subject {
                aliases: vec![alias("x.cloudfront.net", company("Amazon Web Services", "US", None))],
                ..service("a.zoom.us")
            },
            Subject { holder: company("Hetzner", "DE", None), ..service("b.zoom.us") },
            Subject { registered_in: Some(registered), ..service("c.zoom.us") },
        ]
    }

    fn found(subject: Subject, code: &str) -> Option<(Severity, String)> {
        let profile = zoom();
        let all = judged(subject, Some(&profile), Lang::En);
        all.into_iter().find(|f| f.code == code).map(|f| (f.severity, f.text.to_string()))
    }

    #[test]
    fn a_first_party_name_that_leads_to_a_tracker_is_seen_through() {
        let cloaked = || Subject {
            aliases: vec![alias("zoom.us.d1.omtrdc.net", company("Adobe Inc.", "US", None))],
            ..service("metrics.zoom.us")
        };
        let (severity, text) = found(cloaked(), "SUB-04").unwrap();
        assert_eq!(severity, Severity::Attention);
        assert!(text.contains("metrics.zoom.us → zoom.us.d1.omtrdc.net (Adobe Inc.; labelled as usage analytics by trackers.toml of 2026-11-22, entry omtrdc.net)"), "{text}");
        assert!(text.contains("looks like a first party"), "{text}");
        // A content network behind a name is a recipient, but nothing is disguised.
        let carried = alias("x.cloudfront.net", company("Amazon Web Services", "US", None));
        let (severity, text) =
            found(Subject { aliases: vec![carried.clone()], ..service("a.zoom.us") }, "SUB-04").unwrap();
        assert_eq!(severity, Severity::Notice);
        assert!(!text.contains("first party"), "{text}");
        // Near misses: nobody known behind it; a name that claims to be nobody; no alias.
        assert_eq!(
            found(Subject { aliases: vec![alias("x.example.net", None)], ..service("a.zoom.us") }, "SUB-04"),
            None
        );
        let stranger =
            Subject { listing: Listing::NotListed, aliases: vec![carried], ..subject("a.example", "DE", DAY) };
        assert_eq!(found(stranger, "SUB-04"), None);
        assert_eq!(found(service("a.zoom.us"), "SUB-04"), None);
        // But a disguised tracker is told whoever hides it.
        let hidden = Subject { listing: Listing::NotListed, ..cloaked() };
        assert_eq!(found(hidden, "SUB-04").unwrap().0, Severity::Attention);
    }

    #[test]
    fn the_network_behind_a_host_is_a_second_recipient() {
        let stands = |holder| found(Subject { holder, ..service("b.zoom.us") }, "SUB-07");
        let (severity, text) = stands(company("Hetzner Online GmbH", "DE", None)).unwrap();
        assert_eq!(severity, Severity::Notice);
        assert!(text.contains("does not name Hetzner Online GmbH") && text.contains("SHA-256"), "{text}");
        // Near misses: the provider's own network, one that the list names, by itself or by its parent.
        assert_eq!(stands(company("Zoom Communications, Inc.", "US", None)), None);
        assert_eq!(stands(company("Amazon Web Services, Inc.", "US", None)), None);
        assert_eq!(stands(None), None);
        let operated = |operator: &str| Subject {
            operator: company(operator, "US", None),
            holder: company("Google LLC", "US", Some(("Alphabet Inc.", "US"))),
            listing: Listing::NotListed,
            ..subject("b.example", "DE", DAY)
        };
        assert_eq!(found(operated("Google LLC"), "SUB-07"), None, "its own network");
        // Known by its network alone: SUB-06 tells.
        let nameless =
            Subject { holder: company("Hetzner", "DE", None), listing: Listing::NotListed, ..subject("", "DE", DAY) };
        assert_eq!(found(nameless, "SUB-07"), None);
    }

    #[test]
    fn a_registration_elsewhere_is_told_where_it_would_mislead() {
        let placed = |country: &str, registered: &str, confidence| {
            let mut s = service("c.zoom.us");
            s.located_in = subject("", country, DAY).located_in.map(|c| Claim { confidence, ..c });
            s.registered_in =
                Some(Claim { value: code(registered), source: source("AS table"), confidence: Confidence::High });
            found(s, "TRF-06")
        };
        let (severity, text) = placed("DE", "US", Confidence::Medium).unwrap();
        assert_eq!(severity, Severity::Notice);
        assert!(text.starts_with("AS table of 2026-06-01 lists the network of c.zoom.us as registered in the United States (US), which says who holds it. DB-IP"), "{text}");
        assert_eq!(placed("US", "DE", Confidence::High).unwrap().0, Severity::Info);
        assert_eq!(placed("DE", "NL", Confidence::Medium), None);
        assert_eq!(placed("DE", "DE", Confidence::Medium), None);
        assert_eq!(placed("DE", "EU", Confidence::Medium), None);
        assert_eq!(placed("US", "IN", Confidence::Medium), None);
    }
}
