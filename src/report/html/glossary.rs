//! Terms of the page, for readers who are no network people.

/// Term and explanation.
type Entry = (&'static str, &'static str);

/// In English and in German.
pub(super) const ENTRIES: [(Entry, Entry); 16] = [
    (
        (
            "Adequacy decision",
            "Decision of the European Commission under Article 45 GDPR on the level of protection in a third country; it has a date from which, and sometimes until which, it is in force.",
        ),
        (
            "Angemessenheitsbeschluss",
            "Beschluss der Europäischen Kommission nach Artikel 45 DSGVO über das Schutzniveau in einem Drittland; er gilt ab einem Tag und manchmal bis zu einem Tag.",
        ),
    ),
    (
        (
            "Anycast",
            "One address that is served from many places at once. Which of them answered cannot be told from the address.",
        ),
        (
            "Anycast",
            "Eine Adresse, die zugleich an vielen Orten bedient wird. Welcher davon geantwortet hat, ist der Adresse nicht anzusehen.",
        ),
    ),
    (
        (
            "AS, autonomous system",
            "A network under one administration on the Internet. The country in which it is registered is no location of its addresses.",
        ),
        (
            "AS, autonomes System",
            "Ein einheitlich verwaltetes Netz im Internet. Das Land seiner Registrierung ist kein Standort seiner Adressen.",
        ),
    ),
    (
        (
            "DNS",
            "The directory that turns host names into addresses. Its answers tell which name stood behind an address.",
        ),
        (
            "DNS",
            "Das Verzeichnis, das Hostnamen in Adressen übersetzt. Seine Antworten verraten, welcher Name hinter einer Adresse stand.",
        ),
    ),
    (
        (
            "ECH, Encrypted Client Hello",
            "An extension of TLS that hides the name of the host. The name still visible beside it may be a cover (RFC 9849).",
        ),
        (
            "ECH, Encrypted Client Hello",
            "Eine Erweiterung von TLS, die den Namen des Hosts verbirgt. Der daneben sichtbare Name kann ein Deckname sein (RFC 9849).",
        ),
    ),
    (
        ("EEA", "European Economic Area: the European Union, Iceland, Liechtenstein and Norway."),
        ("EWR", "Europäischer Wirtschaftsraum: die Europäische Union, Island, Liechtenstein und Norwegen."),
    ),
    (
        ("Finding", "An observation that deserves a look by a human, with the frames and sources it rests on."),
        (
            "Befund",
            "Eine Beobachtung, die der Blick eines Menschen verdient, mit den Frames und Quellen, auf denen sie beruht.",
        ),
    ),
    (
        ("Flow", "One conversation between two addresses and ports over TCP or UDP."),
        ("Verbindung", "Ein Gespräch zwischen zwei Adressen und Ports über TCP oder UDP."),
    ),
    (
        ("Frame", "One record of the capture: a packet as it passed the network card."),
        ("Frame", "Ein Eintrag der Aufzeichnung: ein Paket, wie es die Netzwerkkarte passierte."),
    ),
    (
        (
            "Handshake, hello",
            "The first messages of an encrypted connection. They are readable and often name the host (SNI).",
        ),
        (
            "Handshake, Hello",
            "Die ersten Nachrichten einer verschlüsselten Verbindung. Sie sind lesbar und nennen oft den Host (SNI).",
        ),
    ),
    (
        ("Marker", "A note with a time that somebody set during the call, for instance: joined, microphone off."),
        ("Marke", "Ein Vermerk mit Uhrzeit, der während des Gesprächs gesetzt wurde, etwa: beigetreten, Mikrofon aus."),
    ),
    (
        ("QUIC, DTLS, TLS", "Protocols that encrypt connections: TLS over TCP, QUIC and DTLS over UDP."),
        ("QUIC, DTLS, TLS", "Protokolle, die Verbindungen verschlüsseln: TLS über TCP, QUIC und DTLS über UDP."),
    ),
    (
        ("RTP, SRTP", "The protocol that carries sound and pictures; SRTP is its encrypted form."),
        ("RTP, SRTP", "Das Protokoll für Ton und Bild; SRTP ist seine verschlüsselte Form."),
    ),
    (
        ("SHA-256", "A fingerprint of a file: whoever has the same file computes the same value."),
        ("SHA-256", "Ein Fingerabdruck einer Datei: Wer dieselbe Datei hat, errechnet denselben Wert."),
    ),
    (
        ("Subprocessor", "A further processor that the processor engages (Article 28(2) and (4) GDPR)."),
        (
            "Unterauftragsverarbeiter",
            "Ein weiterer Auftragsverarbeiter, den der Auftragsverarbeiter einsetzt (Artikel 28 Absatz 2 und 4 DSGVO).",
        ),
    ),
    (("Third country", "A country outside the EEA."), ("Drittland", "Ein Land außerhalb des EWR.")),
];
