//! Wi-Fi frames: IEEE 802.11 data frames that are not encrypted, with or without a radiotap header.

use super::region::Region;
use super::walk::{Outcome, Walk};
use super::{HeaderKind, OtherKind};
use crate::wire::Layer;

/// Radiotap: the first word of fields present, and two bits that matter here.
const FLAGS_PRESENT: u32 = 1 << 1;
const TSFT_PRESENT: u32 = 1;
/// In the flags: the frame's header is padded to a multiple of four bytes.
const PADDED: u8 = 0x20;

impl<'a> Walk<'a, '_> {
    pub(super) fn radiotap(&mut self, region: Region<'a>) -> Outcome<'a> {
        self.enter(region, Layer::Link, "radiotap header")?;
        self.note(HeaderKind::Radiotap, region);
        let ([_, _, l0, l1, p0, p1, p2, p3], _) = region.head::<8>(Layer::Link, "radiotap header")?;
        let len = u16::from_le_bytes([*l0, *l1]);
        if len < 8 {
            return Err(region.malformed(Layer::Link, "radiotap header").into());
        }
        let present = u32::from_le_bytes([*p0, *p1, *p2, *p3]);
        // Only where there is a single word of fields are their places plain.
        let flags_at = if present & TSFT_PRESENT == 0 { 8 } else { 16 };
        let flags = region.bytes.get(flags_at).filter(|_| present & FLAGS_PRESENT != 0 && present >> 31 == 0);
        self.ieee802_11(region.after(len.into()), flags.is_some_and(|flags| flags & PADDED != 0))
    }

    /// IEEE 802.11-2020 §9.2.3, §9.3.2.
    pub(super) fn ieee802_11(&mut self, region: Region<'a>, padded: bool) -> Outcome<'a> {
        self.note(HeaderKind::Wifi, region);
        let ([control, flags], _) = region.head::<2>(Layer::Link, "802.11 header")?;
        let (kind, subtype) = (control >> 2 & 3, control >> 4);
        let (has_data, quality) = (subtype & 4 == 0, subtype & 8 != 0);
        if kind != 2 || !has_data {
            return self.other(OtherKind::NotIp(0));
        }
        if flags & 0x40 != 0 {
            return self.other(OtherKind::EncryptedLink);
        }
        let mut len = 24;
        if flags & 3 == 3 {
            len += 6;
        }
        if quality {
            len += if flags & 0x80 != 0 { 6 } else { 2 };
        }
        if padded {
            len = u32::next_multiple_of(len, 4);
        }
        self.llc(region.after(len))
    }
}
