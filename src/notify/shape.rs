//! A notice as each kind of receiver takes it: pure.
//!
//! Names in it come from the directory and the tenant. They stay text: in a card as runs, which know no markup ("RichTextBlock",
//! adaptivecards.io), for Slack as `plain_text` objects and with `&`, `<` and `>` escaped ("Formatting text for app surfaces"),
//! and without the characters that no reader sees.

#![deny(clippy::disallowed_types, clippy::disallowed_methods)]

use serde_json::{Value, json};

use crate::model::notice::{Matter, Notice, Phase};
use crate::model::settings::Shape;

/// Slack takes no longer text in a block ("Section block"); cards have 28 KB in all.
const LONGEST: usize = 2_900;

/// No longer heading ("Header block").
const LONGEST_TITLE: usize = 150;

/// The body of the request. `from` names the tenant.
#[must_use]
pub fn shaped(shape: Shape, notice: &Notice, from: &str) -> Value {
    let notice = clean(notice);
    match shape {
        Shape::Json => flat(&notice, from),
        Shape::Teams => card(&notice, from),
        Shape::Slack => slack(&notice, from),
    }
}

fn flat(notice: &Notice, from: &str) -> Value {
    let mut value = serde_json::to_value(notice).unwrap_or_default();
    value["source"] = json!("seatsync");
    value["version"] = json!(env!("CARGO_PKG_VERSION"));
    value["tenant"] = json!(from);
    value
}

/// "Create incoming webhooks with Workflows for Microsoft Teams": a message with one Adaptive Card.
fn card(notice: &Notice, from: &str) -> Value {
    let run = |text: &str, weight: &str, color: &str| {
        json!({ "type": "RichTextBlock", "inlines": [
            { "type": "TextRun", "text": text, "weight": weight, "color": color }
        ] })
    };
    let color = match (notice.state, notice.matter) {
        (Phase::Ends, _) => "Good",
        (_, Matter::Test) => "Default",
        _ => "Attention",
    };
    let mut body = vec![run(&notice.title, "Bolder", color)];
    body.extend(paragraphs(notice).map(|text| run(text, "Default", "Default")));
    body.push(run(&footer(notice, from), "Lighter", "Default"));
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "fallbackText": notice.title,
                "msteams": { "width": "Full" },
                "body": body,
            },
        }],
    })
}

/// "Sending messages using incoming webhooks", "Reference: blocks".
fn slack(notice: &Notice, from: &str) -> Value {
    let plain =
        |text: &str, longest: usize| json!({ "type": "plain_text", "text": cut(text, longest), "emoji": false });
    let mut blocks = vec![json!({ "type": "header", "text": plain(&notice.title, LONGEST_TITLE) })];
    blocks.extend(paragraphs(notice).map(|text| json!({ "type": "section", "text": plain(text, LONGEST) })));
    blocks.push(json!({ "type": "context", "elements": [plain(&footer(notice, from), LONGEST)] }));
    let escaped = notice.title.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": escaped, "blocks": blocks })
}

fn paragraphs(notice: &Notice) -> impl Iterator<Item = &str> {
    [notice.text.as_str(), notice.todo.as_str()].into_iter().filter(|text| !text.is_empty())
}

fn footer(notice: &Notice, from: &str) -> String {
    format!("seatsync, tenant {from}, {} [{}]", notice.at.strftime("%Y-%m-%d %H:%M:%SZ"), notice.matter.word())
}

fn clean(notice: &Notice) -> Notice {
    Notice {
        about: notice.about.as_deref().map(|text| one_line(text, LONGEST_TITLE)),
        title: one_line(&notice.title, LONGEST),
        text: cut(&notice.text.lines().map(|line| one_line(line, LONGEST)).collect::<Vec<_>>().join("\n"), LONGEST),
        todo: one_line(&notice.todo, LONGEST),
        ..notice.clone()
    }
}

/// Without control characters, and without those that change the order in which others are shown.
fn one_line(text: &str, longest: usize) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let text: String = text.chars().map(|c| if hidden(c) { ' ' } else { c }).collect();
    cut(text.trim(), longest)
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some(_) => text.chars().take(longest.saturating_sub(1)).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::sample::at;

    fn notice(title: &str, text: &str) -> Notice {
        Notice {
            matter: Matter::PersonsRefused,
            state: Phase::Begins,
            about: None,
            title: title.into(),
            text: text.into(),
            todo: "Do that.".into(),
            at: at(0),
        }
    }

    #[test]
    fn a_flat_object_has_its_documented_members() {
        let value = shaped(Shape::Json, &notice("One", "Two"), "contoso");
        let names: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(names, ["about", "at", "code", "source", "state", "tenant", "text", "title", "todo", "version"]);
        assert_eq!((&value["code"], &value["state"]), (&json!("persons-refused"), &json!("begins")));
    }

    #[test]
    fn hostile_names_stay_text() {
        let name = "\u{202e}\"}]},<!channel> [x](http://evil) *b* &\\\r\n\u{0}z";
        for shape in [Shape::Json, Shape::Teams, Shape::Slack] {
            let body = serde_json::to_string(&shaped(shape, &notice(name, name), "contoso")).unwrap();
            let value: Value = serde_json::from_str(&body).unwrap();
            assert!(!body.contains('\u{202e}') && !body.contains("\\u0000"), "{body}");
            match shape {
                Shape::Json => assert!(value["title"].as_str().unwrap().contains("<!channel> [x](http://evil)")),
                Shape::Teams => {
                    let body = &value["attachments"][0]["content"]["body"];
                    let kinds: Vec<_> = body.as_array().unwrap().iter().map(|part| &part["type"]).collect();
                    assert_eq!(kinds, vec!["RichTextBlock"; 5][..kinds.len()], "a TextBlock would be read as Markdown");
                    assert_eq!(kinds.len(), 4);
                }
                Shape::Slack => {
                    assert!(value["text"].as_str().unwrap().contains("&lt;!channel&gt;"), "{value}");
                    assert!(!body.contains("mrkdwn"), "{body}");
                }
            }
        }
    }

    #[test]
    fn long_texts_are_cut_to_what_is_taken() {
        let value = shaped(Shape::Slack, &notice(&"ä".repeat(5_000), &"ö".repeat(9_000)), "contoso");
        let length = |value: &Value| value.as_str().unwrap().chars().count();
        assert_eq!(length(&value["blocks"][0]["text"]["text"]), LONGEST_TITLE);
        assert_eq!(length(&value["blocks"][1]["text"]["text"]), LONGEST);
    }
}
