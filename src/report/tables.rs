//! The tables: every column is defined once, here, with its name, its kind and its meaning. Each table is written as CSV
//! (RFC 4180) and as JSON lines at the same time; the schema of `report.json` is checked against these definitions.

use super::row::{Cell, Fill, List, RowBuffer};
use crate::attribution::NameBasis;
use crate::dissect::fact::{Fact, Media, MediaKind};
use crate::engine::view::{AnswerView, EndpointView, FactView, FlowView, HandshakeView, LossView};
use crate::policy::Finding;
use crate::wire::TextRef;
use std::fmt::Debug;
use std::io::{self, Write};
use std::marker::PhantomData;

/// What the cells of a column hold, and so what they are in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string.
    Text,
    /// An IP address in its canonical text form (RFC 5952 for IPv6).
    Address,
    /// RFC 3339 in UTC with nanoseconds.
    Time,
    /// A 16-bit code as `0x1301`.
    Code,
    /// A whole number.
    Number,
    /// Milliseconds with three decimals.
    Millis,
    /// `true` or `false`.
    Flag,
    /// An array of strings; in CSV one cell.
    Texts,
    /// An array of whole numbers; in CSV one cell.
    Numbers,
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// The header of the CSV column and the key in JSON.
    pub name: &'static str,
    pub kind: Kind,
    /// Every row has it. Others may be empty in CSV and have no key in JSON.
    pub always: bool,
    pub meaning: &'static str,
}

/// One table.
#[derive(Debug)]
pub struct Definition {
    /// The file name without its ending, and the key in `report.json`.
    pub name: &'static str,
    pub meaning: &'static str,
    pub columns: &'static [Column],
}

/// A kind of table, known to the compiler, so that no row can get into the wrong file.
pub trait Table: Debug {
    /// What its rows are made from.
    type Row<'a>;
    const DEFINITION: &'static Definition;

    #[doc(hidden)]
    #[expect(private_interfaces, reason = "only this room writes cells")]
    fn write(row: &Self::Row<'_>, out: &mut RowBuffer);
}

/// Every table, in the order in which they are listed.
pub static TABLES: [&Definition; 7] = [
    Flows::DEFINITION,
    Handshakes::DEFINITION,
    Dns::DEFINITION,
    Facts::DEFINITION,
    Endpoints::DEFINITION,
    Findings::DEFINITION,
    Losses::DEFINITION,
];

/// Bytes collected before they are handed on: few calls for many rows, in pieces that file systems take as they are.
const CHUNK: usize = 256 * 1024;
/// Room for a row beyond that; a longer one makes its own.
const ROW: usize = 4 * 1024;

/// Writes one table in both forms.
#[derive(Debug)]
pub struct TableWriter<T: Table, W: Write> {
    csv: W,
    jsonl: W,
    buffer: RowBuffer,
    count: u64,
    table: PhantomData<T>,
}

impl<T: Table, W: Write> TableWriter<T, W> {
    /// Starts the table: the CSV header goes out with the first rows, or with [`Self::finish`].
    pub fn new(csv: W, jsonl: W) -> Self {
        let mut buffer = RowBuffer::default();
        buffer.csv.reserve(CHUNK + ROW);
        buffer.json.reserve(CHUNK + ROW);
        for column in T::DEFINITION.columns {
            buffer.csv.extend_from_slice(column.name.as_bytes());
            buffer.csv.push(b',');
        }
        buffer.csv.pop();
        buffer.csv.extend_from_slice(b"\r\n");
        Self { csv, jsonl, buffer, count: 0, table: PhantomData }
    }

    /// # Errors
    /// Whatever the writers return; they get large pieces, which need not end with a row.
    pub fn row(&mut self, row: &T::Row<'_>) -> io::Result<()> {
        T::write(row, &mut self.buffer);
        self.count += 1;
        hand_on(&mut self.buffer.csv, &mut self.csv)?;
        hand_on(&mut self.buffer.json, &mut self.jsonl)
    }

