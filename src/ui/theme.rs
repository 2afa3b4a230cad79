//! What a piece of the picture is, and how that is dressed. Colours are fixed ones of the 256, so that their contrast is
//! known; blue, orange and green are apart for every kind of colour vision, and a sign or word says the same without them.

use crate::policy::{Lang, Listing, Severity};
use ratatui::style::{Color, Modifier, Style};

/// The background that the colours are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Palette {
    #[default]
    Dark,
    Light,
    /// No colours: <https://no-color.org>.
    Mono,
}

impl Palette {
    /// From the variable `COLORFGBG` that some terminals set (`15;0`): colours 7 and 9 to 15 are light backgrounds.
    #[must_use]
    pub fn guess(colorfgbg: Option<&str>) -> Self {
        let background = colorfgbg.and_then(|value| value.rsplit(';').next()?.parse::<u8>().ok());
        if matches!(background, Some(7 | 9..=15)) { Self::Light } else { Self::Dark }
    }
}

/// How the picture looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    pub palette: Palette,
    /// ASCII characters only.
    pub ascii: bool,
    pub lang: Lang,
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Strong,
    Faint,
    /// Lines, frames and coasts.
    Line,
    /// The row that is chosen, the tab that is open.
    Chosen,
    /// A key that can be pressed.
    Key,
    Group(Listing),
    Severity(Severity),
    Good,
    Bad,
}

impl Role {
    #[cfg(test)]
    const ALL: [Self; 18] = [
        Self::Plain,
        Self::Strong,
        Self::Faint,
        Self::Line,
        Self::Chosen,
        Self::Key,
        Self::Group(Listing::Service),
        Self::Group(Listing::Subprocessor),
        Self::Group(Listing::NotListed),
        Self::Group(Listing::Background),
        Self::Group(Listing::Local),
        Self::Group(Listing::Unjudged),
        Self::Severity(Severity::High),
        Self::Severity(Severity::Attention),
        Self::Severity(Severity::Notice),
        Self::Severity(Severity::Info),
        Self::Good,
        Self::Bad,
    ];

    /// Numbers among the 256 colours for a dark and a light background; `None` is the terminal's own.
    const fn colors(self) -> Option<(u8, u8)> {
        Some(match self {
            Self::Plain | Self::Strong | Self::Chosen => return None,
            Self::Line => (240, 250),
            Self::Faint | Self::Severity(Severity::Info) | Self::Group(Listing::Background | Listing::Local) => {
                (247, 241)
            }
            Self::Group(Listing::Service | Listing::Unjudged) | Self::Key => (75, 25),
            Self::Group(Listing::Subprocessor) | Self::Good => (79, 23),
            Self::Group(Listing::NotListed) | Self::Severity(Severity::Attention) => (214, 130),
            Self::Severity(Severity::High) | Self::Bad => (210, 124),
            Self::Severity(Severity::Notice) => (117, 25),
        })
    }

    pub(super) fn style(self, palette: Palette) -> Style {
        let style = match (palette, self.colors()) {
            (Palette::Mono, _) | (_, None) => Style::default(),
            (Palette::Dark, Some((dark, _))) => Style::default().fg(Color::Indexed(dark)),
            (Palette::Light, Some((_, light))) => Style::default().fg(Color::Indexed(light)),
        };
        match self {
            Self::Strong | Self::Severity(Severity::High) | Self::Bad | Self::Key => style.add_modifier(Modifier::BOLD),
            Self::Chosen => style.add_modifier(Modifier::REVERSED),
            // Without colours the quiet parts must be quiet in another way.
            Self::Faint | Self::Line if palette == Palette::Mono => style.add_modifier(Modifier::DIM),
            _ => style,
        }
    }
}

/// Characters that are drawn with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signs {
    pub(super) line: &'static str,
    pub(super) wall: &'static str,
    /// Left and right, above and below.
    pub(super) corners: [&'static str; 4],
    pub(super) chosen: &'static str,
    pub(super) up: &'static str,
    pub(super) down: &'static str,
    pub(super) rising: &'static str,
    pub(super) falling: &'static str,
    pub(super) marker: &'static str,
    pub(super) running: &'static str,
    pub(super) silent: &'static str,
    pub(super) dead: &'static str,
    pub(super) ended: &'static str,
    /// Nothing to full, in as many steps as there are.
    pub(super) column: &'static [&'static str],
    /// Part of a bar that lies.
    pub(super) bar: &'static [&'static str],
}

impl Look {
    pub(super) const fn signs(self) -> &'static Signs {
        const UNICODE: Signs = Signs {
            line: "─",
            wall: "│",
            corners: ["┌", "┐", "└", "┘"],
            chosen: "▶",
            up: "↑",
            down: "↓",
            rising: "▲",
            falling: "▼",
            marker: "▾",
            running: "●",
            silent: "○",
            dead: "✖",
            ended: "■",
            column: &[" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"],
            bar: &["", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"],
        };
        const ASCII: Signs = Signs {
            line: "-",
            wall: "|",
            corners: ["+", "+", "+", "+"],
            chosen: ">",
            up: "sent",
            down: "rcvd",
            rising: "^",
            falling: "v",
            marker: "v",
            running: "*",
            silent: "o",
            dead: "X",
            ended: "#",
            column: &[" ", ".", ":", "-", "=", "+", "*", "#"],
            bar: &["", "-", "="],
        };
        if self.ascii { &ASCII } else { &UNICODE }
    }

