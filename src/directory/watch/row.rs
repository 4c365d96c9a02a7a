//! A watermark in use: it moves with every complete reading, and is stored only now and then.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::model::watermark::{Canary, Watermark};

/// While nothing of ours changes, the row is stored this often: what a restart reads again is no more.
const KEPT: SignedDuration = SignedDuration::from_mins(1);
/// Once in this time a delta starts further back.
const OVERLAP: SignedDuration = SignedDuration::from_mins(1);
/// How far back. No source says that a USN can become visible below the counter; it costs little to be sure.
const BACK: SignedDuration = SignedDuration::from_mins(10);

/// A watermark with its recent past.
#[derive(Debug)]
pub(super) struct Row {
    mark: Watermark,
    kept: Timestamp,
    overlapped: Option<Timestamp>,
    /// Watermarks of the last minutes, oldest first; never empty.
    trail: VecDeque<(Timestamp, i64)>,
}

impl Row {
    /// One that was just read from the store or is about to be written to it. Its first delta starts where it says `behind`.
    pub fn stored(mark: Watermark, now: Timestamp) -> Self {
        Self { kept: now, overlapped: None, trail: VecDeque::from([(now, mark.behind)]), mark }
    }

    pub fn mark(&self) -> &Watermark {
        &self.mark
    }

    /// Where the next delta starts.
    pub fn start(&mut self, now: Timestamp) -> i64 {
        if self.overlapped.is_some_and(|at| now.duration_since(at) < OVERLAP) {
            return self.mark.usn;
        }
        self.overlapped = Some(now);
        self.trail.front().map_or(self.mark.usn, |(_, usn)| *usn)
    }

    /// A delta is complete.
    pub fn advance(&mut self, usn: i64, canary: Option<Canary>, now: Timestamp) {
        (self.mark.usn, self.mark.canary) = (usn, canary);
        if self.trail.back().is_none_or(|(at, _)| now.duration_since(*at) >= OVERLAP) {
            self.trail.push_back((now, usn));
        }
        while self.trail.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= BACK) {
            self.trail.pop_front();
        }
        self.mark.behind = self.trail.front().map_or(usn, |(_, usn)| *usn);
    }

    /// Whether it is to be stored now; notes that it is.
    pub fn is_to_be_kept(&mut self, news: bool, now: Timestamp) -> bool {
        let due = news || now.duration_since(self.kept) >= KEPT;
        if due {
            self.kept = now;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::watermark::WatermarkKey;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn row(usn: i64) -> Row {
        let key = WatermarkKey {
            domain: Uuid::from_u128(1),
            ntds: "CN=NTDS Settings".into(),
            invocation: Uuid::from_u128(2),
            coverage: "abc".into(),
        };
        Row::stored(Watermark { key, usn, behind: usn - 50, canary: None }, at(0))
    }

    #[test]
    fn once_a_minute_a_delta_starts_where_the_watermark_was_ten_minutes_ago() {
        let mut row = row(1_000);
        assert_eq!(row.start(at(0)), 950, "after a restart the stored row says where");
        let mut furthest = 0;
        for second in 1..=3_600 {
            let start = row.start(at(second));
            if second % 60 == 0 {
                let ago = if second <= 600 { 950 } else { 1_000 + second - start };
                assert!(start < 1_000 + second - 590 || start == 950, "{second}: {start}");
                furthest = furthest.max(ago);
            } else {
                assert_eq!(start, 1_000 + (second - 1).max(0), "{second}");
            }
            row.advance(1_000 + second, None, at(second));
        }
        assert!(row.mark().behind >= 1_000 + 3_600 - 661, "{:?}", row.mark());
        assert!(row.trail.len() <= 12, "{:?}", row.trail);
    }

    #[test]
    fn it_is_stored_with_news_and_else_once_a_minute() {
        let mut row = row(1_000);
        assert!(!row.is_to_be_kept(false, at(59)));
        assert!(row.is_to_be_kept(true, at(59)));
        assert!(!row.is_to_be_kept(false, at(118)));
        assert!(row.is_to_be_kept(false, at(119)));
    }
}
