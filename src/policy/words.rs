//! Words and numbers for people, in the languages of the report.

use crate::attribution::Source;
use crate::wire::{Text, neutralise};
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// The language of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Lang {
    #[default]
    En,
    De,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The one of two twins that is in this language.
    #[must_use]
    pub const fn pick<'a>(self, en: &'a str, de: &'a str) -> &'a str {
        match self {
            Self::En => en,
            Self::De => de,
        }
    }

    #[must_use]
    pub const fn token(self) -> &'static str {
        self.pick("en", "de")
    }
}

/// A text in both languages, as data files give it: `{ en = "...", de = "..." }`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Twin {
    pub en: Box<str>,
    pub de: Box<str>,
}

impl Twin {
    #[must_use]
    pub fn get(&self, lang: Lang) -> &str {
        lang.pick(&self.en, &self.de)
    }
}

/// `1,234,567`; in German `1.234.567`.
pub(crate) fn number(n: u64, lang: Lang) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push_str(lang.pick(",", "."));
        }
        out.push(c);
    }
    out
}

/// Decimal multiples with one digit: `3.4 MB`; in German `3,4 MB`. Below 1000 bytes exactly.
pub(crate) fn bytes(n: u64, lang: Lang) -> String {
    if n < 1000 {
        return format!("{n} {}", lang.pick(if n == 1 { "byte" } else { "bytes" }, "Byte"));
    }
    // 999.95 rounds to 1000.0, so the next unit starts where the rounding would overflow.
    let (mut unit, mut scale) = (0_usize, 1000_u64);
    while unit < 5 && n / scale * 100 + n % scale * 100 / scale >= 99_995 {
        scale *= 1000;
        unit += 1;
    }
    let tenths = (u128::from(n) * 10 + u128::from(scale) / 2) / u128::from(scale);
    let unit = ["kB", "MB", "GB", "TB", "PB", "EB"].get(unit).copied().unwrap_or("EB");
    format!("{}{}{} {unit}", tenths / 10, lang.pick(".", ","), tenths % 10)
}

/// `DB-IP Country Lite of 2026-06-01`; without the date if the source has none, which is said.
pub(crate) fn source(s: &Source, lang: Lang) -> String {
    let mut out = String::with_capacity(s.name.len() + 16);
    show(&s.name, &mut out);
    if s.date.is_empty() {
        out.push_str(lang.pick(" (undated)", " (ohne Datum)"));
    } else {
        out.push_str(lang.pick(" of ", " vom "));
        out.push_str(&s.date);
    }
    out
}

/// Enough of a hash to tell two files apart by eye; the whole hash is in the sources of the finding.
pub(crate) fn short_hash(s: &Source) -> &str {
    s.sha256.get(..12).unwrap_or(&s.sha256)
}

/// The longest host name is 253 characters; what is longer is no host name and would only hide the sentence around it.
const SHOWN_CHARS: usize = 120;

/// Untrusted text for a sentence: neutralised and not longer than a line.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(SHOWN_CHARS));
    show(text, &mut out);
    out
}

fn show(text: &str, out: &mut String) {
    let cut = if text.len() > SHOWN_CHARS { text.char_indices().nth(SHOWN_CHARS).map(|(at, _)| at) } else { None };
    let _ = neutralise(cut.and_then(|at| text.get(..at)).unwrap_or(text), out);
    if cut.is_some() {
        out.push('…');
    }
}

/// As [`shown`], for text from the wire.
pub(crate) fn shown_text(text: &Text) -> String {
    shown(text.exact())
}

