//! The one hand that writes to standard output and standard error, so that telling never ends or stops a command that acts: a thread of its
//! own, or that of whoever tells where he waits for it anyway.
//!
//! Guarantees: what cannot be written, on a full disk or to a reader that has gone, ends nothing. A command that acts waits for nobody who
//! reads its standard error, and one that stays for no reader at all: what finds no room in the queue is dropped and counted, and the count
//! is told where the gap is, once something can be written again. Whoever must be waited for is waited for, and nothing of that is lost.
//! In the end what waits has a bounded time to be written. Deliberately absent: words and colours.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;

/// Octets that wait at most; some ten thousand lines.
const MOST_WAITING: usize = 1024 * 1024;
/// So long the end of the process waits for a reader that does not read.
const FAREWELL: Duration = Duration::from_secs(2);

/// For whom a command waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It gives an answer and ends: for all its readers.
    Answers,
    /// It works on machines, and its answer is how that went: for whoever reads standard output.
    Acts,
    /// It works until it is stopped: for nobody.
    Stays,
}

/// Where a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// What the thread writes to.
pub struct Streams {
    /// Standard output.
    pub out: Box<dyn Write + Send>,
    /// Standard error.
    pub err: Box<dyn Write + Send>,
    /// The moving line on standard error; hidden unless that is a terminal.
    pub moving: ProgressBar,
    /// The line that says how many were lost.
    pub lost: fn(u64) -> String,
}

/// Owns the thread, if there is one. Whatever was told is written when it is dropped, if it can be written at all.
pub struct Teller {
    voice: Voice,
}

/// Tells by it; its clones tell by the same.
#[derive(Debug, Clone)]
pub struct Voice {
    shared: Arc<Shared>,
    manner: Manner,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// There is something to write.
    told: Condvar,
    /// Something was written.
    written: Condvar,
    /// Who writes where no thread does it.
    hand: Option<Mutex<Writer>>,
}

#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    /// Of the texts among them.
    octets: usize,
    /// Pieces that came in, and of these the ones that are dealt with.
    taken: u64,
    done: u64,
    /// Lines that found no room since the last one that did.
    dropped: u64,
    /// Something of standard output could not be written.
    lost_result: bool,
    /// Nobody tells any more.
    closing: bool,
    /// Nobody is waited for any more: the thread has ended, or the time of the farewell is over.
    over: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(Stream, Vec<u8>),
    /// Here so many lines are missing.
    Gap(u64),
    /// What the moving line says now.
    Moving(String),
    /// There is no moving line any more.
    Still,
}

fn lines(text: &[u8]) -> u64 {
    text.iter().map(|octet| u64::from(*octet == b'\n')).sum::<u64>().max(1)
}

impl Teller {
    /// Begins to write to `streams`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(manner: Manner, streams: Streams) -> io::Result<Self> {
        let writer = Writer { streams, failed: 0, torn: false };
        if manner == Manner::Answers {
            let shared = Arc::new(Shared { hand: Some(Mutex::new(writer)), ..Shared::default() });
            return Ok(Self { voice: Voice { shared, manner } });
        }
        let shared: Arc<Shared> = Arc::default();
        let told = Arc::clone(&shared);
        std::thread::Builder::new().name("teller".to_owned()).spawn(move || told.work(writer))?;
        Ok(Self { voice: Voice { shared, manner } })
    }

    /// Tells by it.
    #[must_use]
    pub fn voice(&self) -> Voice {
        self.voice.clone()
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.voice.farewell();
        self.voice.shared.lock().closing = true;
        self.voice.shared.told.notify_all();
    }
}

