//! The table of `docs/services.md` is what the profiles say of themselves. `UPDATE_EXPECTED=1` writes it anew.

#![allow(clippy::unwrap_used, reason = "test code")]

use std::fmt::Write;
use std::path::Path;
use zollhund::policy::data_file::Date;
use zollhund::policy::{Book, Parameters};

const INTRODUCTION: &str = "\
# How well each profile is founded

A statement is a host pattern, an address range, a port, a program, a recipient, a default, a region, a code in host names or a
finding on record. It is *sourced* if it was found in the source that the profile names with its date, and *unverified* if it is
general knowledge or a reading; the mark stands in the file, in `zollhund services show ID` and in every finding. The dates are
those of the oldest and the newest source that a sourced statement rests on (the day it was read, where it bears none). The
public lists of recipients are mostly unverified: the stored copies break off. Your contract decides (`--list`, `--audit`).

A template wants the operator's hosts (`--host`). What *builds on* another profile counts that one's statements too.

";

fn day(date: Option<Date>) -> String {
    date.map_or_else(|| "–".to_owned(), |d| d.0.to_string())
}

#[test]
fn the_table_of_the_documentation_is_what_the_profiles_say() {
    let book = Book::embedded().unwrap();
    let mut text = INTRODUCTION.to_owned();
    text += "| id | service | kind | edition | statements | sourced | unverified | oldest source | newest source |\n";
    text += "|---|---|---|---|---:|---:|---:|---|---|\n";
    for id in book.services() {
        let profile = book.profile(id, &Parameters::new()).unwrap();
        let (file, facts) = (&profile.file, profile.facts());
        let kind = match (&file.inherits, file.skeleton, file.parameters.contains_key("host")) {
            (Some(base), ..) => format!("builds on `{base}`"),
            (None, true, _) => "skeleton".to_owned(),
            (None, false, true) => "template".to_owned(),
            (None, false, false) => "profile".to_owned(),
        };
        writeln!(
            text,
            "| `{id}` | {} | {kind} | {} | {} | {} | {} | {} | {} |",
            file.name,
            file.edition.0,
            facts.statements,
            facts.sourced,
            facts.unverified,
            day(facts.oldest),
            day(facts.newest)
        )
        .unwrap();
    }
    text += "\nTold by their traffic, without a profile:\n\n";
    for (id, name, profile) in book.catalogue().unwrap().services() {
        if !profile {
            writeln!(text, "- `{id}`: {name}").unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/services.md");
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == text, "docs/services.md differs; UPDATE_EXPECTED=1 writes it anew");
}