    /// Rows so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Writes what is left and gives the writers (CSV, JSON lines) back, flushed.
    ///
    /// # Errors
    /// Whatever the writers return.
    pub fn finish(mut self) -> io::Result<(W, W)> {
        self.csv.write_all(&self.buffer.csv)?;
        self.jsonl.write_all(&self.buffer.json)?;
        self.csv.flush()?;
        self.jsonl.flush()?;
        Ok((self.csv, self.jsonl))
    }
}

/// Hands on all whole chunks. Pieces that begin and end where pages do cost the system a fifth less.
fn hand_on(rows: &mut Vec<u8>, to: &mut impl Write) -> io::Result<()> {
    if let Some(whole) = rows.get(..rows.len() / CHUNK * CHUNK).filter(|whole| !whole.is_empty()) {
        to.write_all(whole)?;
        rows.drain(..whole.len());
    }
    Ok(())
}

/// The row as one line of JSON whose first key, `event`, says what it is.
pub fn json_line<T: Table>(event: &str, row: &T::Row<'_>, out: &mut Vec<u8>) {
    let mut buffer = RowBuffer::default();
    T::write(row, &mut buffer);
    out.extend_from_slice(b"{\"event\":\"");
    out.extend_from_slice(event.as_bytes());
    out.extend_from_slice(b"\",");
    out.extend_from_slice(buffer.json.get(1..).unwrap_or_default());
}

macro_rules! always {
    (always) => {
        true
    };
    (maybe) => {
        false
    };
}

macro_rules! table {
    ($(#[$doc:meta])* $table:ident = $name:literal of $row_type:ty, $meaning:literal, |$row:ident| {
        $($column:literal $kind:ident $always:ident $column_meaning:literal = $value:expr;)+
    }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $table;

        impl Table for $table {
            type Row<'a> = $row_type;
            const DEFINITION: &'static Definition = &Definition {
                name: $name,
                meaning: $meaning,
                columns: &[$(Column {
                    name: $column,
                    kind: Kind::$kind,
                    always: always!($always),
                    meaning: $column_meaning,
                }),+],
            };

            #[expect(private_interfaces, reason = "only this room writes cells")]
            fn write($row: &Self::Row<'_>, out: &mut RowBuffer) {
                out.begin();
                $(Fill::fill($value, concat!(",\"", $column, "\":"), out);)+
                out.end();
            }
        }
    };
}

/// Joins the parts of a list in CSV. Spreadsheets take such a cell for text, never for a number.
const SEMICOLON: &str = "; ";

/// `audio 31000`: kind and bits per second of what one side of a flow sent.
fn media_rates<'a>(row: &FlowView<'_>, side: usize) -> impl Iterator<Item = Cell<'a>> + use<'a> {
    let seen = row.media.as_ref().and_then(|media| media.get(side)).copied().unwrap_or_default();
    let millis = (row.last.since(row.first) / 1_000_000).max(1);
    MediaKind::ALL.into_iter().filter(move |kind| seen.of(*kind) > 0).map(move |kind| {
        let rate = u128::from(seen.of(kind)) * 8_000 / u128::from(millis);
        Cell::Rate(kind.token(), rate.try_into().unwrap_or(u64::MAX))
    })
}

