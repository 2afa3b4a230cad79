//! Cells and rows in both forms, against the standard library and by example.

use super::*;

fn both(cells: &[Cell<'_>]) -> (String, String) {
    let mut row = RowBuffer::default();
    row.begin();
    for &cell in cells {
        row.cell(",\"k\":", cell);
    }
    row.end();
    (String::from_utf8(row.csv).unwrap(), String::from_utf8(row.json).unwrap())
}

#[test]
fn addresses_read_as_the_standard_library_writes_them() {
    for text in [
        "0.0.0.0",
        "255.255.255.255",
        "10.20.3.104",
        "::",
        "::1",
        "1::",
        "2001:db8::1",
        "2001:db8:0:1:1:1:1:1",
        "2001:0:0:1::1",
        "fe80::1:0:0:1",
        "1:2:3:4:5:6:7:8",
        "0:0:1::",
        "::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::ffff:10.1.2.3",
        "64:ff9b::808:808",
        "ff02::fb",
        "1:0:0:2::3",
        "1::2:0:0:3",
    ] {
        let value: IpAddr = text.parse().unwrap();
        assert_eq!(both(&[Cell::Address(value)]), (format!("{value}\r\n"), format!("{{\"k\":\"{value}\"}}\n")));
    }
}

#[test]
fn any_ipv6_address_reads_as_the_standard_library_writes_it() {
    // Every pattern of zero and other groups.
    for pattern in 0..=255_u32 {
        let group = |at: u32| if pattern >> at & 1 == 1 { 0xa0_u16 << at.min(4) } else { 0 };
        let v6 = Ipv6Addr::from([0, 1, 2, 3, 4, 5, 6, 7].map(group));
        let mut out = Vec::new();
        write_v6(v6, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), v6.to_string());
    }
}

#[test]
fn a_cell_runs_in_no_spreadsheet_and_on_no_terminal() {
    for (text, csv, json) in [
        ("plain.example", "plain.example", r#""plain.example""#),
        ("=1+1", "'=1+1", r#""=1+1""#),
        ("-2", "'-2", r#""-2""#),
        ("@a,b", "\"'@a,b\"", r#""@a,b""#),
        ("a\"b", "\"a\"\"b\"", r#""a\"b""#),
        ("a\\b", "a\\b", r#""a\\b""#),
        ("\tx", "\\u{9}x", r#""\tx""#),
        ("x\u{1b}[2Jy\r\n", "x\\u{1b}[2Jy\\u{d}\\u{a}", r#""x\u001b[2Jy\r\n""#),
        ("\u{202e}ü\u{9b}\u{e0001}", "\\u{202e}ü\\u{9b}\\u{e0001}", r#""\u202eü\u009b\udb40\udc01""#),
    ] {
        assert_eq!(both(&[Cell::Text(text)]), (format!("{csv}\r\n"), format!("{{\"k\":{json}}}\n")), "{text:?}");
        let read: serde_json::Value = serde_json::from_str(json).unwrap();
        assert_eq!(read, text, "exact for machines");
    }
}

#[test]
fn codes_versions_and_milliseconds() {
    for (cell, shown) in [
        (Cell::Code(0x1301), "0x1301"),
        (Cell::Code32(1), "0x00000001"),
        (Cell::Version(0x0304), "TLS1.3"),
        (Cell::Version(0xfefd), "DTLS1.2"),
        (Cell::Version(0x7f1c), "0x7f1c"),
        (Cell::Millis(0), "0.000"),
        (Cell::Millis(12_345_678), "12.346"),
        (Cell::Millis(u64::MAX), "18446744073709.551"),
        (Cell::Token("tcp"), "tcp"),
        (Cell::Flag(true), "true"),
        (Cell::Empty, ""),
    ] {
        assert_eq!(both(&[cell]).0, format!("{shown}\r\n"));
    }
    assert_eq!(
        both(&[Cell::Empty, Cell::Text(""), Cell::Token(""), Cell::Number(3)]),
        (",,,3\r\n".into(), "{\"k\":3}\n".into())
    );
    assert_eq!(both(&[Cell::Empty]).1, "{}\n");
}

#[test]
fn a_list_is_one_cell() {
    let mut row = RowBuffer::default();
    row.begin();
    row.list(",\"a\":", ",", [Cell::Text("h2"), Cell::Text("http/1.1")].into_iter());
    row.list(",\"b\":", "; ", [Cell::Text("=x"), Cell::Text("y\"z")].into_iter());
    row.list(",\"c\":", "; ", std::iter::empty());
    row.list(",\"d\":", "; ", [Cell::Number(4), Cell::Number(5)].into_iter());
    row.end();
    assert_eq!(String::from_utf8(row.csv).unwrap(), "\"h2,http/1.1\",\"'=x; y\"\"z\",,4; 5\r\n");
    assert_eq!(
        String::from_utf8(row.json).unwrap(),
        "{\"a\":[\"h2\",\"http/1.1\"],\"b\":[\"=x\",\"y\\\"z\"],\"d\":[4,5]}\n"
    );
}
