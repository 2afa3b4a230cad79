//! Every frame that was lost, not read or set aside, by stage and kind; each stage writes its own lines. The books balance:
//! every frame is counted in a flow or stands in a line of `decode` or `set aside`, never in both.

use super::view::LossView;
use crate::decode::{Other, OtherKind};
use crate::wire::{Fault, Frame};
use std::collections::BTreeMap;

const SET_ASIDE: &str = "set aside";
const ORPHAN: &str = "fragment without its first";
/// Distinct kinds kept; far more than there are.
const MAX_KINDS: usize = 256;

#[derive(Debug, Default)]
pub(super) struct Losses {
    lines: BTreeMap<(Box<str>, Box<str>), LossView>,
}

impl Losses {
    pub(super) fn add(&mut self, loss: LossView) {
        let full = self.lines.len() >= MAX_KINDS;
        let key = (loss.stage.clone(), loss.kind.clone());
        if let Some(line) = self.lines.get_mut(&key) {
            line.frames += loss.frames;
            line.bytes += loss.bytes;
            line.from = line.from.min(loss.from);
            line.until = line.until.max(loss.until);
        } else if !full {
            self.lines.insert(key, loss);
        }
    }

    fn one(&mut self, stage: &str, kind: &str, frame: &Frame<'_>) {
        self.add(LossView {
            stage: stage.into(),
            kind: kind.into(),
            frames: 1,
            bytes: u64::from(frame.original_len),
            from: frame.time,
            until: frame.time,
        });
    }

    /// A frame that could not be read; `in_part` if as far as its flow it could.
    pub(super) fn fault(&mut self, fault: Fault, frame: &Frame<'_>, in_part: bool) {
        let stage = if in_part { "read in part" } else { "decode" };
        self.one(stage, &format!("{} {} ({})", fault.layer, fault.kind, fault.what), frame);
    }

    /// Fragments that had come before their first are counted in its flow now.
    pub(super) fn joined(&mut self, frames: u32, bytes: u64) {
        let key = (SET_ASIDE.into(), ORPHAN.into());
        if let Some(line) = self.lines.get_mut(&key) {
            (line.frames, line.bytes) = (line.frames.saturating_sub(frames.into()), line.bytes.saturating_sub(bytes));
            if line.frames == 0 {
                self.lines.remove(&key);
            }
        }
    }

    /// A frame without a TCP or UDP conversation: no loss, but the books say where it went.
    pub(super) fn other(&mut self, other: Other, frame: &Frame<'_>) {
        let kind = match other.kind {
            OtherKind::NotIp(0x0806) => "arp".into(),
            OtherKind::NotIp(number) => format!("not ip (0x{number:04x})"),
            OtherKind::Icmp => "icmp".into(),
            OtherKind::Protocol(number) => format!("ip protocol {number}"),
            OtherKind::Encrypted(number) => format!("encrypted ip protocol {number}"),
            OtherKind::EncryptedLink => "encrypted on the link".into(),
            OtherKind::OrphanFragment => ORPHAN.into(),
        };
        self.one(SET_ASIDE, &kind, frame);
    }

    /// A packet that another interface had shown already.
    pub(super) fn echo(&mut self, frame: &Frame<'_>) {
        self.one("set aside", "seen on another interface too", frame);
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &LossView> {
        self.lines.values()
    }
}
