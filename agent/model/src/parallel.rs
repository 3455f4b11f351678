//! Work on many items, by a few threads.
//!
//! Guarantees: the results stand in the order of the items, however the threads were timed; the calling thread works too, so what it
//! allocates stays in the arena that it goes on with; nothing outlives a call. Deliberately absent: a pool that is kept.

use std::sync::atomic::{AtomicUsize, Ordering};

/// More would wait for memory, or for the disk.
const MAX_THREADS: usize = 4;

/// Batches per thread: enough that all end together, though some items take longer than others.
const BATCHES: usize = 64;

/// How many threads are worth having beside the calling one.
#[must_use]
pub fn others() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS) - 1
}

/// Does `work` to each of the items: on this thread with `own`, and on one more thread for each of the `others`.
///
/// # Panics
/// As `work` does, on whichever thread that was.
pub fn map_with<C: Send, T: Sync, R: Send>(own: C, others: Vec<C>, items: &[T], work: impl Fn(&C, &T) -> R + Sync) -> Vec<R> {
    let batch = (items.len() / ((others.len() + 1) * BATCHES)).max(1);
    let next = AtomicUsize::new(0);
    let share = |context: C| {
        let mut done = Vec::new();
        loop {
            let start = next.fetch_add(batch, Ordering::Relaxed);
            let Some(items) = items.get(start..).filter(|rest| !rest.is_empty()) else { return done };
            done.push((start, items.iter().take(batch).map(|item| work(&context, item)).collect::<Vec<R>>()));
        }
    };
    let mut batches = std::thread::scope(|scope| {
        let others: Vec<_> = others.into_iter().map(|context| scope.spawn(|| share(context))).collect();
        let mut batches = share(own);
        for other in others {
            batches.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        batches
    });
    batches.sort_unstable_by_key(|(start, _)| *start);
    batches.into_iter().flat_map(|(_, results)| results).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_order_of_the_items_whoever_worked_them_out() {
        for (others, count) in [(0, 5), (1, 0), (1, 1), (3, 2), (3, 1000)] {
            let items: Vec<usize> = (0..count).collect();
            let results = map_with((), vec![(); others], &items, |(), item| {
                if item % 7 == 0 {
                    std::thread::yield_now();
                }
                item * 2
            });
            assert_eq!(results, items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_thread_works_with_a_context_of_its_own() {
        let contexts: Vec<std::cell::Cell<usize>> = vec![std::cell::Cell::new(0); 3];
        let counts = map_with(std::cell::Cell::new(0), contexts, &[(); 500], |seen, ()| {
            seen.set(seen.get() + 1);
            seen.get()
        });
        let begun = counts.iter().filter(|count| **count == 1).count();
        assert!((1..=4).contains(&begun) && counts.len() == 500);
    }
}