    /// The sign of a group of recipients.
    pub(super) const fn listing_sign(self, listing: Listing) -> &'static str {
        match (listing, self.ascii) {
            (Listing::Service, false) => "■",
            (Listing::Subprocessor, false) => "◆",
            (Listing::NotListed, false) => "▲",
            (Listing::Background, false) => "○",
            (Listing::Local, false) => "·",
            (Listing::Unjudged, false) => "□",
            (Listing::Service, true) => "#",
            (Listing::Subprocessor, true) => "+",
            (Listing::NotListed, true) => "!",
            (Listing::Background, true) => "o",
            (Listing::Local, true) => ".",
            (Listing::Unjudged, true) => "?",
        }
    }

    pub(super) const fn severity_sign(self, severity: Severity) -> &'static str {
        match severity {
            Severity::High => "!!",
            Severity::Attention => "!",
            Severity::Notice if self.ascii => "*",
            Severity::Notice => "•",
            Severity::Info => "",
        }
    }

    pub(super) const fn listing_word(self, listing: Listing) -> &'static str {
        match listing {
            Listing::Service => self.lang.pick("service", "Dienst"),
            Listing::Subprocessor => self.lang.pick("on the list", "gelistet"),
            Listing::NotListed => self.lang.pick("NOT LISTED", "NICHT GEL."),
            Listing::Background => self.lang.pick("background", "Hintergr."),
            Listing::Local => self.lang.pick("local", "lokal"),
            Listing::Unjudged => self.lang.pick("no list", "ohne Liste"),
        }
    }

    /// The name of a group of recipients.
    pub(super) const fn group(self, listing: Listing) -> &'static str {
        match listing {
            Listing::Service => self.lang.pick("The service", "Der Dienst"),
            Listing::Subprocessor => self.lang.pick("On the list", "Auf der Liste"),
            Listing::NotListed => self.lang.pick("NOT ON THE LIST", "NICHT GELISTET"),
            Listing::Background => self.lang.pick("Background", "Hintergrund"),
            Listing::Local => self.lang.pick("Local network", "Lokales Netz"),
            Listing::Unjudged => self.lang.pick("Recipients", "Empfänger"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The red, green and blue of one of the 256 colours beyond the first 16.
    fn rgb(index: u8) -> [f64; 3] {
        let level = |n: u8| if n == 0 { 0.0 } else { f64::from(55 + 40 * n) };
        if index >= 232 {
            return [f64::from(8 + 10 * (index - 232)); 3];
        }
        let n = index - 16;
        [level(n / 36), level(n / 6 % 6), level(n % 6)]
    }

    /// WCAG 2.2, relative luminance.
    fn luminance(color: [f64; 3]) -> f64 {
        let linear = |c: f64| {
            let c = c / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        let [r, g, b] = color.map(linear);
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }

    fn contrast(a: [f64; 3], b: [f64; 3]) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// WCAG 2.2 §1.4.3 asks for 4.5; lines and coasts say nothing that must be read.
    #[test]
    fn every_text_can_be_read_on_its_background() {
        let backgrounds = [
            ([0.0; 3], [255.0; 3], 4.5),
            ([30.0; 3], [245.0; 3], 4.0),
            ([0.0, 43.0, 54.0], [253.0, 246.0, 227.0], 4.0),
        ];
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Line) {
            let Some((dark_color, light_color)) = role.colors() else { continue };
            for (on_dark, on_light, least) in backgrounds {
                let (a, b) = (contrast(rgb(dark_color), on_dark), contrast(rgb(light_color), on_light));
                assert!(a >= least && b >= least, "{role:?}: {a:.1} and {b:.1}");
            }
        }
    }

    #[test]
    fn without_colours_nothing_has_one() {
        for role in Role::ALL {
            let style = role.style(Palette::Mono);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn every_group_and_severity_has_a_sign_of_its_own() {
        for ascii in [false, true] {
            let look = Look { ascii, ..Look::default() };
            let groups = [
                Listing::Service,
                Listing::Subprocessor,
                Listing::NotListed,
                Listing::Background,
                Listing::Local,
                Listing::Unjudged,
            ];
            let mut signs: Vec<_> = groups.map(|listing| look.listing_sign(listing)).into();
            signs.sort_unstable();
            signs.dedup();
            assert_eq!(signs.len(), groups.len());
            let mut signs: Vec<_> = Severity::ALL.map(|severity| look.severity_sign(severity)).into();
            signs.sort_unstable();
            signs.dedup();
            assert_eq!(signs.len(), Severity::ALL.len());
            assert!(!ascii || signs.iter().all(|sign| sign.is_ascii()));
        }
    }

    #[test]
    fn the_background_is_guessed_as_dark_if_nobody_says_otherwise() {
        for (value, palette) in [
            (None, Palette::Dark),
            (Some("15;0"), Palette::Dark),
            (Some("0;15"), Palette::Light),
            (Some("0;default;7"), Palette::Light),
            (Some("nonsense"), Palette::Dark),
        ] {
            assert_eq!(Palette::guess(value), palette, "{value:?}");
        }
    }
}