table! {
    /// One row per bidirectional conversation.
    Flows = "flows" of FlowView<'a>,
    "One row per bidirectional TCP or UDP conversation between its innermost addresses; later fragments are counted in.",
    |row| {
        "flow" Number always "Number of the flow, from 1, in order of the first frame." = Cell::Number(row.flow);
        "community_id" Text always "Community ID version 1, seed 0." =
            Cell::Community(row.transport, row.client, row.server);
        "protocol" Text always "tcp or udp." = Cell::Token(row.transport.token());
        "client" Address always "Address of the audited side, or of whoever opened the flow." =
            Cell::Address(row.client.address);
        "client_port" Number always "Port of the client." = Cell::Number(row.client.port.into());
        "server" Address always "Address of the other side." = Cell::Address(row.server.address);
        "server_port" Number always "Port of the server." = Cell::Number(row.server.port.into());
        "first" Time always "Time of the first frame." = Cell::Time(row.first);
        "last" Time always "Time of the last frame." = Cell::Time(row.last);
        "first_frame" Number always "Number of the first frame in the capture, from 1." = Cell::Number(row.first_frame.0);
        "packets_up" Number always "Frames from client to server." = Cell::Number(row.up.packets);
        "bytes_up" Number always "Their lengths on the wire, link header included." = Cell::Number(row.up.bytes);
        "packets_down" Number always "Frames from server to client." = Cell::Number(row.down.packets);
        "bytes_down" Number always "Their lengths on the wire, link header included." = Cell::Number(row.down.bytes);
        "payload_up" Number always "Transport payload bytes from client to server." = Cell::Number(row.up.payload);
        "payload_down" Number always "Transport payload bytes from server to client." = Cell::Number(row.down.payload);
        "tunnel" Texts maybe "What the addresses were wrapped in: gre, ip-in-ip, vxlan, gtp-u, pppoe, mpls, teredo, geneve, l2tp." =
            List(SEMICOLON, row.tunnel.kinds().map(Cell::Token));
        "application" Text maybe "Protocol recognised." = Cell::Token(row.application);
        "name" Text maybe "Host name the flow is for." = Cell::maybe(row.name, |(name, _)| Cell::name(name));
        "name_basis" Text maybe
            "How the name is known: tls-sni, quic-sni, dtls-sni, gquic-sni, http-connect, http-host, greeting, outer-sni (beside \
             an ECH extension, perhaps a cover name), dns (the client had got the address for it), certificate, dns-after (the \
             answer came after the flow had begun), ptr (looked up by this program)." =
            Cell::maybe(row.name, |(_, basis)| Cell::Token(basis.token()));
        "process" Text maybe "Program that owned the client's socket, where the capturing machine told." =
            Cell::maybe(row.owner, |owner| Cell::name(TextRef::from(&owner.name)));
        "scope" Text maybe "in or out of the audited scope; unknown: no program could be told." = Cell::Token(row.scope);
        "client_basis" Text always
            "How the client was told from the server: subject, local, syn, hello, ports, first-frame." =
            Cell::Token(row.client_basis.token());
        "name_frame" Number maybe "Frame of the DNS answer behind a name of basis dns or dns-after." =
            match row.name {
                Some((_, NameBasis::DnsAnswer { frame, .. } | NameBasis::DnsAfter { frame })) => Cell::Number(frame.0),
                _ => Cell::Empty,
            };
        "name_age_s" Number maybe "Whole seconds from that answer to the first frame." =
            match row.name { Some((_, NameBasis::DnsAnswer { age_secs, .. })) => Cell::Number(age_secs.into()), _ => Cell::Empty };
        "aliases" Texts maybe "Aliases (CNAME) through which DNS led from the name to the address." =
            List(SEMICOLON, row.aliases.iter().map(|&name| Cell::name(name)));
        "other_names" Texts maybe "Names that compete with the name." =
            List(SEMICOLON, row.other_names.iter().map(|&(name, _)| Cell::name(name)));
        "round_trip_ms" Millis maybe "Smallest round trip of the TCP handshake as seen from the place of capture." =
            Cell::maybe(row.round_trip, Cell::Millis);
        "cut" Flag always "The capture kept less of some frame than was sent." = Cell::Flag(row.cut);
        "media_up" Texts maybe
            "Real-time media from client to server: audio, video, screen or unknown, each with its average in bits per second \
             behind the headers of RTP, over the time from first to last." =
            List(SEMICOLON, media_rates(row, 0));
        "media_down" Texts maybe "The same from server to client." = List(SEMICOLON, media_rates(row, 1));
    }
}

