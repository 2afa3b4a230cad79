//! Reading one data file: TOML into checked values, with errors that a person can act on.

use crate::attribution::{CountryCode, Source};
use crate::wire::Day;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::sync::Arc;

/// A data file that cannot be used: which file, which place, what is wrong and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {place}: {what}")]
pub struct PolicyError {
    pub file: Box<str>,
    /// `line 12`, or the key and the entry meant.
    pub place: Box<str>,
    /// What is wrong, and after a semicolon the cure.
    pub what: Box<str>,
}

impl PolicyError {
    pub(crate) fn new(file: &str, place: impl Into<Box<str>>, what: impl Into<Box<str>>) -> Self {
        Self { file: file.into(), place: place.into(), what: what.into() }
    }
}

/// Parses TOML and refuses unknown keys (the types say so).
pub(crate) fn parse<'a, T: Deserialize<'a>>(file: &str, text: &'a str) -> Result<T, PolicyError> {
    toml::from_str(text).map_err(|e| {
        let before = e.span().and_then(|s| text.get(..s.start)).unwrap_or(text);
        let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
        let what: String = e.message().split_whitespace().collect::<Vec<_>>().join(" ");
        PolicyError::new(file, format!("line {line}"), what)
    })
}

/// Name, date and hash of a data file, for the evidence.
pub(crate) fn stamp(name: &str, date: Day, text: &str) -> Arc<Source> {
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    Arc::new(Source {
        name: name.into(),
        date: date.to_string().into(),
        sha256: HEXLOWER.encode(digest.as_ref()).into(),
    })
}

/// A TOML date without time: `2020-07-16`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Date(pub Day);

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::value::Datetime::deserialize(deserializer)?;
        match (value.date, value.time, value.offset) {
            (Some(date), None, None) => Day::parse(&date.to_string()).map(Self),
            _ => None,
        }
        .ok_or_else(|| de::Error::custom("this is no day since 1970; write it as 2020-07-16, without quotes"))
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A country code as data files write it: `"US"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Code(pub CountryCode);

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        CountryCode::parse(&text).filter(|c| c.as_str() == text.as_str()).map(Self).ok_or_else(|| {
            de::Error::custom(format!("`{text}` is no country code; write two capitals of ISO 3166-1, as in \"US\""))
        })
    }
}

/// Whether a statement was found in the source it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// Found in the named source.
    #[default]
    Verified,
    /// General knowledge, or read out of the source rather than in it: to be checked before a finding rests on it.
    Unverified,
}

impl Standing {
    #[must_use]
    pub const fn is_unverified(self) -> bool {
        matches!(self, Self::Unverified)
    }

    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        #[serde(default)]
        day: Option<Date>,
        #[serde(default)]
        code: Option<Code>,
    }

    #[test]
    fn errors_name_file_line_and_cure() {
        for (text, says) in [
            ("\nday = 2020-02-30", "x.toml: line 2"),
            ("day = \"2020-02-01\"", "x.toml: line 1"),
            ("day = 1969-12-31", "write it as 2020-07-16"),
            ("day = 2020-02-01T00:00:00Z", "write it as 2020-07-16"),
            ("code = \"us\"", "`us` is no country code"),
            ("code = \"USA\"", "`USA` is no country code"),
            ("\n\ncolour = 1", "line 3: unknown field `colour`, expected `day` or `code`"),
            ("day = ", "line 1"),
        ] {
            let said = parse::<Sample>("x.toml", text).unwrap_err().to_string();
            assert!(said.contains(says), "{text}: {said}");
            assert!(!said.contains('\n'), "{said}");
        }
        let fine: Sample = parse("x.toml", "day = 2020-07-16\ncode = \"US\"").unwrap();
        assert_eq!(fine.day.unwrap().0.to_string(), "2020-07-16");
        assert_eq!(fine.code.unwrap().0.as_str(), "US");
    }

    #[test]
    fn the_stamp_is_the_hash_of_the_text() {
        let source = stamp("a.toml", Day(0), "abc");
        assert_eq!(&*source.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(source.to_string(), "a.toml of 1970-01-01");
    }
}
