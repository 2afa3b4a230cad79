//! `zollhund services`: the profiles there are, and how well each is founded.

use super::args::{Format, Services};
use super::geo::pretty;
use crate::engine::view::Stated;
use crate::policy::{Book, Lang, List, Parameters, Profile};
use anyhow::{Context, Result};
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

pub(super) fn run(action: Option<Services>, format: Format, lang: Lang) -> Result<()> {
    let book = Book::embedded()?;
    let text = match action.unwrap_or(Services::List) {
        Services::List => list(&book, format)?,
        Services::Show { id } => show(&book.profile(&id, &Parameters::new())?, format, lang),
        Services::Check { file } => check(&book, &file)?,
        Services::Template => crate::policy::audit::TEMPLATE.to_owned(),
    };
    super::print(&text).map(|_| ())
}

/// Says what a file is and that it is well formed; anything else is an error with file, place and cure.
fn check(book: &Book, file: &Path) -> Result<String> {
    let shown = file.display();
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}; check the path and its rights"))?;
    let has = |key: &str| text.parse::<toml::Table>().is_ok_and(|table| table.contains_key(key));
    let name = file.to_string_lossy();
    if has("case") {
        let audit = crate::run::audit(file)?;
        let recipients = match &audit.list {
            Some(list) => format!("{} recipients in {}", list.entries.len(), list.source.name),
            None => "no list of recipients".to_owned(),
        };
        let missing = crate::report::missing(&Stated::from(&audit));
        let missing =
            if missing.is_empty() { String::new() } else { format!("{shown}: not stated: {}\n", missing.join(", ")) };
        return Ok(format!(
            "{shown}: audit file of case {} is well formed: {recipients}, {} markers, {}; SHA-256 {}\n{missing}",
            crate::wire::Text::from(&*audit.case.reference),
            audit.markers.len(),
            if audit.vantage.is_some() { "a vantage" } else { "no vantage" },
            audit.source.sha256
        ));
    }
    if !has("id") && (has("title") || has("disclosed")) {
        let list = List::parse(&name, &text)?;
        return Ok(format!(
            "{shown}: list `{}` is well formed: {} recipients\n",
            list.title(Lang::En),
            list.entries.len()
        ));
    }
    let profile = book.parse(&name, &text, &Parameters::new())?;
    let facts = profile.facts();
    Ok(format!(
        "{shown}: profile `{}` is well formed: {} statements, {} sourced, {} unverified\n",
        profile.file.id, facts.statements, facts.sourced, facts.unverified
    ))
}

fn list(book: &Book, format: Format) -> Result<String> {
    let profiles: Vec<_> = book.services().map(|id| book.profile(id, &Parameters::new())).collect::<Result<_, _>>()?;
    if format == Format::Json {
        let rows: Vec<_> = profiles
            .iter()
            .map(|p| json!({ "id": p.file.id, "name": p.file.name, "edition": p.file.edition, "facts": p.facts() }))
            .collect();
        return Ok(pretty(&json!(rows)));
    }
    let mut out = format!(
        "{:<18} {:<28} {:>10} {:>8} {:>11}  {:<10} newest\n",
        "id", "service", "statements", "sourced", "unverified", "oldest"
    );
    for profile in &profiles {
        let facts = profile.facts();
        let day = |d: Option<crate::policy::data_file::Date>| d.map_or_else(String::new, |d| d.0.to_string());
        let _ = writeln!(
            out,
            "{:<18} {:<28} {:>10} {:>8} {:>11}  {:<10} {}",
            profile.file.id,
            profile.file.name,
            facts.statements,
            facts.sourced,
            facts.unverified,
            day(facts.oldest),
            day(facts.newest)
        );
    }
    out += "\n`zollhund services show ID` prints one profile with its sources.\n";
    Ok(out)
}

