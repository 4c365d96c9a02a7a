//! Writes whose effect shows although nobody knew of it: reading had settled them as unseen, since Graph's reads lag behind its
//! writes; or Graph answered that it was too busy and carried them out all the same, as it is known to do with items of a batch.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::StoreError;
use super::intents::Step;
use super::outcomes::shows;
use super::rows::{collect, json_of, millis, named};
use crate::model::identity::{SkuId, UserId};
use crate::model::person::Person;
use crate::model::user::User;

struct Unseen {
    id: i64,
    user: UserId,
    step: Step,
    before: Option<User>,
    unknown: bool,
}

/// Closes a person's open intents whose effect shows by now, and returns the products this proves to be ours: absent before
/// the intent, written in a call whose answer leaves open that it took effect, and there now.
pub(super) fn shown(db: &Connection, person: &Person, now: Timestamp) -> Result<BTreeSet<SkuId>, StoreError> {
    // A call without an answer is settled by reading first.
    let sql = "SELECT i.id, i.user, i.body, i.before,
                      EXISTS (SELECT 1 FROM calls c WHERE c.intent = i.id
                              AND (c.answer ->> '$.settled' IS NOT NULL OR c.answer ->> '$.verdict' = 'Unknown'
                                   OR (c.answer ->> '$.status' IS NOT NULL
                                       AND (c.answer -> '$.verdict.Throttled' IS NOT NULL
                                            OR c.answer -> '$.verdict.Unavailable' IS NOT NULL)))) AS unknown
               FROM intents i WHERE i.person = ?1 AND i.state = 'open'
                 AND NOT EXISTS (SELECT 1 FROM calls c WHERE c.intent = i.id AND c.answered IS NULL)";
    let open = collect(db, sql, [person.id.0], |row| {
        Ok(Unseen {
            id: row.get("id")?,
            user: named(row, "user")?,
            step: json_of(row, "body")?,
            before: json_of(row, "before")?,
            unknown: row.get("unknown")?,
        })
    })?;
    let mut ours = BTreeSet::new();
    for intent in open {
        let visible = |user: &User| user.id == intent.user && shows(user, &intent.step);
        if !person.users.iter().any(|known| visible(&known.user)) {
            continue;
        }
        let state = if intent.unknown { "accepted" } else { "abandoned" };
        db.prepare_cached("UPDATE intents SET state = ?2, closed = ?3 WHERE id = ?1")?.execute(params![
            intent.id,
            state,
            millis(now)
        ])?;
        if let (Step::License { add, .. }, Some(before), true) = (&intent.step, &intent.before, intent.unknown) {
            let absent = add.iter().map(|write| write.sku).filter(|sku| before.direct_license(*sku).is_none());
            ours.extend(absent);
        }
    }
    Ok(ours)
}
