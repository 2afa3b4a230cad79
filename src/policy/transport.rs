//! How far a handshake kept to published recommendations on its day: a dated table, graded against lists with an edition.

use super::data_file::{self, Date, PolicyError, Standing};
use super::service::Reference;
use super::words::{Lang, Twin};
use crate::attribution::Source;
use crate::wire::Day;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is graded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Protocol version, as on the wire.
    Version,
    Suite,
    Group,
    /// Signature scheme of a key exchange.
    Signature,
    /// SRTP protection profile.
    Srtp,
    /// Kind of key in a certificate.
    Key,
    CertificateSignature,
}

/// From best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    Good,
    Acceptable,
    /// Rarely used; not said to be weak.
    Unusual,
    Dated,
    Outdated,
    Broken,
}

impl Grade {
    #[must_use]
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Good => lang.pick("good", "gut"),
            Self::Acceptable => lang.pick("acceptable", "annehmbar"),
            Self::Unusual => lang.pick("unusual", "unüblich"),
            Self::Dated => lang.pick("dated", "veraltend"),
            Self::Outdated => lang.pick("outdated", "veraltet"),
            Self::Broken => lang.pick("broken", "gebrochen"),
        }
    }

    /// Past the last day of use that the list gives. `Unusual` says nothing of strength and stays.
    const fn lowered(self) -> Self {
        match self {
            Self::Good => Self::Acceptable,
            Self::Acceptable => Self::Dated,
            Self::Unusual => Self::Unusual,
            Self::Dated => Self::Outdated,
            Self::Outdated | Self::Broken => Self::Broken,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    edition: Date,
    bsi: BsiList,
    sources: BTreeMap<String, Reference>,
    row: Vec<Row>,
    #[serde(default)]
    size: Vec<Size>,
    #[serde(default)]
    issuer: Vec<IssuerRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerRow {
    kind: IssuerKind,
    names: Box<[Box<str>]>,
    source: Box<str>,
    #[serde(default)]
    confidence: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum IssuerKind {
    Public,
    Product,
}

/// What is known of whoever issued a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issuer<'t> {
    /// Browsers take its certificates, or did: it makes them for everybody.
    Public,
    /// A product that opens TLS on the way; its maker's own domains have `maker` in them.
    Product { name: &'t str, maker: &'t str },
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BsiList {
    title: Box<str>,
    edition: Box<str>,
    #[expect(dead_code, reason = "for the reader of the file")]
    note: Twin,
}

const fn yes() -> bool {
    true
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    kind: Kind,
    ids: BTreeMap<String, Box<str>>,
    grade: Grade,
    from: Option<Date>,
    until: Option<Date>,
    #[serde(default = "yes")]
    forward_secrecy: bool,
    #[serde(default)]
    encrypt_then_mac: bool,
    bsi_until: Option<Date>,
    #[serde(default)]
    bsi_omits: bool,
    note: Option<Twin>,
    source: Box<str>,
    #[serde(default)]
    confidence: Standing,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Size {
    of: Measured,
    below: u16,
    grade: Grade,
    from: Option<Date>,
    until: Option<Date>,
    #[serde(default)]
    bsi_omits: bool,
    source: Box<str>,
    #[serde(default)]
    confidence: Standing,
}

/// What has a length in bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measured {
    /// Key of a certificate.
    Rsa,
    /// Prime of a key exchange over a finite field.
    Dh,
}

/// Rows of one thing, each with the name it gives.
type Named = Vec<(Box<str>, u32)>;

/// The table.
#[derive(Debug)]
pub struct Transport {
    edition: Day,
    bsi: BsiList,
    rows: Box<[Row]>,
    sizes: Box<[Size]>,
    by_code: FxHashMap<(Kind, u16), Named>,
    by_word: FxHashMap<(Kind, Box<str>), Named>,
    /// Organisations, in lower case.
    public_issuers: Vec<Box<str>>,
    /// Products, and the same in lower case with and without blanks.
    products: Vec<[Box<str>; 3]>,
    source: Arc<Source>,
}

/// What the table says of one thing on one day.
#[derive(Debug, Clone)]
pub struct Graded<'t> {
    /// Its name; the wire number as `0x1301` where the table does not know it.
    pub name: Cow<'t, str>,
    /// `None`: the table does not know it, so nothing is said.
    pub grade: Option<Grade>,
    pub forward_secrecy: bool,
    /// The list of the BSI leaves it out, or asks for more bits.
    pub omitted: bool,
    /// The list's last day of use has passed.
    pub lapsed: Option<Day>,
    pub note: Option<&'t Twin>,
    /// General knowledge, not read in a source.
    pub unverified: bool,
}

impl Graded<'_> {
    fn unknown(name: String) -> Self {
        Self {
            name: name.into(),
            grade: None,
            forward_secrecy: true,
            omitted: false,
            lapsed: None,
            note: None,
            unverified: false,
        }
    }
}

fn holds(from: Option<Date>, until: Option<Date>, day: Day) -> bool {
    from.is_none_or(|f| f.0 <= day) && until.is_none_or(|u| day < u.0)
}

fn code_of(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("0x").filter(|d| d.len() == 4)?;
    u16::from_str_radix(digits, 16).ok()
}

impl Transport {
    /// Reads and checks the table. Rows of one thing must not overlap.
    ///
    /// # Errors
    /// With file, place and cure.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyError> {
        let file: File = data_file::parse(name, text)?;
        let (mut by_code, mut by_word) = (FxHashMap::default(), FxHashMap::default());
        let known = |source: &str, place: String, standing: Standing| {
            if !file.sources.contains_key(source) {
                let what = format!("source `{source}` is not under [sources]; add it there");
                return Err(PolicyError::new(name, place, what));
            }
            if source == "K" && !standing.is_unverified() {
                let what = "general knowledge (source K) is unverified; add confidence = \"unverified\"";
                return Err(PolicyError::new(name, place, what));
            }
            Ok(())
        };
        for (at, row) in (0_u32..).zip(&file.row) {
            let place = || format!("row {} ({})", at + 1, row.ids.values().next().map_or("no id", |n| n));
            let wrong = |what: String| PolicyError::new(name, place(), what);
            known(&row.source, place(), row.confidence)?;
            if row.ids.is_empty() {
                return Err(wrong("ids is empty; name at least one thing".into()));
            }
            if row.bsi_omits && row.bsi_until.is_some() {
                return Err(wrong("bsi_omits and bsi_until exclude each other; remove one".into()));
            }
            if let (Some(from), Some(until)) = (row.from, row.until)
                && until <= from
            {
                return Err(wrong(
                    "until is not after from; until is the first day on which the grade is another".into(),
                ));
            }
            for (id, called) in &row.ids {
                let rows: &mut Named = match row.kind {
                    Kind::Key | Kind::CertificateSignature => by_word.entry((row.kind, Box::from(&**id))).or_default(),
                    _ => {
                        let code = code_of(id)
                            .ok_or_else(|| wrong(format!("`{id}` is no wire number; write it as 0x1301")))?;
                        by_code.entry((row.kind, code)).or_default()
                    }
                };
                let days = |r: &Row| (r.from.map_or(0, |d| d.0.0), r.until.map_or(u32::MAX, |d| d.0.0));
                let (from, until) = days(row);
                let overlap = rows.iter().filter_map(|(_, other)| file.row.get(*other as usize)).map(days);
                if let Some(other) = overlap.into_iter().find(|(f, u)| *f < until && from < *u) {
                    let what = format!("`{id}` has another row for the same days (from day {}); set until", other.0);
                    return Err(wrong(what));
                }
                rows.push((called.clone(), at));
            }
        }
        for (at, size) in file.size.iter().enumerate() {
            known(&size.source, format!("size {}", at + 1), size.confidence)?;
        }
        let (mut public_issuers, mut products) = (Vec::new(), Vec::new());
        for (at, row) in file.issuer.iter().enumerate() {
            let place = || format!("issuer {}", at + 1);
            known(&row.source, place(), row.confidence)?;
            for called in &row.names {
                if called.chars().filter(|c| c.is_alphanumeric()).count() < 3 {
                    let what = format!("`{called}` is too short to tell an issuer; write more of it");
                    return Err(PolicyError::new(name, place(), what));
                }
                let lower = called.to_lowercase();
                match row.kind {
                    IssuerKind::Public => public_issuers.push(lower.into()),
                    IssuerKind::Product => {
                        let maker = lower.replace(' ', "").into();
                        products.push([called.clone(), lower.into(), maker]);
                    }
                }
            }
        }
        Ok(Self {
            edition: file.edition.0,
            bsi: file.bsi,
            public_issuers,
            products,
            rows: file.row.into(),
            sizes: file.size.into(),
            by_code,
            by_word,
            source: data_file::stamp(name, file.edition.0, text),
        })
    }

    /// A number on the wire. `protected`: encrypt-then-MAC was agreed on (matters for block ciphers only).
    #[must_use]
    pub fn code(&self, kind: Kind, code: u16, day: Day, protected: bool) -> Graded<'_> {
        let rows = self.by_code.get(&(kind, code)).map_or(&[][..], Vec::as_slice);
        self.graded(rows, day, protected).unwrap_or_else(|| Graded::unknown(format!("0x{code:04x}")))
    }

    /// A key or signature of a certificate, by the word the dissector has for it. RSA keys are graded by their length.
    #[must_use]
    pub fn word(&self, kind: Kind, word: &str, day: Day) -> Graded<'_> {
        if let Some(bits) = word.strip_prefix("rsa-").filter(|_| kind == Kind::Key).and_then(|b| b.parse().ok()) {
            return self.size(Measured::Rsa, bits, day);
        }
        let rows = self.by_word.get(&(kind, Box::from(word))).map_or(&[][..], Vec::as_slice);
        self.graded(rows, day, false).unwrap_or_else(|| Graded::unknown(word.to_owned()))
    }

    /// A length in bits.
    #[must_use]
    pub fn size(&self, of: Measured, bits: u16, day: Day) -> Graded<'_> {
        let name = match of {
            Measured::Rsa => format!("RSA {bits}"),
            Measured::Dh => format!("DH {bits}"),
        };
        let short = self.sizes.iter().filter(|s| s.of == of && bits < s.below && holds(s.from, s.until, day));
        let row = short.min_by_key(|s| s.below);
        Graded {
            grade: Some(row.map_or(Grade::Good, |r| r.grade)),
            omitted: row.is_some_and(|r| r.bsi_omits),
            unverified: row.is_some_and(|r| r.confidence.is_unverified()),
            ..Graded::unknown(name)
        }
    }

    /// Who issued a certificate, by the distinguished name in it; `None` if the table does not know.
    #[must_use]
    pub fn issuer(&self, distinguished: &str) -> Option<Issuer<'_>> {
        let text = distinguished.to_lowercase();
        if let Some([name, _, maker]) = self.products.iter().find(|[_, word, _]| text.contains(&**word)) {
            return Some(Issuer::Product { name, maker });
        }
        let organisations = || text.split(", ").filter_map(|part| part.strip_prefix("o="));
        let public = self.public_issuers.iter().any(|name| organisations().any(|o| o.starts_with(&**name)));
        public.then_some(Issuer::Public)
    }

    fn graded<'t>(&'t self, rows: &'t [(Box<str>, u32)], day: Day, protected: bool) -> Option<Graded<'t>> {
        let (name, row) = rows.iter().find_map(|(name, at)| {
            self.rows.get(*at as usize).filter(|r| holds(r.from, r.until, day)).map(|r| (name, r))
        })?;
        let lapsed = row.bsi_until.map(|d| d.0).filter(|last| *last < day);
        let mut grade = row.grade;
        for lower in [lapsed.is_some(), row.encrypt_then_mac && !protected] {
            grade = if lower { grade.lowered() } else { grade };
        }
        Some(Graded {
            name: Cow::Borrowed(name),
            grade: Some(grade),
            forward_secrecy: row.forward_secrecy,
            omitted: row.bsi_omits,
            lapsed,
            note: row.note.as_ref(),
            unverified: row.confidence.is_unverified(),
        })
    }

    /// `BSI TR-02102-2, edition 2025-01`.
    #[must_use]
    pub fn list_words(&self, lang: Lang) -> String {
        let BsiList { title, edition, .. } = &self.bsi;
        format!("{title}, {} {edition}", lang.pick("edition", "Ausgabe"))
    }

    #[must_use]
    pub const fn edition(&self) -> Day {
        self.edition
    }

    /// Name, edition and hash, for the evidence.
    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Rows, and how many of them are marked as unverified.
    #[must_use]
    pub fn facts(&self) -> (usize, usize) {
        let standing = self.rows.iter().map(|r| r.confidence).chain(self.sizes.iter().map(|s| s.confidence));
        (self.rows.len() + self.sizes.len(), standing.filter(|s| s.is_unverified()).count())
    }

    /// First days on which some grade is another.
    pub(crate) fn turning_days(&self) -> impl Iterator<Item = Day> {
        let rows = self.rows.iter().flat_map(|r| {
            [r.from.map(|d| d.0), r.until.map(|d| d.0), r.bsi_until.map(|d| Day(d.0.0.saturating_add(1)))]
        });
        rows.chain(self.sizes.iter().flat_map(|s| [s.from.map(|d| d.0), s.until.map(|d| d.0), None])).flatten()
    }

    /// How many days with another grade had passed.
    pub(crate) fn period(&self, day: Day) -> u32 {
        self.turning_days().filter(|turn| *turn <= day).count() as u32
    }

    /// Every text of the table in one language.
    #[cfg(test)]
    pub(crate) fn texts(&self, lang: Lang) -> impl Iterator<Item = String> {
        self.rows.iter().filter_map(|r| r.note.as_ref()).map(move |t| t.get(lang).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded() -> Transport {
        Transport::parse("transport.toml", include_str!("data/transport.toml")).unwrap()
    }

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    #[test]
    fn the_grade_is_that_of_the_day() {
        let table = embedded();
        for (kind, code, on, grade) in [
            (Kind::Version, 0x0301, "2014-01-01", Some(Grade::Acceptable)),
            (Kind::Version, 0x0301, "2018-06-01", Some(Grade::Dated)),
            (Kind::Version, 0x0301, "2021-03-31", Some(Grade::Dated)),
            (Kind::Version, 0x0301, "2021-04-01", Some(Grade::Outdated)),
            (Kind::Version, 0xfeff, "2022-04-01", Some(Grade::Outdated)),
            (Kind::Version, 0x0300, "2020-01-01", Some(Grade::Broken)),
            (Kind::Version, 0x0303, "2026-10-15", Some(Grade::Acceptable)),
            (Kind::Version, 0x0303, "2032-01-01", Some(Grade::Dated)),
            (Kind::Version, 0x0304, "2026-10-15", Some(Grade::Good)),
            (Kind::Version, 0xfefc, "2026-10-15", Some(Grade::Good)),
            (Kind::Version, 0x7f1c, "2018-01-01", None),
            (Kind::Suite, 0x1301, "2026-10-15", Some(Grade::Good)),
            (Kind::Suite, 0x1305, "2026-10-15", Some(Grade::Dated)),
            (Kind::Suite, 0xc02f, "2032-01-01", Some(Grade::Acceptable)),
            (Kind::Suite, 0x009e, "2026-10-15", Some(Grade::Acceptable)),
            (Kind::Suite, 0x009e, "2030-01-01", Some(Grade::Dated)),
            (Kind::Suite, 0x000a, "2016-08-31", Some(Grade::Dated)),
            (Kind::Suite, 0x000a, "2020-04-16", Some(Grade::Broken)),
            (Kind::Suite, 0x0005, "2014-01-01", Some(Grade::Dated)),
            (Kind::Suite, 0x0005, "2020-04-16", Some(Grade::Broken)),
            (Kind::Suite, 0x0002, "2020-04-16", Some(Grade::Broken)),
            (Kind::Suite, 0x0041, "2020-04-16", Some(Grade::Unusual)),
            (Kind::Suite, 0xfafb, "2020-04-16", None),
            (Kind::Group, 0x001d, "2026-10-15", Some(Grade::Good)),
            (Kind::Group, 0x0100, "2020-04-16", Some(Grade::Dated)),
            (Kind::Group, 0x0100, "2024-04-16", Some(Grade::Outdated)),
            (Kind::Group, 0x11ec, "2026-10-15", Some(Grade::Good)),
            (Kind::Signature, 0x0401, "2025-12-31", Some(Grade::Good)),
            (Kind::Signature, 0x0401, "2026-01-01", Some(Grade::Acceptable)),
            (Kind::Signature, 0x0201, "2020-04-16", Some(Grade::Dated)),
            (Kind::Signature, 0x0201, "2022-04-16", Some(Grade::Broken)),
            (Kind::Srtp, 1, "2026-10-15", Some(Grade::Acceptable)),
            (Kind::Srtp, 2, "2026-10-15", Some(Grade::Dated)),
            (Kind::Srtp, 5, "2026-10-15", Some(Grade::Broken)),
            (Kind::Srtp, 7, "2026-10-15", Some(Grade::Good)),
        ] {
            assert_eq!(table.code(kind, code, day(on), false).grade, grade, "{kind:?} {code:04x} on {on}");
        }
        let unknown = table.code(Kind::Suite, 0xfafb, day("2020-04-16"), false);
        assert_eq!((&*unknown.name, unknown.omitted), ("0xfafb", false));
    }

    #[test]
    fn block_ciphers_want_encrypt_then_mac_and_static_keys_have_no_forward_secrecy() {
        let table = embedded();
        let on = day("2026-10-15");
        let block = |protected| table.code(Kind::Suite, 0xc027, on, protected).grade;
        assert_eq!((block(true), block(false)), (Some(Grade::Acceptable), Some(Grade::Dated)));
        for (code, forward_secrecy) in
            [(0x009c, false), (0x002f, false), (0xc02d, false), (0xc02f, true), (0x1301, true)]
        {
            assert_eq!(table.code(Kind::Suite, code, on, true).forward_secrecy, forward_secrecy, "{code:04x}");
        }
        let left_out = |code| {
            let graded = table.code(Kind::Group, code, on, false);
            (graded.omitted, graded.grade)
        };
        assert_eq!(left_out(0x001d), (true, Some(Grade::Good)));
        assert_eq!(left_out(0x0017), (false, Some(Grade::Good)));
    }

    #[test]
    fn keys_are_graded_by_their_length_on_the_day() {
        let table = embedded();
        let key = |word: &str, on: &str| {
            let graded = table.word(Kind::Key, word, day(on));
            (graded.grade, graded.omitted)
        };
        assert_eq!(key("rsa-512", "2020-01-01"), (Some(Grade::Broken), false));
        assert_eq!(key("rsa-1024", "2020-01-01"), (Some(Grade::Outdated), false));
        assert_eq!(key("rsa-2048", "2023-12-31"), (Some(Grade::Good), false));
        assert_eq!(key("rsa-2048", "2024-01-01"), (Some(Grade::Good), true));
        assert_eq!(key("rsa-4096", "2026-01-01"), (Some(Grade::Good), false));
        assert_eq!(key("ec-p256", "2026-01-01"), (Some(Grade::Good), false));
        assert_eq!(key("ec-1.2.3", "2026-01-01"), (None, false));
        let prime = |bits, on: &str| table.size(Measured::Dh, bits, day(on)).grade;
        assert_eq!(prime(768, "2026-01-01"), Some(Grade::Broken));
        assert_eq!(prime(1024, "2026-01-01"), Some(Grade::Outdated));
        assert_eq!((prime(2048, "2022-12-31"), prime(2048, "2023-01-01")), (Some(Grade::Good), Some(Grade::Dated)));
        assert_eq!(prime(3072, "2026-01-01"), Some(Grade::Good));
        let signed = |word: &str, on: &str| table.word(Kind::CertificateSignature, word, day(on)).grade;
        assert_eq!(signed("rsa-sha1", "2020-01-01"), Some(Grade::Broken));
        assert_eq!(signed("rsa-sha256", "2026-01-01"), Some(Grade::Acceptable));
    }

    #[test]
    fn a_bad_table_is_refused_with_place_and_cure() {
        let head = "edition = 2026-01-01\n[bsi]\ntitle = \"B\"\nedition = \"1\"\nnote = { en = \"a\", de = \"b\" }\n[sources]\nK = { title = \"k\", read = 2026-01-01 }\nS = { title = \"s\", read = 2026-01-01 }\n";
        let row = |more: &str| {
            format!("{head}[[row]]\nkind = \"suite\"\nids = {{ 0x1301 = \"a\" }}\ngrade = \"good\"\n{more}\n")
        };
        assert!(Transport::parse("own.toml", &row("source = \"S\"")).is_ok());
        for (text, says) in [
            (row("source = \"X\""), "source `X`"),
            (row("source = \"K\""), "is unverified"),
            (row("source = \"S\"\nbsi_omits = true\nbsi_until = 2026-01-01"), "exclude each other"),
            (row("source = \"S\"\nfrom = 2026-01-02\nuntil = 2026-01-01"), "not after from"),
            (row("source = \"S\"").replace("0x1301", "0x13"), "no wire number"),
            (row("source = \"S\"").replace("good", "fine"), "unknown variant `fine`"),
            (
                row(
                    "source = \"S\"\n[[row]]\nkind = \"suite\"\nids = { 0x1301 = \"b\" }\ngrade = \"good\"\nsource = \"S\"",
                ),
                "another row for the same days",
            ),
        ] {
            let said = Transport::parse("own.toml", &text).unwrap_err().to_string();
            assert!(said.contains(says) && said.starts_with("own.toml: "), "{said}");
        }
    }

    #[test]
    fn the_texts_keep_to_the_manners() {
        let table = embedded();
        for lang in Lang::ALL {
            for text in table.texts(lang) {
                assert_eq!(crate::policy::rules::forbidden(&text, lang), None, "{text}");
            }
        }
        let (rows, unverified) = table.facts();
        assert!(rows > 60 && unverified < rows);
        assert!(table.list_words(Lang::De).starts_with("BSI TR-02102-2, Ausgabe"));
    }
}
