//! What stands below a command's options in its help: examples, and what is worth knowing before. A test parses each.

/// What every command can end with.
pub(super) const ALL: &str = "\
A first look, which writes nothing:
  seatsync config check
  seatsync doctor
  seatsync plan
  seatsync once
  seatsync status

Exit status:
   0  done
  64  used wrongly
  65  reload: what the new configuration does exceeds the guard
  67  whom or what was named is not there
  69  the directory or the tenant cannot be reached: try again; reload: no agent runs
  70  a defect of seatsync
  73  the store cannot be created or opened
  74  the store is damaged, full, or of another version
  75  another agent has the store, or it was stopped before the end: try again
  77  credentials or permissions were refused
  78  the configuration or the clock is wrong, or does not fit the tenant, the domain or the store";

pub(super) const RUN: &str = "\
Logs to standard error. The first SIGTERM or SIGINT lets writes under way end, a second one stops
at once. SIGHUP has it read its configuration anew, as `seatsync reload` does. Whether it writes to
the tenant is for `mode` in the configuration to say: \"observe\" or \"apply\".";

pub(super) const RELOAD: &str = "\
Examples:
  seatsync plan --config /etc/seatsync/new.toml
  seatsync reload
  seatsync reload --accept 59bb1c4c87f0

Exit status 65: what it would do exceeds the guard, and is taken over with --accept, by the digest
that the refusal shows. 69: no agent runs. 78: the file is wrong, or needs a restart. In all of
these the configuration before goes on. SIGHUP asks for the same, and the log tells the outcome.";

pub(super) const ONCE: &str = "\
Example:
  seatsync once --json

In mode \"observe\" nothing is written to the tenant; what is learned is kept. Refused while an
agent runs.";

pub(super) const PLAN: &str = "\
Examples:
  seatsync plan
  seatsync plan --user eva.berg
  seatsync plan --config /etc/seatsync/new.toml

With a file that is not in use yet it says first what the edit does to those who are known.
It works on a copy of the store, beside a running agent too.";

pub(super) const STATUS: &str = "\
Example:
  seatsync status --json

Reads the store alone: neither the directory nor the tenant is asked, and no agent has to run.";

pub(super) const USERS: &str = "\
Examples:
  seatsync users --standing refused
  seatsync users --presence awaiting
  seatsync users --sku EMS --status --plan INTUNE_A
  seatsync users --not-enrolled --json";

pub(super) const SKUS: &str = "\
Examples:
  seatsync skus
  seatsync skus EMS";

pub(super) const EXPLAIN: &str = "\
Example:
  seatsync explain eva.berg@corp.example.com";

pub(super) const INCLUDE: &str = "\
Examples:
  seatsync include staff-ems --unlicensed --limit 50
  seatsync include staff-ems --since 2026-09-01
  seatsync include staff-ems --user eva.berg

`seatsync users --standing baseline` lists who they are.";

pub(super) const APPROVE: &str = "\
Example:
  seatsync approve 1 --digest 36e5bb96e62d

`seatsync status` shows held cohorts with number and digest.";

pub(super) const REJECT: &str = "\
Example:
  seatsync reject 1 --digest 36e5bb96e62d

Those who were to be licensed become baseline: `seatsync include` can bring them back. Licenses
that were to be changed or taken back stay as they are.";

pub(super) const PAUSE: &str = "\
Example:
  seatsync pause \"change freeze until Monday\"

It stays over restarts. `seatsync resume` ends it.";

pub(super) const ASSIGN: &str = "\
Examples:
  seatsync assign eva.berg ola.nord --sku EMS
  seatsync assign --csv pilots.csv --sku EMS --disable INTUNE_A --dry-run
  seatsync assign --filter '(department=Sales)' --sku EMS

What is assigned counts for the daily limit. `seatsync release` leaves it to the rules again.";

pub(super) const UNASSIGN: &str = "\
Example:
  seatsync unassign eva.berg --sku EMS --dry-run

Only a direct license can be taken; one that comes from a group stays. `seatsync release` ends the
withholding.";

pub(super) const RELEASE: &str = "\
Example:
  seatsync release eva.berg --sku EMS

What was given stays.";

pub(super) const CREATE_USER: &str = "\
Example:
  seatsync create-user --display-name 'Eva New' --upn eva@contoso.com --usage-location SE --sku EMS

The initial password is printed once and kept nowhere. The app needs the permission
User.ReadWrite.All.";

pub(super) const RETRY: &str = "\
Examples:
  seatsync retry eva.berg
  seatsync retry --all";

pub(super) const DOCTOR: &str = "\
Examples:
  seatsync doctor
  seatsync doctor --directory --json
  seatsync doctor --pilot eva.berg --write

Without --pilot it only reads. It ends with the status of the first check that failed.";

pub(super) const NOTIFY_TEST: &str = "\
Examples:
  seatsync notify test
  seatsync notify test operations";

pub(super) const CONFIG_CHECK: &str = "\
Example:
  seatsync config check --config /etc/seatsync/new.toml

Every problem is shown at once. Neither the directory nor the tenant is asked.";

pub(super) const CONFIG_EXAMPLE: &str = "\
Example:
  seatsync config example > seatsync.toml";

pub(super) const SERVICE_INSTALL: &str = "\
Examples:
  seatsync service install
  seatsync service install --account 'CORP\\svc-seatsync$'

For administrators, at an elevated prompt. A group managed account needs the right \"Log on as a
service\" on this machine. Run it again after a move of the program, or for another account; what was
edited stays.";

pub(super) const SECRET_SET: &str = "\
Example:
  seatsync secret set bind-password

For administrators, at an elevated prompt. It is asked for, or read from standard input, and opens
on this machine alone. A new one counts from the next sign-in on.";
