//! A stream that can be told to end after so many more bytes.
//!
//! Guarantees: the bytes before the cut are flushed before the end, so that a peer sees exactly that many.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// No cut is asked for.
const NEVER: usize = usize::MAX;

/// The handle that asks for the cut.
#[derive(Debug, Clone)]
pub(super) struct Cut(Arc<AtomicUsize>);

/// The stream.
#[derive(Debug)]
pub(super) struct CutStream<S> {
    inner: S,
    left: Arc<AtomicUsize>,
}

impl Cut {
    /// `stream`, and the handle to cut it with.
    pub(super) fn around<S>(stream: S) -> (CutStream<S>, Self) {
        let left = Arc::new(AtomicUsize::new(NEVER));
        (CutStream { inner: stream, left: Arc::clone(&left) }, Self(left))
    }

    /// Ends the stream after `bytes` more bytes have been written.
    pub(super) fn after(&self, bytes: usize) {
        self.0.store(bytes, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CutStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.left.load(Ordering::Relaxed);
        if left == NEVER {
            return Pin::new(&mut self.inner).poll_write(cx, buf);
        }
        if left == 0 {
            return match Pin::new(&mut self.inner).poll_flush(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(_) => Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut by the script"))),
            };
        }
        let taken = buf.len().min(left);
        let written = Pin::new(&mut self.inner).poll_write(cx, &buf[..taken]);
        if let Poll::Ready(Ok(written)) = written {
            self.left.store(left - written, Ordering::Relaxed);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_peer_sees_exactly_the_bytes_before_the_cut() {
        for bytes in [0, 1, 7] {
            let (near, mut far) = tokio::io::duplex(4);
            let (mut stream, cut) = Cut::around(near);
            cut.after(bytes);
            let writing = async move { stream.write_all(b"0123456789").await.expect_err("cut").kind() };
            let reading = async {
                let mut seen = Vec::new();
                far.read_to_end(&mut seen).await.expect("an end");
                seen
            };
            let (kind, seen) = tokio::join!(writing, reading);
            assert_eq!(kind, io::ErrorKind::ConnectionAborted);
            assert_eq!(seen, b"0123456789"[..bytes].to_vec());
        }
    }
}
