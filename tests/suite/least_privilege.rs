//! The permissions of docs/entra-app.md are enough, none of them is too much, and each is for the requests that stand beside it: as
//! the lab's tenant has it, which refuses what Microsoft's list of permissions does not allow.

use crate::bench::Bench;

const PAGE: &str = include_str!("../../docs/entra-app.md");

/// A row of the page's table.
struct Row {
    purpose: &'static str,
    least: &'static str,
    broader: Vec<&'static str>,
    requests: Vec<&'static str>,
}

/// The rows that somebody needs who assigns licenses and sets usage locations.
fn needed() -> Vec<Row> {
    let rows = PAGE.lines().filter(|line| line.contains("| `GET") || line.contains("| `P")).map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let codes = |cell: &'static str| cell.split('`').skip(1).step_by(2).collect::<Vec<_>>();
        Row { purpose: cells[1], least: codes(cells[2])[0], broader: codes(cells[3]), requests: codes(cells[4]) }
    });
    let wanted = ["read users", "read products and seats", "assign licenses", "set usage locations"];
    let rows: Vec<Row> = rows.filter(|row| wanted.contains(&row.purpose)).collect();
    assert_eq!(rows.len(), wanted.len());
    rows
}

/// Whether a newcomer gets location and license, with these permissions and no others; and what was asked.
async fn licenses(roles: &[&str]) -> (bool, Vec<(String, u16)>) {
    let bench = Bench::start(3).await;
    bench.tenant.set_roles(roles);
    let worked = match bench.once().await {
        Err(_) => false,
        Ok(_) => {
            let ada = bench.join("ada", "DE");
            let _ = bench.once().await;
            let user = bench.user(&ada);
            user.holds("EMS") && user.usage_location.as_deref() == Some("DE")
        }
    };
    let asked = bench.tenant.requests().into_iter().filter(|request| request.path.starts_with("/v1.0/"));
    let asked =
        asked.map(|request| (format!("{} {}", request.method, &request.path[5..]), request.status.unwrap_or(0)));
    (worked, asked.collect())
}

/// Whether a request is one of those: `GET /users/{id}`; what has no method has that of the one before.
fn is_one_of(request: &str, forms: &[&str]) -> bool {
    let (method, path) = request.split_once(' ').expect("a method and a path");
    let mut of = "";
    forms.iter().any(|form| {
        let form = match form.split_once(' ') {
            Some((method, path)) => {
                of = method;
                path
            }
            None => form,
        };
        let (form, path): (Vec<&str>, Vec<&str>) = (form.split('/').collect(), path.split('/').collect());
        of == method
            && form.len() == path.len()
            && form.iter().zip(&path).all(|(form, part)| *form == "{id}" || form == part)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_least_is_enough_and_asks_for_nothing_else() {
    let rows = needed();
    let least: Vec<&str> = rows.iter().map(|row| row.least).collect();
    let (worked, asked) = licenses(&least).await;
    assert!(worked, "{least:?}: {asked:?}");
    assert!(asked.len() > 5 && asked.iter().all(|(_, status)| *status != 403), "{asked:?}");
    let listed: Vec<&str> = rows.iter().flat_map(|row| row.requests.clone()).collect();
    for (request, _) in asked.iter().filter(|(request, _)| request != "POST /$batch") {
        assert!(rows.iter().any(|row| is_one_of(request, &row.requests)), "{request} is none of {listed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn none_of_the_least_can_be_left_out() {
    let rows = needed();
    for missing in &rows {
        let others: Vec<&str> = rows.iter().map(|row| row.least).filter(|name| *name != missing.least).collect();
        let (worked, asked) = licenses(&others).await;
        assert!(!worked, "without {} it works all the same", missing.least);
        let refused: Vec<_> = asked.iter().filter(|(_, status)| *status == 403).collect();
        assert!(
            !refused.is_empty() && refused.iter().all(|(request, _)| is_one_of(request, &missing.requests)),
            "without {}: {refused:?}",
            missing.least
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_named_instead_of_the_least_does_as_well() {
    let rows = needed();
    for row in &rows {
        for instead in &row.broader {
            let others = rows.iter().map(|row| row.least).filter(|name| *name != row.least);
            let roles: Vec<&str> = others.chain([*instead]).collect();
            let (worked, asked) = licenses(&roles).await;
            assert!(worked, "{instead} to {}: {asked:?}", row.purpose);
        }
    }
}
