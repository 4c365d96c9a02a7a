//! How many writes may be sent now: pure, time is passed in.
//!
//! "Microsoft Graph service-specific throttling limits": an app may make 3,000 writes to a tenant's identities within 2 min
//! 30 s. The shape of that window is not published. Counting what was sent in *any* window of that length is never more than
//! the service allows, whatever its shape, and still lets a burst through at once, which an even pace would not.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use std::collections::VecDeque;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Writes are counted by slots of this length, so that a window is a few hundred numbers at most.
const SLOT: i64 = 1_000;

/// The writes that were sent within the last window.
#[derive(Clone, Debug)]
pub struct Budget {
    size: u32,
    window: SignedDuration,
    /// The end of each slot, in milliseconds, and how many were sent in it; oldest first.
    sent: VecDeque<(i64, u32)>,
    used: u32,
    /// What others, such as a second instance of the app, use up, and until when that is believed.
    strangers: (u32, Timestamp),
}

impl Budget {
    /// A budget of `size` writes in any `window`.
    #[must_use]
    pub fn new(size: u32, window: Duration) -> Self {
        let window = SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX);
        Self { size, window, sent: VecDeque::new(), used: 0, strangers: (0, Timestamp::MIN) }
    }

    /// Changes the size and the window; what was sent stays counted.
    pub fn resize(&mut self, size: u32, window: Duration) {
        (self.size, self.window) = (size, SignedDuration::try_from(window).unwrap_or(SignedDuration::MAX));
    }

    /// Counts writes that were sent at a time; earlier ones than the last are counted with it.
    pub fn spend(&mut self, writes: u32, at: Timestamp) {
        let slot = (at.as_millisecond().div_euclid(SLOT) + 1) * SLOT;
        self.used += writes;
        match self.sent.back_mut() {
            Some((end, count)) if *end >= slot => *count += writes,
            _ => self.sent.push_back((slot, writes)),
        }
    }

    /// Takes in how full Graph says the quota is: what is not ours is somebody else's, for a window at most.
    pub fn pressed(&mut self, share: f64, now: Timestamp) {
        self.forget(now);
        let all = share.clamp(0.0, 2.0) * f64::from(self.size);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between nothing and twice the size"
        )]
        let all = all.round() as u32;
        self.strangers = (all.saturating_sub(self.used), now.checked_add(self.window).unwrap_or(Timestamp::MAX));
    }

    /// How many may be sent now.
    pub fn free(&mut self, now: Timestamp) -> u32 {
        self.forget(now);
        self.size.saturating_sub(self.used).saturating_sub(self.strangers.0)
    }

    /// When more may be sent than now: the oldest slot leaves the window, or strangers are forgotten.
    #[must_use]
    pub fn more_at(&self, now: Timestamp) -> Timestamp {
        let slot = self.sent.front().and_then(|(end, _)| Timestamp::from_millisecond(*end).ok());
        let ours = slot.and_then(|end| end.checked_add(self.window).ok());
        let theirs = (self.strangers.0 > 0).then_some(self.strangers.1);
        ours.into_iter().chain(theirs).min().unwrap_or(now).max(now)
    }

    fn forget(&mut self, now: Timestamp) {
        let window = i64::try_from(self.window.as_millis()).unwrap_or(i64::MAX);
        let since = now.as_millisecond().saturating_sub(window);
        while let Some((_, count)) = self.sent.front().filter(|(end, _)| *end <= since).copied() {
            self.used -= count;
            self.sent.pop_front();
        }
        if self.strangers.1 <= now {
            self.strangers.0 = 0;
        }
    }
}

/// How many batches may be under way at once: one more after each that went well, half after each that was pushed back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    most: usize,
    now: f64,
}

impl Pace {
    /// Starts at the most there may ever be.
    #[must_use]
    pub fn new(most: usize) -> Self {
        let most = most.max(1);
        #[expect(clippy::cast_precision_loss, reason = "a few dozen at most")]
        Self { most, now: most as f64 }
    }

