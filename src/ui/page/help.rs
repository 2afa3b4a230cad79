//! What the keys do, from the table of keys, and what the signs mean.

use super::super::keys::{BINDINGS, Context};
use super::super::lines::{Line, Lines};
use super::super::theme::{Look, Role};
use crate::policy::{Listing, Severity};
use crate::report::format::{left, severity_word};

/// Columns for the keys.
const KEYS: usize = 36;

pub(super) fn lines(look: Look, width: u16) -> Vec<Line> {
    let lang = look.lang;
    let mut lines = Lines::new(look, width);
    for context in Context::ALL {
        lines.heading(context.title(lang), "");
        let cells = BINDINGS.iter().filter(|binding| binding.context == context).map(|binding| {
            let keys: Vec<String> = binding.keys.iter().map(|key| key.name(lang)).collect();
            (Role::Key, keys.join(" "), binding.help(lang))
        });
        columns(&mut lines, width, &cells.collect::<Vec<_>>());
    }
    lines.heading(lang.pick("Signs", "Zeichen"), "");
    let listings = [
        Listing::Service,
        Listing::Subprocessor,
        Listing::NotListed,
        Listing::Background,
        Listing::Local,
        Listing::Unjudged,
    ];
    let groups = listings.into_iter().map(|listing| {
        let what = match listing {
            Listing::Service => {
                lang.pick("a host or network of the service itself", "Host oder Netz des Dienstes selbst")
            }
            Listing::Subprocessor => {
                lang.pick("a recipient that the list in use names", "Empfänger, den die verwendete Liste nennt")
            }
            Listing::NotListed => lang.pick("a recipient that it does not name", "Empfänger, den sie nicht nennt"),
            Listing::Background => {
                lang.pick("operating system and other programs", "Betriebssystem und andere Programme")
            }
            Listing::Local => lang.pick("the own network", "das eigene Netz"),
            Listing::Unjudged => {
                lang.pick("no list was given to hold it against", "keine Liste genannt, an der er zu messen wäre")
            }
        };
        (Role::Group(listing), look.listing_sign(listing).to_owned(), what)
    });
    let severities = Severity::ALL.into_iter().rev().map(|severity| {
        (Role::Severity(severity), look.severity_sign(severity).to_owned(), severity_word(severity, lang))
    });
    columns(&mut lines, width, &groups.chain(severities).collect::<Vec<_>>());
    let text = lang.pick(
        "A place is what databases say of an address, a company what the tables say of a name or a network; none of it is a \
         legal verdict. Whether an observation is a possible transfer is to be assessed legally.",
        "Ein Ort ist, was Datenbanken zu einer Adresse sagen, ein Unternehmen, was die Tabellen zu einem Namen oder Netz sagen; \
         nichts davon ist ein rechtliches Urteil. Ob eine Beobachtung eine mögliche Übermittlung ist, ist rechtlich zu prüfen.",
    );
    lines.heading(lang.pick("What it is worth", "Was es wert ist"), "");
    lines.text(Role::Plain, text);
    lines.finish()
}

/// Keys or signs with what they mean; in two columns where there is room.
fn columns(lines: &mut Lines, width: u16, cells: &[(Role, String, &str)]) {
    let columns = if width >= 110 { 2 } else { 1 };
    let rows = cells.len().div_ceil(columns);
    for row in 0..rows {
        let mut pieces = Vec::new();
        for column in 0..columns {
            if let Some((role, sign, means)) = cells.get(column * rows + row) {
                pieces.push((*role, left(&format!("  {sign}"), KEYS)));
                pieces.push((Role::Plain, left(means, usize::from(width / columns as u16).saturating_sub(KEYS))));
            }
        }
        lines.pieces(pieces);
    }
}
