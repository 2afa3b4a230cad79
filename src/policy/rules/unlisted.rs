//! SUB-01, -02, -05: recipients held against the list in use. Without a profile or list nothing is said.

use super::view::host_name;
use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::Confidence;
use crate::policy::country::{country_name, english};
use crate::policy::data_file::Standing;
use crate::policy::finding::{Finding, Ground, Severity};
use crate::policy::list::List;
use crate::policy::service::Profile;
use crate::policy::subject::{Listing, Subject};
use crate::policy::words::{self, Lang};
use crate::wire::Timestamp;
use std::fmt::Write;
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("SUB-01", "recipient not in the list in use", "Empfänger nicht in der verwendeten Liste"),
        (
            "SUB-02",
            "listed recipient placed outside its listed countries",
            "Gelisteter Empfänger mit Standort außerhalb der gelisteten Länder",
        ),
    ],
    judge: Judge::Subject(judge),
};

pub(super) const NOT_SEEN: Rule = Rule {
    codes: &[(
        "SUB-05",
        "listed recipients that were not observed",
        "Gelistete Empfänger, die nicht beobachtet wurden",
    )],
    judge: Judge::Subjects(not_seen),
};

/// How many names a summary spells out.
const NAMES_SPELLED: usize = 30;

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let Some(profile) = case.profile else { return };
    match view.subject.listing {
        // Without name and operator there is nothing to look for in a list of names: see SUB-03 and SUB-06.
        Listing::NotListed if view.name().is_some() || view.subject.operator.is_some() => {
            not_listed(view, case, profile, out);
        }
        Listing::Subprocessor => elsewhere(view, case, profile, out),
        _ => {}
    }
}

/// The list as a sentence names it: title, file with date, hash.
pub(super) fn list_words(list: &List, lang: Lang) -> String {
    let (open, close) = if lang == Lang::En { ('“', '”') } else { ('„', '“') };
    let (title, source) = (list.title(lang), words::source(&list.source, lang));
    format!("{open}{title}{close} ({source}, SHA-256 {})", words::short_hash(&list.source))
}

/// What the list cannot carry.
pub(super) fn list_doubts(profile: &Profile, lang: Lang, doubts: &mut Vec<String>) {
    if !profile.list.public {
        return;
    }
    let total = profile.list.entries.len();
    let open = profile.list.entries.iter().filter(|e| e.confidence == Standing::Unverified).count();
    doubts.push(match lang {
        Lang::En => format!(
            "the list is the provider's public one as this program knows it ({total} entries, {open} unverified), not the contract"
        ),
        Lang::De => format!(
            "die Liste ist die öffentliche des Anbieters, soweit dieses Programm sie kennt ({total} Einträge, {open} ungeprüft), nicht der Vertrag"
        ),
    });
}

fn not_listed(view: &View<'_>, case: &Case<'_>, profile: &Profile, out: &mut Out) {
    let severity = if profile.file.skeleton && profile.list.public { Severity::Notice } else { Severity::Attention };
    out.about(view, "SUB-01", severity, |severity| {
        let lang = case.lang;
        let list = list_words(&profile.list, lang);
        let line = view.line();
        let bare = profile.file.skeleton && profile.list.public;
        let name_of_service = words::shown(&profile.file.name);
        let mut text = match lang {
            Lang::En if bare => format!(
                "{line} is not covered by the profile of {name_of_service}, which knows the service's own host only (list {list})."
            ),
            Lang::De if bare => format!(
                "{line} ist vom Profil von {name_of_service} nicht erfasst; es kennt nur den Host des Dienstes selbst (Liste {list})."
            ),
            Lang::En => {
                format!("{line} is neither part of {name_of_service} nor in the list {list}.")
            }
            Lang::De => format!("{line} gehört weder zu {name_of_service} noch steht es in der Liste {list}."),
        };
        let name = view.name().map(|(n, _)| n.exact());
        if let Some(third) = name.and_then(|n| profile.third_party(n)) {
            let (third, source) = (words::shown(third), words::source(&profile.source, lang));
            let _ = match lang {
                Lang::En => write!(text, " {source} knows the host as a contact of the client or its pages: {third}."),
                Lang::De => {
                    write!(text, " {source} kennt den Host als Kontakt des Clients oder seiner Seiten: {third}.")
                }
            };
        }
        if let Some(default) = name.and_then(|n| profile.default_of(n)) {
            text.push_str(lang.pick(
                " It is a documented default of the software",
                " Es ist eine dokumentierte Voreinstellung der Software",
            ));
            if !default.switch.is_empty() {
                text.push_str(lang.pick("; switch: ", "; Schalter: "));
                text.push_str(&words::shown(&default.switch));
            }
            text.push('.');
        }
        text.push(' ');
        text.push_str(view.traffic());
        let mut doubts: Vec<_> = view.name_doubt().into_iter().collect();
        list_doubts(profile, lang, &mut doubts);
        let sources = profile.list.sources().chain([Arc::clone(&profile.source)]).collect();
        Draft {
            code: "SUB-01",
            severity,
            ground: Ground::List,
            confidence: view.name_confidence(),
            text,
            doubts,
            sources,
        }
    });
}

