//! The signals that end a command.
//!
//! Guarantees: the first signal asks for an end after the step in hand; a second one ends the process the hard way, which is safe too.

use tokio_util::sync::CancellationToken;

/// Cancels `stop` at the first Ctrl-C or termination; gives back the default behaviour afterwards.
pub async fn watch(stop: CancellationToken) {
    ended().await;
    stop.cancel();
}

#[cfg(unix)]
async fn ended() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        // Cancel-safe: both only wait.
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn ended() {
    let _ = tokio::signal::ctrl_c().await;
}
