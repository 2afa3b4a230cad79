//! Interchange: flows and findings as JSON lines for a SIEM, in the field names of the Elastic Common Schema 8 or as events
//! like those of Suricata (EVE); host names as a hosts file for Wireshark. Made from the rows of a kept report.

use super::annex::EndpointRow;
use super::canonical::canonical;
use super::format::title;
use crate::engine::view::Summary;
use crate::policy::{Finding, Lang, Severity};
use crate::wire::{FrameNo, Timestamp};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::IpAddr;

/// Whose field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// Elastic Common Schema.
    Ecs,
    /// Suricata's EVE.
    Eve,
}

/// The version of ECS whose names are used.
const ECS: &str = "8.11.0";

/// A row of the table `flows`.
#[derive(Debug, Clone, Deserialize)]
pub struct FlowRow {
    flow: u64,
    community_id: String,
    protocol: String,
    client: IpAddr,
    client_port: u16,
    server: IpAddr,
    server_port: u16,
    first: Timestamp,
    last: Timestamp,
    first_frame: u64,
    packets_up: u64,
    bytes_up: u64,
    packets_down: u64,
    bytes_down: u64,
    #[serde(default)]
    application: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    name_basis: String,
    #[serde(default)]
    process: String,
}

/// Writes events: first all flows, then the findings, which take their addresses from the flows they rest on.
#[derive(Debug)]
pub struct Exporter<'s> {
    summary: &'s Summary,
    fields: Fields,
    wanted: BTreeSet<u64>,
    met: BTreeMap<u64, FlowRow>,
}

impl<'s> Exporter<'s> {
    #[must_use]
    pub fn new(summary: &'s Summary, fields: Fields) -> Self {
        let first = |finding: &Finding| finding.frames.first().map(|frame| frame.0);
        let wanted = summary.findings.iter().filter_map(first).collect();
        Self { summary, fields, wanted, met: BTreeMap::new() }
    }

    /// # Errors
    /// Whatever the writer returns.
    pub fn flow(&mut self, row: FlowRow, out: &mut impl Write) -> io::Result<()> {
        let event = match self.fields {
            Fields::Ecs => ecs_flow(&row),
            Fields::Eve => eve_flow(&row),
        };
        if self.wanted.contains(&row.first_frame) {
            self.met.insert(row.first_frame, row);
        }
        line(&event, out)
    }

    /// # Errors
    /// Whatever the writer returns.
    pub fn findings(self, out: &mut impl Write) -> io::Result<()> {
        for (id, finding) in (1..).zip(&self.summary.findings) {
            let flow = finding.frames.first().and_then(|frame| self.met.get(&frame.0));
            let event = match self.fields {
                Fields::Ecs => ecs_finding(id, finding, flow, self.summary.lang),
                Fields::Eve => eve_finding(id, finding, flow, self.summary.lang),
            };
            line(&event, out)?;
        }
        out.flush()
    }
}

fn line(event: &Value, out: &mut impl Write) -> io::Result<()> {
    let mut bytes = canonical(event)?;
    bytes.push(b'\n');
    out.write_all(&bytes)
}

/// Leaves out what is empty: an unknown is no value.
fn without_empty(value: Value) -> Value {
    let empty = |v: &Value| match v {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().map(|(key, v)| (key, without_empty(v))).filter(|(_, v)| !empty(v));
            Value::Object(kept.collect::<Map<_, _>>())
        }
        other => other,
    }
}

fn ecs_ends(row: &FlowRow) -> Value {
    json!({
        "source": {"ip": row.client, "port": row.client_port, "address": row.client},
        "destination": {"ip": row.server, "port": row.server_port, "address": row.server, "domain": row.name},
        "network": {
            "transport": row.protocol,
            "protocol": row.application,
            "type": if row.client.is_ipv6() { "ipv6" } else { "ipv4" },
            "community_id": row.community_id,
        },
        "process": {"name": row.process},
    })
}

