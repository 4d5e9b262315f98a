//! Compresses layers of images.
//!
//! The bytes depend on the input and on the versions in Cargo.lock alone, so an image's digest is the
//! same on every machine. What Python is linked with is zlib on one and zlib-ng on another.

use std::io;

use flate2::{Compression, GzBuilder};

/// The smaller of what is quick: 9 takes twice as long for a hundredth less.
const LEVEL: u32 = 6;

/// Copies all of `plain` into `compressed`, without a name, a time or a machine in the header.
///
/// # Errors
///
/// What reading and writing say.
pub fn compress(plain: &mut impl io::Read, compressed: impl io::Write) -> io::Result<()> {
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(compressed, Compression::new(LEVEL));
    io::copy(plain, &mut encoder)?;
    io::Write::flush(&mut encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    #[test]
    fn what_is_compressed_is_what_was_given() {
        let plain = "a layer's files, ".repeat(10_000);
        let mut compressed = Vec::new();
        compress(&mut plain.as_bytes(), &mut compressed).expect("into memory");
        let mut back = String::new();
        GzDecoder::new(compressed.as_slice())
            .read_to_string(&mut back)
            .expect("a whole archive");
        assert_eq!(back, plain);
        assert!(compressed.len() < plain.len() / 100);
    }

    /// RFC 1952: no name, no time; operating system 255 is "unknown".
    #[test]
    fn the_header_says_nothing_of_the_machine() {
        let mut compressed = Vec::new();
        compress(&mut [0u8; 4].as_slice(), &mut compressed).expect("into memory");
        assert_eq!(compressed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    }
}
