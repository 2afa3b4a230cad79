//! Files by hand: every flavour, cut at every byte, damaged, packed.

use super::build::{BIG, LITTLE};
use super::*;
use crate::wire::{Frame, FrameNo, LinkType, Text, Timestamp};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::{Cursor, Read, Write};

/// A reader that gives one byte at a time, as a slow pipe may.
struct Drip(Cursor<Vec<u8>>);

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = buffer.len().min(1);
        self.0.read(&mut buffer[..len])
    }
}

fn open(bytes: &[u8]) -> Result<CaptureFile, CaptureError> {
    CaptureFile::from_reader(Text::from("test"), Box::new(Cursor::new(bytes.to_vec())), Digest::Sha256)
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    number: u64,
    nanos: u64,
    link: u32,
    original: u32,
    bytes: Vec<u8>,
}

impl From<Frame<'_>> for Seen {
    fn from(f: Frame<'_>) -> Self {
        Self { number: f.number.0, nanos: f.time.0, link: f.link.0, original: f.original_len, bytes: f.bytes.to_vec() }
    }
}

fn drain(mut file: CaptureFile) -> (Vec<Seen>, Vec<Note>, Ending, CaptureInfo) {
    let (mut frames, mut notes) = (Vec::new(), Vec::new());
    while let Some(record) = file.next().unwrap() {
        match record {
            Captured::Frame { frame, .. } => frames.push(frame.into()),
            Captured::Note(note) => notes.push(note),
        }
    }
    assert!(file.next().unwrap().is_none(), "the end is the end");
    let info = file.info();
    assert_eq!(info.frames, frames.len() as u64);
    (frames, notes, file.ending().cloned().unwrap(), info)
}

fn read(bytes: &[u8]) -> (Vec<Seen>, Vec<Note>, Ending, CaptureInfo) {
    drain(open(bytes).unwrap())
}

fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().try_into().ok()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_flavour_of_pcap_gives_the_same_frames() {
    for order in [LITTLE, BIG] {
        for (magic, fraction) in [(0xa1b2_c3d4, 250_000), (0xa1b2_3c4d, 250_000_000), (0xa1b2_cd34, 250_000)] {
            // The upper half of the link type says how long the frame check sequence is.
            let file =
                order.pcap(magic, 0x2400_0000 | 0x71, &[(7, fraction, 60, b"abc"), (8, 0, 2, b"de"), (9, 0, 0, b"")]);
            let (frames, notes, ending, info) = read(&file);
            let seen = |number, nanos, original, bytes: &[u8]| Seen {
                number,
                nanos,
                link: 113,
                original,
                bytes: bytes.to_vec(),
            };
            let expected =
                [seen(1, 7_250_000_000, 60, b"abc"), seen(2, 8_000_000_000, 2, b"de"), seen(3, 9_000_000_000, 0, b"")];
            assert_eq!(frames, expected, "{magic:x} {order:?}");
            assert_eq!(ending, Ending::Complete);
            assert!(matches!(notes[..], [Note::Interface { id: 0, link: LinkType(113), snap_len: Some(65_535), .. }]));
            assert_eq!((info.format.token(), info.links, info.bytes), ("pcap", vec![LinkType(113)], file.len() as u64));
            assert_eq!(info.sha256, sha256(&file));
        }
    }
}

/// Two sections of opposite byte orders, three interfaces with clocks of their own, all three packet blocks.
fn sections() -> Vec<u8> {
    let (l, b) = (LITTLE, BIG);
    let nanos = l.option(9, &[9]);
    [
        l.section(&l.option(4, b"a tool")),
        l.interface(1, 0, &[]),
        l.block(0x1234_5678, b"nobody knows this"),
        l.interface(101, 3, &[nanos, l.option(14, &l.u64(100))].concat()),
        l.enhanced(0, 1_500_000, 60, b"abc", &[]),
        l.block(0x0bad, &[0; 8]),
        l.enhanced(1, 2_000_000_001, 4, b"defg", &[]),
        l.block(3, &[&l.u32(9)[..], b"simple kept"].concat()),
        b.section(&[]),
        b.interface(228, 4, &b.option(9, &[0x80 | 0x0a])),
        b.enhanced(0, 1_024 * 3 + 512, 2, b"hi", &[]),
        b.block(3, &[&b.u32(99)[..], b"four"].concat()),
        b.block(2, &[&[0, 0, 0, 5][..], &b.u32(0), &b.u32(4_096), &b.u32(3), &b.u32(3), b"old\0"].concat()),
    ]
    .concat()
}

