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

#[cfg(test)]
mod tests {
    use super::super::sample::{company, judged, subject};
    use super::*;
    use crate::policy::subject::{Listing, Subject};

    #[test]
    fn the_holder_of_a_network_is_not_said_to_control_the_host() {
        let s = Subject { holder: company("Lumen", "US", None), ..subject("zoom.us", "NL", "2021-02-18") };
        for (lang, says) in
            [(Lang::En, "whose network it is, not who runs"), (Lang::De, "wem das Netz gehört, nicht, wer")]
        {
            let found = judged(s.clone(), None, lang).remove(0);
            assert_eq!(found.code, "TRF-14");
            assert!(found.text.contains(says), "{}", found.text);
        }
    }

    #[test]
    fn control_is_told_apart_from_place_and_never_merged() {
        let day = "2021-02-18";
        let grounds = |s: Subject| -> Vec<(&str, Ground, Severity)> {
            judged(s, None, Lang::En).iter().map(|f| (f.code, f.ground, f.severity)).collect()
        };
        let run_by = Subject { operator: company("Zoom", "US", None), ..subject("zoom.us", "DE", day) };
        assert_eq!(grounds(run_by), [("TRF-11", Ground::RunBy, Severity::Attention)]);
        let parent =
            Subject { operator: company("Adjust", "DE", Some(("AppLovin", "US"))), ..subject("adjust.com", "DE", day) };
        assert_eq!(grounds(parent), [("TRF-12", Ground::ParentSeatedIn, Severity::Notice)]);
        let both = Subject {
            operator: company("Zoom", "US", None),
            holder: company("Amazon Web Services", "US", Some(("Amazon.com", "US"))),
            ..subject("zoom.us", "US", day)
        };
        assert_eq!(
            grounds(both),
            [
                ("TRF-02", Ground::LocatedIn, Severity::Attention),
                ("TRF-11", Ground::RunBy, Severity::Attention),
                ("TRF-14", Ground::ParentSeatedIn, Severity::Notice)
            ]
        );
        // A regime for certified organisations: a look, not an alarm.
        let shield = Subject { operator: company("Zoom", "US", None), ..subject("zoom.us", "DE", "2018-06-01") };
        assert_eq!(grounds(shield), [("TRF-11", Ground::RunBy, Severity::Notice)]);
        // Near misses: seat within the EEA, in a country with an adequacy decision, own network, own address.
        for near in [
            Subject { operator: company("Hetzner", "DE", None), ..subject("a.example", "DE", day) },
            Subject { operator: company("Infomaniak", "CH", None), ..subject("a.example", "DE", day) },
            Subject {
                operator: company("Zoom", "US", None),
                listing: Listing::Local,
                ..subject("a.example", "DE", day)
            },
        ] {
            assert_eq!(grounds(near), []);
        }
        let own = Subject {
            operator: company("Zoom", "US", None),
            holder: company("Zoom", "US", None),
            ..subject("zoom.us", "DE", day)
        };
        assert_eq!(grounds(own), [("TRF-11", Ground::RunBy, Severity::Attention)]);
    }
}
