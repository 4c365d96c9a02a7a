//! What an LDAP client may expect of a domain controller, written once and held against the lab and against a real one,
//! so that the lab does not drift.
//!
//! Each clause is a function of a [`Peer`]. It makes a unit of its own and leaves it behind. Where Samba is known not to
//! do what Windows does, the clause says so and asks for both.

mod changes;
mod groups;
mod peer;
mod searching;
mod signing_in;

pub use peer::Peer;

macro_rules! clauses {
    ($($room:ident :: $clause:ident,)*) => {
        /// Holds a domain controller to all clauses.
        ///
        /// # Panics
        /// When it breaks one; its name was printed last.
        pub async fn hold(peer: &Peer<'_>) {
            $(
                println!("contract: {}", stringify!($clause));
                $room::$clause(peer).await;
            )*
        }

        #[cfg(test)]
        mod lab {
            use super::*;
            use crate::directory::{Directory, DirectoryOptions};

            $(
                #[tokio::test]
                async fn $clause() {
                    let directory = Directory::start(DirectoryOptions::with_accounts(5)).await.expect("it starts");
                    super::$room::$clause(&Peer::lab(&directory)).await;
                }
            )*
        }

        #[cfg(test)]
        mod samba {
            use super::*;

            $(
                #[tokio::test]
                #[ignore = "needs a real Samba AD DC: tests/run samba"]
                async fn $clause() {
                    super::$room::$clause(&Peer::samba()).await;
                }
            )*
        }
    };
}

clauses! {
    signing_in::the_root_names_the_settings_that_hold_the_invocation_id,
    signing_in::binds_and_what_is_open_without,
    searching::paging_meets_everyone_once,
    searching::a_cookie_means_nothing_elsewhere,
    searching::an_object_answers_to_all_its_names,
    searching::errors_have_the_codes_of_ad,
    searching::extended_filters_and_unknown_attributes,
    changes::what_moves_the_usn,
    changes::the_delta_is_what_changed,
    changes::a_deleted_account_leaves_a_tombstone,
    changes::an_undeleted_account_is_the_same_again,
    changes::deleted_objects_hide_from_plain_accounts,
    groups::membership_moves_the_group_alone,
    groups::chains_are_followed,
    groups::values_come_in_ranges,
    groups::the_primary_group_is_not_a_membership,
    groups::links_come_with_guid_and_sid_where_asked,
    groups::below_a_unit_is_found_by_the_guid_of_the_unit,
}
