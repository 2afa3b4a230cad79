//! `zollhund geo`: the databases in use, and what each says of an address.

use super::args::{Format, Geo};
use crate::attribution::{Atlas, CREDITS, CountryCode, Horizon, Ranges, Vantage, light_km};
use crate::engine::Knowledge;
use crate::run::{Wanted, geo_folder, import_ranges, knowledge};
use crate::wire::{AddressKind, canonical};
use anyhow::{Context, Result};
use serde_json::json;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

pub(super) fn run(action: Option<Geo>, geoip: Option<&Path>, format: Format) -> Result<()> {
    let folder = geo_folder();
    let action = match action.unwrap_or(Geo::Info) {
        // Before the databases are read: a list that is broken can be imported again.
        Geo::Import { kind, file } => {
            let folder = folder.context("no folder for imported lists: set XDG_DATA_HOME to an absolute path")?;
            let (ranges, kept) = import_ranges(kind, &file, &folder, super::today())?;
            return super::print(&imported(&ranges, &kept, format)).map(|_| ());
        }
        other => other,
    };
    let knowledge = knowledge(&Wanted { geoip, ranges: folder.as_deref(), ..Wanted::default() })?;
    let text = match action {
        Geo::Import { .. } => String::new(),
        Geo::Info => info(&knowledge.atlas, format),
        Geo::Lookup { address, vantage, rtt } => {
            let horizon = vantage.map(|place| Horizon::new(Vantage::parse(&place)?)).transpose()?;
            lookup(&knowledge, canonical(address), horizon.as_ref(), rtt, format)
        }
    };
    super::print(&text).map(|_| ())
}

fn info(atlas: &Atlas, format: Format) -> String {
    let databases = atlas.databases();
    if format == Format::Json {
        let rows: Vec<_> = databases
            .iter()
            .map(|d| {
                json!({
                    "name": d.source.name, "date": d.source.date, "sha256": d.source.sha256, "type": d.database_type,
                    "nodes": d.nodes, "ip_version": d.ip_version, "embedded": d.embedded,
                    "fields": d.fields.iter().map(|(role, field)| json!({ "role": role, "field": field })).collect::<Vec<_>>(),
                })
            })
            .collect();
        let ranges: Vec<_> = atlas.ranges().iter().map(ranges_json).collect();
        return pretty(&json!({ "databases": rows, "ranges": ranges, "credits": CREDITS.map(|c| c.text) }));
    }
    let mut out = String::from("Databases, in the order in which they are asked:\n");
    for d in &databases {
        let fields: Vec<_> = d.fields.iter().map(|(role, field)| format!("{role} from {field}")).collect();
        let origin = if d.embedded { "embedded" } else { "yours" };
        let _ = write!(
            out,
            "\n  {}\n    {origin}, IPv{}, {} nodes; {}\n    sha256 {}\n",
            d.source,
            d.ip_version,
            d.nodes,
            fields.join(", "),
            d.source.sha256
        );
    }
    for ranges in atlas.ranges() {
        let _ = write!(
            out,
            "\n  {}\n    imported on {}; {}\n    sha256 {}\n",
            ranges.source,
            ranges.imported,
            counts(ranges),
            ranges.source.sha256
        );
    }
    for source in atlas.sources().iter().skip(databases.len() + atlas.ranges().len()) {
        let _ = write!(out, "\n  {source}\n    sha256 {}\n", source.sha256);
    }
    out += "\nCredits:\n";
    for credit in CREDITS {
        let link = credit.link.map_or_else(String::new, |l| format!(" <{l}>"));
        let _ = writeln!(out, "  {}{link}", credit.text);
    }
    out
}

fn ranges_json(ranges: &Ranges) -> serde_json::Value {
    let c = ranges.counts;
    json!({
        "kind": ranges.kind.token(), "name": ranges.source.name, "date": ranges.source.date,
        "sha256": ranges.source.sha256, "imported": ranges.imported, "ipv4": c.v4, "ipv6": c.v6,
        "without_country": c.without_country, "refused": c.refused,
    })
}

fn counts(ranges: &Ranges) -> String {
    let c = ranges.counts;
    let refused = match c.refused {
        0 => String::new(),
        1 => ", 1 row that could not be read".to_owned(),
        n => format!(", {n} rows that could not be read"),
    };
    format!("{} IPv4 and {} IPv6 prefixes, {} of them without a country{refused}", c.v4, c.v6, c.without_country)
}

fn imported(ranges: &Ranges, kept: &Path, format: Format) -> String {
    if format == Format::Json {
        return pretty(&json!({ "imported": ranges_json(ranges), "kept": kept.display().to_string() }));
    }
    format!(
        "{}\n  {}\n  sha256 {}\n  kept in {}; asked from now on, before the country databases\n",
        ranges.source,
        counts(ranges),
        ranges.source.sha256,
        crate::wire::Text::from(kept.display().to_string().as_str())
    )
}

