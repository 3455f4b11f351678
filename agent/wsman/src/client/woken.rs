//! A future that is polled when it was woken, not whenever one beside it was.
//!
//! Whoever joins many requests in one task has one waker for all of them, so that each octet that arrives for one would have all the
//! others look at their connections too. Guarantees: no wake is lost; a wake before the first poll is not needed.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// See the module.
#[derive(Debug)]
pub(super) struct Woken<F> {
    future: F,
    bell: Arc<Bell>,
    waker: Waker,
}

#[derive(Debug)]
struct Bell {
    rang: AtomicBool,
    /// Whom to wake: the task that polled last.
    task: Mutex<Waker>,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.rang.store(true, Ordering::Release);
        self.task.lock().unwrap_or_else(PoisonError::into_inner).wake_by_ref();
    }
}

impl<F: Future + Unpin> Woken<F> {
    /// `future`, which is polled once at first.
    pub(super) fn new(future: F) -> Self {
        let bell = Arc::new(Bell { rang: AtomicBool::new(true), task: Mutex::new(Waker::noop().clone()) });
        let waker = Waker::from(Arc::clone(&bell));
        Self { future, bell, waker }
    }
}

impl<F: Future + Unpin> Future for Woken<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        // Whom to wake is said before the bell is looked at: a wake in between rings for this task.
        this.bell.task.lock().unwrap_or_else(PoisonError::into_inner).clone_from(cx.waker());
        if !this.bell.rang.swap(false, Ordering::AcqRel) {
            return Poll::Pending;
        }
        Pin::new(&mut this.future).poll(&mut Context::from_waker(&this.waker))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::atomic::AtomicUsize;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_future_is_not_polled_when_its_neighbour_is_woken() {
        let polls = AtomicUsize::new(0);
        let idle = Woken::new(poll_fn(|_cx| {
            polls.fetch_add(1, Ordering::Relaxed);
            Poll::<()>::Pending
        }));
        let neighbour = async {
            for _ in 0..10 {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
        };
        tokio::select! {
            () = idle => unreachable!("it never ends"),
            () = neighbour => {}
        }
        assert_eq!(polls.into_inner(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_future_that_is_woken_goes_on() {
        let sleep = Box::pin(async {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            tokio::task::yield_now().await;
            7
        });
        assert_eq!(Woken::new(sleep).await, 7);
    }
}
