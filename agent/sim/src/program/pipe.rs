//! Pipes, as whoever works on a machine handles them.

use super::Desk;
use super::process::{Pipe, Source, Waits};

impl Desk<'_> {
    fn pipe(&mut self, pipe: u64) -> Option<&mut Pipe> {
        self.windows_mut()?.activity.processes.pipes.get_mut(&pipe)
    }

    pub(crate) fn open_pipe(&mut self) -> Option<u64> {
        Some(self.windows_mut()?.activity.processes.pipe())
    }

    /// Nothing more will be written into it.
    pub(crate) fn close_pipe(&mut self, pipe: u64) {
        if let Some(pipe) = self.pipe(pipe) {
            pipe.closed = true;
        }
    }

    pub(crate) fn drop_pipe(&mut self, pipe: u64) {
        if let Some(windows) = self.windows_mut() {
            windows.activity.processes.pipes.remove(&pipe);
        }
    }

    /// Up to `most` bytes out of it.
    pub(crate) fn take_from_pipe(&mut self, pipe: u64, most: usize) -> Vec<u8> {
        self.pipe(pipe).map(|pipe| pipe.data.drain(..most.min(pipe.data.len())).collect()).unwrap_or_default()
    }

    pub(crate) fn pipe_holds(&mut self, pipe: u64) -> bool {
        self.pipe(pipe).is_some_and(|pipe| !pipe.data.is_empty())
    }

    /// Lets those get on that wait for input from it.
    pub(crate) fn run_readers(&mut self, pipe: u64) {
        let Some(windows) = self.windows() else { return };
        let reads = |p: &&super::process::Process| p.waits == Some(Waits::Input) && p.setting.streams.input == Source::Pipe(pipe);
        let readers: Vec<u32> = windows.activity.processes.all.values().filter(reads).map(|p| p.id).collect();
        readers.into_iter().for_each(|id| self.run(id));
    }

    /// Whether a process is at work.
    pub(crate) fn is_running(&self, id: u32) -> bool {
        self.windows().and_then(|w| w.activity.processes.all.get(&id)).is_some_and(|process| process.exit.is_none())
    }
}
