//! Each command and rule of docs/from-powershell.md does what the page says it does.

use std::collections::BTreeSet;

use seatsync_lab::directory::{Change, Guid};
use seatsync_lab::tenant::{NewGroup, NewUser};

use crate::bench::Bench;

const PAGE: &str = include_str!("../../docs/from-powershell.md");
const GROUP: &str = "5a1e5000-0000-4000-8000-000000000001";

/// A fenced block of the page.
#[derive(Debug)]
struct Block {
    language: &'static str,
    text: &'static str,
}

fn blocks() -> Vec<Block> {
    let mut found = Vec::new();
    for (at, _) in PAGE.match_indices("\n```").step_by(2) {
        let (language, rest) = PAGE[at + 4..].split_once('\n').expect("a block has lines");
        found.push(Block { language, text: rest.split("\n```").next().unwrap_or_default() });
    }
    found
}

/// The people of the page. Eva is there before anybody looks; whoever else is new comes with [`Company::hires`].
struct Company {
    bench: Bench,
    group: Guid,
}

impl Company {
    async fn with_rules(rules: &str) -> Self {
        let mut bench = Bench::start(0).await;
        if rules.contains("[usage_location]") {
            bench.edit("[usage_location]\ndefault = \"SE\"\n", "");
        }
        bench.rules = rules.to_owned();
        let eva = bench.hire("eva.berg", "");
        bench.sync_old(&eva, 365);
        let in_directory = bench.directory.create_group("Intune");
        let group = NewGroup { id: Some(GROUP.parse().expect("an id")), ..NewGroup::named("Intune") };
        bench.tenant.add_group(group).expect("a group");
        bench.once().await.expect("first contact");
        Self { bench, group: in_directory }
    }

    fn hires(&self) -> [(&'static str, String); 3] {
        let bench = &self.bench;
        let (ola, ida) = (bench.hire("ola.nord", "NO"), bench.hire("ida.lund", "DE"));
        bench.directory.move_to(ida.guid, "Contractors");
        bench.directory.modify(ida.guid, &[Change::set("department", "Sales Wien")]);
        bench.sync(&ola);
        bench.sync(&ida);
        bench.directory.set_membership(self.group, ola.guid, true);
        bench.tenant.add_member("Intune", &ida.upn).expect("a member");
        bench.tenant.add_user(NewUser::cloud("kim.holm@contoso.com")).expect("a user");
        [("ola.nord", ola.upn), ("ida.lund", ida.upn), ("kim.holm", "kim.holm@contoso.com".into())]
    }
}

/// What a rule's first line says: `# gives EMS without MFA_PREMIUM to ola.nord (NO), ida.lund (DE)`.
struct Promise {
    sku: String,
    without: Option<String>,
    people: BTreeSet<String>,
}

fn promise(text: &str) -> Promise {
    let line = text.lines().next().and_then(|line| line.strip_prefix("# gives "));
    let (what, people) = line.and_then(|line| line.split_once(" to ")).unwrap_or_else(|| panic!("of whom? {text}"));
    let (sku, without) = match what.split_once(" without ") {
        Some((sku, plan)) => (sku, Some(plan.to_owned())),
        None => (what, None),
    };
    Promise { sku: sku.to_owned(), without, people: people.split(", ").map(str::to_owned).collect() }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rule_gives_what_it_says_to_those_it_names() {
    let rules: Vec<Block> = blocks().into_iter().filter(|block| block.language == "toml").collect();
    assert!(rules.len() > 5, "{rules:?}");
    for rule in rules {
        let promise = promise(rule.text);
        let company = Company::with_rules(rule.text).await;
        let people = company.hires();
        company.bench.once().await.expect("a turn");
        let given = company.bench.tenant.view(|view| {
            let holding = |(name, upn): &(&str, String)| {
                let user = view.user(upn).filter(|user| user.holds(&promise.sku))?;
                let off = |plan: &String| !user.enabled_plans.contains(plan);
                assert!(promise.without.iter().all(off), "{upn} has {:?}", user.enabled_plans);
                Some(format!("{name} ({})", user.usage_location.unwrap_or_default()))
            };
            assert!(!view.user("eva.berg@corp.example.test").is_some_and(|user| user.holds(&promise.sku)));
            people.iter().filter_map(holding).collect::<BTreeSet<String>>()
        });
        assert_eq!(given, promise.people, "{}", rule.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_prints_what_is_shown_below_it() {
    let blocks = blocks();
    let rule = blocks.iter().find(|block| block.language == "toml").expect("a rule");
    let company = Company::with_rules(rule.text).await;
    let bench = &company.bench;
    company.hires();
    let mut run = 0;
    for block in blocks {
        match block.language {
            "csv" => bench.write("pilots.csv", block.text),
            "console" => {
                for (command, shown) in commands(block.text) {
                    let said = say(bench, &command).await;
                    for line in shown {
                        assert!(shows(&said, line), "{command:?}: {line:?} is not in:\n{said}");
                    }
                    run += 1;
                }
            }
            _ => {}
        }
    }
    assert!(run > 12, "{run} commands were run");
}

/// The commands of a block, each with the lines below it.
fn commands(text: &'static str) -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    let mut found: Vec<(Vec<&str>, Vec<&str>)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ seatsync "), found.last_mut()) {
            (Some(command), _) => found.push((words(command), Vec::new())),
            (None, Some((_, shown))) => shown.push(line),
            (None, None) => panic!("{line:?} is below no command"),
        }
    }
    found
}

/// As a shell parts them: quotes hold together, and a file's name is one of the bench's files.
fn words(command: &'static str) -> Vec<&'static str> {
    let parts = command.split('\'').enumerate();
    let within = |(n, part): (usize, &'static str)| match n % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    };
    parts.flat_map(within).collect()
}

async fn say(bench: &Bench, command: &[&str]) -> String {
    let list = bench.path("pilots.csv").display().to_string();
    let command: Vec<&str> = command.iter().map(|word| if *word == "pilots.csv" { &list } else { *word }).collect();
    bench.says(&command).await
}

/// Whether some line has all that is shown, in order; `…` stands for whatever is between, and blanks for blanks.
fn shows(said: &str, shown: &str) -> bool {
    let even = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    said.lines().map(even).any(|line| {
        let mut rest = line.as_str();
        shown.split('…').all(|part| match rest.split_once(&even(part)) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    })
}

#[test]
fn every_step_of_the_old_procedures_is_on_the_page() {
    for step in [
        "Get-MsolAccountSku",
        "ServiceStatus",
        "New-MsolUser -UsageLocation",
        "Set-MsolUser -UsageLocation",
        "New-MsolLicenseOptions -DisabledPlans",
        "Set-MsolUserLicense -AddLicenses",
        "Set-MsolUserLicense -RemoveLicenses",
        "Set-MsolUserLicense -LicenseOptions",
        "Licenses.ServiceStatus",
        "Get-MsolUser -UnlicensedUsersOnly",
        "Assign licenses",
        "Group-based licensing",
        "Get-MgSubscribedSku",
        "New-MgUser",
        "Update-MgUser -UsageLocation",
        "Set-MgUserLicense -AddLicenses",
        "Set-MgUserLicense -RemoveLicenses",
        "Get-MgUserLicenseDetail",
    ] {
        assert!(PAGE.contains(step), "docs/from-powershell.md does not say what replaces {step}");
    }
    let (sections, safer) = (PAGE.matches("\n## ").count(), PAGE.matches("\nSafer: ").count());
    assert_eq!(sections, safer, "each section says what is safer");
}