/// The entry of the list that speaks for a subject.
fn entry_of(profile: &Profile, subject: &Subject) -> Option<usize> {
    let name = host_name(subject).map(|(n, _)| n.exact());
    let company = |c: &Option<_>| {
        c.as_ref()
            .map(|c: &crate::attribution::Claim<Arc<crate::attribution::Company>>| &*c.value.name)
            .map(str::to_owned)
    };
    profile.disclosed(name, company(&subject.operator).as_deref(), company(&subject.holder).as_deref())
}

fn elsewhere(view: &View<'_>, case: &Case<'_>, profile: &Profile, out: &mut Out) {
    let Some(claim) = view.subject.located_in.as_ref().filter(|_| view.is_outside()) else { return };
    let Some(entry) = entry_of(profile, view.subject).and_then(|at| profile.entry(at)) else { return };
    if entry.countries.is_empty() || entry.countries.iter().any(|c| c.0 == claim.value) {
        return;
    }
    out.about(view, "SUB-02", Severity::Attention, |severity| {
        let lang = case.lang;
        let named: Vec<String> = entry.countries.iter().map(|c| country_name(c.0, lang)).collect();
        let named = words::enumerate(&named, NAMES_SPELLED, ", ", lang);
        let (list, line, name) = (list_words(&profile.list, lang), view.line(), words::shown(&entry.name));
        let source = words::source(&claim.source, lang);
        let text = match lang {
            Lang::En => format!(
                "{line} belongs to {name}, for which the list {list} gives: {named}; {source} places {} in {}. {}",
                view.addresses(),
                english(claim.value),
                view.traffic()
            ),
            Lang::De => format!(
                "{line} gehört zu {name}, wofür die Liste {list} angibt: {named}; Standort {} laut {source}: {}. {}",
                view.addresses(),
                country_name(claim.value, lang),
                view.traffic()
            ),
        };
        let (mut doubts, confidence) = view.place_doubts(claim, case);
        doubts.extend(view.name_doubt());
        list_doubts(profile, lang, &mut doubts);
        let sources = profile.list.sources().chain([Arc::clone(&claim.source)]).collect();
        Draft { code: "SUB-02", severity, ground: Ground::List, confidence, text, doubts, sources }
    });
}

