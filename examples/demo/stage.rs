//! What stands before the curtain rises: a domain of five hundred people, their users in the tenant, a few free seats,
//! and a configuration for the agent.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use seatsync_lab::directory::{Directory, DirectoryOptions};
use seatsync_lab::tenant::follow::{FollowOptions, Follower};
use seatsync_lab::tenant::{LicenseChange, NewLicense, Tenant, World};
use tempfile::TempDir;

use super::{Failure, Options};

/// People in the directory from the start.
const EXISTING: usize = 500;

/// Seats that nobody has taken yet.
const FREE_SEATS: u32 = 6;

/// What the configuration's only rule gives.
pub const PRODUCT: &str = "EMS";

/// Both sides, and the files the agent is given.
pub struct Stage {
    pub directory: Directory,
    pub tenant: Tenant,
    pub config: PathBuf,
    pub store: PathBuf,
    /// How often the agent looks, in words.
    pub polls: &'static str,
    files: TempDir,
}

impl Stage {
    /// Builds everything up.
    pub async fn set(options: Options) -> Result<Self, Failure> {
        let control = options.keep.then(|| ([127, 0, 0, 1], 0).into());
        let world = DirectoryOptions { control_listen: control, ..DirectoryOptions::with_accounts(EXISTING) };
        let directory = Directory::start(world).await?;
        let tenant = Tenant::start(World::empty_contoso()).await?;
        let files = tempfile::Builder::new().prefix("seatsync-demo-").tempdir()?;
        let (config, store) = (files.path().join("seatsync.toml"), files.path().join("seatsync.db"));
        let polls = if options.fast { "200ms" } else { "1s" };
        let stage = Self { directory, tenant, config, store, polls, files };
        stage.write_files()?;
        stage.settle().await?;
        Ok(stage)
    }

    /// Plays Entra Connect from now on: an account becomes a user so long after it was first seen.
    pub fn follow(&self, delay: Duration, every: Duration) -> Result<Follower, Failure> {
        let options = FollowOptions {
            url: self.ldaps(),
            bind_user: self.directory.bind_user(),
            bind_password: self.directory.bind_password(),
            base: self.directory.base_dn(),
            ca: Some(self.path("ca.pem")),
            delay,
            every,
        };
        Ok(Follower::start(&self.tenant, options)?)
    }

    pub fn ldaps(&self) -> String {
        format!("ldaps://localhost:{}", self.directory.ldaps_addr().port())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Everybody in the directory has been in the tenant for years; most hold the product.
    async fn settle(&self) -> Result<(), Failure> {
        let follower = self.follow(Duration::ZERO, Duration::from_secs(3600))?;
        let progress = follower.wait_until(|progress| progress.cycles + progress.failed > 0).await;
        if let Some(error) = progress.error {
            return Err(error.into());
        }
        let license = LicenseChange { add: vec![NewLicense::direct(PRODUCT)], ..LicenseChange::default() };
        for (number, user) in self.tenant.state().users.iter().enumerate() {
            let id = user.id.to_string();
            self.tenant.patch_user(&id, "createdDateTime", "2021-03-01T08:00:00Z")?;
            self.tenant.patch_user(&id, "usageLocation", "DE")?;
            if number % 12 != 0 {
                self.tenant.change_licenses(&id, &license)?;
            }
        }
        let taken = self.tenant.view(|view| view.holders(PRODUCT));
        self.tenant.set_seats(PRODUCT, taken + FREE_SEATS)?;
        self.directory.clear_log();
        Ok(())
    }

    fn write_files(&self) -> Result<(), Failure> {
        std::fs::write(self.path("ca.pem"), self.directory.ca_pem())?;
        write_secret(&self.path("bind-password"), &self.directory.bind_password())?;
        write_secret(&self.path("client-secret"), "lab-secret")?;
        let (ldaps, user, url) = (self.ldaps(), self.directory.bind_user(), self.tenant.url());
        let (tenant, polls) = (self.tenant.tenant_id(), self.polls);
        let text = format!(
            r#"# What an administrator writes; the two addresses of Microsoft are the demo's own instead.
mode = "apply"
store = "seatsync.db"

[directory]
domain = "corp.example.test"
servers = ["{ldaps}"]
ca_file = "ca.pem"
bind = {{ method = "simple", user = "{user}", password = {{ file = "bind-password" }} }}
poll = "{polls}"

[tenant]
id = "{tenant}"
client_id = "11111111-1111-1111-1111-111111111111"
credential = {{ method = "secret", secret = {{ file = "client-secret" }} }}
login_url = "{url}"
graph_url = "{url}"
poll = "{polls}"
poll_awaiting = "{polls}"

[usage_location]
from = ["c"]
default = "SE"

[[license]]
id = "intune"
sku = "{PRODUCT}"

[guard]
assignments_per_day = 100
"#
        );
        Ok(std::fs::write(&self.config, text)?)
    }
}

/// A file that only its owner can read: the agent takes no other for a secret.
fn write_secret(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?)
}