#[test]
fn pcapng_sections_interfaces_and_packet_blocks_are_told_apart() {
    let (frames, notes, ending, info) = read(&sections());
    let seen =
        |number, nanos, link, original, bytes: &[u8]| Seen { number, nanos, link, original, bytes: bytes.to_vec() };
    let expected = [
        seen(1, 1_500_000_000, 1, 60, b"abc"),
        seen(2, 102_000_000_001, 101, 4, b"defg"),
        // No time of its own, and no snap length: as many bytes as the original length says.
        seen(3, 102_000_000_001, 1, 9, b"simple ke"),
        seen(4, 3_500_000_000, 228, 2, b"hi"),
        // The interface keeps four bytes.
        seen(5, 3_500_000_000, 228, 99, b"four"),
        seen(6, 4_000_000_000, 228, 3, b"old"),
    ];
    assert_eq!(frames, expected);
    assert_eq!((ending, info.untimed, info.format), (Ending::Complete, 2, Format::Pcapng { gzip: false }));
    assert_eq!(info.links, [1, 101, 228].map(LinkType));
    let sections = notes.iter().filter(|note| matches!(note, Note::Section { .. })).count();
    assert_eq!(sections, 2);
    assert!(notes.contains(&Note::Dropped { before: FrameNo(6), time: Timestamp(4_000_000_000), frames: 5 }));
}

#[test]
fn clocks_of_every_resolution_give_nanoseconds() {
    let cases: &[(Option<u8>, i64, u64, u64)] = &[
        (None, 0, 1_000_001, 1_000_001_000),
        (Some(0), 0, 5, 5_000_000_000),
        (Some(3), 0, 1_234, 1_234_000_000),
        (Some(6), 0, 1_000_001, 1_000_001_000),
        (Some(9), 0, 77, 77),
        (Some(12), 0, 5_000, 5),
        (Some(127), 0, u64::MAX, 0),
        (Some(0x80), 0, 3, 3_000_000_000),
        (Some(0x80 | 0x14), 0, 1 << 19, 500_000_000),
        (Some(0x80 | 0x20), 0, 3 << 31, 1_500_000_000),
        (Some(0xff), 0, u64::MAX, 0),
        (Some(9), 2, 77, 2_000_000_077),
        (Some(9), -2, 5_000_000_000, 3_000_000_000),
        (Some(9), -9, 77, 0),
        (Some(9), i64::MAX, 77, u64::MAX),
        (Some(6), 0, u64::MAX, u64::MAX),
    ];
    for order in [LITTLE, BIG] {
        for &(resolution, offset, ticks, nanos) in cases {
            let mut options = resolution.map(|r| order.option(9, &[r])).unwrap_or_default();
            options.extend(order.option(14, &order.u64(offset.cast_unsigned())));
            let file =
                [order.section(&[]), order.interface(1, 0, &options), order.enhanced(0, ticks, 1, b"x", &[])].concat();
            assert_eq!(read(&file).0[0].nanos, nanos, "{resolution:?} {offset} {ticks}");
        }
    }
}