    /// Changes the most there may ever be. It is grown into.
    #[must_use]
    pub fn up_to(self, most: usize) -> Self {
        let widest = Self::new(most);
        Self { now: self.now.min(widest.now), ..widest }
    }

    /// How many may be under way now; at least one.
    #[must_use]
    pub fn allowed(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between one and the most")]
        (self.now as usize).clamp(1, self.most)
    }

    /// A batch went well.
    pub fn went_well(&mut self) {
        #[expect(clippy::cast_precision_loss, reason = "a few dozen at most")]
        let most = self.most as f64;
        self.now = (self.now + 1.0 / self.now.max(1.0)).min(most);
    }

    /// Graph was too busy, or writes met each other.
    pub fn pushed_back(&mut self) {
        self.now = (self.now / 2.0).max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(150);

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + milliseconds).unwrap()
    }

    /// Sends `writes` in batches of twenty as fast as the budget lets it; returns the seconds that takes.
    fn seconds_for(writes: u32) -> f64 {
        let mut budget = Budget::new(3_000, WINDOW);
        let (mut now, mut left) = (at(1), writes);
        while left > 0 {
            let free = budget.free(now).min(20).min(left);
            if free == 0 {
                now = budget.more_at(now);
                continue;
            }
            budget.spend(free, now);
            left -= free;
        }
        now.duration_since(at(1)).as_secs_f64()
    }

    #[test]
    fn many_writes_take_as_long_as_the_quota_says() {
        for (writes, windows) in [(3_000, 0_u32), (20_000, 6), (200_000, 66)] {
            let floor = f64::from(windows) * 150.0;
            let took = seconds_for(writes);
            assert!(took >= floor && took <= floor * 1.01, "{writes}: {took} s, floor {floor} s");
        }
    }

    #[test]
    fn another_size_takes_nothing_back_of_what_was_sent() {
        let mut budget = Budget::new(3_000, WINDOW);
        budget.spend(1_000, at(0));
        budget.resize(1_200, WINDOW);
        assert_eq!(budget.free(at(1)), 200);
        budget.resize(500, WINDOW);
        assert_eq!((budget.free(at(1)), budget.free(at(152_000))), (0, 500));
        let mut pace = Pace::new(8);
        pace.pushed_back();
        assert_eq!([pace.up_to(2), pace.up_to(16)].map(|pace| pace.allowed()), [2, 4]);
    }

    #[test]
    fn what_others_use_is_left_to_them_for_a_window() {
        let mut budget = Budget::new(3_000, WINDOW);
        budget.spend(1_000, at(0));
        budget.pressed(0.9, at(10));
        assert_eq!(budget.free(at(10)), 300);
        assert_eq!(budget.free(at(150_010)), 2_000);
        assert_eq!(budget.free(at(152_000)), 3_000);
        budget.pressed(1.8, at(152_000));
        assert_eq!(budget.free(at(152_000)), 0);
        assert_eq!(budget.more_at(at(152_000)), at(302_000));
    }

    #[test]
    fn the_pace_halves_and_recovers() {
        let mut pace = Pace::new(4);
        assert_eq!(pace.allowed(), 4);
        pace.pushed_back();
        assert_eq!(pace.allowed(), 2);
        (0..5).for_each(|_| pace.pushed_back());
        assert_eq!(pace.allowed(), 1);
        (0..20).for_each(|_| pace.went_well());
        assert_eq!(pace.allowed(), 4);
    }

    proptest! {
        #[test]
        fn no_window_ever_holds_more_than_the_budget(steps in prop::collection::vec((0_i64..20_000, 1_u32..400), 1..200)) {
            let mut budget = Budget::new(500, WINDOW);
            let (mut now, mut sent) = (0, Vec::new());
            for (wait, wish) in steps {
                now += wait;
                let writes = wish.min(budget.free(at(now)));
                budget.spend(writes, at(now));
                sent.push((now, writes));
                let within: u32 = sent.iter().filter(|(when, _)| now - when < 150_000).map(|(_, count)| count).sum();
                prop_assert!(within <= 500, "{within} in the window before {now}");
            }
        }
    }
}
