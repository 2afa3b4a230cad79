//! What a report has to say of its circumstances and no machine can know: from the audit file, as far as it says it.

use crate::attribution::CountryCode;
use crate::engine::view::Stated;
use crate::policy::{self, Lang};

/// One thing to be stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Item {
    /// Where it stands in the audit file.
    key: &'static str,
    pub(super) label: &'static str,
    /// Empty if it was not stated.
    pub(super) said: String,
    /// Whoever reads the report misses it.
    needed: bool,
}

/// All of it, in the order of a report.
pub(super) fn items(stated: Option<&Stated>, lang: Lang) -> Vec<Item> {
    let nothing = Stated::default();
    let s = stated.unwrap_or(&nothing);
    let place = s.place.as_ref().map(|p| {
        let at = format!("{:.2}° N, {:.2}° E, ± {} km", p.latitude, p.longitude, p.radius_km);
        if p.city.is_empty() { at } else { format!("{} ({at})", p.city) }
    });
    let reference = match (&*s.reference, &*s.date) {
        ("", _) | (_, "") => s.reference.to_string(),
        (reference, date) => format!("{reference} ({} {date})", lang.pick("stated on", "Angaben vom")),
    };
    let jurisdiction = CountryCode::parse(&s.jurisdiction).map(|code| policy::country_name(code, lang));
    // A version of nothing says nothing.
    let version = if s.client.is_empty() { "" } else { &s.version };
    let client = format!("{} {version}", s.client);
    let item = |key, en, de, said: &str, needed| Item { key, label: lang.pick(en, de), said: said.to_owned(), needed };
    let mut items = vec![
        item("case.reference", "Case, reference", "Vorgang, Aktenzeichen", &reference, true),
        item("case.purpose", "Purpose", "Zweck", &s.purpose, true),
        item("case.legal_basis", "Legal basis", "Rechtsgrundlage", &s.legal_basis, true),
        item("jurisdiction", "State of the authority", "Staat der Aufsicht", &jurisdiction.unwrap_or_default(), false),
        item("operator.name", "Made by", "Durchgeführt von", &s.operator, true),
        item("operator.organisation", "Organisation", "Stelle", &s.organisation, true),
        item("operator.contact", "Contact", "Kontakt", &s.contact, false),
        item("operator.witness", "Witness", "Zeuge", &s.witness, true),
        item("case.controller", "User of the service", "Nutzer des Dienstes", &s.controller, true),
        item("consent.participants", "Consent of the participants", "Einwilligung der Beteiligten", &s.consent, true),
        item("consent.accounts", "Test accounts", "Testkonten", &s.accounts, false),
        item("case.client", "Client", "Client", client.trim(), true),
        item("case.platform", "Platform", "Plattform", &s.platform, true),
        item("case.account", "Kind of account", "Art des Kontos", &s.account, false),
        item("case.configuration", "Configuration", "Konfiguration", &s.configuration, true),
        item("vantage", "Place of the capture", "Ort der Aufzeichnung", &place.unwrap_or_default(), true),
        item("network.access", "Way into the internet", "Weg ins Internet", &s.network, true),
        item("retention.until", "Deleted on", "Löschung am", &s.deletion, true),
        item("retention.rule", "Retention", "Aufbewahrung", &s.retention, false),
    ];
    // Nobody misses a note.
    if !s.note.is_empty() {
        items.push(item("case.note", "Note", "Vermerk", &s.note, false));
    }
    items
}

/// Keys of the audit file that a report needs and that are not there.
#[must_use]
pub fn missing(stated: &Stated) -> Vec<&'static str> {
    items(Some(stated), Lang::En)
        .into_iter()
        .filter(|item| item.needed && item.said.is_empty())
        .map(|i| i.key)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::audit::{Audit, TEMPLATE};

    #[test]
    fn the_template_states_all_that_is_needed_under_the_keys_that_are_missed() {
        let all = Stated::from(&Audit::parse("audit.toml", TEMPLATE, None).unwrap());
        assert_eq!(missing(&all), [""; 0]);
        for lang in Lang::ALL {
            let unsaid = items(Some(&all), lang).into_iter().filter(|item| item.said.is_empty()).map(|item| item.key);
            assert_eq!(unsaid.collect::<Vec<_>>(), [""; 0]);
        }
        // Without the line of a key, that key is missed and no other.
        for key in items(None, Lang::En).into_iter().filter(|item| item.needed).map(|item| item.key) {
            let (table, line) = match key {
                "vantage" => ("vantage", "city"),
                key => key.split_once('.').unwrap(),
            };
            let mut inside = "";
            let without = TEMPLATE.lines().filter(|l| {
                inside = if l.starts_with('[') { l.trim_matches(['[', ']']) } else { inside };
                let vantage = inside == "vantage" && table == "vantage";
                !(inside == table && l.starts_with(line) && l.contains(" = ") || vantage)
            });
            let text = without.collect::<Vec<_>>().join("\n");
            match Audit::parse("audit.toml", &text, None) {
                Ok(audit) => assert_eq!(missing(&Stated::from(&audit)), [key]),
                Err(error) => assert_eq!(key, "case.reference", "{error}"),
            }
        }
    }
}
