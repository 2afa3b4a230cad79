//! Hosts known for telemetry, analytics, advertising and other third-party services.

use super::data_file::{self, Code, Date, PolicyError, Standing};
use super::hosts::HostMap;
use super::service::Reference;
use super::subject::Label;
use crate::attribution::Source;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    edition: Date,
    sources: BTreeMap<String, Reference>,
    trackers: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    host: Box<str>,
    company: Box<str>,
    /// The countries from which the company is controlled; more than one if the sources disagree.
    country: Vec<Code>,
    /// The country of the contract partner, where it is another.
    #[expect(dead_code, reason = "for the reader of the file")]
    entity: Option<Code>,
    category: Category,
    #[serde(default)]
    #[expect(dead_code, reason = "for the reader of the file")]
    note: Box<str>,
    /// `T1:sentry`: a key of `[sources]`, and after the colon the place in it.
    source: Box<str>,
    #[serde(default)]
    confidence: Standing,
}

/// What such a host is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    Telemetry,
    OsTelemetry,
    Analytics,
    Crash,
    Attribution,
    Ads,
    AbTest,
    FeatureFlag,
    Rum,
    Apm,
    Logs,
    Nel,
    SessionReplay,
    WebrtcQos,
    Guides,
    Survey,
    TagManager,
    Marketing,
    SalesIntel,
    Engagement,
    Push,
    Content,
    Payment,
    Status,
    AppBackend,
    Consent,
    BotCheck,
    Avatar,
    SupportChat,
}

impl Category {
    const ALL: [(Self, &'static str, &'static str, &'static str); 29] = [
        (Self::Telemetry, "telemetry", "telemetry", "Telemetrie"),
        (Self::OsTelemetry, "os-telemetry", "operating system telemetry", "Telemetrie des Betriebssystems"),
        (Self::Analytics, "analytics", "usage analytics", "Nutzungsanalyse"),
        (Self::Crash, "crash", "crash reporting", "Absturzberichte"),
        (Self::Attribution, "attribution", "install attribution", "Zuordnung von Installationen"),
        (Self::Ads, "ads", "advertising", "Werbung"),
        (Self::AbTest, "ab-test", "experiments", "Experimente (A/B-Tests)"),
        (Self::FeatureFlag, "feature-flag", "feature switches per user", "Funktionsschalter je Nutzer"),
        (Self::Rum, "rum", "real user monitoring", "Überwachung beim Nutzer (RUM)"),
        (Self::Apm, "apm", "performance monitoring", "Leistungsüberwachung"),
        (Self::Logs, "logs", "log collection", "Protokollsammlung"),
        (Self::Nel, "nel", "network error reports of the browser", "Netzfehlerberichte des Browsers"),
        (Self::SessionReplay, "session-replay", "session recording", "Sitzungsaufzeichnung"),
        (Self::WebrtcQos, "webrtc-qos", "call quality statistics", "Statistik der Gesprächsqualität"),
        (Self::Guides, "guides", "in-app guidance with usage data", "Bedienhilfen mit Nutzungsdaten"),
        (Self::Survey, "survey", "surveys", "Umfragen"),
        (Self::TagManager, "tag-manager", "tag management", "Tag-Verwaltung"),
        (Self::Marketing, "marketing", "marketing", "Marketing"),
        (Self::SalesIntel, "sales-intel", "visitor identification for sales", "Besuchererkennung für den Vertrieb"),
        (Self::Engagement, "engagement", "customer engagement", "Kundenansprache"),
        (Self::Push, "push", "push messages", "Push-Nachrichten"),
        (Self::Content, "content", "embedded content", "eingebettete Inhalte"),
        (Self::Payment, "payment", "payment", "Zahlung"),
        (Self::Status, "status", "status pages", "Statusseiten"),
        (Self::AppBackend, "app-backend", "application backend", "Anwendungsdienst"),
        (Self::Consent, "consent", "consent banners", "Einwilligungsbanner"),
        (Self::BotCheck, "bot-check", "bot checks", "Prüfung auf Bots"),
        (Self::Avatar, "avatar", "avatars", "Profilbilder"),
        (Self::SupportChat, "support-chat", "support chat", "Hilfe-Chat"),
    ];

    fn entry(self) -> (&'static str, &'static str, &'static str) {
        Self::ALL.iter().find(|e| e.0 == self).map_or(("", "", ""), |e| (e.1, e.2, e.3))
    }

    /// The stable token of the tables.
    #[must_use]
    pub fn token(self) -> &'static str {
        self.entry().0
    }

    /// In words.
    #[must_use]
    pub fn words(self, lang: super::Lang) -> &'static str {
        let (_, en, de) = self.entry();
        lang.pick(en, de)
    }

    pub(crate) fn parse(token: &str) -> Option<Self> {
        Self::ALL.iter().find(|e| e.1 == token).map(|e| e.0)
    }

    /// Whether such a contact reports on the user or the program; the rest are third parties with a function.
    #[must_use]
    pub const fn is_telemetry(self) -> bool {
        !matches!(
            self,
            Self::Push
                | Self::Content
                | Self::Payment
                | Self::Status
                | Self::AppBackend
                | Self::Consent
                | Self::BotCheck
                | Self::Avatar
                | Self::SupportChat
        )
    }
}

/// The list.
#[derive(Debug)]
pub struct Trackers {
    rows: Vec<Row>,
    hosts: HostMap<usize>,
    source: Arc<Source>,
}

impl Trackers {
    /// # Errors
    /// With file, place and cure.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyError> {
        let file: File = data_file::parse(name, text)?;
        let mut hosts = HostMap::default();
        for (at, row) in file.trackers.iter().enumerate() {
            let wrong = |what| PolicyError::new(name, format!("trackers {} ({})", at + 1, row.host), what);
            let key = row.source.split(':').next().unwrap_or_default();
            if !file.sources.contains_key(key) {
                return Err(wrong(format!("source `{key}` is not under [sources]; add it there")));
            }
            if key == "K" && !row.confidence.is_unverified() {
                return Err(wrong(
                    "general knowledge (source K) is unverified; add confidence = \"unverified\"".into(),
                ));
            }
            hosts.insert(&row.host, at).map_err(wrong)?;
        }
        Ok(Self { hosts, source: data_file::stamp(name, file.edition.0, text), rows: file.trackers })
    }

    /// The label of a host name (lower-case), by the most specific suffix.
    #[must_use]
    pub fn label(&self, host: &str) -> Option<Label> {
        let row = self.rows.get(*self.hosts.find(host)?.value)?;
        Some(Label {
            category: row.category.token().into(),
            suffix: row.host.clone(),
            via: None,
            operator: row.company.clone(),
            // Where the sources disagree nothing is claimed.
            operator_country: if let [only] = row.country.as_slice() { Some(only.0) } else { None },
            unverified: row.confidence.is_unverified(),
        })
    }

    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Suffixes, and how many of them are marked as unverified.
    #[must_use]
    pub fn facts(&self) -> (usize, usize) {
        (self.rows.len(), self.rows.iter().filter(|r| r.confidence.is_unverified()).count())
    }
}