fn ecs_flow(row: &FlowRow) -> Value {
    let mut event = ecs_ends(row);
    put(&mut event, &["source", "bytes"], json!(row.bytes_up));
    put(&mut event, &["source", "packets"], json!(row.packets_up));
    put(&mut event, &["destination", "bytes"], json!(row.bytes_down));
    put(&mut event, &["destination", "packets"], json!(row.packets_down));
    put(&mut event, &["network", "bytes"], json!(row.bytes_up.saturating_add(row.bytes_down)));
    put(&mut event, &["network", "packets"], json!(row.packets_up.saturating_add(row.packets_down)));
    put(&mut event, &["@timestamp"], json!(row.first));
    put(&mut event, &["ecs", "version"], json!(ECS));
    put(
        &mut event,
        &["event"],
        json!({
            "kind": "event",
            "category": ["network"],
            "type": ["connection"],
            "action": "flow",
            "module": "zollhund",
            "dataset": "zollhund.flow",
            "start": row.first,
            "end": row.last,
            "duration": row.last.since(row.first),
        }),
    );
    put(
        &mut event,
        &["zollhund"],
        json!({"flow": row.flow, "first_frame": row.first_frame, "name_basis": row.name_basis}),
    );
    without_empty(event)
}

fn ecs_finding(id: u64, finding: &Finding, flow: Option<&FlowRow>, lang: Lang) -> Value {
    let mut event = flow.map_or_else(|| json!({}), ecs_ends);
    put(&mut event, &["@timestamp"], json!(finding.first));
    put(&mut event, &["ecs", "version"], json!(ECS));
    put(&mut event, &["message"], json!(finding.text));
    put(
        &mut event,
        &["rule"],
        json!({"id": finding.code, "name": title(finding.code, lang), "ruleset": "zollhund", "version": env!("CARGO_PKG_VERSION")}),
    );
    put(
        &mut event,
        &["event"],
        json!({
            "kind": "alert",
            "category": ["network"],
            "type": ["info"],
            "action": "finding",
            "module": "zollhund",
            "dataset": "zollhund.finding",
            "severity": rank(finding.severity),
            "start": finding.first,
            "end": finding.last,
        }),
    );
    put(&mut event, &["zollhund"], of_finding(id, finding));
    without_empty(event)
}

fn of_finding(id: u64, finding: &Finding) -> Value {
    let frames: Vec<u64> = finding.frames.iter().map(|FrameNo(frame)| *frame).collect();
    let sources: Vec<String> = finding.sources.iter().map(ToString::to_string).collect();
    json!({
        "finding": id,
        "severity": finding.severity,
        "ground": finding.ground,
        "subject": finding.subject,
        "confidence": finding.confidence,
        "uncertainty": finding.uncertainty,
        "frames": frames,
        "sources": sources,
    })
}

/// 1 (info) to 4 (high).
const fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Info => 1,
        Severity::Notice => 2,
        Severity::Attention => 3,
        Severity::High => 4,
    }
}

/// Puts a value at a path of an object, making objects on the way.
fn put(into: &mut Value, path: &[&str], value: Value) {
    let Some((key, rest)) = path.split_first() else {
        *into = value;
        return;
    };
    if let Value::Object(map) = into {
        put(map.entry((*key).to_owned()).or_insert_with(|| json!({})), rest, value);
    }
}

/// The form of time in EVE: microseconds, offset without a colon.
fn eve_time(time: Timestamp) -> String {
    let text = time.to_string();
    format!("{}+0000", text.get(..26).unwrap_or_default())
}

fn eve_ends(row: &FlowRow) -> Value {
    json!({
        "flow_id": row.flow,
        "src_ip": row.client,
        "src_port": row.client_port,
        "dest_ip": row.server,
        "dest_port": row.server_port,
        "proto": row.protocol.to_uppercase(),
        "app_proto": row.application,
        "community_id": row.community_id,
    })
}

fn eve_flow(row: &FlowRow) -> Value {
    let mut event = eve_ends(row);
    put(&mut event, &["timestamp"], json!(eve_time(row.first)));
    put(&mut event, &["event_type"], json!("flow"));
    put(
        &mut event,
        &["flow"],
        json!({
            "pkts_toserver": row.packets_up,
            "pkts_toclient": row.packets_down,
            "bytes_toserver": row.bytes_up,
            "bytes_toclient": row.bytes_down,
            "start": eve_time(row.first),
            "end": eve_time(row.last),
            "age": row.last.since(row.first) / 1_000_000_000,
        }),
    );
    match row.name_basis.as_str() {
        "tls-sni" | "outer-sni" => put(&mut event, &["tls", "sni"], json!(row.name)),
        "quic-sni" => put(&mut event, &["quic", "sni"], json!(row.name)),
        "http-host" => put(&mut event, &["http", "hostname"], json!(row.name)),
        _ => {}
    }
    put(&mut event, &["zollhund"], json!({"name": row.name, "name_basis": row.name_basis, "process": row.process}));
    without_empty(event)
}