impl Voice {
    /// Writes a text as it stands, after what was told before; waits until that is done where the manner has it so.
    pub fn tell(&self, stream: Stream, text: Vec<u8>) {
        if let Some(hand) = &self.shared.hand {
            return self.shared.write(&mut hand.lock().unwrap_or_else(PoisonError::into_inner), Piece::Text(stream, text));
        }
        match (self.manner, stream) {
            (Manner::Answers, _) | (Manner::Acts, Stream::Out) => {
                let mut queue = self.shared.lock();
                let mine = queue.take(Piece::Text(stream, text));
                self.shared.told.notify_all();
                let written = self.shared.written.wait_while(queue, |queue| queue.done < mine && !queue.over);
                drop(written.unwrap_or_else(PoisonError::into_inner));
            }
            (Manner::Acts, Stream::Err) | (Manner::Stays, _) => self.pass(stream, text),
        }
    }

    /// The same without waiting in any manner; what finds no room is dropped and counted.
    pub fn pass(&self, stream: Stream, text: Vec<u8>) {
        if let Some(hand) = &self.shared.hand {
            // Who is writing just now, and may be the one who tells of his own end, is not waited for.
            return hand.try_lock().map_or((), |mut writer| self.shared.write(&mut writer, Piece::Text(stream, text)));
        }
        let mut queue = self.shared.lock();
        if queue.octets + text.len() > MOST_WAITING && queue.octets > 0 {
            queue.dropped += lines(&text);
            return;
        }
        queue.mark_gap();
        queue.take(Piece::Text(stream, text));
        drop(queue);
        self.shared.told.notify_all();
    }

    /// Has the moving line say something else.
    pub fn moving(&self, says: String) {
        self.shared.turn(Piece::Moving(says));
    }

    /// Takes the moving line away.
    pub fn still(&self) {
        self.shared.turn(Piece::Still);
    }

    /// Takes the moving line away and waits until everything is written, for a bounded time and once only: who has not read by then is not
    /// waited for any more.
    pub fn farewell(&self) {
        self.still();
        let queue = self.shared.lock();
        let waited = self.shared.written.wait_timeout_while(queue, FAREWELL, |queue| !queue.is_written() && !queue.over);
        let (mut queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.over |= !queue.is_written();
    }

    /// Whether something of standard output could not be written, for another reason than that its reader has gone.
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.shared.lock().lost_result
    }
}

/// For the log: each write is a whole line of it.
impl Write for Voice {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.tell(Stream::Err, text.to_owned());
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nobody panics while he holds it; and whoever did would leave whole pieces.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece, once there is one; none in the end.
    fn next(&self) -> Option<Piece> {
        let empty = |queue: &mut Queue| queue.pieces.is_empty() && queue.dropped == 0 && !queue.closing;
        let queue = self.told.wait_while(self.lock(), empty);
        let mut queue = queue.unwrap_or_else(PoisonError::into_inner);
        queue.mark_gap_when_empty();
        let piece = queue.pieces.pop_front()?;
        if let Piece::Text(_, text) = &piece {
            queue.octets -= text.len();
        }
        Some(piece)
    }

    fn done(&self) {
        self.lock().done += 1;
        self.written.notify_all();
    }

    fn turn(&self, piece: Piece) {
        match &self.hand {
            Some(hand) => self.write(&mut hand.lock().unwrap_or_else(PoisonError::into_inner), piece),
            None => {
                self.lock().turn(piece);
                self.told.notify_all();
            }
        }
    }

    fn write(&self, writer: &mut Writer, piece: Piece) {
        if writer.put(piece).is_err() {
            self.lock().lost_result = true;
        }
    }

    /// What the thread does.
    fn work(self: Arc<Self>, mut writer: Writer) {
        // However it ends, nobody waits for it any more.
        struct End(Arc<Shared>);
        impl Drop for End {
            fn drop(&mut self) {
                self.0.lock().over = true;
                self.0.written.notify_all();
            }
        }
        let end = End(self);
        while let Some(piece) = end.0.next() {
            end.0.write(&mut writer, piece);
            end.0.done();
        }
    }
}

impl Queue {
    /// Its number.
    fn take(&mut self, piece: Piece) -> u64 {
        if let Piece::Text(_, text) = &piece {
            self.octets += text.len();
        }
        self.pieces.push_back(piece);
        self.taken += 1;
        self.taken
    }

