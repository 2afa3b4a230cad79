//! One table: which key does what in which mode, and what is said of it. The help page is made of it.

use super::view::Page;
use crate::policy::{Lang, Phase};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What the keyboard is for at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// Looking around.
    Pages,
    /// A line is typed: the filter, or the text of a marker.
    Typing,
    /// Choosing the phase of a marker.
    Markers,
    /// Choosing the client.
    Clients,
    /// "Really?"
    Question,
    /// The evidence is closed, its digest is shown.
    Farewell,
}

impl Context {
    pub const ALL: [Self; 6] =
        [Self::Pages, Self::Typing, Self::Markers, Self::Clients, Self::Question, Self::Farewell];

    #[must_use]
    pub const fn title(self, lang: Lang) -> &'static str {
        match self {
            Self::Pages => lang.pick("Everywhere", "Überall"),
            Self::Typing => lang.pick("While typing", "Beim Tippen"),
            Self::Markers => lang.pick("In the menu of markers", "Im Menü der Marken"),
            Self::Clients => lang.pick("In the list of clients", "In der Liste der Clients"),
            Self::Question => lang.pick("When asked", "Auf Rückfrage"),
            Self::Farewell => lang.pick("At the end", "Am Ende"),
        }
    }
}

/// What a key does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Show(Page),
    NextPage,
    PreviousPage,
    Down,
    Up,
    ScreenDown,
    ScreenUp,
    Top,
    Bottom,
    Open,
    Back,
    Filter,
    Sort,
    Reverse,
    Mark,
    Clients,
    Pause,
    Save,
    Quit,
    Accept,
    Erase,
    EraseAll,
    Phase(Phase),
    FreeText,
    Redraw,
    /// Ends at once, with everything closed as well as it can be.
    Interrupt,
}

/// A key as it is pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
}

const fn key(code: KeyCode) -> Key {
    Key { code, ctrl: false }
}

const fn letter(c: char) -> Key {
    key(KeyCode::Char(c))
}

const fn ctrl(c: char) -> Key {
    Key { code: KeyCode::Char(c), ctrl: true }
}

impl Key {
    #[must_use]
    pub fn of(event: KeyEvent) -> Self {
        Self { code: event.code, ctrl: event.modifiers.contains(KeyModifiers::CONTROL) }
    }

    /// The character it types.
    #[must_use]
    pub const fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if !self.ctrl => Some(c),
            _ => None,
        }
    }

    /// As it is written on the help page.
    #[must_use]
    pub fn name(self, lang: Lang) -> String {
        let name = match self.code {
            KeyCode::Char(' ') => lang.pick("Space", "Leertaste").into(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Up => lang.pick("Up", "Auf").into(),
            KeyCode::Down => lang.pick("Down", "Ab").into(),
            KeyCode::Left => lang.pick("Left", "Links").into(),
            KeyCode::Right => lang.pick("Right", "Rechts").into(),
            KeyCode::PageUp => lang.pick("PgUp", "Bild auf").into(),
            KeyCode::PageDown => lang.pick("PgDn", "Bild ab").into(),
            KeyCode::Home => lang.pick("Home", "Pos1").into(),
            KeyCode::End => lang.pick("End", "Ende").into(),
            KeyCode::Backspace => lang.pick("Backspace", "Rücktaste").into(),
            KeyCode::Tab => "Tab".into(),
            KeyCode::BackTab => "Shift-Tab".into(),
            KeyCode::Esc => "Esc".into(),
            KeyCode::Enter => "Enter".into(),
            other => format!("{other:?}"),
        };
        if self.ctrl { format!("{}-{}", lang.pick("Ctrl", "Strg"), name.to_uppercase()) } else { name }
    }
}

/// One row: keys that do the same in a context.
#[derive(Debug)]
pub struct Binding {
    pub context: Context,
    pub keys: &'static [Key],
    pub action: Action,
    /// What it does, in both languages.
    help: [&'static str; 2],
    /// In few words for the last line of the screen; empty if it is not shown there.
    hint: [&'static str; 2],
}

impl Binding {
    #[must_use]
    pub fn help(&self, lang: Lang) -> &'static str {
        let [en, de] = self.help;
        lang.pick(en, de)
    }

    #[must_use]
    pub fn hint(&self, lang: Lang) -> &'static str {
        let [en, de] = self.hint;
        lang.pick(en, de)
    }
}

const NONE: [&str; 2] = ["", ""];

macro_rules! bindings {
    ($($context:ident { $([$($key:expr),+] $action:expr, $help:expr, $hint:expr;)+ })+) => {
        &[$($(Binding {
            context: Context::$context,
            keys: &[$($key),+],
            action: $action,
            help: $help,
            hint: $hint,
        },)+)+]
    };
}

