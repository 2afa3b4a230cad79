//! TRF: where the addresses stand, held against the law of the day.

use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::{Claim, Confidence, CountryCode};
use crate::policy::finding::{Ground, Severity};
use crate::policy::jurisdiction::{Regime, Status};
use crate::policy::words::{self, Lang};
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        (
            "TRF-01",
            "placed in a country without adequacy decision",
            "Standort in einem Land ohne Angemessenheitsbeschluss",
        ),
        (
            "TRF-02",
            "placed in the United States, with the regime of the day",
            "Standort in den Vereinigten Staaten, mit dem Regime des Tages",
        ),
        (
            "TRF-03",
            "placed in a country with a limited adequacy decision",
            "Standort in einem Land mit begrenztem Angemessenheitsbeschluss",
        ),
        (
            "TRF-04",
            "placed in a country with an adequacy decision",
            "Standort in einem Land mit Angemessenheitsbeschluss",
        ),
        ("TRF-05", "the place cannot be told", "Der Standort lässt sich nicht bestimmen"),
        ("TRF-09", "name resolution placed outside the EEA", "Namensauflösung mit Standort außerhalb des EWR"),
        (
            "TRF-13",
            "placed in a territory with a legal particularity",
            "Standort in einem Gebiet mit rechtlicher Besonderheit",
        ),
    ],
    judge: Judge::Subject(judge),
};

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    if !view.is_outside() {
        return;
    }
    let Some(claim) = &view.subject.located_in else {
        return unknown(view, case, out, None);
    };
    let regime = case.book.regimes.on(claim.value, view.day());
    let (code, severity) = match regime.status {
        // An EEA answer is only as good as the place behind it.
        Status::Eea if view.subject.indeterminate.is_some() => return unknown(view, case, out, Some(claim)),
        Status::Eea => return,
        Status::Indeterminate => return unknown(view, case, out, Some(claim)),
        _ if view.subject.applications.as_slice() == ["dns"] => ("TRF-09", Severity::Notice),
        Status::TreatedAsEea | Status::AdequateFull => ("TRF-04", Severity::Info),
        Status::AdequatePartial | Status::ThirdCountry if regime.is_united_states() => ("TRF-02", Severity::Attention),
        Status::AdequatePartial => ("TRF-03", Severity::Notice),
        Status::ThirdCountry => ("TRF-01", Severity::Attention),
        Status::Special => ("TRF-13", Severity::Notice),
    };
    out.about(view, code, severity, |severity| {
        let (mut doubts, confidence) = view.place_doubts(claim, case);
        regime_doubts(&regime, view, case, &mut doubts);
        let mut text = format!("{} {} {}", view.traffic(), view.located(claim), law(&regime, case.lang));
        if code == "TRF-09" {
            text.insert_str(0, case.lang.pick("This is name resolution. ", "Hier geht es um Namensauflösung. "));
        }
        let sources = vec![Arc::clone(&claim.source), Arc::clone(regime.source())];
        Draft { code, severity, ground: Ground::LocatedIn, confidence, text, doubts, sources }
    });
}

/// The sentence about the law of the day, and what follows from it for the reader.
fn law(regime: &Regime<'_>, lang: Lang) -> String {
    let table = words::source(regime.source(), lang);
    let clause = regime.clause(lang);
    let after = match regime.status {
        Status::AdequatePartial if regime.is_united_states() => lang.pick(
            " Whether the recipient was certified has not been checked: a possible transfer, to be assessed legally.",
            " Ob der Empfänger zertifiziert war, ist nicht geprüft: mögliche Übermittlung, rechtlich zu prüfen.",
        ),
        Status::AdequatePartial => lang.pick(
            " Whether the recipient falls under it cannot be seen in traffic.",
            " Ob der Empfänger darunter fällt, ist dem Verkehr nicht anzusehen.",
        ),
        Status::ThirdCountry | Status::Special => {
            lang.pick(" A possible transfer, to be assessed legally.", " Mögliche Übermittlung, rechtlich zu prüfen.")
        }
        _ => "",
    };
    match lang {
        Lang::En => format!("For {} {table} lists: {clause}.{after}", regime.day),
        Lang::De => format!("Für den {} führt {table}: {clause}.{after}", regime.day),
    }
}

/// What weakens the legal half of a statement; also used for the seat of companies.
pub(super) fn regime_doubts(regime: &Regime<'_>, view: &View<'_>, case: &Case<'_>, doubts: &mut Vec<String>) {
    let lang = case.lang;
    if regime.unverified() {
        doubts.push(
            lang.pick(
                "this row of the table is general knowledge, to be checked on EUR-Lex",
                "diese Zeile der Tabelle ist Allgemeinwissen, auf EUR-Lex zu prüfen",
            )
            .to_owned(),
        );
    }
    if regime.beyond_edition {
        doubts.push(
            lang.pick(
                "the table of law is older than the observation",
                "die Regimetabelle ist älter als die Beobachtung",
            )
            .to_owned(),
        );
    }
    let last = view.subject.last.day();
    if last > regime.day && case.book.regimes.on(regime.code, last).token() != regime.token() {
        doubts.push(match lang {
            Lang::En => format!("the regime changed while it was observed (until {last}); the first day counts here"),
            Lang::De => format!("das Regime wechselte während der Beobachtung (bis {last}); hier zählt der erste Tag"),
        });
    }
}

fn unknown(view: &View<'_>, case: &Case<'_>, out: &mut Out, claim: Option<&Claim<CountryCode>>) {
    out.about(view, "TRF-05", Severity::Notice, |severity| {
        let lang = case.lang;
        let regime = claim.map(|c| case.book.regimes.on(c.value, view.day()));
        let why = match (view.indeterminate(), regime.filter(|r| r.status == Status::Indeterminate)) {
            (Some(why), _) => why,
            (None, Some(regime)) => regime.clause(lang),
            (None, None) => lang.pick("no source places it", "keine Quelle gibt einen Ort an").to_owned(),
        };
        let mut text = match lang {
            Lang::En => format!("{} The place of {} cannot be told: {why}.", view.traffic(), view.addresses()),
            Lang::De => {
                format!("{} Der Standort {} lässt sich nicht bestimmen: {why}.", view.traffic(), view.addresses())
            }
        };
        let mut sources = Vec::new();
        if let Some(claim) = claim {
            text.push(' ');
            text.push_str(&view.located(claim));
            sources.push(Arc::clone(&claim.source));
            if regime.is_some_and(|r| r.status == Status::Indeterminate) {
                sources.push(Arc::clone(case.book.regimes.source()));
            }
        }
        Draft {
            code: "TRF-05",
            severity,
            ground: Ground::LocatedIn,
            confidence: Confidence::Low,
            text,
            doubts: Vec::new(),
            sources,
        }
    });
}
