//! What can be wrong with the data of this room. Data from the network is never an error here.

/// A database or table that cannot be used: which file, what is wrong with it, and the cure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttributionError {
    /// Not a MaxMind DB file, or a broken one.
    #[error("cannot open database {file}: {reason}; fetch the file again, or take it out of the folder")]
    Database { file: Box<str>, reason: Box<str> },
    /// A readable database without any field this program knows.
    #[error(
        "database {file} ({database_type}) has no field that names a country, an AS number or a cloud region; \
         take it out of the folder, or give a Country, City, ASN or ISP database"
    )]
    Schema { file: Box<str>, database_type: Box<str> },
    /// One of our own tables (`anycast.toml`, `organisations.toml`).
    #[error("table {file}, {place}: {reason}; {cure}")]
    Table {
        file: Box<str>,
        /// `line 12`, `organisation zoom`.
        place: Box<str>,
        reason: Box<str>,
        cure: &'static str,
    },
    /// A publisher's list of ranges that is not what it should be.
    #[error("cannot read {file} as a list of {kind}: {reason}; give the publisher's file as it is")]
    Ranges { file: Box<str>, kind: &'static str, reason: Box<str> },
    /// A place of capture that cannot be found on the earth.
    #[error(
        "place of capture `{text}`: {reason}; name a city of geoip/cities.toml, or write LATITUDE,LONGITUDE[,RADIUS in km]"
    )]
    Vantage { text: Box<str>, reason: Box<str> },
}

impl AttributionError {
    pub(super) fn table(file: &str, place: &str, reason: &str, cure: &'static str) -> Self {
        Self::Table { file: file.into(), place: place.into(), reason: reason.into(), cure }
    }

    /// A table that is no TOML, lacks a key or has one too many: one line out of the parser's several.
    pub(super) fn toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = 1 + before.bytes().filter(|&b| b == b'\n').count();
        let reason = error.message().lines().collect::<Vec<_>>().join(" ");
        Self::table(file, &format!("line {line}"), &reason, "correct the key or remove it")
    }
}
