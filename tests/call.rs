//! A real call, watched live: a browser talks through a media server between two network namespaces, and every layer that
//! an auditor leans on is held against what is known of that call.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may stop where it stands")]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
#![cfg(all(target_os = "linux", feature = "live"))]

mod lab;
mod program;

use lab::{CABLE, CLIENT, Lab, MEDIA, RESOLVER, SIGNALLING, TELEMETRY, TURN};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Bytes of media that came back to the browser.
const ENOUGH: u64 = 300_000;

/// The rows of a table in JSON lines.
fn rows(folder: &str, table: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(Path::new(folder).join(format!("{table}.jsonl"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text<'a>(row: &'a Value, column: &str) -> &'a str {
    row[column].as_str().unwrap_or_default()
}

/// `connected 123456`: the state and the bytes that the page writes to the browser's console.
fn received(line: &str) -> Option<u64> {
    line.split("\"connected ").nth(1)?.split('"').next()?.parse().ok()
}

#[test]
fn a_call_is_watched_live() {
    let Some(lab) = Lab::new() else { return };
    let (policy, geoip) = (lab::fixtures().join("policy"), lab::fixtures().join("geoip"));
    let judged = ["--service", "lab-call", "--policy", policy.to_str().unwrap(), "--geoip", geoip.to_str().unwrap()];
    let (saved, live) = (lab.path("case"), lab.path("case/data"));
    let mut words =
        vec!["watch", "-i", CABLE, "--client", "chromium", "--headless", "--save", &saved, "--format", "json"];
    words.extend(judged);
    let mut watch = lab.spawn(env!("CARGO_BIN_EXE_zollhund"), &words);
    let told = watch.stderr();
    let events = watch.stdout();
    told.until("the capture to begin", |line| line.contains(CABLE));
    let mut browser = lab.browser();
    browser.stderr().until("media to come back", |line| received(line).is_some_and(|bytes| bytes > ENOUGH));
    browser.signal("TERM");
    browser.wait();
    watch.signal("TERM");
    let status = watch.wait();
    let said = told.rest();
    eprintln!("SAID {said:#?}");
    assert_eq!(status, Some(0), "{said:?}");

    // Volumes, names, protocols and the program of every conversation.
    let flows = rows(&live, "flows");
    let of = |server: &str| flows.iter().filter(|f| text(f, "server") == server).collect::<Vec<_>>();
    for flow in &flows {
        assert_eq!(text(flow, "client"), CLIENT, "{flow}");
    }
    let named = |(name, address): (&str, &str)| {
        let flows = of(address);
        assert!(flows.iter().any(|f| text(f, "name") == name), "{name}: {flows:#?}");
        flows
    };
    named(SIGNALLING);
    named(TELEMETRY);
    named(TURN);
    let media: Vec<_> = of(MEDIA).into_iter().filter(|f| text(f, "application") == "rtp").collect();
    assert_eq!(media.len(), 1, "{:#?}", of(MEDIA));
    let bytes = |column: &str| media[0][column].as_u64().unwrap();
    assert!(bytes("payload_down") > ENOUGH && bytes("payload_up") > ENOUGH, "{:#?}", media[0]);
    // A connection that the browser opens and closes within a millisecond is gone before anybody can ask whose it is: that is
    // "unknown", but never somebody else's. Of those that lived the program is known.
    for address in [SIGNALLING.1, MEDIA, TURN.1, TELEMETRY.1] {
        let flows = of(address);
        assert!(flows.iter().all(|f| text(f, "scope") != "out"), "{flows:#?}");
        let known = |f: &&Value| text(f, "scope") == "in" && text(f, "process").starts_with("chrom");
        assert!(flows.iter().any(known), "{flows:#?}");
    }
    let answers = rows(&live, "dns");
    for (name, address) in [SIGNALLING, TURN, TELEMETRY] {
        let found = |a: &&Value| text(a, "query") == name && text(a, "data") == address;
        assert!(answers.iter().any(|a| found(&a) && text(a, "resolver") == RESOLVER), "{name}");
    }
    let snis: Vec<_> = rows(&live, "handshakes")
        .iter()
        .map(|h| (text(h, "transport").to_owned(), text(h, "sni").to_owned()))
        .collect();
    for name in [SIGNALLING.0, TELEMETRY.0] {
        assert!(snis.contains(&("tls".to_owned(), name.to_owned())), "{snis:?}");
    }
    assert!(snis.iter().any(|(transport, _)| transport == "dtls"), "{snis:?}");

    // Judgement: the telemetry host is on no list and stands in a third country; the service is where it says.
    let found = rows(&live, "findings");
    let about_telemetry: Vec<_> =
        found.iter().filter(|f| text(f, "subject").contains(TELEMETRY.0)).map(|f| text(f, "code")).collect();
    for code in ["SUB-01", "TRF-01"] {
        assert!(about_telemetry.contains(&code), "{found:#?}");
    }
    let places: BTreeMap<_, _> = rows(&live, "endpoints")
        .iter()
        .map(|e| (text(e, "address").to_owned(), text(e, "located_in").to_owned()))
        .collect();
    for (address, country) in [(SIGNALLING.1, "DE"), (MEDIA, "DE"), (TURN.1, "FR"), (TELEMETRY.1, "IN")] {
        assert_eq!(places[address], country, "{places:?}");
    }

    // Nothing was lost. What is no conversation of the client (ARP, neighbours) is left out of the bundle, and counted.
    let lost: u64 = rows(&live, "losses")
        .iter()
        .filter(|l| !matches!(text(l, "stage"), "decode" | "read in part" | "set aside"))
        .filter(|l| text(l, "kind") != "left out, because it is out of scope")
        .map(|l| l["frames"].as_u64().unwrap_or_default())
        .sum();
    assert_eq!(lost, 0, "{:#?}", rows(&live, "losses"));

    // What weighs was told while it ran, as the saved files say it.
    let telling: Vec<Value> = events.rest().iter().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |f: &Value| (text(f, "code").to_owned(), text(f, "subject").to_owned());
    let told: BTreeSet<_> = telling.iter().filter(|event| event["event"] == "finding").map(of).collect();
    let weighty = |f: &&Value| matches!(text(f, "severity"), "high" | "attention");
    let kept: BTreeSet<_> = found.iter().filter(weighty).map(of).collect();
    assert!(!kept.is_empty() && kept.is_subset(&told), "{kept:#?} {told:#?}");

    // Another person checks it, with our program and with others.
    let ran = program::zollhund(&["verify", &saved, "--reanalyze", "--geoip", geoip.to_str().unwrap()]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("come out the same"), "{}", ran.out);
    let capture = format!("{saved}/data/capture/capture-00001.pcapng");
    let greeted = stock(
        "tshark",
        &[
            "-r",
            &capture,
            "-Y",
            "tls.handshake.extensions_server_name",
            "-T",
            "fields",
            "-e",
            "tls.handshake.extensions_server_name",
        ],
    );
    assert!(greeted.contains(SIGNALLING.0) && greeted.contains(TELEMETRY.0), "{greeted}");
    let about = stock("capinfos", &[&capture]);
    assert!(about.contains("zollhund"), "{about}");
}

/// What a stock program prints; a test that lacks it fails, since the laboratory has it.
fn stock(program: &str, args: &[&str]) -> String {
    let done = std::process::Command::new(program).args(args).output().unwrap();
    assert!(done.status.success(), "{program}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
