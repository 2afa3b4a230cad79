//! TEL-03, REG-01, REG-02: what was seen, held against what the auditor declared.

use super::media::is_media;
use super::telemetry::is_telemetry;
use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::{Claim, Confidence, CountryCode};
use crate::policy::audit::{Area, Audit};
use crate::policy::country::{country_name, english};
use crate::policy::finding::{Ground, Severity};
use crate::policy::jurisdiction::Status;
use crate::policy::subject::Listing;
use crate::policy::words::{self, Lang};
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("TEL-03", "telemetry although it was declared off", "Telemetrie, obwohl sie als abgeschaltet angegeben ist"),
        ("REG-01", "placed outside the declared regions", "Standort außerhalb der angegebenen Regionen"),
        (
            "REG-02",
            "placed outside the countries that the contract allows",
            "Standort außerhalb der Länder, die der Vertrag erlaubt",
        ),
    ],
    judge: Judge::Subject(judge),
};

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let Some(audit) = case.audit else { return };
    let listing = view.subject.listing;
    if matches!(listing, Listing::Local | Listing::Background) {
        return;
    }
    if audit.telemetry == Some(false) && is_telemetry(view.subject, case) {
        telemetry(view, audit, case, out);
    }
    let Some(claim) = view.subject.located_in.as_ref().filter(|_| view.is_outside()) else { return };
    let of_service = listing == Listing::Service || is_media(view.subject);
    if of_service && !audit.regions.is_empty() && !within(&audit.regions, claim.value, view, case) {
        outside("REG-01", view, claim, audit, case, out);
    }
    let contracted = matches!(listing, Listing::Service | Listing::Subprocessor);
    if contracted && !audit.approved.is_empty() && !within(&audit.approved, claim.value, view, case) {
        outside("REG-02", view, claim, audit, case, out);
    }
}

/// The audit file as a sentence names it.
fn file_words(audit: &Audit, lang: Lang) -> String {
    format!("{} (SHA-256 {})", words::source(&audit.source, lang), words::short_hash(&audit.source))
}

fn within(areas: &[Area], country: CountryCode, view: &View<'_>, case: &Case<'_>) -> bool {
    areas.iter().any(|area| match area {
        Area::Country(code) => *code == country,
        Area::Eea => case.book.regimes.on(country, view.day()).status == Status::Eea,
    })
}

fn telemetry(view: &View<'_>, audit: &Audit, case: &Case<'_>, out: &mut Out) {
    out.about(view, "TEL-03", Severity::Attention, |severity| {
        let (lang, line) = (case.lang, view.line());
        let file = file_words(audit, lang);
        let text = match lang {
            Lang::En => {
                format!(
                    "{file} declares telemetry to be off; {line}, known for telemetry, was contacted. {}",
                    view.traffic()
                )
            }
            Lang::De => format!(
                "Laut {file} ist die Telemetrie abgeschaltet; {line}, für Telemetrie bekannt, wurde kontaktiert. {}",
                view.traffic()
            ),
        };
        let mut doubts: Vec<_> = view.name_doubt().into_iter().collect();
        doubts.push(
            lang.pick(
                "a switch may turn off a part only, and a contact says nothing of its content",
                "ein Schalter kann nur einen Teil abschalten, und ein Kontakt sagt nichts über seinen Inhalt",
            )
            .to_owned(),
        );
        let sources = vec![Arc::clone(&audit.source), Arc::clone(case.book.trackers.source())];
        let confidence = view.name_confidence();
        Draft { code: "TEL-03", severity, ground: Ground::Category, confidence, text, doubts, sources }
    });
}