table! {
    /// One row per ClientHello.
    Handshakes = "handshakes" of HandshakeView<'a>,
    "One row per ClientHello of TLS, QUIC or DTLS, with what the server chose.",
    |row| {
        "frame" Number always "Frame that completed the ClientHello." = Cell::Number(row.frame.0);
        "time" Time always "Its time." = Cell::Time(row.time);
        "flow" Number always "Number of the flow." = Cell::Number(row.flow);
        "transport" Text always "tls, quic or dtls." = Cell::Token(row.offer.transport.token());
        "client" Address always "Address of whoever sent the ClientHello." = Cell::Address(row.client.address);
        "client_port" Number always "Its port." = Cell::Number(row.client.port.into());
        "server" Address always "Address of the other side." = Cell::Address(row.server.address);
        "server_port" Number always "Its port." = Cell::Number(row.server.port.into());
        "sni" Text maybe "Server name in the clear." = Cell::maybe(row.sni, Cell::name);
        "alpn" Texts maybe "Application protocols offered; in CSV joined by commas." =
            List(",", row.offer.alpn.iter().map(Cell::name));
        "ech" Text maybe
            "offered: the Encrypted Client Hello extension (RFC 9849) is there, real or GREASE, so the name may be a cover \
             name; esni: its withdrawn predecessor." = Cell::Token(row.offer.ech.token());
        "version" Text maybe
            "Version negotiated: SSL3, TLS1.0 to TLS1.3, DTLS1.0, DTLS1.2, DTLS1.3; a draft or private code as 0x7f1c." =
            Cell::maybe(row.choice, |c| Cell::Version(c.version));
        "cipher" Code maybe "Cipher suite chosen." = Cell::maybe(row.choice, |c| Cell::Code(c.cipher));
        "group" Code maybe "Named group of the key exchange." =
            Cell::maybe(row.choice.and_then(|c| c.group), Cell::Code);
        "ja4" Text maybe "JA4 fingerprint of the ClientHello." = Cell::Text(&row.offer.ja4);
        "offered_version" Text maybe "Highest version offered, written as in version." =
            if row.offer.version == 0 { Cell::Empty } else { Cell::Version(row.offer.version) };
        "retry" Flag maybe "The server's answer was a HelloRetryRequest; the final choice came later or not at all." =
            Cell::maybe(row.choice, |c| Cell::Flag(c.retry));
        "resumed" Flag maybe "An earlier session was resumed." = Cell::maybe(row.choice, |c| Cell::Flag(c.resumed));
        "srtp" Code maybe "SRTP protection profile chosen (RFC 5764)." =
            Cell::maybe(row.choice.and_then(|c| c.srtp), Cell::Code);
        "srtp_offered" Texts maybe "SRTP protection profiles offered." =
            List(SEMICOLON, row.offer.srtp.iter().map(|&code| Cell::Code(code)));
        "quic_version" Text maybe "QUIC version on the wire, as 0x00000001." =
            Cell::maybe(row.offer.quic_version, Cell::Code32);
    }
}

table! {
    /// One row per DNS answer record.
    Dns = "dns" of AnswerView<'a>,
    "One row per DNS answer record that could be read.",
    |row| {
        "frame" Number always "Frame that completed the answer." = Cell::Number(row.frame.0);
        "time" Time always "Its time." = Cell::Time(row.time);
        "transport" Text always "udp, tcp, mdns or llmnr." = Cell::Token(row.answer.transport);
        "client" Address always "Who asked." = Cell::Address(row.client);
        "resolver" Address always "Who answered." = Cell::Address(row.resolver);
        "query" Text maybe "Name asked for." = Cell::name(&row.answer.query);
        "owner" Text maybe "Name the record belongs to." = Cell::name(&row.answer.owner);
        "type" Text always "Record type: A, AAAA, CNAME, HTTPS ..." = Cell::Text(&row.answer.kind);
        "data" Text maybe "Its data: an address, a name, or the zone-file form." = Cell::name(&row.answer.data);
        "ttl" Number always "Seconds for which it may be kept." = Cell::Number(row.answer.ttl.into());
        "hints" Texts maybe "Addresses hinted in an HTTPS or SVCB record (RFC 9460)." =
            List(SEMICOLON, row.answer.hints.iter().map(|&address| Cell::Address(address)));
    }
}

table! {
    /// One row per other statement that was read on the wire.
    Facts = "facts" of FactView<'a>,
    "One row per further statement read on the wire: relays, certificates, software, media, what is hidden.",
    |row| {
        "frame" Number always "Frame in which it was read." = Cell::Number(row.frame.0);
        "time" Time always "Its time." = Cell::Time(row.time);
        "flow" Number always "Number of the flow." = Cell::Number(row.flow);
        "sender" Address always "Address of who said it." = Cell::Address(row.from.address);
        "sender_port" Number always "Its port." = Cell::Number(row.from.port.into());
        "receiver" Address always "Address of whom it was said to." = Cell::Address(row.to.address);
        "receiver_port" Number always "Its port." = Cell::Number(row.to.port.into());
        "fact" Text always
            "speaks, named, offered, chosen, certificate, asked, resolved, mapped (STUN told the address seen), relayed (an \
             address on a relay), peer (relayed to this address), software, realm, media, hidden, clear, or the \
             protocol's own word." = Cell::Token(fact_token(row.fact));
        "value" Text maybe "What was said." = fact_value(row.fact);
        "names" Texts maybe "Host names in a certificate." =
            List(SEMICOLON, certificate_names(row.fact).iter().map(Cell::name));
    }
}

