//! zollhund ("customs dog") shows where a video call's data goes: captures in, named, placed and judged recipients out.
//!
//! # The house
//!
//! A pure core of seven floors turns timed bytes into facts, claims and findings; outer rooms do all contact with the
//! world. Data goes one way, up; nothing in a lower floor knows a higher one. The core has no clock, no files, no threads:
//! time comes with the frame, so the same input gives the same bytes out.
//!
//! ```text
//!                    main → cli → run              may do I/O
//!   ┌──────┬─────────┬────────┬──────────┬─────────┬────┐
//!   │ host │ capture │ report │ evidence │ resolve │ ui │   outer rooms, strangers to each other, but ui formats as report
//!   └──────┴────┬────┴────┬───┴──────────┴─────────┴────┘   does; resolve talks, if told to; host knows this machine
//!   floor 6     engine          │                  assembles the floors; ledger, recipients, losses
//!   floor 5     policy          │                  dated law, service profiles, rules → findings
//!   floor 4     attribution     │                  names, places, companies: each a claim with its source
//!   floor 3     flow                               table, TCP reassembly, who reads a flow
//!   floor 2     dissect                            tls, quic, dns, stun ... bytes → facts
//!   floor 1     decode                             link, ip, fragments, tunnels: frame → packet
//!   floor 0     wire                               plain values
//!               synth                              makes traffic: the demo, tests and benches; the core never looks in
//! ```
//!
//! Who may import whom is a table in `tests/architecture.rs`, and the test holds the code to it.
//!
//! # The way of a frame
//!
//! [`capture`] numbers it, [`decode`] finds the innermost conversation, [`flow`] counts it and, while the flow's dissector
//! is curious, hands it the bytes in order; [`dissect`] answers in protocol-neutral facts, which the [`engine`] files. At the
//! end, or at any time before, [`engine::Engine::summary`] folds flows into recipients, asks [`attribution`] who and where they
//! are and [`policy`] what deserves a look, and gives every row to whoever writes it ([`report`], by way of [`run`]).
//!
//! ```
//! use zollhund::engine::{Config, Engine, Input, NoRows};
//! use zollhund::run::{Wanted, knowledge};
//! use zollhund::wire::{Frame, FrameNo};
//!
//! let call = zollhund::synth::call(1);
//! let mut engine = Engine::new(&Config::default());
//! for (number, (time, bytes)) in (1..).zip(call.frames()) {
//!     let original_len = bytes.len() as u32;
//!     engine.ingest(Input::Frame(Frame { number: FrameNo(number), time, link: call.link, original_len, bytes }));
//!     while engine.poll().is_some() {}
//! }
//! engine.end();
//! let summary = engine.summary(&knowledge(&Wanted { service: Some("zoom"), ..Wanted::default() })?, &mut NoRows);
//! assert!(summary.findings.iter().any(|f| f.code == "SUB-01"));
//! # Ok::<(), anyhow::Error>(())
//! ```

pub mod attribution;
pub mod capture;
pub mod cli;
pub mod decode;
pub mod dissect;
pub mod engine;
pub mod evidence;
pub mod flow;
#[cfg(feature = "live")]
pub mod host;
pub mod policy;
pub mod report;
#[cfg(feature = "resolve")]
pub mod resolve;
pub mod run;
pub mod synth;
#[cfg(feature = "tui")]
pub mod ui;
pub mod wire;
