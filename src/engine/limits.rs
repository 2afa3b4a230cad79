//! Every bound of the engine in one place. Bounds of single rooms stand in those rooms and are named there.

/// What the engine keeps at most.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    pub flows: crate::flow::Limits,
    pub ledger: LedgerLimits,
    pub timeline: super::TimelineLimits,
}

/// What the ledger keeps at most.
#[derive(Debug, Clone, Copy)]
pub struct LedgerLimits {
    /// Hellos kept until their answer is known and their row is written.
    pub handshakes: usize,
    /// Different offers (a hello without its name) kept; beyond it only the transport of a hello is told.
    pub offers: usize,
    /// Bytes of different names kept; beyond it flows get no further names.
    pub name_bytes: usize,
    /// Markers kept.
    pub markers: usize,
    /// Remote addresses with rows of their own; the traffic of further ones is counted together.
    pub endpoints: usize,
    /// Names kept per remote address; the traffic under further ones is counted without a name.
    pub names_per_endpoint: usize,
    /// Recipients judged one by one; further ones are judged together per network holder and country.
    pub recipients: usize,
    /// First frames kept per recipient, as evidence.
    pub frames_per_recipient: usize,
    /// Addresses listed per recipient.
    pub addresses_per_recipient: usize,
    /// Different handshakes (what was offered, chosen and certified) kept per recipient; further ones are not graded.
    pub agreements_per_recipient: usize,
    /// Aliases (CNAME) listed per recipient.
    pub aliases_per_recipient: usize,
    /// Names listed per recipient.
    pub names_per_recipient: usize,
    /// Names kept that were looked up for addresses.
    pub reverse_names: usize,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self {
            // Answers come within seconds: so many hellos do not.
            handshakes: 1 << 14,
            // Clients of one kind make a handful; a hundred thousand is somebody trying.
            offers: 1 << 17,
            // Four million names of the usual length.
            name_bytes: 128 << 20,
            markers: 1 << 14,
            endpoints: 1 << 20,
            // A content network's address serves some dozen names of one client.
            names_per_endpoint: 64,
            // A call has tens, a client's whole day some hundred; nobody reads more one by one.
            recipients: 2_000,
            frames_per_recipient: 16,
            addresses_per_recipient: 16,
            // One client and one server settle on one, two clients of one kind on a few.
            agreements_per_recipient: 16,
            aliases_per_recipient: 16,
            names_per_recipient: 64,
            // One look-up run asks for some hundred.
            reverse_names: 4_096,
        }
    }
}