table! {
    /// One row per remote address.
    Endpoints = "endpoints" of EndpointView<'a>,
    "One row per remote address: who runs it, where it stands, how it stands to the audited service, what it got.",
    |row| {
        "address" Address always "The address." = Cell::Address(row.address);
        "names" Texts maybe "Names its flows used; bounded." =
            List(SEMICOLON, row.names.iter().map(|&name| Cell::name(name)));
        "organisation" Text maybe "Who runs it: by name if the name tells, else by network." =
            Cell::maybe(row.organisation(), |(_, c)| Cell::Text(&c.value.name));
        "parent" Text maybe "Its ultimate parent company, if it is another." =
            Cell::maybe(row.organisation().and_then(|(_, c)| c.value.parent.as_deref()), Cell::Text);
        "parent_country" Text maybe "Seat of that parent." =
            Cell::maybe(row.organisation().and_then(|(_, c)| c.value.parent_seat.as_ref()), |s| Cell::Token(s.as_str()));
        "asn" Number maybe "Autonomous system that announces the address." =
            Cell::maybe(row.place.network.as_ref(), |n| Cell::Number(n.asn.into()));
        "as_name" Text maybe "Its holder." = Cell::maybe(row.place.network.as_ref(), |n| Cell::Text(&n.name));
        "as_country" Text maybe "Country of the holder's registration; never a location." =
            Cell::maybe(row.place.network.as_ref().and_then(|n| n.country.as_ref()), |c| Cell::Token(c.as_str()));
        "located_in" Text maybe "Country in which a source places the address." =
            Cell::maybe(row.place.located_in.as_ref(), |c| Cell::Token(c.value.as_str()));
        "located_by" Text maybe "That source and its date." =
            Cell::maybe(row.place.located_in.as_ref(), |c| Cell::Source(&c.source));
        "located_confidence" Text maybe "low, medium or high." =
            Cell::maybe(row.place.located_in.as_ref(), |c| Cell::Token(c.confidence.token()));
        "round_trip_ms" Millis maybe "Smallest round trip as seen from the place of capture: TCP handshake, hello (TLS, QUIC, DTLS) or STUN." =
            Cell::maybe(row.round_trip, |t| Cell::Millis(t.nanos));
        "excluded_countries" Texts maybe "Countries that this round trip rules out at the speed of light, as seen from the place of capture; empty if that is not known." =
            List(SEMICOLON, row.excluded.iter().map(|c| Cell::Token(c.as_str())));
        "regime" Text maybe "Legal regime of located_in on the days of its flows; several are in order of time." = Cell::Token(&row.regime);
        "category" Text maybe "Category in the lists of telemetry and tracker hosts." =
            Cell::maybe(row.label.as_ref(), |l| Cell::Text(&l.category));
        "disclosed" Text maybe
            "service (the audited service itself), listed (a subprocessor the list names), not-listed, background \
             (operating system), local (own network)." = Cell::Token(row.listing.token());
        "packets_up" Number always "Frames sent to it." = Cell::Number(row.up.packets);
        "bytes_up" Number always "Their lengths on the wire, link header included." = Cell::Number(row.up.bytes);
        "packets_down" Number always "Frames received from it." = Cell::Number(row.down.packets);
        "bytes_down" Number always "Their lengths on the wire, link header included." = Cell::Number(row.down.bytes);
        "first" Time always "Time of the first frame." = Cell::Time(row.first);
        "last" Time always "Time of the last frame." = Cell::Time(row.last);
        "flows" Number always "Number of flows." = Cell::Number(row.flows);
        "organisation_basis" Text maybe "name: the host name says who runs it; network: the holder of the address does." =
            Cell::maybe(row.organisation(), |(basis, _)| Cell::Token(basis));
        "organisation_country" Text maybe "Seat of the organisation." =
            Cell::maybe(row.organisation().and_then(|(_, c)| c.value.seat.as_ref()), |s| Cell::Token(s.as_str()));
        "organisation_by" Text maybe "Source of the organisation and its date." =
            Cell::maybe(row.organisation(), |(_, c)| Cell::Source(&c.source));
        "organisation_unverified" Flag maybe "The source marks the entry as general knowledge." =
            Cell::maybe(row.organisation(), |(_, c)| Cell::Flag(c.value.unverified));
        "holder" Text maybe "Second recipient: who holds the network, where the host name says who runs the host." =
            Cell::maybe(row.carrier(), |c| Cell::Text(&c.value.name));
        "holder_country" Text maybe "Its seat." =
            Cell::maybe(row.carrier().and_then(|c| c.value.seat.as_ref()), |s| Cell::Token(s.as_str()));
        "holder_parent" Text maybe "Its ultimate parent company, if it is another." =
            Cell::maybe(row.carrier().and_then(|c| c.value.parent.as_deref()), Cell::Text);
        "holder_parent_country" Text maybe "Seat of that parent." =
            Cell::maybe(row.carrier().and_then(|c| c.value.parent_seat.as_ref()), |s| Cell::Token(s.as_str()));
        "indeterminate" Text maybe "Why the place cannot be told, or not surely." =
            Cell::maybe(row.place.indeterminate.as_deref(), Cell::Text);
        "votes" Texts maybe "What every source says of the place, best first; codes in host names last." =
            List(SEMICOLON, row.place.votes.iter().map(Cell::Vote));
        "round_trip_by" Text maybe "What was asked and answered: tcp-handshake, tcp-data, tls-hello, quic-hello, dtls-hello or stun." =
            Cell::maybe(row.round_trip, |t| Cell::Token(t.kind.token()));
        "round_trip_frames" Numbers maybe "Frames of the question and the answer." =
            List(SEMICOLON, row.round_trip.iter().flat_map(|t| [Cell::Number(t.asked.0), Cell::Number(t.answered.0)]));
        "cloud" Text maybe "Cloud provider that lists the address." =
            Cell::maybe(row.place.cloud.as_ref(), |c| Cell::Text(&c.provider));
        "cloud_region" Text maybe "Its region." = Cell::maybe(row.place.cloud.as_ref(), |c| Cell::Text(&c.region));
        "category_by" Text maybe "Suffix of the list that gave the category." =
            Cell::maybe(row.label.as_ref(), |l| Cell::Text(&l.suffix));
        "category_via" Text maybe "Alias (CNAME) that matched, where the name itself is on no list." =
            Cell::maybe(row.label.as_ref().and_then(|l| l.via.as_ref()), Cell::name);
        "payload_up" Number always "Transport payload bytes sent to it." = Cell::Number(row.up.payload);
        "payload_down" Number always "Transport payload bytes received from it." = Cell::Number(row.down.payload);
        "reverse_name" Text maybe
            "What the resolver that the user had this program ask calls it (PTR); whoever holds the address can have anything \
             written there. Nothing is judged by it." = Cell::maybe(row.reverse_name, Cell::name);
    }
}

