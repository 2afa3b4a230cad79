//! TEL: contacts with hosts known for telemetry, and with third parties that have a function of their own.

use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::Confidence;
use crate::policy::country::{country_name, english};
use crate::policy::finding::{Ground, Severity};
use crate::policy::subject::{Label, Listing, Subject};
use crate::policy::tracker::Category;
use crate::policy::words::{self, Lang};
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        (
            "TEL-01",
            "contact with a host known for telemetry or tracking",
            "Kontakt mit einem für Telemetrie oder Tracking bekannten Host",
        ),
        (
            "TEL-05",
            "contact with a known third party that has a function",
            "Kontakt mit einem bekannten Dritten, der eine Funktion hat",
        ),
    ],
    judge: Judge::Subject(judge),
};

/// Whether lists or the profile know it for telemetry.
pub(super) fn is_telemetry(subject: &Subject, case: &Case<'_>) -> bool {
    let by_list =
        subject.label.as_ref().is_some_and(|l| Category::parse(&l.category).is_none_or(Category::is_telemetry));
    let by_profile = case.profile.and(subject.role.as_deref()).and_then(|role| purpose_words(role, case.lang));
    by_list || by_profile.is_some()
}

/// Purposes in a service profile that count as telemetry.
fn purpose_words(role: &str, lang: Lang) -> Option<&'static str> {
    Some(match role {
        "telemetry" => lang.pick("telemetry", "Telemetrie"),
        "crash" => lang.pick("crash reports", "Absturzberichte"),
        "ads" => lang.pick("marketing and advertising", "Marketing und Werbung"),
        _ => return None,
    })
}

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let subject = view.subject;
    if subject.listing == Listing::Local {
        return;
    }
    let category = subject.label.as_ref().map(|l| Category::parse(&l.category));
    let by_profile = case.profile.and(subject.role.as_deref()).and_then(|r| purpose_words(r, case.lang));
    // The background list has roles of its own; only a profile speaks of the service.
    let by_profile = by_profile.filter(|_| subject.listing != Listing::Background);
    let (code, severity) = match category {
        Some(category) if category.is_none_or(Category::is_telemetry) => ("TEL-01", Severity::Notice),
        _ if by_profile.is_some() => ("TEL-01", Severity::Notice),
        Some(_) => ("TEL-05", Severity::Info),
        None => return,
    };
    out.about(view, code, severity, |severity| {
        let lang = case.lang;
        let line = view.line();
        let mut sentences = Vec::new();
        let mut sources = Vec::new();
        let mut doubts: Vec<_> = view.name_doubt().into_iter().collect();
        let mut confidence = view.name_confidence();
        if let Some(label) = &subject.label {
            sentences.push(by_list(label, line, case));
            sources.push(Arc::clone(case.book.trackers.source()));
            if label.unverified {
                confidence = confidence.min(Confidence::Medium);
                doubts.push(match lang {
                    Lang::En => {
                        format!("the entry {} is general knowledge, not checked against a source", label.suffix)
                    }
                    Lang::De => {
                        format!("der Eintrag {} ist Allgemeinwissen, nicht an einer Quelle geprüft", label.suffix)
                    }
                });
            }
        }
        if let (Some(purpose), Some(profile)) = (by_profile, case.profile) {
            let source = words::source(&profile.source, lang);
            sentences.push(match lang {
                Lang::En => format!("{source} gives as purpose of {line}: {purpose}."),
                Lang::De => format!("{source} nennt als Zweck von {line}: {purpose}."),
            });
            sources.push(Arc::clone(&profile.source));
        }
        sentences.push(view.traffic().to_owned());
        if subject.listing == Listing::Background {
            doubts.push(
                lang.pick(
                    "such contacts come from the operating system or a browser, not from the conference",
                    "solche Kontakte kommen vom Betriebssystem oder einem Browser, nicht von der Konferenz",
                )
                .to_owned(),
            );
        }
        doubts.push(
            lang.pick("a contact says nothing of its content", "ein Kontakt sagt nichts über seinen Inhalt").to_owned(),
        );
        Draft { code, severity, ground: Ground::Category, confidence, text: sentences.join(" "), doubts, sources }
    });
}

fn by_list(label: &Label, line: &str, case: &Case<'_>) -> String {
    let lang = case.lang;
    let source = words::source(case.book.trackers.source(), lang);
    let class = Category::parse(&label.category).map_or(&*label.category, |c| c.words(lang));
    let operator = words::shown(&label.operator);
    let via = label.via.as_ref().map(words::shown_text);
    let line = &match (&via, lang) {
        (Some(alias), Lang::En) => format!("{alias}, to which DNS led on from {line},"),
        (Some(alias), Lang::De) => format!("{alias}, wohin DNS von {line} weiterführte,"),
        (None, _) => line.to_owned(),
    };
    match (lang, label.operator_country) {
        (Lang::En, Some(country)) => format!(
            "{source} labels {line} as {class} (entry {}, operator {operator}, controlled from {}).",
            label.suffix,
            english(country)
        ),
        (Lang::En, None) => format!("{source} labels {line} as {class} (entry {}, operator {operator}).", label.suffix),
        (Lang::De, Some(country)) => format!(
            "{source} führt {line} unter: {class} (Eintrag {}, Betreiber {operator}, beherrscht aus: {}).",
            label.suffix,
            country_name(country, lang)
        ),
        (Lang::De, None) => {
            format!("{source} führt {line} unter: {class} (Eintrag {}, Betreiber {operator}).", label.suffix)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{book, codes, judged, subject};
    use super::*;
    use crate::policy::service::Parameters;

    #[test]
    fn telemetry_is_told_by_list_and_by_profile() {
        let label = |host: &str| book().trackers.label(host);
        let teams = book().profile("teams", &Parameters::new()).unwrap();
        let here = |host: &str| Subject { label: label(host), ..subject(host, "DE", "2020-04-16") };
        let found = judged(here("gate.hockeyapp.net"), None, Lang::En).remove(0);
        assert_eq!((found.code, found.severity, found.confidence), ("TEL-01", Severity::Notice, Confidence::Medium));
        assert!(found.text.starts_with(
            "trackers.toml of 2026-11-22 labels gate.hockeyapp.net as crash reporting (entry hockeyapp.net, operator Microsoft (HockeyApp), \
             controlled from the United States (US))."
        ), "{}", found.text);
        let by_profile = Subject {
            role: Some("telemetry".into()),
            listing: Listing::Service,
            ..subject("t.example", "DE", "2020-04-16")
        };
        assert_eq!(codes(by_profile.clone(), Some(&teams)), ["TEL-01"]);
        assert_eq!(
            codes(Subject { role: Some("media".into()), ..by_profile.clone() }, Some(&teams)),
            Vec::<&str>::new()
        );
        assert_eq!(codes(by_profile, None), Vec::<&str>::new());
        // A third party with a function is not telemetry.
        assert_eq!(codes(here("fcm.googleapis.com"), None), ["TEL-05"]);
        let windows = Subject {
            listing: Listing::Background,
            role: Some("telemetry".into()),
            ..here("self.events.data.microsoft.com")
        };
        let windows = judged(windows, Some(&teams), Lang::En).remove(0);
        assert_eq!((windows.code, windows.severity), ("TEL-01", Severity::Info));
        assert!(!windows.text.contains("gives as purpose"), "{}", windows.text);
        assert_eq!(codes(here("a.example"), None), Vec::<&str>::new());
    }
}
