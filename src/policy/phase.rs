//! Phases of a call that an auditor marks, and the stretches of time between them. A marker of the dashboard keeps the
//! phase's token as its text, in every language of the picture; one that somebody typed is searched for words.

use super::Lang;
use crate::wire::{Text, Timestamp};
use serde::Deserialize;

/// What happened in the client at a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    Started,
    SignedIn,
    Consented,
    Lobby,
    Joined,
    Muted,
    Unmuted,
    CameraOn,
    CameraOff,
    ShareOn,
    ShareOff,
    Left,
    Closed,
}

impl Phase {
    /// In the order in which a call has them.
    pub const ALL: [Self; 13] = [
        Self::Started,
        Self::SignedIn,
        Self::Consented,
        Self::Lobby,
        Self::Joined,
        Self::Muted,
        Self::Unmuted,
        Self::CameraOn,
        Self::CameraOff,
        Self::ShareOn,
        Self::ShareOff,
        Self::Left,
        Self::Closed,
    ];

    /// The text of a marker that stands for it.
    #[must_use]
    pub const fn token(self) -> &'static str {
        self.words(Lang::En)
    }

    #[must_use]
    pub const fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Started => lang.pick("client started", "Client gestartet"),
            Self::SignedIn => lang.pick("signed in", "angemeldet"),
            Self::Consented => lang.pick("consent given", "Einwilligung erteilt"),
            Self::Lobby => lang.pick("lobby", "Warteraum"),
            Self::Joined => lang.pick("joined", "beigetreten"),
            Self::Muted => lang.pick("microphone off", "Mikrofon aus"),
            Self::Unmuted => lang.pick("microphone on", "Mikrofon an"),
            Self::CameraOn => lang.pick("camera on", "Kamera an"),
            Self::CameraOff => lang.pick("camera off", "Kamera aus"),
            Self::ShareOn => lang.pick("screen share on", "Freigabe an"),
            Self::ShareOff => lang.pick("screen share off", "Freigabe aus"),
            Self::Left => lang.pick("left the call", "Anruf verlassen"),
            Self::Closed => lang.pick("client closed", "Client beendet"),
        }
    }

    /// What to look for in a text, beside the words of both languages: lower case, whole words.
    const fn synonyms(self) -> &'static [&'static str] {
        match self {
            Self::Started => {
                &["client start", "started the client", "app started", "programm gestartet", "app gestartet"]
            }
            Self::SignedIn => &["sign-in", "sign in", "logged in", "login", "anmeldung", "eingeloggt"],
            Self::Consented => &["consent", "consented", "einwilligung", "eingewilligt", "zugestimmt"],
            Self::Lobby => &["waiting room", "wartebereich"],
            Self::Joined => &["join", "admitted", "betreten", "eingelassen"],
            Self::Muted => &["muted", "mute", "mic off", "stumm", "stummgeschaltet", "mikro aus"],
            Self::Unmuted => &["unmuted", "unmute", "mic on", "stummschaltung aus", "mikrofon ein", "mikro an"],
            Self::CameraOn => &["video on", "kamera ein", "video an"],
            Self::CameraOff => &["video off", "video aus"],
            Self::ShareOn => {
                &["share on", "sharing on", "sharing started", "bildschirmfreigabe an", "bildschirm geteilt"]
            }
            Self::ShareOff => &["share off", "sharing off", "sharing stopped", "bildschirmfreigabe aus"],
            Self::Left => &["left", "leave", "meeting ended", "call ended", "hung up", "verlassen", "aufgelegt"],
            Self::Closed => &["client close", "app closed", "quit", "programm beendet", "app beendet"],
        }
    }

    /// Every phase that a text names, in the order in which they stand there; where two fit, the longer words do.
    #[must_use]
    pub fn all_in(text: &str) -> Vec<Self> {
        /// Nobody writes more in a marker, and it bounds the work.
        const MAX_TEXT: usize = 400;
        let text: String = text.chars().take(MAX_TEXT).flat_map(char::to_lowercase).collect();
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
            let len = |words: &str| {
                let words = words.to_lowercase();
                let after = rest.strip_prefix(words.as_str())?;
                (!after.starts_with(char::is_alphanumeric)).then_some(words.len())
            };
            let longest = |phase: Self| {
                let own = Lang::ALL.map(|lang| phase.words(lang));
                own.iter().chain(phase.synonyms()).filter_map(|words| len(words)).max()
            };
            let hit = Self::ALL.into_iter().filter_map(|p| longest(p).map(|len| (len, p))).max_by_key(|(len, _)| *len);
            let word = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
            found.extend(hit.map(|(_, phase)| phase));
            let end = at + hit.map_or(word, |(len, _)| len);
            let after = text.get(end..).unwrap_or_default();
            at = end + after.find(char::is_alphanumeric).unwrap_or(after.len());
        }
        found
    }

    /// The tokens of data files, for an error's cure.
    pub(crate) const TOKENS: &'static str = "started, signed-in, consented, lobby, joined, muted, unmuted, camera-on, \
                                             camera-off, share-on, share-off, left, closed";

    /// The phase that a marker's text stands for; `None` for free text.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.token() == text)
    }
}

/// A stretch of the capture in which something held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Before the person signed in or gave consent.
    BeforeSignIn,
    /// In the lobby, not yet let in.
    Lobby,
    /// The call had been joined, and not yet been left.
    Call,
    Muted,
    CameraOff,
    CameraOn,
    /// The screen was shared.
    Sharing,
    /// The call had been left.
    Left,
}

