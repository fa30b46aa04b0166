//! `/meshward/direct/1`: one packet to one neighbour.
//!
//! A stream carries the length of a packet, four bytes, little-endian, and the packet; one byte comes back when
//! it was read. Nothing that is said about length is believed: memory is taken as bytes arrive, never more
//! than the longest packet of the mesh, and beside the first chunk of each stream never more than a fixed amount
//! for all streams together, however many strangers hold one open. So strangers that hold that amount keep nobody
//! from sending what fits into a chunk, as challenges and their answers do.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use libp2p::StreamProtocol;
use libp2p::futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::request_response::Codec;

/// Its name.
pub(super) const PROTOCOL: StreamProtocol = StreamProtocol::new("/meshward/direct/1");

const WAS_READ: [u8; 1] = [1];

/// So many bytes at a time. The first so many of a stream are taken from nothing that others need.
const CHUNK: usize = 16 * 1024;
/// What all streams together may hold beside their first chunks and four of the longest packets, in bytes.
const SHARED: usize = 16 * 1024 * 1024;

/// Reads and writes packets of up to so many bytes.
#[derive(Debug, Clone)]
pub struct Direct {
    longest: usize,
    /// Bytes that streams may still take; all clones share it.
    left: Arc<AtomicUsize>,
}

impl Direct {
    pub(super) fn new(longest: usize) -> Self {
        let left = longest.saturating_mul(4).saturating_add(SHARED);
        Self { longest, left: Arc::new(AtomicUsize::new(left)) }
    }
}

/// What one stream has taken, and gives back.
struct Taken<'a> {
    left: &'a AtomicUsize,
    bytes: usize,
}

impl Taken<'_> {
    fn take(&mut self, bytes: usize) -> io::Result<()> {
        let lessen = |left: usize| left.checked_sub(bytes);
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, lessen) {
            Ok(_) => {
                self.bytes = self.bytes.saturating_add(bytes);
                Ok(())
            }
            Err(_) => Err(io::Error::new(io::ErrorKind::OutOfMemory, "too much is being read")),
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

impl Codec for Direct {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = ();

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut length = [0; 4];
        io.read_exact(&mut length).await?;
        let length = u32::from_le_bytes(length);
        if usize::try_from(length).map_or(true, |length| length > self.longest) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than any packet"));
        }
        let mut taken = Taken { left: &self.left, bytes: 0 };
        let (mut packet, mut missing) = (Vec::new(), usize::try_from(length).unwrap_or(0));
        while missing > 0 {
            let chunk = missing.min(CHUNK);
            if !packet.is_empty() {
                taken.take(chunk)?;
            }
            let some = u64::try_from(chunk).map_err(io::Error::other)?;
            if (&mut *io).take(some).read_to_end(&mut packet).await? < chunk {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            missing = missing.saturating_sub(chunk);
        }
        Ok(packet)
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<()>
    where
        T: AsyncRead + Unpin + Send,
    {
        io.read_exact(&mut [0; WAS_READ.len()]).await
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        packet: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        let length = u32::try_from(packet.len()).map_err(io::Error::other)?;
        io.write_all(&length.to_le_bytes()).await?;
        io.write_all(&packet).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, (): ()) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&WAS_READ).await
    }
}

#[cfg(test)]
mod tests {
    use libp2p::futures::executor::block_on;
    use libp2p::futures::io::Cursor;

    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut direct = Direct::new(5);
        block_on(direct.read_request(&PROTOCOL, &mut Cursor::new(bytes)))
    }

    #[test]
    fn what_is_written_is_read() {
        let mut bytes = Cursor::new(Vec::new());
        let mut direct = Direct::new(5);
        block_on(direct.write_request(&PROTOCOL, &mut bytes, b"abcde".to_vec())).unwrap();
        assert_eq!(read(bytes.get_ref()).unwrap(), b"abcde");
    }

    #[test]
    fn lengths_that_lie_are_errors() {
        let of = |length: u32, rest: &[u8]| [&length.to_le_bytes(), rest].concat();
        assert_eq!(read(&of(0, b"")).unwrap(), b"");
        assert!(read(&of(6, b"abcdef")).is_err());
        assert!(read(&of(u32::MAX, b"abcdef")).is_err());
        assert!(read(&of(5, b"abcd")).is_err());
        assert!(read(&[1, 0, 0]).is_err());
        // What follows is another stream's matter.
        assert_eq!(read(&of(2, b"abcd")).unwrap(), b"ab");
    }

    /// However many streams are held open half read, they hold no more than they share; what ends gives back.
    #[test]
    fn streams_share_a_bound() {
        let direct = Direct::new(CHUNK);
        let left = || direct.left.load(Ordering::Relaxed);
        let all = left();
        let mut held: Vec<_> = (0..all / CHUNK)
            .map(|_| {
                let mut taken = Taken { left: &direct.left, bytes: 0 };
                taken.take(CHUNK).unwrap();
                taken
            })
            .collect();
        assert_eq!(left(), 0);
        let mut late = Taken { left: &direct.left, bytes: 0 };
        assert_eq!(late.take(1).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
        held.pop();
        late.take(CHUNK).unwrap();
        drop((held, late));
        assert_eq!(left(), all);
    }

    /// Whoever holds all that streams share holds up no packet of one chunk.
    #[test]
    fn short_packets_need_nothing_of_what_is_shared() {
        let mut direct = Direct::new(CHUNK + 1);
        let mut hostile = Taken { left: &Arc::clone(&direct.left), bytes: 0 };
        hostile.take(direct.left.load(Ordering::Relaxed)).unwrap();
        let mut read = |length: usize| {
            let mut bytes = Cursor::new(Vec::new());
            block_on(direct.write_request(&PROTOCOL, &mut bytes, vec![7; length])).unwrap();
            let bytes = bytes.into_inner();
            block_on(direct.read_request(&PROTOCOL, &mut Cursor::new(bytes)))
        };
        assert_eq!(read(CHUNK).unwrap(), vec![7; CHUNK]);
        assert_eq!(read(CHUNK + 1).unwrap_err().kind(), io::ErrorKind::OutOfMemory);
    }
}