fn not_seen(subjects: &[Subject], case: &Case<'_>, out: &mut Out) {
    let Some(profile) = case.profile else { return };
    let mut seen = vec![false; profile.list.entries.len()];
    for subject in subjects.iter().filter(|s| s.listing == Listing::Subprocessor) {
        if let Some(flag) = entry_of(profile, subject).and_then(|at| seen.get_mut(at)) {
            *flag = true;
        }
    }
    let missing: Vec<String> = profile
        .list
        .entries
        .iter()
        .zip(&seen)
        .filter(|(_, seen)| !**seen)
        .map(|(entry, _)| words::shown(&entry.name))
        .collect();
    if missing.is_empty() {
        return;
    }
    out.push("SUB-05", Severity::Info, || {
        let lang = case.lang;
        let names = words::enumerate(&missing, NAMES_SPELLED, "; ", lang);
        // `Inc.` at the end brings its own full stop.
        let names = names.trim_end_matches('.');
        let (list, n, all) = (list_words(&profile.list, lang), missing.len(), profile.list.entries.len());
        let text = match lang {
            Lang::En => format!(
                "{n} of the {all} recipients in the list {list} were not observed: {names}. That is no sign that they receive nothing: what servers pass on is not in the capture."
            ),
            Lang::De => format!(
                "{n} der {all} Empfänger in der Liste {list} wurden nicht beobachtet: {names}. Das ist kein Zeichen, dass sie nichts erhalten: Was Server weitergeben, ist nicht in der Aufzeichnung."
            ),
        };
        let mut doubts = Vec::new();
        list_doubts(profile, lang, &mut doubts);
        Finding {
            code: "SUB-05",
            severity: Severity::Info,
            ground: Ground::List,
            subject: profile.list.title(lang).into(),
            text: text.into(),
            confidence: Confidence::Medium,
            uncertainty: doubts.join("; ").into(),
            first: subjects.iter().map(|s| s.first).min().unwrap_or(Timestamp::ZERO),
            last: subjects.iter().map(|s| s.last).max().unwrap_or(Timestamp::ZERO),
            frames: Vec::new(),
            sources: profile.list.sources().collect(),
            aside: None,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::sample::{book, codes, judged, subject, zoom};
    use super::*;
    use crate::policy::load::Book;
    use crate::policy::rules::judge_all;
    use crate::policy::service::Parameters;
    use crate::policy::subject::Circumstances;

    #[test]
    fn what_is_not_in_the_list_is_said_with_list_and_hash() {
        let profile = zoom();
        let on = |listing| Subject { listing, ..subject("dati.ntop.org", "NL", "2019-09-26") };
        let found = judged(on(Listing::NotListed), Some(&profile), Lang::En).remove(0);
        assert_eq!((found.code, found.severity, found.confidence), ("SUB-01", Severity::Attention, Confidence::High));
        let hash = profile.list.source.sha256.get(..12).unwrap();
        assert!(found.text.starts_with(&format!(
            "dati.ntop.org is neither part of Zoom nor in the list “Zoom, recipients named by the provider” (zoom.toml of 2026-11-27, \
             SHA-256 {hash})."
        )), "{}", found.text);
        assert!(found.uncertainty.contains("not the contract"));
        for near in [Listing::Service, Listing::Subprocessor, Listing::Background, Listing::Local] {
            assert_eq!(codes(on(near), Some(&profile)), Vec::<&str>::new(), "{near:?}");
        }
        // Without a profile nothing is said of lists.
        assert_eq!(codes(on(Listing::NotListed), None), Vec::<&str>::new());
        let known = Subject { listing: Listing::NotListed, ..subject("www.googletagmanager.com", "NL", "2019-09-26") };
        let text = &judged(known, Some(&profile), Lang::En).remove(0).text;
        assert!(text.contains("knows the host as a contact of the client or its pages: Google."), "{text}");
    }

    #[test]
    fn a_listed_recipient_outside_its_countries_is_told() {
        let list = "title = \"Annex\"\nas_of = 2026-01-01\n[[disclosed]]\nname = \"Amazon Web Services\"\ncountries = [\"DE\"]\n";
        let book = Book::embedded().unwrap().with_list("annex.toml", list).unwrap();
        let profile = book.profile("zoom", &Parameters::new()).unwrap();
        let at =
            |country| Subject { listing: Listing::Subprocessor, ..subject("d1.cloudfront.net", country, "2026-02-01") };
        assert_eq!(codes(at("DE"), Some(&profile)), Vec::<&str>::new());
        assert_eq!(codes(at("NL"), Some(&profile)), ["SUB-02"]);
        // The list says nothing of countries: nothing to hold against.
        assert_eq!(codes(at("NL"), Some(&zoom())), Vec::<&str>::new());
    }

    #[test]
    fn listed_recipients_not_seen_are_one_finding() {
        let profile = zoom();
        let circumstances = Circumstances::default();
        let case = Case::new(book(), Some(&profile), Lang::En, &circumstances);
        let listed = Subject { listing: Listing::Subprocessor, ..subject("d1.cloudfront.net", "DE", "2026-02-01") };
        let found: Vec<_> =
            judge_all(&[listed], &circumstances, &case).into_iter().filter(|f| f.code == "SUB-05").collect();
        assert_eq!(found.len(), 1);
        let all = profile.list.entries.len();
        assert!(
            found[0].text.starts_with(&format!("{} of the {all} recipients in the list", all - 1)),
            "{}",
            found[0].text
        );
        assert!(!found[0].text.contains("Amazon") && found[0].text.contains("Brighthire"));
        let without = Case::new(book(), None, Lang::En, &circumstances);
        assert!(judge_all(&[], &circumstances, &without).iter().all(|f| f.code != "SUB-05"));
    }
}