/// The table.
#[rustfmt::skip]
pub static BINDINGS: &[Binding] = bindings! {
    Pages {
        [letter('1'), letter('o')] Action::Show(Page::Overview), ["overview", "Übersicht"], NONE;
        [letter('2'), letter('r')] Action::Show(Page::Recipients), ["recipients", "Empfänger"], NONE;
        [letter('3')] Action::Show(Page::Flows), ["flows", "Verbindungen"], NONE;
        [letter('4'), letter('f')] Action::Show(Page::Findings), ["findings", "Befunde"], NONE;
        [letter('5')] Action::Show(Page::Markers), ["markers", "Marken"], NONE;
        [letter('6')] Action::Show(Page::Health), ["health of the capture", "Zustand der Aufzeichnung"], NONE;
        [letter('?')] Action::Show(Page::Help), ["this help", "diese Hilfe"], ["help", "Hilfe"];
        [key(KeyCode::Tab), key(KeyCode::Right), letter('l')] Action::NextPage, ["next page", "nächste Seite"], NONE;
        [key(KeyCode::BackTab), key(KeyCode::Left), letter('h')] Action::PreviousPage, ["page before", "vorige Seite"], NONE;
        [key(KeyCode::Down), letter('j')] Action::Down, ["down", "nach unten"], NONE;
        [key(KeyCode::Up), letter('k')] Action::Up, ["up", "nach oben"], NONE;
        [key(KeyCode::PageDown), letter(' '), ctrl('f'), ctrl('d')] Action::ScreenDown, ["a screen down", "einen Schirm nach unten"], NONE;
        [key(KeyCode::PageUp), ctrl('b'), ctrl('u')] Action::ScreenUp, ["a screen up", "einen Schirm nach oben"], NONE;
        [key(KeyCode::Home), letter('g')] Action::Top, ["to the top", "an den Anfang"], NONE;
        [key(KeyCode::End), letter('G')] Action::Bottom, ["to the bottom", "ans Ende"], NONE;
        [key(KeyCode::Enter)] Action::Open, ["everything about the chosen row", "alles zur gewählten Zeile"], ["detail", "Detail"];
        [key(KeyCode::Esc), key(KeyCode::Backspace)] Action::Back, ["back; take the filter away", "zurück; Filter aufheben"], NONE;
        [letter('/')] Action::Filter, ["filter: words that must occur", "Filter: Wörter, die vorkommen müssen"], ["filter", "Filter"];
        [letter('s')] Action::Sort, ["sort by the next column", "nach der nächsten Spalte sortieren"], ["sort", "Sortieren"];
        [letter('S')] Action::Reverse, ["turn the order round", "Reihenfolge umkehren"], NONE;
        [letter('m')] Action::Mark, ["set a marker", "Marke setzen"], ["marker", "Marke"];
        [letter('c')] Action::Clients, ["choose the client to judge", "Client wählen, der beurteilt wird"], ["client", "Client"];
        [letter('p')] Action::Pause, ["pause the picture; the capture goes on", "Bild anhalten; die Aufzeichnung läuft weiter"], ["pause", "Pause"];
        [letter('w')] Action::Save, ["put everything on the disk now", "jetzt alles auf die Platte schreiben"], ["save", "Sichern"];
        [ctrl('l')] Action::Redraw, ["draw the screen again", "Schirm neu zeichnen"], NONE;
        [letter('q')] Action::Quit, ["quit", "beenden"], ["quit", "Ende"];
        [ctrl('c')] Action::Interrupt, ["close everything and end at once", "alles schließen und sofort enden"], NONE;
    }
    Typing {
        [key(KeyCode::Enter)] Action::Accept, ["take it", "übernehmen"], ["take", "übernehmen"];
        [key(KeyCode::Esc)] Action::Back, ["leave it", "verwerfen"], ["leave", "verwerfen"];
        [key(KeyCode::Backspace), ctrl('h')] Action::Erase, ["erase a character", "ein Zeichen löschen"], NONE;
        [ctrl('u')] Action::EraseAll, ["erase everything", "alles löschen"], NONE;
        [ctrl('c')] Action::Interrupt, ["close everything and end at once", "alles schließen und sofort enden"], NONE;
    }
    Markers {
        [letter('s')] Action::Phase(Phase::Started), ["client started", "Client gestartet"], NONE;
        [letter('i')] Action::Phase(Phase::SignedIn), ["signed in", "angemeldet"], NONE;
        [letter('a')] Action::Phase(Phase::Consented), ["consent given", "Einwilligung erteilt"], NONE;
        [letter('y')] Action::Phase(Phase::Lobby), ["lobby", "Warteraum"], NONE;
        [letter('n')] Action::Phase(Phase::Joined), ["joined", "beigetreten"], NONE;
        [letter('m')] Action::Phase(Phase::Muted), ["microphone off", "Mikrofon aus"], NONE;
        [letter('M')] Action::Phase(Phase::Unmuted), ["microphone on", "Mikrofon an"], NONE;
        [letter('c')] Action::Phase(Phase::CameraOff), ["camera off", "Kamera aus"], NONE;
        [letter('C')] Action::Phase(Phase::CameraOn), ["camera on", "Kamera an"], NONE;
        [letter('h')] Action::Phase(Phase::ShareOff), ["screen share off", "Freigabe aus"], NONE;
        [letter('H')] Action::Phase(Phase::ShareOn), ["screen share on", "Freigabe an"], NONE;
        [letter('l')] Action::Phase(Phase::Left), ["left the call", "Anruf verlassen"], NONE;
        [letter('x')] Action::Phase(Phase::Closed), ["client closed", "Client beendet"], NONE;
        [letter('t')] Action::FreeText, ["text of your own", "eigener Text"], NONE;
        [key(KeyCode::Down), letter('j')] Action::Down, ["down", "nach unten"], NONE;
        [key(KeyCode::Up), letter('k')] Action::Up, ["up", "nach oben"], NONE;
        [key(KeyCode::Enter)] Action::Accept, ["set the chosen marker", "gewählte Marke setzen"], ["set", "setzen"];
        [key(KeyCode::Esc), letter('q')] Action::Back, ["set none", "keine setzen"], ["none", "keine"];
        [ctrl('c')] Action::Interrupt, ["close everything and end at once", "alles schließen und sofort enden"], NONE;
    }
    Clients {
        [key(KeyCode::Down), letter('j')] Action::Down, ["down", "nach unten"], NONE;
        [key(KeyCode::Up), letter('k')] Action::Up, ["up", "nach oben"], NONE;
        [key(KeyCode::PageDown), letter(' ')] Action::ScreenDown, ["a screen down", "einen Schirm nach unten"], NONE;
        [key(KeyCode::PageUp)] Action::ScreenUp, ["a screen up", "einen Schirm nach oben"], NONE;
        [key(KeyCode::Enter)] Action::Accept, ["judge the chosen one", "den gewählten beurteilen"], ["choose", "wählen"];
        [key(KeyCode::Esc), letter('q'), letter('c')] Action::Back, ["leave it as it is", "lassen, wie es ist"], ["leave", "lassen"];
        [ctrl('c')] Action::Interrupt, ["close everything and end at once", "alles schließen und sofort enden"], NONE;
    }
    Question {
        [letter('y'), letter('j'), key(KeyCode::Enter)] Action::Accept, ["yes", "ja"], ["yes", "ja"];
        [letter('n'), key(KeyCode::Esc), letter('q')] Action::Back, ["no", "nein"], ["no", "nein"];
        [ctrl('c')] Action::Interrupt, ["close everything and end at once", "alles schließen und sofort enden"], NONE;
    }
    Farewell {
        [letter('q'), key(KeyCode::Enter), key(KeyCode::Esc), letter(' ')] Action::Accept, ["end, like any other key", "beenden, wie jede andere Taste"], ["or any key: end", "oder jede Taste: beenden"];
        [ctrl('c')] Action::Interrupt, ["end at once", "sofort enden"], NONE;
    }
};