table! {
    /// One row per finding, with its number from 1.
    Findings = "findings" of (u64, &'a Finding),
    "One row per finding: an observation that deserves a look, never a legal verdict.",
    |row| {
        "id" Number always "Number of the finding in this report, from 1." = Cell::Number(row.0);
        "code" Text always "Stable code of the rule." = Cell::Token(row.1.code);
        "severity" Text always "info, notice, attention or high: how much a human should look at it." =
            Cell::Token(row.1.severity.token());
        "ground" Text always
            "What it stands on: located_in, run_by, parent_seated_in, list, category, transport, capture." =
            Cell::Token(row.1.ground.token());
        "subject" Text maybe "Whom or what it is about." = Cell::Text(&row.1.subject);
        "text" Text always "The finding in words." = Cell::Text(&row.1.text);
        "confidence" Text always "low, medium or high." = Cell::Token(row.1.confidence.token());
        "uncertainty" Text maybe "What weakens it." = Cell::Text(&row.1.uncertainty);
        "first" Time always "Time of the first frame concerned." = Cell::Time(row.1.first);
        "last" Time always "Time of the last frame concerned." = Cell::Time(row.1.last);
        "frames" Numbers maybe "Frames it rests on: the first of each flow concerned; bounded." =
            List(SEMICOLON, row.1.frames.iter().map(|frame| Cell::Number(frame.0)));
        "sources" Texts maybe "Databases and lists it rests on, with their dates." =
            List(SEMICOLON, row.1.sources.iter().map(|source| Cell::Source(source)));
        "set_aside" Text maybe "Why the auditor has set it aside." =
            Cell::maybe(row.1.aside.as_ref(), |aside| Cell::Text(&aside.reason));
        "set_aside_on" Text maybe "Day of that decision." =
            Cell::maybe(row.1.aside.as_ref(), |aside| Cell::Day(aside.decided));
        "set_aside_by" Text maybe "Who decided." = Cell::maybe(row.1.aside.as_ref(), |aside| Cell::Text(&aside.by));
    }
}

table! {
    /// One row per stage and kind of loss.
    Losses = "losses" of &'a LossView,
    "One row per stage and kind of loss: what was not captured, kept or read. The rows `decode` and `set aside` and the packets of all flows add up to the frames analyzed; frames that were read in part are among the packets.",
    |row| {
        "stage" Text always "Where it was lost: interface, kernel, file, decode, set aside (no TCP or UDP), read in part, flow table, ledger ..." =
            Cell::Text(&row.stage);
        "kind" Text always "How." = Cell::Text(&row.kind);
        "frames" Number always "Frames lost." = Cell::Number(row.frames);
        "bytes" Number always "Bytes lost, as far as known." = Cell::Number(row.bytes);
        "from" Time always "Time of the first frame at which this was noted." = Cell::Time(row.from);
        "until" Time always "Time of the last." = Cell::Time(row.until);
    }
}

fn fact_token(fact: &Fact) -> &'static str {
    match fact {
        Fact::Speaks(_) => "speaks",
        Fact::Named { .. } => "named",
        Fact::Offered(_) => "offered",
        Fact::Chosen(_) => "chosen",
        Fact::Certified(_) => "certificate",
        Fact::Asked { .. } => "asked",
        Fact::Resolved(_) => "resolved",
        Fact::Mapped(_) => "mapped",
        Fact::Relayed(_) => "relayed",
        Fact::Peer(_) => "peer",
        Fact::Software(_) => "software",
        Fact::Realm(_) => "realm",
        Fact::Media(_) => "media",
        Fact::Hidden(_) => "hidden",
        Fact::Clear(_) => "clear",
        Fact::Answered => "answered",
        Fact::RoundTrip(_) => "round-trip",
        Fact::Announced { .. } => "announced",
        Fact::Detail { key, .. } => key,
    }
}

