//! Which service is this? The public captures, each with what it holds: the right service is proposed for every call, and
//! nothing for the others. Skipped, and said so, where the captures are not there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "test code"
)]

use std::path::{Path, PathBuf};
use zollhund::run::{Input, Job, Wanted, analyze, knowledge};

/// Captures of calls and of the clients' own traffic; what is not here must be told as nothing.
const CALLS: &[(&str, &str)] = &[
    ("ndpi__discord.pcap", "discord"),
    // One flow of each is to a server of the service, told by its certificate and by its own question for the address.
    ("ndpi__dtls_certificate_fragments.pcap", "discord"),
    ("ndpi__rtp.pcapng", "discord"),
    ("ndpi__signal.pcap", "signal"),
    ("ndpi__skype-conference-call.pcap", "skype"),
    ("ndpi__stun_dtls_rtp.pcapng", "google-meet"),
    ("ndpi__stun_google_meet.pcapng", "google-meet"),
    ("ndpi__stun_wa_call.pcapng", "whatsapp"),
    ("ndpi__teams.pcap", "teams"),
    ("ndpi__telegram.pcap", "telegram"),
    ("ndpi__telegram_videocall.pcapng", "telegram"),
    ("ndpi__viber.pcap", "viber"),
    ("ndpi__wa_video.pcap", "whatsapp"),
    ("ndpi__wechat.pcap", "wechat"),
    ("ndpi__whatsapp_login_call.pcap", "whatsapp"),
    ("ndpi__zoom.pcap", "zoom"),
    ("ndpi__zoom_p2p.pcapng", "zoom"),
    ("nfs__stun_facebook.pcapng", "messenger"),
    ("zoomana__zoom_test.pcap", "zoom"),
];

fn captures() -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        eprintln!("SKIPPED: {} is not there, no capture was tried", folder.display());
        return None;
    };
    let mut files: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "pcap" || e == "pcapng"));
    files.sort();
    Some(files)
}

fn proposed(job: &mut Job, file: &Path) -> Option<String> {
    job.input = Input::Files(vec![file.to_owned()]);
    // Some captures are no captures, on purpose.
    let summary = analyze(job).ok()?.summary;
    let proposal = summary.circumstances.proposal?;
    // Nothing may be judged by a guess.
    assert!(summary.service.is_none() && summary.findings.iter().all(|f| !f.code.starts_with("SUB-01")));
    Some(proposal.id.into())
}

#[test]
fn every_call_is_told_and_nothing_else() {
    let Some(files) = captures() else { return };
    let mut job = Job::new(Input::Demo { seed: 1 }, knowledge(&Wanted::default()).unwrap());
    let (mut wrong, mut met) = (Vec::new(), 0);
    for file in &files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let expected = CALLS.iter().find(|(call, _)| *call == name).map(|(_, id)| (*id).to_owned());
        met += usize::from(expected.is_some());
        let told = proposed(&mut job, file);
        if told != expected {
            wrong.push(format!("{name}: {told:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(met, CALLS.len(), "captures are missing");
    assert!(files.len() > 200);
}