impl State {
    /// The acts that open it and close it. Where the first is missing, the beginning of the capture opens it.
    const fn bounds(self) -> (Option<&'static [Phase]>, &'static [Phase]) {
        match self {
            Self::BeforeSignIn => (None, &[Phase::SignedIn, Phase::Consented]),
            Self::Lobby => (Some(&[Phase::Lobby]), &[Phase::Joined, Phase::Left, Phase::Closed]),
            Self::Call => (Some(&[Phase::Joined]), &[Phase::Left, Phase::Closed]),
            Self::Muted => (Some(&[Phase::Muted]), &[Phase::Unmuted, Phase::Left, Phase::Closed]),
            Self::CameraOff => (Some(&[Phase::CameraOff]), &[Phase::CameraOn, Phase::Left, Phase::Closed]),
            Self::CameraOn => (Some(&[Phase::CameraOn]), &[Phase::CameraOff, Phase::Left, Phase::Closed]),
            Self::Sharing => (Some(&[Phase::ShareOn]), &[Phase::ShareOff, Phase::Left, Phase::Closed]),
            Self::Left => (Some(&[Phase::Left]), &[Phase::Joined, Phase::Lobby]),
        }
    }
}

/// A state with the markers around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch<'a> {
    pub state: State,
    pub from: Timestamp,
    pub until: Timestamp,
    /// The markers that opened and closed it; `None` is the beginning or the end of the capture.
    pub opened: Option<&'a Text>,
    pub closed: Option<&'a Text>,
}

/// All stretches of a state between the beginning and the end of a capture; none if no marker opens or ends it.
pub fn stretches<'a>(
    state: State,
    markers: impl IntoIterator<Item = (Timestamp, &'a Text)>,
    begin: Timestamp,
    end: Timestamp,
) -> Vec<Stretch<'a>> {
    let (opening, closing) = state.bounds();
    let mut open = opening.is_none().then_some((begin, None));
    let mut found = Vec::new();
    for (time, text) in markers {
        for act in Phase::all_in(text.exact()) {
            match open {
                Some((from, opened)) if closing.contains(&act) => {
                    if time > from {
                        found.push(Stretch { state, from, until: time, opened, closed: Some(text) });
                    }
                    open = None;
                }
                None if opening.is_some_and(|o| o.contains(&act)) => open = Some((time, Some(text))),
                _ => {}
            }
        }
    }
    // What no marker ends lasts to the end; what no marker begins did not happen.
    if let Some((from, Some(opened))) = open
        && end > from
    {
        found.push(Stretch { state, from, until: end, opened: Some(opened), closed: None });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_back_as_its_phase() {
        for phase in Phase::ALL {
            assert_eq!(Phase::of(phase.token()), Some(phase));
        }
        assert_eq!(Phase::of("coffee"), None);
    }

    #[test]
    fn a_typed_marker_is_read_by_whole_words() {
        for (text, phases) in [
            ("client started", &[Phase::Started][..]),
            ("joined, microphone off", &[Phase::Joined, Phase::Muted]),
            ("unmuted", &[Phase::Unmuted]),
            ("Stumm geschaltet", &[Phase::Muted]),
            ("Kamera aus, Mikrofon an", &[Phase::CameraOff, Phase::Unmuted]),
            ("they left the call", &[Phase::Left]),
            ("Client beendet", &[Phase::Closed]),
            ("commuted", &[]),
            ("", &[]),
            ("screen share off", &[Phase::ShareOff]),
        ] {
            assert_eq!(Phase::all_in(text), phases, "{text}");
        }
        for (phase, lang) in Phase::ALL.into_iter().flat_map(|p| Lang::ALL.map(|lang| (p, lang))) {
            assert_eq!(Phase::all_in(phase.words(lang)), [phase], "{}", phase.words(lang));
        }
        assert_eq!(Phase::all_in(&"ä,".repeat(100_000)), []);
        assert_eq!(Phase::TOKENS.split(", ").count(), Phase::ALL.len());
    }

    #[test]
    fn states_lie_between_their_markers() {
        let at = Timestamp::from_secs;
        let markers: Vec<(Timestamp, Text)> = [
            (5, "signed in"),
            (7, "lobby"),
            (12, "joined, microphone off"),
            (24, "microphone on"),
            (48, "camera off"),
            (80, "left the call"),
        ]
        .map(|(secs, text)| (at(secs), Text::from(text)))
        .into();
        let spans = |state| -> Vec<(u64, u64)> {
            let markers = markers.iter().map(|(time, text)| (*time, text));
            stretches(state, markers, at(0), at(100)).iter().map(|s| (s.from.secs(), s.until.secs())).collect()
        };
        assert_eq!(spans(State::BeforeSignIn), [(0, 5)]);
        assert_eq!(spans(State::Lobby), [(7, 12)]);
        assert_eq!(spans(State::Call), [(12, 80)]);
        assert_eq!(spans(State::Muted), [(12, 24)]);
        assert_eq!(spans(State::CameraOff), [(48, 80)]);
        assert_eq!(spans(State::Left), [(80, 100)]);
        // Without a marker for it, nothing is said.
        assert_eq!(stretches(State::BeforeSignIn, [], at(0), at(100)), []);
        assert_eq!(stretches(State::Left, [], at(0), at(100)), []);
    }
}