    /// What the moving line is to be, in place of what it was to be before: only the newest counts, and it need not be seen at all.
    fn turn(&mut self, piece: Piece) {
        match self.pieces.back_mut() {
            Some(last @ (Piece::Moving(_) | Piece::Still)) => *last = piece,
            _ => _ = self.take(piece),
        }
    }

    fn mark_gap(&mut self) {
        let dropped = std::mem::take(&mut self.dropped);
        if dropped > 0 {
            self.take(Piece::Gap(dropped));
        }
    }

    fn mark_gap_when_empty(&mut self) {
        if self.pieces.is_empty() {
            self.mark_gap();
        }
    }

    fn is_written(&self) -> bool {
        self.done == self.taken && self.dropped == 0
    }
}

/// Who writes.
struct Writer {
    streams: Streams,
    /// Lines of standard error that could not be written since the last one that could.
    failed: u64,
    /// The last of them was written in part.
    torn: bool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("failed", &self.failed).field("torn", &self.torn).finish_non_exhaustive()
    }
}

impl Writer {
    /// Deals with a piece.
    ///
    /// # Errors
    /// When what belongs to the result could not be written.
    fn put(&mut self, piece: Piece) -> io::Result<()> {
        let moving = self.streams.moving.clone();
        match piece {
            Piece::Text(Stream::Out, text) => return moving.suspend(|| self.put_out(&text)),
            Piece::Text(Stream::Err, text) => moving.suspend(|| self.put_err(&text)),
            Piece::Gap(lost) => moving.suspend(|| self.put_gap(lost)),
            Piece::Moving(says) => moving.set_message(says),
            Piece::Still => moving.finish_and_clear(),
        }
        Ok(())
    }

    fn put_out(&mut self, text: &[u8]) -> io::Result<()> {
        let out = &mut self.streams.out;
        match out.write_all(text).and_then(|()| out.flush()) {
            // A reader that has gone (`| head`) wants no more; there is nobody to tell.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            written => written,
        }
    }

    fn put_err(&mut self, text: &[u8]) {
        if self.failed > 0 {
            self.put_gap(0);
        }
        // What is torn is made whole by the line that tells of it.
        if self.failed > 0 || !self.written(text) {
            self.failed += lines(text);
        }
    }

    /// Tells how many lines are missing: `more`, and those that could not be written.
    fn put_gap(&mut self, more: u64) {
        let lost = self.failed + more;
        let end = if self.torn { "\n" } else { "" };
        let says = format!("{end}{}\n", (self.streams.lost)(lost));
        self.failed = if self.written(says.as_bytes()) { 0 } else { lost };
    }

