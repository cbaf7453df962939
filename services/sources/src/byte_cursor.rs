//! Walks over bytes of a binary format. What they say of lengths is checked before it is believed.

/// Why a walk stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Cut {
    /// A value goes on behind the bytes.
    #[error("it ends within a value")]
    Beyond,
    /// No value is written so.
    #[error("{0}")]
    Broken(String),
}

impl From<Cut> for String {
    fn from(cut: Cut) -> Self {
        cut.to_string()
    }
}

/// Bytes, from the first that was not taken yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ByteCursor<'a>(&'a [u8]);

impl<'a> ByteCursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes that were not taken yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], Cut> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Cut::Beyond)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Cut> {
        let (byte, rest) = self.0.split_first().ok_or(Cut::Beyond)?;
        self.0 = rest;
        Ok(*byte)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Cut> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Cut::Beyond)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// An integer of seven bits a byte, lowest first, with its sign in the lowest bit.
    pub(crate) fn varint(&mut self) -> Result<i64, Cut> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        Err(Cut::Broken("a number never ends".to_owned()))
    }

    /// Bytes with their length before them.
    pub(crate) fn of_length(&mut self) -> Result<&'a [u8], Cut> {
        let length = self.varint()?;
        let length = usize::try_from(length).map_err(|_| Cut::Broken(format!("{length} is no length")))?;
        self.take(length)
    }

    /// So many bytes, or bytes with their length before them.
    pub(crate) fn fixed_or_prefixed(&mut self, length: Option<usize>) -> Result<&'a [u8], Cut> {
        match length {
            Some(length) => self.take(length),
            None => self.of_length(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lengths_are_read_and_checked() {
        let varint = |bytes: &[u8]| ByteCursor::new(bytes).varint();
        assert_eq!(varint(&[0x01]), Ok(-1));
        assert_eq!(varint(&[0xac, 0x02]), Ok(150));
        assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), Ok(i64::MIN));
        assert_eq!(varint(&[0x80]), Err(Cut::Beyond));
        assert!(matches!(varint(&[0x80; 11]), Err(Cut::Broken(_))));
        assert_eq!(ByteCursor::new(&[4, b'a', b'b', b'c']).of_length(), Ok(&b"ab"[..]));
        assert_eq!(ByteCursor::new(&[6, b'a', b'b']).of_length(), Err(Cut::Beyond));
        assert!(matches!(ByteCursor::new(&[1]).of_length(), Err(Cut::Broken(_))));
    }
}