fn eve_finding(id: u64, finding: &Finding, flow: Option<&FlowRow>, lang: Lang) -> Value {
    let mut event = flow.map_or_else(|| json!({}), eve_ends);
    put(&mut event, &["timestamp"], json!(eve_time(finding.first)));
    put(&mut event, &["event_type"], json!("alert"));
    put(
        &mut event,
        &["alert"],
        json!({
            "action": "allowed",
            "gid": 1,
            "signature_id": signature(finding.code),
            "rev": 1,
            "signature": format!("{} {}", finding.code, title(finding.code, lang)).trim(),
            "category": finding.ground,
            // Suricata counts down: 1 is the gravest.
            "severity": 5 - rank(finding.severity),
        }),
    );
    let mut own = of_finding(id, finding);
    put(&mut own, &["text"], json!(finding.text));
    put(&mut event, &["zollhund"], own);
    without_empty(event)
}

/// A number for a code that reads back: the letters count to the base of 26, the digits stand behind them.
fn signature(code: &str) -> u64 {
    let letters = code.bytes().filter(u8::is_ascii_uppercase).fold(0, |n, b| n * 26 + u64::from(b - b'A'));
    let digits = code.bytes().filter(u8::is_ascii_digit).fold(0, |n, b| n * 10 + u64::from(b - b'0'));
    9_000_000 + letters * 100 + digits % 100
}

/// Lines of a hosts file: the address, and the first name that is a host name. Others are left out: the file has no way to
/// quote them.
#[must_use]
pub fn hosts_line(row: &EndpointRow) -> Option<String> {
    let is_host = |name: &&String| {
        (1..=253).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    row.names.iter().find(is_host).map(|name| format!("{}\t{name}\n", row.address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(name: &str) -> FlowRow {
        serde_json::from_value(json!({
            "flow": 7, "community_id": "1:x=", "protocol": "tcp", "client": "192.0.2.1", "client_port": 50_000,
            "server": "2001:db8::1", "server_port": 443, "first": "2026-10-15T09:00:00.123456789Z",
            "last": "2026-10-15T09:00:02.123456789Z", "first_frame": 12, "packets_up": 3, "bytes_up": 300,
            "packets_down": 4, "bytes_down": 4_000, "application": "tls", "name": name, "name_basis": "tls-sni",
        }))
        .unwrap()
    }

    #[test]
    fn flows_have_the_fields_that_a_siem_looks_for() {
        let ecs = ecs_flow(&flow("a.example"));
        assert_eq!(ecs["@timestamp"], "2026-10-15T09:00:00.123456789Z");
        assert_eq!(ecs["destination"]["domain"], "a.example");
        assert_eq!(ecs["network"]["bytes"], 4_300);
        assert_eq!(ecs["event"]["duration"], 2_000_000_000_u64);
        assert!(ecs.get("process").is_none(), "an unknown is no value");
        let eve = eve_flow(&flow("a.example"));
        assert_eq!(eve["timestamp"], "2026-10-15T09:00:00.123456+0000");
        assert_eq!((eve["proto"].as_str(), eve["tls"]["sni"].as_str()), (Some("TCP"), Some("a.example")));
        assert_eq!((eve["flow"]["pkts_toclient"].as_u64(), eve["flow"]["age"].as_u64()), (Some(4), Some(2)));
    }

    #[test]
    fn hostile_names_neither_break_a_line_nor_act_on_a_terminal() {
        let mut out = Vec::new();
        line(&ecs_flow(&flow("a\n\u{1b}[2J\u{202e}b")), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 1);
        assert!(!text.chars().any(|c| c != '\n' && crate::wire::is_treacherous(c)), "{text}");
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["destination"]["domain"], "a\n\u{1b}[2J\u{202e}b");
        let row = |names: &[&str]| -> EndpointRow {
            serde_json::from_value(json!({"address": "192.0.2.9", "names": names, "bytes_up": 0, "bytes_down": 0}))
                .unwrap()
        };
        assert_eq!(
            hosts_line(&row(&["x\n127.0.0.1 bank.example", "b.example"])).as_deref(),
            Some("192.0.2.9\tb.example\n")
        );
        assert_eq!(hosts_line(&row(&["a b"])), None);
    }

    #[test]
    fn codes_have_numbers_of_their_own() {
        let codes: Vec<&str> =
            crate::policy::rules::RULES.iter().flat_map(|rule| rule.codes).map(|(code, ..)| *code).collect();
        let numbers: BTreeSet<u64> = codes.iter().map(|code| signature(code)).collect();
        assert_eq!(numbers.len(), codes.len());
    }
}