/// Why a place cannot be told or is doubtful. The words are those that attribution documents; what is not known here
/// stays as it is.
pub(crate) fn place_doubt(why: &str, lang: Lang) -> String {
    let why = shown(why);
    let said = match (lang, why.as_str()) {
        (Lang::En, "anycast") => "anycast, the same address is served from many places",
        (Lang::En, _) => return why,
        (Lang::De, "anycast") => "Anycast, dieselbe Adresse wird an vielen Orten bedient",
        (Lang::De, "one prefix, many sites") => "ein Adressbereich, viele Standorte",
        (Lang::De, "registered there, may stand elsewhere") => "dort registriert, der Standort kann ein anderer sein",
        (Lang::De, "spread over many countries, may stand elsewhere") => {
            "über viele Länder verteilt, der Standort kann ein anderer sein"
        }
        (Lang::De, "a cloud whose list of regions does not name it") => {
            "eine Cloud, deren Liste der Regionen sie nicht nennt"
        }
        (Lang::De, "no network is known to announce it") => "kein bekanntes Netz kündigt sie an",
        (Lang::De, "only a code in its host name says so") => "das sagt nur ein Kürzel im Hostnamen",
        (Lang::De, "no source knows this address") => "keine Quelle kennt diese Adresse",
        (Lang::De, other) => {
            return if let Some(votes) = other.strip_prefix("sources disagree: ") {
                format!("Quellen widersprechen sich: {votes}")
            } else if let Some(countries) = other.strip_prefix("a round trip excludes ") {
                format!("eine Umlaufzeit schließt {countries} aus")
            } else if let Some(country) = other.strip_prefix("too near for fibre: ") {
                format!("für Glasfaser zu nah: {country}")
            } else if let Some(region) =
                other.strip_prefix("cloud region ").and_then(|r| r.strip_suffix(" names no country"))
            {
                format!("die Cloud-Region {region} nennt kein Land")
            } else {
                why
            };
        }
    };
    said.to_owned()
}

/// `a, b and c`, at most `most` of them and then how many more. `comma` is what stands between: `, ` or, for names that
/// have commas themselves, `; `.
pub(crate) fn enumerate(items: &[String], most: usize, comma: &str, lang: Lang) -> String {
    let mut out = String::new();
    let kept = items.len().min(most);
    let more = items.len() - kept;
    for (i, item) in items.iter().take(kept).enumerate() {
        if i > 0 {
            out.push_str(if i + 1 == kept && more == 0 { lang.pick(" and ", " und ") } else { comma });
        }
        out.push_str(item);
    }
    if more > 0 {
        let _ = match lang {
            Lang::En => write!(out, " and {more} more"),
            Lang::De => write!(out, " und {more} weitere"),
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_people_write_them() {
        for (n, en, de) in
            [(0, "0", "0"), (999, "999", "999"), (1234, "1,234", "1.234"), (1_234_567, "1,234,567", "1.234.567")]
        {
            assert_eq!((number(n, Lang::En).as_str(), number(n, Lang::De).as_str()), (en, de));
        }
        for (n, en, de) in [
            (1, "1 byte", "1 Byte"),
            (999, "999 bytes", "999 Byte"),
            (1000, "1.0 kB", "1,0 kB"),
            (999_949, "999.9 kB", "999,9 kB"),
            (999_950, "1.0 MB", "1,0 MB"),
            (3_449_999, "3.4 MB", "3,4 MB"),
            (u64::MAX, "18.4 EB", "18,4 EB"),
        ] {
            assert_eq!((bytes(n, Lang::En).as_str(), bytes(n, Lang::De).as_str()), (en, de));
        }
    }

    #[test]
    fn hostile_text_is_neutralised_and_cut() {
        assert_eq!(shown("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        let long = shown(&"ä".repeat(1000));
        assert_eq!(long.chars().count(), SHOWN_CHARS + 1);
        assert!(long.ends_with('…'));
    }

    #[test]
    fn lists_end_with_and() {
        let items: Vec<_> = ["a", "b", "c"].map(String::from).into();
        assert_eq!(enumerate(&items, 3, ", ", Lang::En), "a, b and c");
        assert_eq!(enumerate(&items, 2, "; ", Lang::De), "a; b und 1 weitere");
        assert_eq!(enumerate(items.get(..1).unwrap(), 3, ", ", Lang::De), "a");
        assert_eq!(enumerate(&[], 3, ", ", Lang::En), "");
    }
}
