//! docs/entra-app.md says of permissions what the program knows of them.

use std::collections::BTreeSet;

use super::permissions::{Evidence, Grantee, Probe, READ_DEVICES, READ_HIDDEN, Uses, examine, needs};

const PAGE: &str = include_str!("../../docs/entra-app.md");
const ALL: Uses = Uses { locations: true, writes: true, groups: true };

#[test]
fn each_need_has_its_row_with_the_same_permissions() {
    for need in needs(ALL) {
        let broader: Vec<String> = need.broader.iter().map(|name| format!("`{name}`")).collect();
        let row = format!("\n| {} | `{}` | {} | `", need.purpose, need.least, broader.join(", "));
        assert!(PAGE.contains(&row), "docs/entra-app.md lacks the row{row}");
    }
    assert!(PAGE.contains(&format!("| `{READ_DEVICES}` |")) && PAGE.contains(&format!("`{READ_HIDDEN}`")));
    let known = needs(ALL).len() + ["create users", "list who has no device in Intune"].len();
    let rows = PAGE.split("| requests |\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap();
    assert_eq!(rows.lines().skip(1).count(), known, "a row that nothing needs: {rows}");
}

#[test]
fn the_script_that_grants_is_the_one_that_is_printed() {
    let nothing = Evidence { roles: Some(BTreeSet::new()), users: Probe::Forbidden, products: Probe::Forbidden };
    let app = Grantee { app: None, managed: false, environment: None };
    let (_, grant) = examine(Uses { groups: false, ..ALL }, &nothing, &app);
    let script = grant.unwrap().powershell.join("\n");
    assert!(PAGE.contains(&format!("```powershell\n{script}\n```")), "docs/entra-app.md has another than\n{script}");
}
