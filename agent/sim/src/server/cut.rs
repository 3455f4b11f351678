//! A stream that can be told to end after so many more bytes, of an answer or of a request.
//!
//! Guarantees: the bytes before the cut of an answer are flushed before the end, so that a peer sees exactly that many; of a request
//! no byte after the cut is read. Deliberately absent: what a request is. One begins with the first byte after the last answer.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// No cut is asked for.
const NEVER: usize = usize::MAX;

/// Asked at the first byte of each request: after how many bytes of it shall the stream end?
type Ask = Box<dyn Fn() -> Option<usize> + Send>;

/// The handle that asks for the cut.
#[derive(Debug, Clone)]
pub(super) struct Cut(Arc<Marks>);

#[derive(Debug)]
struct Marks {
    /// Bytes of the answer that may still be written.
    answer: AtomicUsize,
    /// Whether the next byte that comes is the first of a request.
    between: AtomicBool,
}

/// The stream.
pub(super) struct CutStream<S> {
    inner: S,
    marks: Arc<Marks>,
    /// Bytes of the request that may still be read.
    request: usize,
    ask: Ask,
}

impl<S> fmt::Debug for CutStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CutStream").field("marks", &self.marks).field("request", &self.request).finish_non_exhaustive()
    }
}

impl Cut {
    /// `stream`, and the handle to cut its answers with; `ask` is asked about each request.
    pub(super) fn around<S>(stream: S, ask: impl Fn() -> Option<usize> + Send + 'static) -> (CutStream<S>, Self) {
        let marks = Arc::new(Marks { answer: AtomicUsize::new(NEVER), between: AtomicBool::new(true) });
        (CutStream { inner: stream, marks: Arc::clone(&marks), request: NEVER, ask: Box::new(ask) }, Self(marks))
    }

    /// Ends the stream after `bytes` more bytes have been written.
    pub(super) fn after(&self, bytes: usize) {
        self.0.answer.store(bytes, Ordering::Relaxed);
    }

    /// The request has been answered: what comes now is another one.
    pub(super) fn answered(&self) {
        self.0.between.store(true, Ordering::Relaxed);
    }
}

fn by_the_script() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "cut by the script")
}

impl<S: AsyncRead + Unpin> CutStream<S> {
    /// Reads no more than the request has left before its cut.
    fn read_up_to_cut(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.request == 0 {
            return Poll::Ready(Err(by_the_script()));
        }
        let mut part = buf.take(self.request);
        let read = Pin::new(&mut self.inner).poll_read(cx, &mut part);
        let count = part.filled().len();
        // The part has initialised what it filled; the whole buffer learns of it here.
        let filled = part.filled().to_vec();
        buf.put_slice(&filled);
        self.request -= count;
        read
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CutStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.request != NEVER {
            return self.read_up_to_cut(cx, buf);
        }
        if !self.marks.between.load(Ordering::Relaxed) {
            return Pin::new(&mut self.inner).poll_read(cx, buf);
        }
        let mut first = [0];
        let mut one = ReadBuf::new(&mut first);
        if buf.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        match Pin::new(&mut self.inner).poll_read(cx, &mut one) {
            Poll::Ready(Ok(())) if !one.filled().is_empty() => {
                self.marks.between.store(false, Ordering::Relaxed);
                match (self.ask)() {
                    Some(0) => {
                        self.request = 0;
                        Poll::Ready(Err(by_the_script()))
                    }
                    bytes => {
                        self.request = bytes.map_or(NEVER, |bytes| bytes - 1);
                        buf.put_slice(&first);
                        Poll::Ready(Ok(()))
                    }
                }
            }
            other => other,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.marks.answer.load(Ordering::Relaxed);
        if left == NEVER {
            return Pin::new(&mut self.inner).poll_write(cx, buf);
        }
        if left == 0 {
            return match Pin::new(&mut self.inner).poll_flush(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(_) => Poll::Ready(Err(by_the_script())),
            };
        }
        let taken = buf.len().min(left);
        let written = Pin::new(&mut self.inner).poll_write(cx, &buf[..taken]);
        if let Poll::Ready(Ok(written)) = written {
            self.marks.answer.store(left - written, Ordering::Relaxed);
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
            let (mut stream, cut) = Cut::around(near, || None);
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

    #[tokio::test(start_paused = true)]
    async fn of_the_second_request_so_many_bytes_are_read() {
        for bytes in [0, 1, 3] {
            let (near, mut far) = tokio::io::duplex(64);
            let asked = Arc::new(AtomicUsize::new(0));
            let times = Arc::clone(&asked);
            let ask = move || (times.fetch_add(1, Ordering::Relaxed) == 1).then_some(bytes);
            let (mut stream, cut) = Cut::around(near, ask);
            far.write_all(b"first").await.expect("room");
            let mut seen = [0; 5];
            stream.read_exact(&mut seen).await.expect("the whole request");
            cut.answered();
            far.write_all(b"second").await.expect("room");
            let mut seen = Vec::new();
            let kind = stream.read_to_end(&mut seen).await.expect_err("cut").kind();
            assert_eq!((kind, seen.as_slice()), (io::ErrorKind::ConnectionAborted, &b"second"[..bytes]));
            assert_eq!(asked.load(Ordering::Relaxed), 2, "once for each request");
        }
    }
}