fn show(profile: &Profile, format: Format, lang: Lang) -> String {
    let (file, facts) = (&profile.file, profile.facts());
    if format == Format::Json {
        return pretty(&json!({ "profile": file, "facts": facts, "sha256": profile.source.sha256 }));
    }
    let mark = |source: &str, unverified: bool| format!("[{source}{}]", if unverified { ", unverified" } else { "" });
    let company = |name: &str, seat: Option<&crate::policy::data_file::Code>| match seat {
        Some(seat) => format!("{name} ({})", seat.0),
        None => name.to_owned(),
    };
    let mut out = format!("{} ({}), profile of {}\n", file.name, file.id, file.edition.0);
    let _ = writeln!(
        out,
        "{} statements, {} sourced, {} unverified; sha256 {}\n",
        facts.statements, facts.sourced, facts.unverified, profile.source.sha256
    );
    let p = &file.provider;
    if let Some(base) = &profile.base {
        let _ = writeln!(
            out,
            "Builds on {} of {}; sha256 {}; its sources begin with its id",
            base.name, base.date, base.sha256
        );
    }
    if file.skeleton {
        let _ = writeln!(out, "A skeleton: only the service's own host is known, the rest is not covered");
    }
    let _ = writeln!(out, "Operator          {}", company(&p.operator, p.seat.as_ref()));
    let _ = writeln!(out, "Contract partner  {}", company(&p.contract_partner, p.contract_seat.as_ref()));
    let _ = writeln!(out, "Parent            {}", company(&p.parent, p.parent_seat.as_ref()));
    let mut section = |title: &str, rows: Vec<String>| {
        if !rows.is_empty() {
            let _ = write!(out, "\n{title}\n");
            for row in rows {
                let _ = writeln!(out, "  {row}");
            }
        }
    };
    section(
        "Hosts",
        file.hosts
            .iter()
            .map(|h| {
                format!(
                    "{:<12} {} {}",
                    h.purpose.token(),
                    h.hosts.join(", "),
                    mark(&h.source, h.confidence.is_unverified())
                )
            })
            .collect(),
    );
    section(
        "Networks",
        file.networks
            .iter()
            .map(|n| {
                let asns = n.asns.iter().map(|a| format!("AS{a}"));
                let all: Vec<_> = n.prefixes.iter().map(ToString::to_string).chain(asns).collect();
                let from = n.from.map_or_else(String::new, |d| format!(" from {}", d.0));
                let until = n.until.map_or_else(String::new, |d| format!(" until {}", d.0));
                format!("{}{from}{until} {}", all.join(", "), mark(&n.source, n.confidence.is_unverified()))
            })
            .collect(),
    );
    section(
        "Ports",
        file.ports
            .iter()
            .map(|r| format!("{} {} {}", r.protocol, r.ports.join(", "), mark(&r.source, r.confidence.is_unverified())))
            .collect(),
    );
    section(
        "Processes",
        file.processes
            .iter()
            .map(|r| format!("{}: {} {}", r.system, r.names.join(", "), mark(&r.source, r.confidence.is_unverified())))
            .collect(),
    );
    section(
        "Subprocessors disclosed",
        profile
            .list
            .entries
            .iter()
            .map(|d| {
                let countries: Vec<_> = d.countries.iter().map(|c| c.0.to_string()).collect();
                format!(
                    "{}: {} ({}) {}",
                    d.name,
                    d.purpose,
                    countries.join(", "),
                    mark(&d.source, d.confidence.is_unverified())
                )
            })
            .collect(),
    );
    section(
        "Defaults that contact others",
        file.defaults
            .iter()
            .map(|d| format!("{}: {} {}", d.hosts.join(", "), d.switch, mark(&d.source, d.confidence.is_unverified())))
            .collect(),
    );
    section(
        "Regions",
        file.regions
            .iter()
            .map(|r| {
                let places = if r.places.is_empty() { String::new() } else { format!(" ({})", r.places.join(", ")) };
                let pin = if r.pin.is_empty() { String::new() } else { format!("; to pin it: {}", r.pin) };
                format!("{}{places}{pin} {}", r.text.get(lang), mark(&r.source, r.confidence.is_unverified()))
            })
            .collect(),
    );
    section(
        "Codes of places in host names",
        file.host_codes
            .iter()
            .map(|r| {
                let known = |country: &str| if country.is_empty() { String::new() } else { format!(" ({country})") };
                let codes =
                    r.codes.iter().map(|(code, (country, place))| format!("{code} = {place}{}", known(country)));
                let codes: Vec<_> = codes.collect();
                format!("{}: {} {}", r.pattern, codes.join(", "), mark(&r.source, r.confidence.is_unverified()))
            })
            .collect(),
    );
    section(
        "Findings of authorities",
        file.record
            .iter()
            .map(|r| {
                format!(
                    "{} {}: {} {}",
                    r.date.0,
                    r.body,
                    r.text.get(lang),
                    mark(&r.source, r.confidence.is_unverified())
                )
            })
            .collect(),
    );
    section(
        "Sources",
        file.sources
            .iter()
            .map(|(key, s)| {
                let dated = s.dated.map_or_else(String::new, |d| format!(" of {}", d.0));
                format!("{key}: {}{dated}, read {} <{}>", s.title, s.read.0, s.url)
            })
            .collect(),
    );
    out
}
