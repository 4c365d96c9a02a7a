//! The control API.

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::*;

struct Lab {
    directory: Directory,
    client: Client,
}

impl Lab {
    async fn start() -> Lab {
        let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
        let options = DirectoryOptions { accounts: 3, control_listen: Some(free), ..DirectoryOptions::default() };
        Lab { directory: Directory::start(options).await.expect("it starts"), client: crate::test_client::http() }
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.directory.control_addr().expect("served"));
        let reply = self.client.request(method, url).json(&body).send().await.expect("a reply");
        (reply.status(), reply.json().await.unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn accounts_live_and_die_over_http() {
    let lab = Lab::start().await;
    let new = json!({ "name": "Berg, Anna", "sam": "aberg", "c": "SE", "enabled": false,
                      "attributes": { "title": "Boss", "mS-DS-ConsistencyGuid": { "base64": "AQID" } } });
    let (status, created) = lab.call(Method::POST, "/lab/accounts", new.clone()).await;
    assert_eq!((status, &created["enabled"]), (StatusCode::OK, &json!(false)));
    assert_eq!(lab.call(Method::POST, "/lab/accounts", new).await.0, StatusCode::CONFLICT);

    let change = json!({ "enabled": true, "ou": "Contractors", "attributes": { "c": "NO", "mail": null } });
    let (_, changed) = lab.call(Method::PATCH, "/lab/accounts/aberg", change).await;
    assert_eq!(changed["dn"], "CN=Berg\\, Anna,OU=Contractors,DC=corp,DC=example,DC=test");
    assert_eq!((&changed["c"], &changed["mail"], &changed["enabled"]), (&json!("NO"), &Value::Null, &json!(true)));

    let (_, deleted) = lab.call(Method::DELETE, "/lab/accounts/aberg", json!({})).await;
    assert_eq!(deleted["deleted"], true);
    assert_eq!(lab.call(Method::GET, "/lab/accounts/aberg", json!({})).await.0, StatusCode::NOT_FOUND);
    let path = format!("/lab/accounts/{}/undelete", created["guid"].as_str().expect("a guid"));
    assert_eq!(lab.call(Method::POST, &path, json!({})).await.1["deleted"], false);

    let (_, many) = lab.call(Method::POST, "/lab/accounts", json!({ "count": 20 })).await;
    assert_eq!(many.as_array().map(Vec::len), Some(20));
    assert_eq!(
        lab.call(Method::POST, "/lab/accounts", json!({ "nmae": "typo" })).await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn faults_gates_and_settings_work_over_http() {
    let lab = Lab::start().await;
    let fault = json!({ "match": { "kind": "bind" }, "then": { "result": { "code": 51, "text": "busy" } } });
    assert_eq!(lab.call(Method::POST, "/lab/faults", fault).await.0, StatusCode::NO_CONTENT);
    let mut ldap = connect(&lab.directory).await;
    assert_eq!(ldap.simple_bind("x", "y").await.expect("an answer").rc, 51);

    lab.call(Method::PATCH, "/lab/state", json!({ "bind_failure": "533", "recycle_bin": true })).await;
    let (_, state) = lab.call(Method::GET, "/lab/state", json!({})).await;
    assert_eq!((&state["bind_failure"], &state["recycle_bin"]), (&json!("533"), &json!(true)));
    assert_eq!(state["counters"]["binds"], 1);
    assert_eq!(state["highest_usn"], lab.directory.highest_usn());
    lab.call(Method::PATCH, "/lab/state", json!({ "bind_failure": "" })).await;

    let (_, gate) = lab.call(Method::POST, "/lab/gates", json!({ "match": { "kind": "root_dse" } })).await;
    let path = format!("/lab/gates/{}", gate["id"]);
    let mut ldap = bound(&lab.directory).await;
    let read = tokio::spawn(async move { root_dse(&mut ldap).await });
    lab.directory.wait_for(0, |op| op.kind == crate::directory::Kind::RootDse).await;
    assert_eq!(lab.call(Method::GET, &path, json!({})).await.0, StatusCode::OK);
    assert_eq!(lab.call(Method::DELETE, &path, json!({})).await.0, StatusCode::NO_CONTENT);
    assert!(!read.await.expect("no panic").is_empty());
    assert_eq!(lab.call(Method::DELETE, &path, json!({})).await.0, StatusCode::NOT_FOUND);

    let (_, searches) = lab.call(Method::GET, "/lab/searches?after=1", json!({})).await;
    assert_eq!(searches["counters"]["root_dse_reads"], 1);
    assert!(searches["operations"].as_array().is_some_and(|operations| !operations.is_empty()));
}

#[tokio::test]
async fn domain_controllers_are_ruled_over_http() {
    let free = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let options = DirectoryOptions { control_listen: Some(free), ..DirectoryOptions::default().dcs(2) };
    let lab =
        Lab { directory: Directory::start(options).await.expect("it starts"), client: crate::test_client::http() };
    let (_, noise) = lab.call(Method::POST, "/lab/noise", json!({ "dc": 1, "count": 3 })).await;
    assert_eq!(noise["highest_usn"], lab.directory.dc(1).highest_usn());
    let (_, pulled) = lab.call(Method::POST, "/lab/replicate", json!({ "from": 1, "to": 0 })).await;
    assert_ne!(pulled["written"], 0);
    let wanted = json!({ "condition": "killed", "srv": { "priority": 5 } });
    let (_, killed) = lab.call(Method::PATCH, "/lab/dcs/1", wanted).await;
    assert_eq!((&killed["condition"], &killed["srv"]["priority"]), (&json!("killed"), &json!(5)));
    assert!(reach(&lab.directory, 1).await.is_err());
    let (_, all) = lab.call(Method::GET, "/lab/dcs", json!({})).await;
    assert_eq!(all[1]["fqdn"], "dc2.corp.example.test");
    assert_eq!(lab.call(Method::PATCH, "/lab/dcs/2", json!({})).await.0, StatusCode::NOT_FOUND);
}
