//! An encoded page at rest. A page is encoded and compressed once; it can stand in more than one file, and wait in a scratch
//! file until it is known how the file that it belongs to is described.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use bytes::Bytes;
use polars::prelude::PolarsResult;
use polars_parquet::{
    parquet::{
        CowBuffer,
        compression::{Compression, compress},
        page::{CompressedDictPage, DataPageHeader},
    },
    write::{CompressedDataPage, CompressedPage, CompressionOptions, Descriptor, Page},
};

/// An encoded page.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    kind: Kind,
    compression: Compression,
    uncompressed: usize,
    body: Body,
}

#[derive(Debug, Clone)]
enum Kind {
    Data { header: Box<DataPageHeader>, descriptor: Box<Descriptor>, rows: usize },
    Dictionary { values: usize, is_sorted: bool },
}

#[derive(Debug, Clone)]
enum Body {
    Memory(Bytes),
    Scratch { offset: u64, length: usize },
}

impl Sheet {
    /// Compresses a page.
    pub fn of(page: Page, compression: CompressionOptions) -> PolarsResult<Self> {
        let (kind, buffer) = match page {
            Page::Data(mut page) => {
                let rows = page.num_rows.unwrap_or_else(|| page.num_values());
                let buffer = std::mem::take(page.buffer_mut());
                let header = Box::new(page.header().clone());
                (Kind::Data { header, descriptor: Box::new(page.descriptor), rows }, buffer)
            }
            Page::Dict(page) => {
                let kind = Kind::Dictionary { values: page.num_values, is_sorted: page.is_sorted };
                (kind, page.buffer.into_vec())
            }
        };
        let uncompressed = buffer.len();
        let body = match compression {
            CompressionOptions::Uncompressed => buffer,
            _ => {
                let mut compressed = Vec::new();
                compress(compression, &buffer, &mut compressed)?;
                // The buffer was made for the worst case.
                compressed.shrink_to_fit();
                compressed
            }
        };
        Ok(Self {
            kind,
            compression: compression.into(),
            uncompressed,
            body: Body::Memory(Bytes::from(body)),
        })
    }

    /// Bytes that it holds in memory.
    pub fn held(&self) -> usize {
        match &self.body {
            Body::Memory(bytes) => bytes.len(),
            Body::Scratch { .. } => 0,
        }
    }

    /// Moves its bytes into a scratch file at an offset; returns how many there are.
    pub fn move_to(&mut self, file: &File, offset: u64) -> io::Result<u64> {
        let Body::Memory(bytes) = &self.body else { return Ok(0) };
        file.write_all_at(bytes, offset)?;
        let length = bytes.len();
        self.body = Body::Scratch { offset, length };
        Ok(length as u64)
    }

    /// The page, for a writer; `scratch` is the file that it was moved to.
    pub fn page(&self, scratch: Option<&File>) -> PolarsResult<CompressedPage> {
        let buffer = CowBuffer::Owned(self.bytes(scratch)?);
        Ok(match &self.kind {
            Kind::Data { header, descriptor, rows } => CompressedPage::Data(CompressedDataPage::new(
                (**header).clone(),
                buffer,
                self.compression,
                self.uncompressed,
                (**descriptor).clone(),
                *rows,
            )),
            Kind::Dictionary { values, is_sorted } => CompressedPage::Dict(CompressedDictPage::new(
                buffer,
                self.compression,
                self.uncompressed,
                *values,
                *is_sorted,
            )),
        })
    }

    fn bytes(&self, scratch: Option<&File>) -> io::Result<Vec<u8>> {
        match (&self.body, scratch) {
            (Body::Memory(bytes), _) => Ok(bytes.to_vec()),
            (Body::Scratch { offset, length }, Some(file)) => {
                let mut bytes = vec![0; *length];
                file.read_exact_at(&mut bytes, *offset)?;
                Ok(bytes)
            }
            (Body::Scratch { .. }, None) => Err(io::Error::other("the scratch file of a page is gone")),
        }
    }
}
