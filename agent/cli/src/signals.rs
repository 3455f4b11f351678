//! The signals that end a command.
//!
//! Guarantees: the first signal asks for an end after the step in hand; a second one ends the process at once, which is safe too: what was
//! begun on a host is found by the next run. Deliberately absent: any other signal, which does what the system has it do.

use tokio_util::sync::CancellationToken;

use crate::console::Console;

/// What a signal asks for; the shell's code for a process that it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Interrupted,
    Terminated,
}

impl Ended {
    fn code(self) -> i32 {
        match self {
            Self::Interrupted => 130,
            Self::Terminated => 143,
        }
    }
}

/// Cancels `stop` at the first Ctrl-C or termination, and ends the process at the second. It listens from the call on, not only once it is
/// polled: whatever is said or made after the call has its orderly end.
pub fn watch(stop: CancellationToken, console: &Console) -> impl Future<Output = ()> + Send + use<> {
    let mut signals = Signals::listen();
    let console = console.clone();
    async move {
        signals.next().await;
        stop.cancel();
        // Whoever has listened once keeps the system from ending the process, so we do.
        end(signals.next().await, &console);
    }
}

#[expect(clippy::disallowed_methods, reason = "whoever asks twice is not kept waiting for a host that stays silent")]
fn end(by: Ended, console: &Console) -> ! {
    tracing::warn!("ended at once; what was begun on a host is found when it is looked at again");
    console.farewell();
    std::process::exit(by.code())
}

/// Both signals, from one registration on, so that none is lost between the first and the second.
#[cfg(unix)]
struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    /// One that cannot be listened to does what the system has it do.
    fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self { interrupt: signal(SignalKind::interrupt()).ok(), terminate: signal(SignalKind::terminate()).ok() }
    }

    async fn next(&mut self) -> Ended {
        async fn heard(signal: &mut Option<tokio::signal::unix::Signal>) {
            let heard = match signal {
                Some(signal) => signal.recv().await,
                None => None,
            };
            if heard.is_none() {
                std::future::pending::<()>().await;
            }
        }
        tokio::select! {
            // Cancel-safe: both only wait.
            () = heard(&mut self.interrupt) => Ended::Interrupted,
            () = heard(&mut self.terminate) => Ended::Terminated,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> Self {
        Self
    }

    async fn next(&mut self) -> Ended {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        // Nobody sends the other one there.
        Ended::Interrupted
    }
}