/// The row for a key.
#[must_use]
pub fn binding(context: Context, key: Key) -> Option<&'static Binding> {
    BINDINGS.iter().find(|b| b.context == context && b.keys.contains(&key))
}

/// The row that does something.
#[must_use]
pub fn of_action(context: Context, action: Action) -> Option<&'static Binding> {
    BINDINGS.iter().find(|b| b.context == context && b.action == action)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_key_does_two_things_in_one_mode() {
        for context in Context::ALL {
            let keys: Vec<Key> =
                BINDINGS.iter().filter(|b| b.context == context).flat_map(|b| b.keys).copied().collect();
            let names: BTreeSet<String> = keys.iter().map(|key| key.name(Lang::En)).collect();
            assert_eq!(names.len(), keys.len(), "{context:?}: {names:?}");
            assert!(!keys.is_empty(), "{context:?}");
        }
    }

    #[test]
    fn every_key_is_documented_in_both_languages() {
        for binding in BINDINGS {
            for lang in Lang::ALL {
                assert!(!binding.help(lang).is_empty(), "{binding:?}");
                assert!(binding.keys.iter().all(|key| !key.name(lang).is_empty()));
            }
            let [en, de] = binding.help;
            assert!(!en.contains('.') && !de.contains('.'), "a few words: {binding:?}");
        }
    }

    #[test]
    fn every_page_and_every_phase_has_a_key_and_says_its_name() {
        for page in Page::TABS {
            assert!(of_action(Context::Pages, Action::Show(page)).is_some(), "{page:?}");
        }
        for phase in Phase::ALL {
            let binding = of_action(Context::Markers, Action::Phase(phase)).unwrap();
            assert_eq!(binding.help, [phase.words(Lang::En), phase.words(Lang::De)]);
        }
    }

    #[test]
    fn every_mode_can_be_left_by_interrupting() {
        for context in Context::ALL {
            let found = binding(context, ctrl('c')).map(|b| b.action);
            assert_eq!(found, Some(Action::Interrupt), "{context:?}");
        }
    }
}