fn fact_value(fact: &Fact) -> Cell<'_> {
    match fact {
        Fact::Speaks(token) | Fact::Clear(token) => Cell::Token(token),
        Fact::Named { name, .. } | Fact::Asked { name, .. } => Cell::name(name),
        Fact::Offered(offer) => Cell::maybe(offer.sni.as_ref(), Cell::name),
        Fact::Chosen(choice) => Cell::Version(choice.version),
        Fact::Certified(certificate) => Cell::name(&certificate.issuer),
        Fact::Resolved(answer) => Cell::name(&answer.data),
        Fact::Mapped(end) | Fact::Relayed(end) | Fact::Peer(end) | Fact::Announced { end, .. } => Cell::End(*end),
        Fact::Software(text) | Fact::Realm(text) | Fact::Detail { value: text, .. } => Cell::name(text),
        Fact::Media(Media::Rtp { .. }) => Cell::Token("rtp"),
        Fact::Media(Media::Rtcp) => Cell::Token("rtcp"),
        Fact::Media(Media::Zoom { .. }) => Cell::Token("zoom"),
        Fact::Hidden(hidden) => Cell::Token(hidden.token()),
        Fact::RoundTrip(trip) => Cell::Token(trip.kind.token()),
        Fact::Answered => Cell::Empty,
    }
}

fn certificate_names(fact: &Fact) -> &[crate::wire::Text] {
    match fact {
        Fact::Certified(certificate) => &certificate.names,
        _ => &[],
    }
}

type CompanyClaim = crate::attribution::Claim<std::sync::Arc<crate::attribution::Company>>;

impl EndpointView<'_> {
    /// Whose network carries what somebody else receives.
    fn carrier(&self) -> Option<&CompanyClaim> {
        self.operator.as_ref().and(self.holder.as_ref())
    }

    /// Who runs the endpoint, and whether its name or its network says so.
    fn organisation(&self) -> Option<(&'static str, &CompanyClaim)> {
        let by_name = self.operator.as_ref().map(|claim| ("name", claim));
        by_name.or_else(|| self.holder.as_ref().map(|claim| ("network", claim)))
    }
}
