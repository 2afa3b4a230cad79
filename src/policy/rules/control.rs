//! TRF-11, -12, -14: who runs a host or its network, whatever place it stands in. Seat, parent and network stay separate statements.

use super::third_country::regime_doubts;
use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::{Claim, Company, Confidence, CountryCode};
use crate::policy::country::{country_name, english};
use crate::policy::finding::{Ground, Severity};
use crate::policy::jurisdiction::Status;
use crate::policy::words::{self, Lang};
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        (
            "TRF-11",
            "run by a company seated in a third country",
            "Betrieben von einem Unternehmen mit Sitz in einem Drittland",
        ),
        (
            "TRF-12",
            "run by a company whose parent is seated in a third country",
            "Betrieben von einem Unternehmen mit Mutter in einem Drittland",
        ),
        (
            "TRF-14",
            "stands in the network of a company seated or owned in a third country",
            "Im Netz eines Unternehmens mit Sitz oder Mutter in einem Drittland",
        ),
    ],
    judge: Judge::Subject(judge),
};

#[derive(Clone, Copy)]
enum Tie {
    Operator,
    Parent,
    Network,
    NetworkParent,
}

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    if !view.is_outside() {
        return;
    }
    let subject = view.subject;
    if let Some(operator) = &subject.operator {
        if let Some(seat) = operator.value.seat {
            finding(view, case, out, operator, Tie::Operator, seat);
        }
        if let Some(seat) = operator.value.parent.as_ref().and(operator.value.parent_seat) {
            finding(view, case, out, operator, Tie::Parent, seat);
        }
    }
    let Some(holder) = &subject.holder else { return };
    if subject.operator.as_ref().is_some_and(|o| o.value.name == holder.value.name) {
        return;
    }
    match (holder.value.parent.as_ref().and(holder.value.parent_seat), holder.value.seat) {
        (Some(seat), _) => finding(view, case, out, holder, Tie::NetworkParent, seat),
        (None, Some(seat)) => finding(view, case, out, holder, Tie::Network, seat),
        (None, None) => {}
    }
}

fn finding(view: &View<'_>, case: &Case<'_>, out: &mut Out, claim: &Claim<Arc<Company>>, tie: Tie, seat: CountryCode) {
    let regime = case.book.regimes.on(seat, view.day());
    let without_decision = matches!(regime.status, Status::ThirdCountry);
    if !without_decision && !matches!(regime.status, Status::AdequatePartial | Status::Special) {
        return;
    }
    let (code, ground, severity) = match tie {
        Tie::Operator if without_decision => ("TRF-11", Ground::RunBy, Severity::Attention),
        Tie::Operator => ("TRF-11", Ground::RunBy, Severity::Notice),
        Tie::Parent => ("TRF-12", Ground::ParentSeatedIn, Severity::Notice),
        Tie::Network => ("TRF-14", Ground::RunBy, Severity::Notice),
        Tie::NetworkParent => ("TRF-14", Ground::ParentSeatedIn, Severity::Notice),
    };
    out.about(view, code, severity, |severity| {
        let lang = case.lang;
        let company = words::shown(&claim.value.name);
        let parent = words::shown(claim.value.parent.as_deref().unwrap_or_default());
        let source = words::source(&claim.source, lang);
        let table = words::source(regime.source(), lang);
        let (line, day, clause) = (view.host(), regime.day, regime.clause(lang));
        // Who holds the addresses is not who runs what answers there: a carrier, a data centre, a cloud with tenants.
        let says = match tie {
            Tie::Operator | Tie::Parent => lang.pick(
                "This says who controls the host, not where it stands.",
                "Das sagt, wer den Rechner beherrscht, nicht, wo er steht.",
            ),
            Tie::Network | Tie::NetworkParent => lang.pick(
                "This says whose network it is, not who runs the host or where it stands.",
                "Das sagt, wem das Netz gehört, nicht, wer den Rechner betreibt oder wo er steht.",
            ),
        };
        let text = match lang {
            Lang::En => {
                let country = english(seat);
                let who = match tie {
                    Tie::Operator => format!("{company}, which runs {line}, has its seat in {country}"),
                    Tie::Parent => format!("{company}, which runs {line}, belongs to {parent}, seated in {country}"),
                    Tie::Network => format!("{company}, in whose network {line} stands, has its seat in {country}"),
                    Tie::NetworkParent => {
                        format!("{company}, in whose network {line} stands, belongs to {parent}, seated in {country}")
                    }
                };
                format!(
                    "According to {source}, {who}. For {day} {table} lists: {clause}. {says}"
                )
            }
            Lang::De => {
                let country = country_name(seat, lang);
                let who = match tie {
                    Tie::Operator => format!("Betreiber von {line} ist {company}; Sitz laut {source}: {country}"),
                    Tie::Parent => {
                        format!("Betreiber von {line} ist {company}, Mutter ist {parent}; deren Sitz laut {source}: {country}")
                    }
                    Tie::Network => format!("{line} steht im Netz von {company}; Sitz laut {source}: {country}"),
                    Tie::NetworkParent => {
                        format!("{line} steht im Netz von {company}, Mutter ist {parent}; deren Sitz laut {source}: {country}")
                    }
                };
                format!(
                    "{who}. Für den {day} führt {table}: {clause}. {says}"
                )
            }
        };
        let mut doubts = Vec::new();
        let mut confidence = claim.confidence;
        if matches!(tie, Tie::Operator | Tie::Parent) {
            doubts.extend(view.name_doubt());
            confidence = confidence.min(view.name_confidence());
        }
        if claim.value.unverified {
            confidence = confidence.min(Confidence::Medium);
            doubts.push(match lang {
                Lang::En => format!("the entry for {company} is general knowledge, not checked against a source"),
                Lang::De => format!("der Eintrag zu {company} ist Allgemeinwissen, nicht an einer Quelle geprüft"),
            });
        }
        regime_doubts(&regime, view, case, &mut doubts);
        let sources = vec![Arc::clone(&claim.source), Arc::clone(regime.source())];
        Draft { code, severity, ground, confidence, text, doubts, sources }
    });
}