    fn written(&mut self, mut text: &[u8]) -> bool {
        let whole = text.len();
        while !text.is_empty() {
            match self.streams.err.write(text) {
                Ok(octets @ 1..) => text = &text[octets..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    self.torn |= text.len() < whole;
                    return false;
                }
            }
        }
        self.torn = false;
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A stream whose each write waits until the test says how many octets of it are taken; `None` stands for a full disk.
    struct Slow {
        told: Sender<String>,
        takes: Receiver<Option<usize>>,
    }

    impl Write for Slow {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let most = self.takes.recv().unwrap_or(Some(usize::MAX)).ok_or(io::ErrorKind::StorageFull)?;
            let taken = &text[..most.min(text.len())];
            // The test may have heard enough.
            let _ = self.told.send(String::from_utf8(taken.to_owned()).unwrap());
            Ok(taken.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Reader {
        told: Receiver<String>,
        takes: Sender<Option<usize>>,
    }

    fn slow() -> (Box<Slow>, Reader) {
        let ((told, heard), (takes, taken)) = (channel(), channel());
        (Box::new(Slow { told, takes: taken }), Reader { told: heard, takes })
    }

    fn started(manner: Manner) -> (Teller, Reader, Reader) {
        let ((out, reader), (err, errors)) = (slow(), slow());
        let streams = Streams { out, err, moving: ProgressBar::hidden(), lost: |lost| format!("{lost} lost") };
        (Teller::start(manner, streams).unwrap(), reader, errors)
    }

    impl Reader {
        /// Reads on for ever; all of it, once the teller is gone.
        fn rest(self) -> String {
            drop(self.takes);
            self.told.iter().collect()
        }
    }

    fn say(teller: &Teller, text: &str) {
        teller.voice().tell(Stream::Err, format!("{text}\n").into_bytes());
    }

    #[test]
    fn a_reader_that_does_not_read_stops_nobody_and_is_told_how_much_it_missed() {
        let (teller, out, errors) = started(Manner::Stays);
        let long = "x".repeat(MOST_WAITING / 4 - 1);
        // One may be in the writer's hands; four fill the queue; what comes then finds no room.
        (0..9).for_each(|_| say(&teller, &long));
        teller.voice().tell(Stream::Out, b"it stays\n".repeat(MOST_WAITING));
        drop(out);
        // It reads again.
        drop(errors.takes);
        let (mut heard, mut lost) = (0, 0);
        while heard + lost < MOST_WAITING + 9 {
            match errors.told.recv().unwrap().strip_suffix(" lost\n") {
                Some(number) => lost += number.parse::<usize>().unwrap(),
                None => heard += 1,
            }
        }
        assert!((4..=5).contains(&heard), "{heard}");
        say(&teller, "goes on");
        assert_eq!(errors.told.recv().unwrap(), "goes on\n");
    }

    #[test]
    fn what_a_full_disk_took_is_counted_once_there_is_room_and_a_torn_line_is_ended() {
        let (teller, _out, errors) = started(Manner::Answers);
        errors.takes.send(Some(usize::MAX)).unwrap();
        say(&teller, "one");
        // Half of it, then nothing; then not even the count; then there is room.
        [Some(2), None, None, Some(usize::MAX), Some(usize::MAX)].into_iter().for_each(|takes| errors.takes.send(takes).unwrap());
        say(&teller, "two");
        say(&teller, "three\nand four");
        say(&teller, "five");
        drop(teller);
        assert_eq!(errors.rest(), "one\ntw\n3 lost\nfive\n");
    }

    #[test]
    fn who_prints_a_result_waits_for_it_and_hears_that_it_was_lost() {
        let (teller, out, _errors) = started(Manner::Acts);
        assert!(!teller.voice().has_lost());
        let (printing, end) = (teller.voice(), channel::<()>());
        let printed = std::thread::spawn(move || {
            // More than the queue holds.
            printing.tell(Stream::Out, vec![b'x'; 3 * MOST_WAITING]);
            drop(end.0);
        });
        assert_eq!(end.1.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty), "nobody has read it yet");
        out.takes.send(Some(usize::MAX)).unwrap();
        printed.join().unwrap();
        assert!(!teller.voice().has_lost());
        out.takes.send(None).unwrap();
        teller.voice().tell(Stream::Out, b"more".to_vec());
        assert!(teller.voice().has_lost());
    }

    #[test]
    fn the_end_waits_for_a_bounded_time_and_only_once() {
        let (teller, _out, errors) = started(Manner::Stays);
        say(&teller, "nobody reads it");
        teller.voice().farewell();
        // Now even who would wait does not.
        Voice { manner: Manner::Answers, ..teller.voice() }.tell(Stream::Out, b"result".to_vec());
        drop(teller);
        assert_eq!(errors.told.try_recv(), Err(std::sync::mpsc::TryRecvError::Empty));
    }

    #[test]
    fn only_the_newest_of_what_the_moving_line_says_waits() {
        let voice = Voice { shared: Arc::default(), manner: Manner::Stays };
        ["1", "2"].into_iter().for_each(|says| voice.moving(says.to_owned()));
        voice.pass(Stream::Err, b"between\n".to_vec());
        ["3", "4"].into_iter().for_each(|says| voice.moving(says.to_owned()));
        let waiting: Vec<_> = voice.shared.lock().pieces.drain(..).collect();
        let moving = |says: &str| Piece::Moving(says.to_owned());
        assert_eq!(waiting, [moving("2"), Piece::Text(Stream::Err, b"between\n".to_vec()), moving("4")]);
    }
}
