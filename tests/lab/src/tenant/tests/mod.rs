//! The tenant, asked over real sockets.

mod control;
mod credentials;
mod delta;
mod devices;
mod faults;
mod follow;
mod groups;
mod limits;
mod listing;
mod login;
mod wire;
mod writes;

use reqwest::{Client, Method, header::HeaderMap};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{NewUser, Tenant, World};

const APP: &str = "11111111-1111-1111-1111-111111111111";
const EMS: &str = "efccb6f7-5641-4e0e-bd10-b4976e1bf68e";
const SPE_E3: &str = "05e9a617-0261-4cee-bb44-138d3ef5d965";
const INTUNE_PLAN: &str = "c1ec4a95-1f05-45b3-a911-aa3fa01094f5";
const MFA_PLAN: &str = "8a256a2b-b617-496d-b51b-e76466e88db0";

/// A started tenant and a client with a token for it.
struct Bench {
    tenant: Tenant,
    http: Client,
    token: String,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
    text: String,
}

impl Answer {
    async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Self { status, headers, body: serde_json::from_str(&text).unwrap_or_default(), text }
    }

    fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    fn message(&self) -> &str {
        self.body["error"]["message"].as_str().unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn ids(&self) -> Vec<&str> {
        self.body["value"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap()).collect()
    }
}

fn form() -> Vec<(&'static str, &'static str)> {
    vec![
        ("grant_type", "client_credentials"),
        ("client_id", APP),
        ("client_secret", "lab-secret"),
        ("scope", "https://graph.microsoft.com/.default"),
    ]
}

impl Bench {
    async fn new(world: World) -> Self {
        let tenant = Tenant::start(world).await.unwrap();
        let mut bench = Self { tenant, http: crate::test_client::http(), token: String::new() };
        bench.token = bench.sign_in().await;
        bench
    }

    async fn contoso() -> Self {
        Self::new(World::contoso()).await
    }

    /// Contoso with so many synced users, without location or license.
    async fn synced(count: u128) -> (Self, Vec<Uuid>) {
        let bench = Self::new(World::empty_contoso()).await;
        let add = |n| bench.tenant.add_user(NewUser::synced(&format!("u{n}@contoso.com"), Uuid::from_u128(n))).unwrap();
        let mut ids: Vec<Uuid> = (0..count).map(add).collect();
        ids.sort_unstable();
        (bench, ids)
    }

    async fn sign_in(&self) -> String {
        let answer = self.login("contoso.onmicrosoft.com", &form()).await;
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    async fn login(&self, tenant: &str, form: &[(&str, &str)]) -> Answer {
        let url = format!("{}/{tenant}/oauth2/v2.0/token", self.tenant.url());
        Answer::of(self.http.post(url).form(form).send().await.unwrap()).await
    }

    async fn send(&self, method: Method, path: &str, body: Option<Value>) -> reqwest::Result<Answer> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.tenant.url()) };
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Ok(Answer::of(request.send().await?).await)
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await.unwrap()
    }

    async fn locate(&self, user: impl ToString, location: &str) -> Answer {
        let path = format!("/v1.0/users/{}", user.to_string());
        self.send(Method::PATCH, &path, Some(json!({ "usageLocation": location }))).await.unwrap()
    }

    async fn assign(&self, user: impl ToString, sku: &str, disabled: &[&str]) -> Answer {
        let body = json!({ "addLicenses": [{ "skuId": sku, "disabledPlans": disabled }], "removeLicenses": [] });
        self.post(&format!("/v1.0/users/{}/assignLicense", user.to_string()), body).await
    }

    async fn remove(&self, user: impl ToString, sku: &str) -> Answer {
        let body = json!({ "addLicenses": [], "removeLicenses": [sku] });
        self.post(&format!("/v1.0/users/{}/assignLicense", user.to_string()), body).await
    }
}