#[test]
fn what_the_file_says_beside_its_frames_is_told() {
    for o in [LITTLE, BIG] {
        let interface = [
            o.option(2, b"en0"),
            o.option(3, b"the cable\0"),
            o.option(4, &[192, 0, 2, 1, 255, 255, 255, 0]),
            o.option(4, &[192, 0, 2, 2, 255, 255, 255, 0]),
            o.option(5, &[&[0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1][..], &[64]].concat()),
            o.option(6, &[2, 0, 0, 0, 0, 9]),
            o.option(11, b"\0not port 22"),
            o.option(0, b""),
            // Behind the end mark: nothing.
            o.option(1, b"ignored"),
        ];
        let counts = [(4, 100), (5, 3), (7, 2), (8, 95)].map(|(code, n)| o.option(code, &o.u64(n))).concat();
        let names = [
            &o.u16(1)[..],
            &o.u16(13),
            b"\xc0\0\x02\x01a.test\0bb",
            &[0; 3],
            &o.u16(2),
            &o.u16(19),
            b"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01C.\0\0",
            &[0; 4],
        ];
        let file = [
            o.section(
                &[o.option(2, b"box"), o.option(3, b"os"), o.option(4, b"tool"), o.option(1, b"case 7")].concat(),
            ),
            o.interface(1, 262_144, &interface.concat()),
            o.enhanced(
                0,
                5,
                1,
                b"x",
                &[o.option(2, &[0; 4]), o.option(1, b"muted\0\xff"), o.option(4, &o.u64(9))].concat(),
            ),
            o.block(5, &[&[0; 12][..], &counts].concat()),
            o.block(4, &names.concat()),
            o.block(4, &[9, 9, 9, 9]),
        ]
        .concat();
        let (frames, notes, ending, _) = read(&file);
        let (text, time) = (|t: &str| Some(Text::from(t)), Timestamp(5_000));
        let (v4, v6) = ("192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let comment = |about, t: &str| Note::Comment { about, text: Text::from(t) };
        let expected = [
            Note::Section { hardware: text("box"), system: text("os"), application: text("tool") },
            comment(About::Section, "case 7"),
            Note::Interface {
                id: 0,
                link: LinkType(1),
                name: text("en0"),
                description: text("the cable"),
                addresses: vec![v4, "192.0.2.2".parse().unwrap(), v6],
                mac: Some([2, 0, 0, 0, 0, 9]),
                snap_len: Some(262_144),
                filter: text("not port 22"),
            },
            comment(About::Frame(FrameNo(1), time), "muted"),
            Note::Dropped { before: FrameNo(1), time, frames: 9 },
            Note::Statistics {
                interface: 0,
                received: Some(100),
                dropped_by_interface: Some(3),
                dropped_by_system: Some(2),
                delivered: Some(95),
            },
            Note::Names(vec![(v4, Text::from("a.test")), (v4, Text::from("bb")), (v6, Text::from("c"))]),
            Note::Unreadable { block: 4, offset: file.len() as u64 - 16 },
        ];
        assert_eq!(notes, expected);
        assert_eq!((frames.len(), ending), (1, Ending::Complete));
    }
}

/// A frame of an interface that is not described is still a frame: it counts, and nobody guesses its link type.
#[test]
fn a_frame_of_an_unknown_interface_has_no_link_type() {
    let file = [LITTLE.section(&[]), LITTLE.enhanced(4, 5, 1, b"x", &[]), LITTLE.block(3, &[1, 0, 0, 0, 7])].concat();
    let (frames, ..) = read(&file);
    assert_eq!(frames.iter().map(|f| LinkType(f.link)).collect::<Vec<_>>(), [LinkType::UNDESCRIBED; 2]);
}

/// At every length: whole frames count, the ending is complete exactly between records, and says what is missing.
#[test]
fn a_file_cut_anywhere_gives_what_is_whole_and_says_so() {
    let pcap = LITTLE.pcap(0xa1b2_c3d4, 1, &[(7, 0, 60, b"abcdef"), (8, 0, 2, b"de"), (9, 0, 0, b"")]);
    for file in [pcap, sections()] {
        let (whole, ..) = read(&file);
        // Records end where one byte less is cut and this length is not.
        let mut ends = vec![];
        for len in 0..=file.len() {
            let cut = &file[..len];
            let opened = match open(cut) {
                Ok(opened) => opened,
                Err(CaptureError::Empty { .. }) => {
                    assert_eq!(len, 0);
                    continue;
                }
                Err(CaptureError::Stub { have, .. }) => {
                    assert!(have == len as u64 && (4..24).contains(&len));
                    continue;
                }
                Err(CaptureError::NotACapture { .. }) => {
                    assert!((1..4).contains(&len));
                    continue;
                }
                Err(other) => panic!("{other}"),
            };
            let (frames, _, ending, info) = drain(opened);
            assert!(whole.starts_with(&frames), "cut at {len}");
            assert_eq!((info.sha256, info.bytes), (sha256(cut), len as u64));
            match ending {
                Ending::Complete => ends.push(len),
                Ending::Cut { frame, offset, missing } => {
                    assert_eq!(frame.0, frames.len() as u64);
                    assert!(offset < len as u64 && missing > 0 && len as u64 + missing <= file.len() as u64);
                }
                Ending::Damaged { .. } => panic!("cut at {len}: {ending:?}"),
            }
        }
        assert_eq!(ends.last(), Some(&file.len()));
        let records = if file.starts_with(&[0x0a]) { 13 } else { 4 };
        assert_eq!(ends.len(), records);
    }
}

#[test]
fn a_damaged_place_ends_the_reading_and_is_named() {
    let l = LITTLE;
    let pcap = l.pcap(0xa1b2_c3d4, 1, &[(7, 0, 3, b"abc")]);
    let huge = [&pcap[..], &[l.u32(8), l.u32(0), l.u32(u32::MAX), l.u32(60)].concat()].concat();
    let start = [l.section(&[]), l.interface(1, 0, &[]), l.enhanced(0, 5, 3, b"abc", &[])].concat();
    let behind = l.enhanced(0, 6, 3, b"def", &[]);
    let patched = |at: usize, with: &[u8]| {
        let mut block = behind.clone();
        let at = if at > 1_000 { block.len() - 4 } else { at };
        block[at..at + with.len()].copy_from_slice(with);
        [&start[..], &block, &behind].concat()
    };
    let mut bad_section = l.section(&[]);
    bad_section[8] = 0;
    let mut new_section = l.section(&[]);
    new_section[12] = 9;
    let mut skipped = l.block(0x77, &[0; 8]);
    skipped[16] = 99;
    let cases: Vec<(Vec<u8>, u64, &str)> = vec![
        (huge, pcap.len() as u64, "more bytes than a frame"),
        (patched(4, &l.u32(8)), start.len() as u64, "impossible length"),
        (patched(4, &l.u32(35)), start.len() as u64, "impossible length"),
        (patched(4, &l.u32(0x7fff_fffc)), start.len() as u64, "more bytes than a frame"),
        (patched(9_999, &l.u32(40)), start.len() as u64, "two lengths"),
        (patched(20, &l.u32(9)), start.len() as u64, "longer than its block"),
        ([&start[..], &bad_section, &behind].concat(), start.len() as u64, "byte order"),
        ([&start[..], &new_section, &behind].concat(), start.len() as u64, "version"),
        ([&start[..], &skipped, &behind].concat(), start.len() as u64, "two lengths"),
    ];
    for (file, at, words) in cases {
        let (frames, _, ending, info) = read(&file);
        assert_eq!(frames.len(), 1, "{words}");
        match &ending {
            Ending::Damaged { frame: FrameNo(1), offset, what } => {
                assert!(*offset == at && what.contains(words), "{words}: {ending}");
            }
            _ => panic!("{words}: {ending:?}"),
        }
        // The hash is of the whole file, also behind the damage.
        assert_eq!((info.sha256, info.bytes), (sha256(&file), file.len() as u64), "{words}");
    }
}

#[test]
fn packed_files_are_unpacked_and_hashed_as_they_are() {
    let plain = sections();
    let (expected, ..) = read(&plain);
    let (one, two) = plain.split_at(200);
    for packed in [gzip(&plain), [gzip(one), gzip(two)].concat()] {
        let (frames, _, ending, info) = read(&packed);
        assert_eq!((&frames, ending), (&expected, Ending::Complete));
        assert_eq!(
            (info.format.token(), info.bytes, info.sha256),
            ("pcapng+gzip", packed.len() as u64, sha256(&packed))
        );
    }
    // Cut inside the compressed data, and inside the checksum behind it.
    let packed = gzip(&plain);
    for len in [packed.len() - 1, packed.len() - 9, packed.len() / 2] {
        let (frames, _, ending, info) = read(&packed[..len]);
        assert!(expected.starts_with(&frames) && matches!(ending, Ending::Cut { missing: 1.., .. }), "{ending:?}");
        assert_eq!(info.sha256, sha256(&packed[..len]));
    }
    let mut wrong = packed.clone();
    let checksum = wrong.len() - 6;
    wrong[checksum] ^= 1;
    let (frames, _, ending, _) = read(&wrong);
    assert_eq!(frames, expected);
    assert!(matches!(ending, Ending::Damaged { what, .. } if what.contains("gzip")), "{ending:?}");
}

#[test]
fn how_the_bytes_arrive_makes_no_difference() {
    let long = vec![7; 700_000];
    let skipped = LITTLE.block(0x77, &vec![1; 1_000_000]);
    let file = [sections(), LITTLE.section(&[]), LITTLE.interface(1, 0, &[]), skipped].concat();
    let file = [file, LITTLE.enhanced(0, 9, 700_000, &long, &[]), LITTLE.enhanced(0, 9, 3, b"end", &[])].concat();
    let expected = read(&file);
    assert_eq!((expected.0.len(), &expected.0[6].bytes, expected.0[7].bytes.as_slice()), (8, &long, &b"end"[..]));
    for reader in
        [Box::new(Drip(Cursor::new(file.clone()))) as Box<dyn Read + Send>, Box::new(Cursor::new(file.clone()))]
    {
        let opened = CaptureFile::from_reader(Text::from("pipe"), reader, Digest::Sha256).unwrap();
        assert_eq!(drain(opened), expected);
    }
}

#[test]
fn the_hash_is_made_only_if_asked_for_and_only_at_the_end() {
    let bytes = LITTLE.pcap(0xa1b2_c3d4, 1, &[(7, 0, 3, b"abc")]);
    let reader = || Box::new(Cursor::new(bytes.clone()));
    let mut file = CaptureFile::from_reader(Text::from("test"), reader(), Digest::Sha256).unwrap();
    while file.ending().is_none() {
        assert_eq!(file.info().sha256, None);
        file.next().unwrap();
    }
    assert_eq!(file.info().sha256, sha256(&bytes));
    let (.., info) = drain(CaptureFile::from_reader(Text::from("test"), reader(), Digest::Skip).unwrap());
    assert_eq!(info.sha256, None);
}

#[test]
fn what_is_no_capture_is_refused_in_one_line_with_a_cure() {
    let tar = [&[b'a'; 257][..], b"ustar\0", &[0; 249]].concat();
    let cases: &[(&[u8], &str, &str)] = &[
        (b"", "is empty", "record it again"),
        (b"\xd4\xc3\xb2\xa1\x02\0", "ends inside its file header", "record it again"),
        (b"PK\x03\x04\x14\0\0\0\x08\0", "a zip archive", "unpack it"),
        (b"\x28\xb5\x2f\xfd\0\0", "zstd", "zstd -d"),
        (b"snoop\0\0\0\0\0\0\x02", "snoop", "editcap"),
        (b"{\"frames\": []}\n", "text", "pcap or pcapng"),
        (&tar, "tar archive", "unpack it"),
        (b"\x01\x02\x03\x04\x05\x06", "first bytes 01 02 03 04", "pcap or pcapng"),
        (b"\xd4\xc3\xb2\xa1\x09\0\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0", "version 9.4", "editcap"),
    ];
    for (bytes, found, cure) in cases {
        for bytes in [bytes.to_vec(), gzip(bytes)] {
            let text = open(&bytes).unwrap_err().to_string();
            assert!(text.contains("test") && text.contains(found) && text.contains(cure), "{text}");
            assert!(!text.contains('\n'));
        }
    }
    for broken in [&b"\x1f\x8b"[..], b"\x1f\x8b\x08\0\0\0\0\0\0\0", b"\x1f\x8bnothing that unpacks"] {
        assert!(open(broken).unwrap_err().to_string().contains("gzip data that breaks off"));
    }
}

#[test]
fn what_cannot_be_opened_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("gone.pcap");
    assert!(matches!(CaptureFile::open(&missing, Digest::Skip), Err(CaptureError::Missing { .. })));
    assert!(matches!(CaptureFile::open(dir.path(), Digest::Skip), Err(CaptureError::Directory { .. })));
    let path = dir.path().join("a\u{1b}[31m.pcap");
    std::fs::write(&path, b"").unwrap();
    let text = CaptureFile::open(&path, Digest::Skip).unwrap_err().to_string();
    assert!(text.contains("empty") && !text.contains('\u{1b}'), "{text}");
    std::fs::write(&path, LITTLE.pcap(0xa1b2_c3d4, 1, &[(7, 0, 3, b"abc")])).unwrap();
    assert_eq!(drain(CaptureFile::open(&path, Digest::Skip).unwrap()).0.len(), 1);
}

