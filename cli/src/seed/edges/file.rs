//! The lines of a file, plain or gzip, one at a time and never a long one.

use std::{
    fs::File,
    io::{BufRead, BufReader, ErrorKind, Read as _},
    path::Path,
};

use flate2::bufread::MultiGzDecoder;

use super::error::Fault;

/// What gzip begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// Some editors begin a text with it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Bytes of a line. An edge has 42 at most; a comment may be long.
const MAX_LINE: u64 = 65_536;
const BUFFER: usize = 256 * 1024;

/// The lines of a file.
pub(super) struct Lines {
    text: Box<dyn BufRead>,
    compressed: bool,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    /// Opens the file. Whether it is gzip is for its first bytes to say, not for its name.
    pub(super) fn open(path: &Path) -> Result<Self, Fault> {
        let file = File::open(path).map_err(Fault::Open)?;
        if file.metadata().map_err(Fault::Open)?.is_dir() {
            return Err(Fault::Open(ErrorKind::IsADirectory.into()));
        }
        let mut plain = BufReader::with_capacity(BUFFER, file);
        let compressed = plain.fill_buf().map_err(Fault::Read)?.starts_with(&GZIP);
        let text: Box<dyn BufRead> = if compressed {
            Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        Ok(Self { text, compressed, line: Vec::new(), number: 0 })
    }

    /// The next line, with its number from 1 on.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &[u8])>, Fault> {
        self.line.clear();
        let read = self.text.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut self.line);
        if let Err(error) = read {
            let damaged =
                matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput);
            return Err(if self.compressed && damaged { Fault::Gzip(error) } else { Fault::Read(error) });
        }
        if self.line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if self.line.contains(&0) {
            return Err(Fault::Binary(self.number));
        }
        if self.line.len() as u64 > MAX_LINE {
            return Err(Fault::LongLine { number: self.number, most: MAX_LINE });
        }
        let line = if self.number == 1 { self.line.strip_prefix(BYTE_ORDER_MARK) } else { None };
        Ok(Some((self.number, line.unwrap_or(&self.line))))
    }

    /// How many lines there were so far.
    pub(super) fn number(&self) -> u64 {
        self.number
    }
}
