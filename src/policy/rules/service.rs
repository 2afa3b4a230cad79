//! SVC: which service the traffic looks like. A proposal with its reasons, and a word if the profile in use is another's.

use super::{Case, Judge, Out, Rule};
use crate::attribution::Confidence;
use crate::policy::finding::{Finding, Ground, Severity};
use crate::policy::recognise::Proposal;
use crate::policy::service::Profile;
use crate::policy::subject::Circumstances;
use crate::policy::words::{self, Lang};
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("SVC-01", "the service that the traffic looks like", "Der Dienst, nach dem der Verkehr aussieht"),
        ("SVC-02", "the profile in use does not fit the traffic", "Das verwendete Profil passt nicht zum Verkehr"),
    ],
    judge: Judge::Capture(judge),
};

fn judge(c: &Circumstances, case: &Case<'_>, out: &mut Out) {
    let Some(found) = &c.proposal else { return };
    // A profile made of a list alone names no service.
    match case.profile.filter(|p| !p.file.provider.operator.is_empty() || !p.file.hosts.is_empty()) {
        None => proposed(found, c, case, out),
        Some(profile) if c.profile_shows || profile.is_or_inherits(&found.id) => {}
        Some(profile) if found.confidence == Confidence::High => other(found, profile, c, case, out),
        Some(_) => {}
    }
}

fn finding(
    code: &'static str,
    severity: Severity,
    found: &Proposal,
    c: &Circumstances,
    case: &Case<'_>,
    text: String,
) -> Finding {
    let lang = case.lang;
    let mut doubts = vec![
        lang.pick(
            "told by patterns, not by a statement of the client",
            "nach Mustern erkannt, nicht nach einer Aussage des Clients",
        )
        .to_owned(),
    ];
    if let Some(beside) = case.book.catalogue().ok().and_then(|known| known.beside(&found.id)) {
        doubts.push(beside.get(lang).to_owned());
    }
    if let Some((next, score)) = &found.next {
        doubts.push(match lang {
            Lang::En => format!("next best: {next}, {score} points"),
            Lang::De => format!("danach: {next}, {score} Punkte"),
        });
    }
    Finding {
        code,
        severity,
        ground: Ground::Capture,
        subject: words::shown(&found.name).into(),
        text: text.into(),
        confidence: found.confidence,
        uncertainty: doubts.join("; ").into(),
        first: c.first,
        last: c.last,
        frames: found.reasons.iter().filter_map(|r| r.frame).collect(),
        sources: case.book.catalogue().ok().map(|k| Arc::clone(k.source())).into_iter().collect(),
        aside: None,
    }
}

fn proposed(found: &Proposal, c: &Circumstances, case: &Case<'_>, out: &mut Out) {
    out.push("SVC-01", Severity::Info, || {
        let (lang, name, score, id) = (case.lang, words::shown(&found.name), found.score, &found.id);
        let mut why = found.words(lang);
        if !found.is_call() {
            why.push_str(lang.pick(
                ". No media of a call were seen: a client in the background, or a visit to its web pages, can look the same",
                ". Medien eines Anrufs waren nicht zu sehen: Ein Client im Hintergrund oder ein Besuch der Website kann ebenso aussehen",
            ));
        }
        let host = if found.template { lang.pick(" --host NAME", " --host NAME") } else { "" };
        let text = match (lang, found.profile) {
            (Lang::En, true) => format!(
                "The traffic looks like {name} ({score} points): {why}. That is a guess, and nothing was held against a list because of it; --service {id}{host} uses the profile."
            ),
            (Lang::En, false) => format!(
                "The traffic looks like {name} ({score} points): {why}. That is a guess; there is no profile of this service here, so nothing was held against a list."
            ),
            (Lang::De, true) => format!(
                "Der Verkehr sieht nach {name} aus ({score} Punkte): {why}. Das ist eine Vermutung, und nichts wurde ihretwegen gegen eine Liste gehalten; --service {id}{host} verwendet das Profil."
            ),
            (Lang::De, false) => format!(
                "Der Verkehr sieht nach {name} aus ({score} Punkte): {why}. Das ist eine Vermutung; ein Profil dieses Dienstes gibt es hier nicht, gegen eine Liste wurde daher nichts gehalten."
            ),
        };
        finding("SVC-01", Severity::Info, found, c, case, text)
    });
}

fn other(found: &Proposal, profile: &Profile, c: &Circumstances, case: &Case<'_>, out: &mut Out) {
    out.push("SVC-02", Severity::Notice, || {
        let (lang, name, score) = (case.lang, words::shown(&found.name), found.score);
        let (used, why) = (words::shown(&profile.file.name), found.words(lang));
        let text = match lang {
            Lang::En => format!(
                "The profile in use is that of {used}, of which nothing was seen; the traffic looks like {name} ({score} points): {why}. What is said of lists rests on the profile in use."
            ),
            Lang::De => format!(
                "Verwendet wird das Profil von {used}, von dem nichts zu sehen war; der Verkehr sieht nach {name} aus ({score} Punkte): {why}. Was zu Listen gesagt ist, beruht auf dem verwendeten Profil."
            ),
        };
        finding("SVC-02", Severity::Notice, found, c, case, text)
    });
}