/// A disk that fails is an error, not an ending.
#[test]
fn a_failing_disk_is_an_error_after_what_was_read() {
    struct Failing(Cursor<Vec<u8>>);
    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(std::io::Error::other("bad sector")),
                n => Ok(n),
            }
        }
    }
    let bytes = LITTLE.pcap(0xa1b2_c3d4, 1, &[(7, 0, 3, b"abc")]);
    let reader = Box::new(Failing(Cursor::new(bytes)));
    let mut file = CaptureFile::from_reader(Text::from("disk"), reader, Digest::Skip).unwrap();
    assert!(matches!(file.next(), Ok(Some(Captured::Note(_)))));
    assert!(matches!(file.next(), Ok(Some(Captured::Frame { .. }))));
    let text = file.next().unwrap_err().to_string();
    assert!(text.contains("disk") && text.contains("byte 43") && text.contains("bad sector"), "{text}");
    assert!(file.ending().is_none());
}

#[test]
fn interfaces_are_bounded() {
    let mut file = LITTLE.section(&[]);
    for _ in 0..70_000 {
        file.extend(LITTLE.interface(1, 0, &[]));
    }
    let (_, notes, ending, info) = read(&file);
    assert_eq!((notes.len(), info.links.len()), (1 + 65_536, 1));
    assert!(matches!(ending, Ending::Damaged { what, .. } if what.contains("interfaces")), "{ending:?}");
}

proptest! {
    /// Whatever stands behind a good start: no harm, no endless reading, and every byte is accounted for.
    #[test]
    fn random_bytes_are_read_without_harm(
        which in 0_usize..4,
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        packed in any::<bool>(),
    ) {
        let start = match which {
            0 => LITTLE.pcap(0xa1b2_c3d4, 1, &[]),
            1 => BIG.pcap(0xa1b2_cd34, 1, &[]),
            2 => [LITTLE.section(&[]), LITTLE.interface(1, 0, &[])].concat(),
            _ => Vec::new(),
        };
        let file = [start, bytes].concat();
        let file = if packed { gzip(&file) } else { file };
        if let Ok(opened) = open(&file) {
            let (.., info) = drain(opened);
            prop_assert_eq!((info.bytes, info.sha256), (file.len() as u64, sha256(&file)));
        }
    }

    #[test]
    fn damaged_files_are_read_without_harm(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut file = sections();
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        if let Ok(opened) = open(&file) {
            let (frames, ..) = drain(opened);
            prop_assert!(frames.len() <= file.len() / 12);
        }
    }
}
