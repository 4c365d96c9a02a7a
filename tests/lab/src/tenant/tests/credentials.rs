use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::SignedDuration;
use ring::digest;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use super::{APP, Answer, Bench};
use crate::tenant::{AppCertificate, Metadata, TestKey, credentials::jws};

const JWT: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A tenant that knows a certificate, and what a right assertion looks like.
struct Fixture {
    bench: Bench,
    certificate: AppCertificate,
    claims: Value,
}

impl Fixture {
    async fn new() -> Self {
        let bench = Bench::contoso().await;
        let now = bench.tenant.now();
        let hour = SignedDuration::from_hours(1);
        let certificate = AppCertificate::new(TestKey::App, now - hour, now + hour);
        bench.tenant.add_certificate(&certificate);
        let aud = format!("{}/contoso.com/oauth2/v2.0/token", bench.tenant.url());
        let second = now.as_second();
        let claims = json!({ "aud": aud, "iss": APP, "sub": APP, "jti": "1", "nbf": second, "exp": second + 600 });
        Self { bench, certificate, claims }
    }

    fn header(&self, algorithm: &'static digest::Algorithm, name: &str) -> Value {
        let der = CertificateDer::from_pem_slice(self.certificate.certificate_pem.as_bytes()).unwrap();
        let print = URL_SAFE_NO_PAD.encode(digest::digest(algorithm, &der));
        json!({ "alg": "RS256", "typ": "JWT", name: print })
    }

    async fn send(&self, assertion: &str) -> Answer {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", APP),
            ("scope", "https://graph.microsoft.com/.default"),
            ("client_assertion_type", JWT),
            ("client_assertion", assertion),
        ];
        self.bench.login("contoso.com", &form).await
    }

    async fn code(&self, change: impl FnOnce(&mut Value), key: TestKey) -> Value {
        let mut claims = self.claims.clone();
        change(&mut claims);
        let assertion = jws(&self.header(&digest::SHA256, "x5t#S256"), &claims, key.pem());
        self.send(&assertion).await.body["error_codes"][0].clone()
    }
}

#[tokio::test]
async fn an_assertion_is_taken_by_either_thumbprint() {
    let fixture = Fixture::new().await;
    for (algorithm, name) in [(&digest::SHA256, "x5t#S256"), (&digest::SHA1_FOR_LEGACY_USE_ONLY, "x5t")] {
        let assertion = jws(&fixture.header(algorithm, name), &fixture.claims, TestKey::App.pem());
        assert_eq!(fixture.send(&assertion).await.status, 200, "{name}");
    }
}

#[tokio::test]
async fn each_claim_and_the_signature_are_verified() {
    let fixture = Fixture::new().await;
    let now = fixture.bench.tenant.now().as_second();
    assert_eq!(fixture.code(|_| {}, TestKey::App).await, Value::Null);
    assert_eq!(fixture.code(|_| {}, TestKey::Other).await, 700_027);
    assert_eq!(fixture.code(|claims| claims["aud"] = json!("https://login.example/x"), TestKey::App).await, 700_023);
    assert_eq!(fixture.code(|claims| claims["iss"] = json!("22222222"), TestKey::App).await, 700_021);
    assert_eq!(fixture.code(|claims| claims["sub"] = json!("22222222"), TestKey::App).await, 700_021);
    assert_eq!(fixture.code(|claims| claims["jti"] = Value::Null, TestKey::App).await, 50_027);
    assert_eq!(fixture.code(|claims| claims["exp"] = Value::Null, TestKey::App).await, 50_027);
    assert_eq!(fixture.code(|claims| claims["exp"] = json!(now - 301), TestKey::App).await, 700_024);
    assert_eq!(fixture.code(|claims| claims["nbf"] = json!(now + 330), TestKey::App).await, 700_024);
    for text in ["", "a.b.c", "eyJhbGciOiJub25lIn0.e30."] {
        let answer = fixture.send(text).await;
        assert_eq!(answer.status, 401, "{text}: {}", answer.text);
    }
    let mut header = fixture.header(&digest::SHA256, "x5t#S256");
    header["alg"] = json!("none");
    let answer = fixture.send(&jws(&header, &fixture.claims, TestKey::App.pem())).await;
    assert_eq!(answer.body["error_codes"][0], 700_027);
    fixture.bench.tenant.remove_certificates();
    let answer =
        fixture.send(&jws(&fixture.header(&digest::SHA256, "x5t#S256"), &fixture.claims, TestKey::App.pem())).await;
    let text = answer.body["error_description"].as_str().unwrap();
    assert!(text.contains("[Reason - The key was not found., Thumbprint of key used by client: '"), "{text}");
}

#[tokio::test]
async fn metadata_endpoints_answer_in_their_own_shapes() {
    let bench = Bench::contoso().await;
    let keys = std::env::temp_dir().join(format!("seatsync-lab-{}", std::process::id()));
    std::fs::create_dir_all(&keys).unwrap();
    let imds = Metadata::imds(&bench.tenant).await.unwrap();
    let arc = Metadata::arc(&bench.tenant, &keys).await.unwrap();
    let ask = async |endpoint: &Metadata, version: &str, resource: &str, headers: &[(&str, &str)]| {
        let url = format!("{}?api-version={version}&resource={resource}", endpoint.url());
        let request = headers.iter().fold(bench.http.get(url), |request, (name, value)| request.header(*name, *value));
        Answer::of(request.send().await.unwrap()).await
    };
    let (graph, metadata) = ("https://graph.microsoft.com", ("Metadata", "true"));
    assert_eq!(ask(&imds, "2018-02-01", graph, &[]).await.body["error"], "bad_request_102");
    assert_eq!(
        ask(&imds, "2018-02-01", "https://graph.microsoft.com/.default", &[metadata]).await.body["error"],
        "invalid_resource"
    );
    let answer = ask(&imds, "2018-02-01", graph, &[metadata]).await;
    assert_eq!((answer.status, &answer.body["expires_in"]), (200, &json!("3599")), "all values are text");

    let answer = ask(&arc, "2020-06-01", graph, &[metadata]).await;
    assert_eq!(answer.status, 401);
    let path = answer.header("www-authenticate").strip_prefix("Basic realm=").unwrap().to_owned();
    let key = format!("Basic {}", std::fs::read_to_string(path).unwrap());
    assert_eq!(ask(&arc, "2020-06-01", graph, &[metadata, ("Authorization", "Basic x")]).await.status, 401);
    let answer = ask(&arc, "2020-06-01", graph, &[metadata, ("Authorization", &key)]).await;
    assert_eq!(answer.status, 401, "each challenge has a key of its own");
    let path = answer.header("www-authenticate").strip_prefix("Basic realm=").unwrap().to_owned();
    let key = format!("Basic {}", std::fs::read_to_string(path).unwrap());
    assert_eq!(ask(&arc, "2020-06-01", graph, &[metadata, ("Authorization", &key)]).await.status, 200);
    std::fs::remove_dir_all(keys).unwrap();
}
