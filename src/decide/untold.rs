//! When the tenant is asked for what no change of it tells: persons that are awaited for long, the sources of licenses, and
//! whether synchronization runs.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::identity::UserId;
use crate::model::synchronization::{SyncAlarm, Synchronization};

/// Whoever is awaited for so long is looked up by anchor. Entra Connect's cycle is half an hour, and the changes tell of nearly
/// everyone.
pub const FIRST_LOOK_UP: SignedDuration = SignedDuration::from_hours(1);

/// Whoever is awaited at all is looked up this often.
const LAST_LOOK_UP: SignedDuration = SignedDuration::from_hours(24);

/// When somebody who was looked up in vain is looked up again: after as long as it is awaited already, a day at most. So ten
/// thousand awaited persons come to ten thousand look-ups a day.
#[must_use]
pub fn next_look_up(awaited_since: Timestamp, now: Timestamp) -> Timestamp {
    let wait = now.duration_since(awaited_since).clamp(FIRST_LOOK_UP, LAST_LOOK_UP);
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// Whether somebody must see to synchronization. A time that is not known is no alarm: Cloud Sync alone may tell none.
#[must_use]
pub fn sync_alarm(
    synchronization: Synchronization,
    awaited: bool,
    limit: Duration,
    now: Timestamp,
) -> Option<SyncAlarm> {
    let limit_signed = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    match synchronization {
        Synchronization { on: false, .. } => awaited.then_some(SyncAlarm::Off),
        Synchronization { last: Some(last), .. } if now.duration_since(last) > limit_signed => {
            Some(SyncAlarm::Stalled { last, limit })
        }
        Synchronization { .. } => None,
    }
}

/// A round in which each user has its moment, given by its id alone: ids are random, so a round is spread evenly, is the same
/// after a restart, and nothing is stored of a user for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// Its length in milliseconds.
    length: u64,
}

/// Behind every id, in the order of text.
const END: &str = "g";

impl Round {
    /// A round of that length.
    #[must_use]
    pub fn new(length: Duration) -> Self {
        Self { length: u64::try_from(length.as_millis()).unwrap_or(u64::MAX).max(1) }
    }

    /// From when on there is something to do at all: nothing is done twice after a standstill of several rounds.
    #[must_use]
    pub fn not_before(self, now: Timestamp) -> Timestamp {
        let length = i64::try_from(self.length).unwrap_or(i64::MAX);
        now.checked_sub(SignedDuration::from_millis(length)).unwrap_or(Timestamp::MIN)
    }

    /// Whose moments lie between two times, at most a round apart: ranges of ids as text, each from the first to before the
    /// second, in the order of the moments.
    #[must_use]
    pub fn between(self, from: Timestamp, to: Timestamp) -> Vec<(String, String)> {
        if to <= from {
            return Vec::new();
        }
        let (first, last) = (self.offset(from), self.offset(to));
        let whole = |ends: [(String, String); 2]| ends.into_iter().filter(|(from, to)| from < to).collect();
        if first < last {
            return vec![(self.bound(first), self.bound(last))];
        }
        whole([(self.bound(first), END.to_owned()), (self.bound(0), self.bound(last))])
    }

    /// The time right after a user's moment, the first after `from`. Of users with the same millisecond the others may be
    /// passed by in this round.
    #[must_use]
    pub fn after(self, user: UserId, from: Timestamp) -> Timestamp {
        let head = u64::from_str_radix(&user.to_string()[..8], 16).unwrap_or_default();
        let moment = u64::try_from((u128::from(head) * u128::from(self.length)) >> 32).unwrap_or_default();
        let ahead = (moment + self.length - self.offset(from)) % self.length + 1;
        let ahead = SignedDuration::from_millis(i64::try_from(ahead).unwrap_or(i64::MAX));
        from.checked_add(ahead).unwrap_or(Timestamp::MAX)
    }

    /// How far into its round a time is.
    fn offset(self, at: Timestamp) -> u64 {
        let length = i64::try_from(self.length).unwrap_or(i64::MAX);
        at.as_millisecond().rem_euclid(length).cast_unsigned()
    }

    /// The smallest id whose moment is not before this offset.
    fn bound(self, offset: u64) -> String {
        let head = (u128::from(offset) << 32).div_ceil(u128::from(self.length));
        if head > u128::from(u32::MAX) { END.to_owned() } else { format!("{head:08x}") }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::sample::at;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn who_is_awaited_is_looked_up_ever_more_rarely() {
        let hours = |n: i64| at(3_600 * n);
        let next: Vec<_> = [1, 2, 4, 8, 16, 32, 400].map(|n| next_look_up(hours(0), hours(n))).to_vec();
        assert_eq!(next, [2, 4, 8, 16, 32, 56, 424].map(hours));
    }

    #[test]
    fn an_alarm_is_raised_for_a_known_time_or_for_somebody_who_waits() {
        let limit = Duration::from_secs(100);
        let sync = |on, last| Synchronization { on, last };
        let alarm = |sync, awaited| sync_alarm(sync, awaited, limit, at(1_000));
        assert_eq!(alarm(sync(true, Some(at(900))), true), None);
        let stalled = SyncAlarm::Stalled { last: at(899), limit };
        assert_eq!(alarm(sync(true, Some(at(899))), false), Some(stalled));
        assert_eq!(alarm(sync(true, None), true), None);
        assert_eq!(alarm(sync(false, Some(at(0))), false), None);
        assert_eq!(alarm(sync(false, None), true), Some(SyncAlarm::Off));
    }

    fn due(round: Round, ids: &[UserId], from: Timestamp, to: Timestamp) -> Vec<UserId> {
        let within = |range: &(String, String), id: &UserId| range.0 <= id.to_string() && id.to_string() < range.1;
        let of = |range: (String, String)| ids.iter().copied().filter(move |id| within(&range, id));
        round.between(from, to).into_iter().flat_map(of).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn in_each_round_everyone_has_one_moment(
            mut ids in prop::collection::vec(any::<u128>(), 1..60),
            looks in prop::collection::vec(1..20_000_u32, 1..40),
            start in 0..200_000_i64,
            length in 1_000..200_000_u64,
        ) {
            ids.extend([0, u128::MAX]);
            ids.sort_unstable();
            ids.dedup();
            let ids: Vec<UserId> = ids.into_iter().map(|id| uuid::Uuid::from_u128(id).into()).collect();
            let round = Round::new(Duration::from_millis(length));
            let whole = SignedDuration::from_millis(length.cast_signed());
            let mut from = Timestamp::from_millisecond(start).unwrap();
            let end = from + whole;
            let mut met = Vec::new();
            for look in looks.iter().copied().chain([u32::MAX]) {
                let to = (from + SignedDuration::from_millis(look.into())).min(end);
                let these = due(round, &ids, from, to);
                for id in &these {
                    let after = round.after(*id, from);
                    prop_assert!(from < after && after <= to);
                    prop_assert_eq!(due(round, &[*id], after, to), []);
                }
                met.extend(these);
                from = to;
            }
            met.sort_unstable();
            prop_assert_eq!(met, ids);
        }
    }

    #[test]
    fn a_round_is_spread_evenly() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state
        };
        let ids: Vec<UserId> = (0..24_000).map(|_| uuid::Uuid::from_u64_pair(random(), random()).into()).collect();
        let round = Round::new(DAY);
        for hour in 0..24 {
            let these = due(round, &ids, at(3_600 * hour), at(3_600 * (hour + 1)));
            assert!((800..1_200).contains(&these.len()), "{} in hour {hour}", these.len());
        }
    }
}
