//! `zollhund geo`: the databases in use, and what each says of an address.

use super::args::{Format, Geo};
use crate::attribution::{Atlas, CREDITS, Organisations};
use crate::run::{Wanted, knowledge};
use crate::wire::{AddressKind, canonical};
use anyhow::Result;
use serde_json::json;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::Path;

pub(super) fn run(action: Option<Geo>, geoip: Option<&Path>, format: Format) -> Result<()> {
    let knowledge = knowledge(&Wanted { geoip, ..Wanted::default() })?;
    let text = match action.unwrap_or(Geo::Info) {
        Geo::Info => info(&knowledge.atlas, format),
        Geo::Lookup { address } => lookup(&knowledge.atlas, &knowledge.organisations, canonical(address), format),
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
        return pretty(&json!({ "databases": rows, "credits": CREDITS.map(|c| c.text) }));
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
    for source in atlas.sources().iter().skip(databases.len()) {
        let _ = write!(out, "\n  {source}\n    sha256 {}\n", source.sha256);
    }
    out += "\nCredits:\n";
    for credit in CREDITS {
        let link = credit.link.map_or_else(String::new, |l| format!(" <{l}>"));
        let _ = writeln!(out, "  {}{link}", credit.text);
    }
    out
}

fn lookup(atlas: &Atlas, organisations: &Organisations, address: IpAddr, format: Format) -> String {
    let kind = AddressKind::of(address);
    let place = atlas.place(address);
    let holder = organisations.holder_of(&place);
    if format == Format::Json {
        return pretty(&json!({
            "address": address, "kind": kind.token(),
            "located_in": place.located_in.as_ref().map(|c| json!({
                "country": c.value, "source": *c.source, "confidence": c.confidence })),
            "indeterminate": place.indeterminate,
            "votes": place.votes.iter().map(|v| json!({
                "country": v.country, "prefix": v.prefix.to_string(), "source": *v.source })).collect::<Vec<_>>(),
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
        line("vote", format!("{} for {} ({})", vote.country, vote.prefix, vote.source));
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

pub(super) fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}
