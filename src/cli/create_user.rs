//! `seatsync create-user`: a user of the tenant who is in no directory, with location, initial password and license in one go.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::assign::{plans_off, product};
use super::request::answer;
use super::{Common, Failure, Unmet, output};
use crate::agent::{Created, Creation, InitialPassword};
use crate::model::fault::exit;
use crate::model::identity::PlanId;
use crate::model::license::Sku;
use crate::model::location::UsageLocation;
use crate::model::newcomer::{NewUpn, Newcomer};
use crate::model::request::Request;
use crate::store::Store;
use crate::system;

/// What `create-user` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The name that people see.
    #[arg(long, value_name = "NAME", value_parser = display_name)]
    display_name: String,
    /// The name to sign in with, in a verified domain of the tenant.
    #[arg(long, value_name = "NAME@DOMAIN")]
    upn: NewUpn,
    /// The country where the user is to use services: two letters of ISO 3166-1.
    #[arg(long, value_name = "COUNTRY")]
    usage_location: UsageLocation,
    /// A product to assign, as `assign` does, by part number or GUID.
    #[arg(long)]
    sku: Option<String>,
    /// A service plan to leave off, by name or GUID; may be given several times.
    #[arg(long, value_name = "PLAN", requires = "sku")]
    disable: Vec<String>,
    /// Write the initial password to this new file, which only its owner can read, instead of printing it.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Only show what would be done.
    #[arg(long)]
    dry_run: bool,
}

fn display_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    match name.chars().count() {
        0 => Err("it is empty".to_owned()),
        257.. => Err("it is longer than 256 characters".to_owned()),
        _ if name.chars().any(char::is_control) => Err("it holds control characters".to_owned()),
        _ => Ok(name.to_owned()),
    }
}

/// Creates the user, then asks for the license.
pub(super) async fn run(common: &Common, args: Args) -> Result<(), Failure> {
    let settings = common.settings()?;
    let store = Store::join(&settings.store)?;
    let license = match &args.sku {
        Some(name) => {
            let sku = product(&store, name).await?;
            let off = plans_off(&sku, &args.disable)?;
            Some((sku, off))
        }
        None => None,
    };
    if let Some(path) = args.password_file.as_deref().filter(|path| path.exists()) {
        return Err(unusable(path, "it exists already"));
    }
    let Args { display_name, upn, usage_location: location, .. } = args;
    let newcomer = Newcomer { display_name, upn, location };
    let creation = Creation::check(&settings, &store, newcomer.clone()).await?;
    if args.dry_run {
        output::line(&format!(
            "{} ({}) would be created, usage location {location}",
            newcomer.upn, newcomer.display_name
        ));
        if let Some((sku, _)) = &license {
            output::line(&format!("{} would then be assigned, under the guard", described(sku, &args.disable)));
        }
        return Ok(());
    }
    let password = InitialPassword::draw().map_err(|_| Unmet {
        what: "the operating system gives no random numbers for a password".to_owned(),
        advice: "Mend that; nobody was created.",
        code: "random-unavailable",
        status: exit::SOFTWARE,
    })?;
    let file = args.password_file.map(|path| PasswordFile::write(path, &password)).transpose()?;
    let created = match creation.carry_out(&password, &system::user()).await {
        Ok(created) => created,
        Err(error) if error.may_exist() => {
            hand_over(file, &password, false);
            return Err(error.into());
        }
        Err(error) => return Err(error.into()),
    };
    output::line(&format!("{} was created ({}), usage location {location}", newcomer.upn, created.user));
    hand_over(file, &password, created.answered);
    match license {
        Some((sku, off)) => assign(common, &store, &created, sku, off).await,
        None => Ok(()),
    }
}

fn described(sku: &Sku, off: &[String]) -> String {
    if off.is_empty() { sku.part_number.clone() } else { format!("{} without {}", sku.part_number, off.join(", ")) }
}

async fn assign(
    common: &Common,
    store: &Store,
    created: &Created,
    sku: Sku,
    disabled: BTreeSet<PlanId>,
) -> Result<(), Failure> {
    let request = Request::Assign { people: vec![created.person], sku: sku.id, disabled };
    output::line(&format!("{}: {}", sku.part_number, answer(common, store, request).await?));
    Ok(())
}

/// Says the password, or where it is; and what to do if it was not taken.
fn hand_over(file: Option<PasswordFile>, password: &InitialPassword, answered: bool) {
    match file {
        Some(file) => output::line(&format!("initial password  in {}", file.keep().display())),
        None => output::line(&format!("initial password  {}", password.reveal())),
    }
    if answered {
        output::line("It is shown this once, and to be changed at the first sign-in.");
    } else {
        output::line(
            "Graph's answer was lost: should this password not be taken, reset it in the Entra admin center (Users, Reset \
             password) or with Update-MgUser -PasswordProfile.",
        );
    }
}

/// A file made for the password before the user is; it goes again if nobody was made.
struct PasswordFile {
    path: PathBuf,
    kept: bool,
}

impl PasswordFile {
    fn write(path: PathBuf, password: &InitialPassword) -> Result<Self, Failure> {
        let mut opened = system::create_private(&path).map_err(|error| unusable(&path, &error.to_string()))?;
        let file = Self { path, kept: false };
        let written = writeln!(opened, "{}", password.reveal()).and_then(|()| opened.sync_all());
        written.map_err(|error| unusable(&file.path, &error.to_string()))?;
        Ok(file)
    }

    fn keep(mut self) -> PathBuf {
        self.kept = true;
        self.path.clone()
    }
}

impl Drop for PasswordFile {
    fn drop(&mut self) {
        if !self.kept {
            // It holds the password of nobody.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn unusable(path: &Path, why: &str) -> Failure {
    Unmet {
        what: format!("{} cannot be made for the password: {why}", path.display()),
        advice: "Name a new file in a directory that can be written to.",
        code: "password-file-unusable",
        status: exit::CANNOT_CREATE,
    }
    .into()
}
