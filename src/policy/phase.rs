//! Phases of a call that an auditor marks. A marker keeps the phase's token as its text, in every language of the picture.

use super::Lang;

/// What happened in the client at a marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    Started,
    SignedIn,
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
    pub const ALL: [Self; 12] = [
        Self::Started,
        Self::SignedIn,
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

    /// The phase that a marker's text stands for; `None` for free text.
    #[must_use]
    pub fn of(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.token() == text)
    }
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
}