fn outside(
    code: &'static str,
    view: &View<'_>,
    claim: &Claim<CountryCode>,
    audit: &Audit,
    case: &Case<'_>,
    out: &mut Out,
) {
    let (doubts, confidence) = view.place_doubts(claim, case);
    let severity = if confidence == Confidence::Low { Severity::Notice } else { Severity::Attention };
    out.about(view, code, severity, |severity| {
        let lang = case.lang;
        let areas = if code == "REG-01" { &audit.regions } else { &audit.approved };
        let areas: Vec<String> = areas
            .iter()
            .map(|area| match area {
                Area::Eea => lang.pick("EEA", "EWR").to_owned(),
                Area::Country(code) => lang.pick(&english(*code), &country_name(*code, lang)).to_owned(),
            })
            .collect();
        let areas = words::enumerate(&areas, 12, ", ", lang);
        let (line, file, source) = (view.line(), file_words(audit, lang), words::source(&claim.source, lang));
        let what = match (code, lang) {
            ("REG-01", Lang::En) => "gives as regions for media and content",
            ("REG-01", Lang::De) => "nennt als Regionen für Medien und Inhalte",
            (_, Lang::En) => "gives as countries allowed by the contract",
            (_, Lang::De) => "nennt als vom Vertrag erlaubte Länder",
        };
        let text = match lang {
            Lang::En => format!(
                "{file} {what}: {areas}; {source} places {} of {line} in {}. {}",
                view.addresses(),
                english(claim.value),
                view.traffic()
            ),
            Lang::De => format!(
                "{file} {what}: {areas}; Standort {} von {line} laut {source}: {}. {}",
                view.addresses(),
                country_name(claim.value, lang),
                view.traffic()
            ),
        };
        let sources = vec![Arc::clone(&audit.source), Arc::clone(&claim.source)];
        Draft { code, severity, ground: Ground::LocatedIn, confidence, text, doubts, sources }
    });
}

#[cfg(test)]
mod tests {
    use super::super::judge_all;
    use super::super::sample::{book, declared, subject, talk, zoom};
    use super::*;
    use crate::policy::subject::{Circumstances, Subject};

    fn codes(subject: Subject, audit: Option<&Audit>) -> Vec<&'static str> {
        let (c, profile) = (Circumstances::default(), zoom());
        let all = judge_all(&[subject], &c, &Case::new(book(), Some(&profile), Lang::En, &c).with_audit(audit));
        all.iter().map(|f| f.code).filter(|f| RULE.codes.iter().any(|(code, ..)| code == f)).collect()
    }

    #[test]
    fn what_was_declared_is_held_against_what_was_seen() {
        let audit = declared();
        let telemetry = talk().0.remove(2);
        assert_eq!(codes(telemetry.clone(), Some(&audit)), ["REG-01", "REG-02", "TEL-03"]);
        let at = |country: &str, listing| Subject { listing, ..subject("zoom.us", country, "2026-02-01") };
        assert_eq!(codes(at("US", Listing::Service), Some(&audit)), ["REG-01", "REG-02"]);
        // Switzerland is allowed by the contract, but no declared region.
        assert_eq!(codes(at("CH", Listing::Service), Some(&audit)), ["REG-01"]);
        assert_eq!(codes(at("US", Listing::Subprocessor), Some(&audit)), ["REG-02"]);
        // Near misses: within, nothing declared, somebody else, the own network.
        assert_eq!(codes(at("DE", Listing::Service), Some(&audit)), Vec::<&str>::new());
        assert_eq!(codes(at("US", Listing::Service), None), Vec::<&str>::new());
        for listing in [Listing::NotListed, Listing::Background, Listing::Local] {
            assert_eq!(codes(at("US", listing), Some(&audit)), Vec::<&str>::new(), "{listing:?}");
        }
        let on = Audit { telemetry: Some(true), ..audit };
        assert!(!codes(telemetry, Some(&on)).contains(&"TEL-03"));
    }

    #[test]
    fn the_file_and_its_hash_stand_in_the_finding() {
        let (c, profile, audit) = (Circumstances::default(), zoom(), declared());
        let us = Subject { listing: Listing::Service, ..subject("zoom.us", "US", "2026-02-01") };
        let case = Case::new(book(), Some(&profile), Lang::En, &c).with_audit(Some(&audit));
        let found = judge_all(&[us], &c, &case).into_iter().find(|f| f.code == "REG-01").unwrap();
        assert_eq!(found.severity, Severity::Attention);
        let hash = audit.source.sha256.get(..12).unwrap();
        assert!(found.text.starts_with(&format!(
            "audit.toml of 2026-11-20 (SHA-256 {hash}) gives as regions for media and content: EEA; DB-IP Country Lite of 2026-06-01 places"
        )), "{}", found.text);
        assert!(found.sources.iter().any(|s| s.sha256 == audit.source.sha256));
    }
}