fn lookup(
    knowledge: &Knowledge,
    address: IpAddr,
    horizon: Option<&Horizon>,
    round_trip: Option<u64>,
    format: Format,
) -> String {
    let kind = AddressKind::of(address);
    let mut place = knowledge.atlas.place(address);
    let holder = knowledge.organisations.holder_of(&place);
    let measured = horizon.filter(|_| kind.is_public()).zip(round_trip);
    if let Some((horizon, round_trip)) = measured {
        place.test(horizon, round_trip);
    }
    if format == Format::Json {
        return pretty(&json!({
            "address": address, "kind": kind.token(),
            "located_in": place.located_in.as_ref().map(|c| json!({
                "country": c.value, "source": *c.source, "confidence": c.confidence })),
            "indeterminate": place.indeterminate,
            "votes": place.votes.iter().map(|v| json!({
                "country": v.country, "prefix": v.basis.to_string(), "source": *v.source, "excluded": v.excluded,
                "begins_at_km": horizon.and_then(|h| h.distance(v.country)).map(f64::round) })).collect::<Vec<_>>(),
            "measured": measured.map(|(horizon, nanos)| json!({
                "vantage": horizon.vantage.name, "radius_km": horizon.vantage.radius,
                "at_most_km": light_km(nanos).ceil(), "excluded": horizon.excluded(nanos),
                "implausible": horizon.implausible(nanos), "source": **horizon.source() })),
            "network": place.network.as_ref().map(|n| json!({
                "asn": n.asn, "name": n.name, "registered_in": n.country, "source": *n.source })),
            "cloud": place.cloud.as_ref().map(|c| json!({
                "provider": c.provider, "region": c.region, "services": c.services, "source": *c.source })),
            "holder": holder.as_ref().map(|h| json!({
                "name": h.value.name, "seat": h.value.seat, "parent": h.value.parent, "parent_seat": h.value.parent_seat,
                "unverified": h.value.unverified, "source": *h.source, "confidence": h.confidence })),
        }));
    }
    let mut out = format!("{address}  ({})\n", kind.token());
    let mut line = |label: &str, text: String| {
        let _ = writeln!(out, "  {label:<13} {text}");
    };
    if !kind.is_public() {
        line("located in", "not asked: the address is not public".into());
        return out;
    }
    match &place.located_in {
        Some(claim) => {
            line("located in", format!("{} ({} confidence, {})", claim.value, claim.confidence.token(), claim.source));
        }
        None => line("located in", "cannot be told".into()),
    }
    if let Some(why) = &place.indeterminate {
        line("because", why.to_string());
    }
    for vote in &place.votes {
        let mut text = format!("{} for {} ({})", vote.country, vote.basis, vote.source);
        if let Some((horizon, (km, needs))) = horizon.zip(reach(horizon, vote.country)) {
            let from = &horizon.vantage.name;
            let _ = write!(text, "; {km:.0} km or more from {from}, at least {needs:.1} ms");
        }
        if vote.excluded {
            text += ": excluded";
        }
        line("vote", text);
    }
    if let Some((horizon, nanos)) = measured {
        for text in physics(horizon, nanos) {
            line("measured", text);
        }
    }
    if let Some(cloud) = &place.cloud {
        line("cloud", format!("{} {} {} ({})", cloud.provider, cloud.region, cloud.services, cloud.source));
    }
    if let Some(network) = &place.network {
        let registered = network.country.map_or_else(String::new, |c| format!(", registered in {c}"));
        line("network", format!("AS{} {}{registered} ({})", network.asn, network.name, network.source));
    }
    if let Some(holder) = holder {
        let company = &holder.value;
        let seat = company.seat.map_or_else(String::new, |c| format!(", seat {c}"));
        let parent = match (&company.parent, company.parent_seat) {
            (Some(parent), Some(seat)) => format!(", parent {parent} ({seat})"),
            (Some(parent), None) => format!(", parent {parent}"),
            _ => String::new(),
        };
        let mark = if company.unverified { ", unverified" } else { "" };
        line("holder", format!("{}{seat}{parent}{mark} ({})", company.name, holder.source));
    }
    out
}

/// The distance to a country in km and the shortest round trip in ms.
fn reach(horizon: Option<&Horizon>, country: CountryCode) -> Option<(f64, f64)> {
    let horizon = horizon?;
    Some((horizon.distance(country)?, horizon.needs(country)? as f64 / 1e6))
}

/// What a round trip says, in lines.
fn physics(horizon: &Horizon, nanos: u64) -> Vec<String> {
    let (excluded, implausible) = (horizon.excluded(nanos), horizon.implausible(nanos));
    let few = |countries: &[CountryCode]| {
        let names: Vec<_> = countries.iter().take(12).map(ToString::to_string).collect();
        let more = countries.len().saturating_sub(names.len());
        format!("{}{}", names.join(" "), if more > 0 { format!(" and {more} more") } else { String::new() })
    };
    let mut lines = vec![format!(
        "{} ms to {} (known to within {} km): at most {:.0} km away at light speed ({})",
        nanos as f64 / 1e6,
        horizon.vantage.name,
        horizon.vantage.radius,
        light_km(nanos).ceil(),
        horizon.source()
    )];
    if excluded.is_empty() {
        lines.push("excludes no country".into());
    } else {
        lines.push(format!("excludes {} countries and territories, nearest first: {}", excluded.len(), few(excluded)));
    }
    // What is excluded lies behind what is only implausible.
    let between = implausible.get(..implausible.len() - excluded.len()).unwrap_or_default();
    if !between.is_empty() {
        lines.push(format!("implausible in fibre: {}", few(between)));
    }
    lines.push("concerns the host that answered, not where data are processed or stored".into());
    lines
}

pub(super) fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
