//! The one way to write bytes for the wire: big-endian numbers, and vectors with their length in front.

/// Bytes under construction. Calls chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// What `write` writes into an empty one.
    #[must_use]
    pub fn of(write: impl FnOnce(&mut Self)) -> Vec<u8> {
        let mut bytes = Self::new();
        write(&mut bytes);
        bytes.0
    }

    pub fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }

    pub fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    pub fn u24(&mut self, value: u32) -> &mut Self {
        let [_, a, b, c] = value.to_be_bytes();
        self.put(&[a, b, c])
    }

    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_be_bytes())
    }

    /// A vector with an 8-bit length; what exceeds it is left out, so that the length is always right.
    pub fn vec8(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        let mut body = Self::of(write);
        body.truncate(0xff);
        self.u8(body.len() as u8).put(&body)
    }

    /// As `vec8` with 16 bits.
    pub fn vec16(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        let mut body = Self::of(write);
        body.truncate(0xffff);
        self.u16(body.len() as u16).put(&body)
    }

    /// As `vec8` with 24 bits.
    pub fn vec24(&mut self, write: impl FnOnce(&mut Self)) -> &mut Self {
        let mut body = Self::of(write);
        body.truncate(0xff_ffff);
        self.u24(body.len() as u32).put(&body)
    }
}
