//! Which usage location a person should have.

use super::scene::Scene;
use crate::model::judgement::LocationWish;
use crate::model::sample::{at, location_from};

#[test]
fn where_a_location_comes_from() {
    type Change = fn(&mut Scene);
    let table: [(&str, Change, &str); 12] = [
        ("the account's c", |_| {}, "set SE from c"),
        ("the first source that has one", |s| sources(s, "no"), "set NO from msexchusagelocation"),
        ("a source that is wrong is passed over", |s| sources(s, "UK"), "set SE from c"),
        (
            "the default",
            |s| {
                s.account().attributes.clear();
                s.location.default = "DK".parse().ok();
            },
            "set DK from default",
        ),
        (
            "none",
            |s| s.account().attributes.clear(),
            "missing: none of c holds a country code and usage_location.default is not set: fill one of them",
        ),
        (
            "none but a wrong one",
            |s| {
                s.account().attributes.insert("c".into(), vec!["UK".into()]);
            },
            "missing: none of c holds a country code (c: \"UK\" is not a country code: the United Kingdom is \"GB\") and usage_location.default is not set: fill one of them",
        ),
        ("it is set", |s| s.user().usage_location = "NO".parse().ok(), "keep"),
        (
            "it is set, and to be overwritten",
            |s| {
                s.user().usage_location = "NO".parse().ok();
                s.location.overwrite = true;
            },
            "set SE from c over NO",
        ),
        (
            "it is right, and to be overwritten",
            |s| {
                s.user().usage_location = "SE".parse().ok();
                s.location.overwrite = true;
            },
            "keep",
        ),
        (
            "it is set, to be overwritten with nothing",
            |s| {
                s.user().usage_location = "NO".parse().ok();
                s.location.overwrite = true;
                s.account().attributes.clear();
            },
            "keep",
        ),
        (
            "not ours to write",
            |s| s.location.write = false,
            "missing: the user has no usage location and usage_location.write is false: let something else set it",
        ),
        (
            "set, not ours to write",
            |s| {
                s.user().usage_location = "NO".parse().ok();
                (s.location.write, s.location.overwrite) = (false, true);
            },
            "keep",
        ),
    ];
    for (what, change, wish) in table {
        let said = match Scene::new().when(change).judge(at(600)).location {
            LocationWish::Keep => "keep".to_owned(),
            LocationWish::Set(write) => {
                let over = write.from.map(|from| format!(" over {from}")).unwrap_or_default();
                format!("set {} from {}{over}", write.to, write.source)
            }
            LocationWish::Missing(reason) => format!("missing: {}", reason.text),
        };
        assert_eq!(said, wish, "{what}");
    }
}

fn sources(scene: &mut Scene, value: &str) {
    scene.location.from = ["msexchusagelocation", "c"].map(location_from).to_vec();
    scene.account().attributes.insert("msexchusagelocation".into(), vec![value.into()]);
}
