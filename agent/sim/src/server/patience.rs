//! A stream whose peer must take what is written to it.
//!
//! Guarantees: a write that makes no progress for `PATIENCE` fails, so that who never reads an answer holds it for that long at most.
//! Deliberately absent: patience with readers. Reading has its own limits: one for a head, one for a body.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long a write may stand still: what http.sys gives an idle connection.
const PATIENCE: Duration = Duration::from_secs(120);

/// The stream.
#[derive(Debug)]
pub(super) struct Patient<S> {
    inner: S,
    still: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    /// `stream`, whose peer is not waited for forever.
    pub(super) fn around(stream: S) -> Self {
        Self { inner: stream, still: None }
    }

    fn judge<T>(&mut self, cx: &mut Context<'_>, progress: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            self.still = None;
            return progress;
        }
        let still = self.still.get_or_insert_with(|| Box::pin(tokio::time::sleep(PATIENCE)));
        match still.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the peer does not read its answer"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.inner).poll_write(cx, buf);
        self.judge(cx, progress)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.judge(cx, progress)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_never_reads_is_given_up_after_two_minutes() {
        let (near, _far) = tokio::io::duplex(4);
        let begin = Instant::now();
        let kind = Patient::around(near).write_all(b"0123456789").await.expect_err("nobody reads").kind();
        assert_eq!((kind, begin.elapsed()), (io::ErrorKind::TimedOut, PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_slowly_is_waited_for() {
        let (near, mut far) = tokio::io::duplex(1);
        let mut patient = Patient::around(near);
        let writing = async move { patient.write_all(b"01234").await.expect("all is read in the end") };
        let reading = async {
            for _ in 0..5 {
                tokio::time::sleep(PATIENCE * 3 / 4).await;
                far.read_u8().await.expect("a byte");
            }
        };
        tokio::join!(writing, reading);
    }
}
