//! SUB-03, SUB-06: recipients of which no name is known.

use super::unlisted::list_words;
use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::Confidence;
use crate::policy::finding::{Ground, Severity};
use crate::policy::subject::Listing;
use crate::policy::words::{self, Lang};
use std::fmt::Write;
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        (
            "SUB-03",
            "neither name nor operator of the recipient is known",
            "Weder Name noch Betreiber des Empfängers bekannt",
        ),
        ("SUB-06", "no name observed, only the network is known", "Kein Name beobachtet, nur das Netz ist bekannt"),
    ],
    judge: Judge::Subject(judge),
};

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let subject = view.subject;
    // In the network of a listed company, but it has other customers too.
    let listed = subject.listing == Listing::Subprocessor && subject.holder.is_some();
    let open = listed || matches!(subject.listing, Listing::NotListed | Listing::Unjudged);
    if !open || !view.is_outside() || view.name().is_some() || subject.operator.is_some() {
        return;
    }
    let (code, known) = match &subject.holder {
        Some(holder) => ("SUB-06", Some(holder)),
        None => ("SUB-03", None),
    };
    out.about(view, code, Severity::Notice, |severity| {
        let lang = case.lang;
        let (addresses, host) = (view.addresses(), view.host());
        let more = match subject.address_count {
            0 | 1 => String::new(),
            n => format!(" ({} Adressen)", words::number(n.into(), lang)),
        };
        let mut sources = Vec::new();
        let mut text = match lang {
            Lang::En => format!("No host name was observed for {addresses}"),
            Lang::De => format!("Zu {host}{more} wurde kein Hostname beobachtet"),
        };
        match known {
            Some(holder) => {
                let (company, source) = (words::shown(&holder.value.name), words::source(&holder.source, lang));
                let _ = match lang {
                    Lang::En => write!(text, "; the network is that of {company} according to {source}. What service it belongs to is not known."),
                    Lang::De => write!(text, "; das Netz ist das von {company} (laut {source}). Zu welchem Dienst es gehört, ist nicht bekannt."),};
                sources.push(Arc::clone(&holder.source));
            }
            None => text.push_str(lang.pick(
                ", and its operator could not be determined from name, certificate or network.",
                ", und der Betreiber ließ sich weder aus Name noch Zertifikat noch Netz bestimmen.",
            )),
        }
        if let Some(profile) = case.profile {
            let list = list_words(&profile.list, lang);
            let service = words::shown(&profile.file.name);
            let _ = match (lang, listed) {
                (Lang::En, true) => write!(text, " The list {list} names the company, but whether it answered here for {service} or as the network of another customer cannot be told."),
                (Lang::De, true) => write!(text, " Die Liste {list} nennt das Unternehmen; ob es hier für {service} antwortete oder als Netz eines anderen Kunden, ist nicht zu erkennen."),
                (Lang::En, false) => write!(text, " No address range of {service} and no entry of the list {list} matches it."),
                (Lang::De, false) => write!(text, " Kein Adressbereich von {service} und kein Eintrag der Liste {list} passt dazu."),};
            sources.extend(profile.list.sources());
        }
        text.push(' ');
        text.push_str(view.traffic());
        let doubts = vec![
            lang.pick("another participant or a program outside the call is possible", "ein anderer Teilnehmer oder ein Programm außerhalb des Gesprächs ist möglich")
                .to_owned(),
        ];
        Draft { code, severity, ground: Ground::List, confidence: Confidence::Low, text, doubts, sources }
    });
}

#[cfg(test)]
mod tests {
    use super::super::sample::{codes, company, judged, subject, zoom};
    use super::*;
    use crate::attribution::NameBasis;
    use crate::dissect::fact::NameSource;
    use crate::policy::subject::Subject;
    use crate::wire::Text;

    #[test]
    fn recipients_without_a_name_are_told() {
        let nobody = || subject("", "DE", "2020-04-16");
        assert_eq!(codes(nobody(), None), ["SUB-03"]);
        let network = Subject { holder: company("Hetzner", "DE", None), ..nobody() };
        assert_eq!(codes(network.clone(), None), ["SUB-06"]);
        let bare =
            Subject { names: vec![(Text::from("203.0.112.7"), NameBasis::Hello(NameSource::TlsSni))], ..nobody() };
        assert_eq!(codes(bare, None), ["SUB-03"]);
        let profile = zoom();
        let text = &judged(Subject { listing: Listing::NotListed, ..network }, Some(&profile), Lang::En).remove(0).text;
        assert!(text.contains("no entry of the list") && text.contains("SHA-256"), "{text}");
        // An abbreviation at the end of a name is not followed by another full stop.
        let stops = Subject { holder: company("Aruba S.p.A.", "IT", None), ..nobody() };
        for lang in Lang::ALL {
            let text = judged(stops.clone(), None, lang).remove(0).text;
            assert!(text.contains("S.p.A.") && !text.contains(".."), "{text}");
        }
        // In a listed company's network, but not by name: the list does not speak for whoever answered.
        let cloud = Subject {
            listing: Listing::Subprocessor,
            holder: company("Amazon Web Services, Inc.", "DE", None),
            ..nobody()
        };
        let found = judged(cloud.clone(), Some(&profile), Lang::En).remove(0);
        assert_eq!(found.code, "SUB-06");
        assert!(found.text.contains("another customer"), "{}", found.text);
        assert_eq!(
            codes(Subject { names: subject("a.example", "DE", "2020-04-16").names, ..cloud }, Some(&profile)),
            Vec::<&str>::new()
        );
        for near in [Listing::Service, Listing::Background, Listing::Local, Listing::Subprocessor] {
            assert_eq!(codes(Subject { listing: near, ..nobody() }, Some(&profile)), Vec::<&str>::new(), "{near:?}");
        }
        assert_eq!(codes(subject("a.example", "DE", "2020-04-16"), None), Vec::<&str>::new());
    }
}
