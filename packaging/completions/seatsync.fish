# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_seatsync_global_optspecs
    string join \n c/config= h/help V/version
end

function __fish_seatsync_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_seatsync_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_seatsync_using_subcommand
    set -l cmd (__fish_seatsync_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c seatsync -n "__fish_seatsync_needs_command" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_needs_command" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_needs_command" -s V -l version -d 'Print version'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "run" -d 'Run the agent in the foreground until SIGTERM or SIGINT (Ctrl-C)'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "once" -d 'Do one turn: read both sides, judge, write what is due; then end'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "plan" -d 'Read both sides and show what would be written, without writing anything anywhere'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "status" -d 'Show the state at a glance, and what to do about it'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "users" -d 'List persons and where they stand, holders of a product, or who has no device in Intune'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "skus" -d 'List the tenant\'s products with seats, status and forecast, or one with its service plans'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "explain" -d 'Tell one person\'s whole story: seen, decided, tried, answered'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "audit" -d 'List or export what was seen, decided, tried and answered, or verify that it is what was written'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "backup" -d 'Copy the store into a file that can be put in its place, while the agent runs'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "include" -d 'License those who were in the tenant before seatsync or before a rule, under the guard'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "approve" -d 'Let a held cohort go ahead'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "reject" -d 'Turn a held cohort down: nothing is written for its members'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "pause" -d 'Write nothing until resumed; reading goes on'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "resume" -d 'Write again after a pause'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "assign" -d 'Give a product by hand to users, a list, a group or whoever matches a filter, whatever the rules say'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "unassign" -d 'Take a product away by hand, and withhold it whatever the rules say'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "release" -d 'Forget what was assigned or withheld by hand: the rules decide again'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "create-user" -d 'Create a user of the tenant who is in no directory, with usage location, initial password and license'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "retry" -d 'Try again now what waits for a retry, was refused by Graph, or was removed by others'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "reload" -d 'Have the running agent read its configuration, secrets and CA files anew, and wait for what becomes of it'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "doctor" -d 'Check everything the service relies on, and say how to mend what is missing; or license one user as a pilot'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "notify" -d 'Try out the targets of notices'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "service" -d 'Install, start or stop the service (Windows)'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "secret" -d 'Keep secrets sealed for this machine (Windows)'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "config" -d 'Check the configuration, or show an example of it'
complete -c seatsync -n "__fish_seatsync_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand run" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand run" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand once" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand once" -l json -d 'Print the outcome as JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand once" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand plan" -l user -d 'Only for this user, with what each rule comes to and why: a UPN, sAMAccountName, objectGUID or Entra id' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand plan" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand plan" -l json -d 'Print JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand plan" -l all -d 'Show every write, not only the first 50'
complete -c seatsync -n "__fish_seatsync_using_subcommand plan" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand status" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand status" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand status" -l json -d 'Print JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand status" -l watch -d 'Repaint the screen again and again, until Ctrl-C'
complete -c seatsync -n "__fish_seatsync_using_subcommand status" -l check -d 'One line for Nagios and its kin, with performance data; ends with 0 (ok), 1 (warning), 2 (critical) or 3 (unknown)'
complete -c seatsync -n "__fish_seatsync_using_subcommand status" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l presence -d 'Only those with this presence' -r -f -a "not-synced\t''
awaiting\t''
present\t''
unknown-in-directory\t''
cloud-only\t''
excluded\t''
departed\t''"
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l standing -d 'Only those with a license that stands so' -r -f -a "baseline\t''
satisfied\t''
differs\t''
expected\t''
delayed\t''
due\t''
awaiting-seat\t''
held\t''
in-flight\t''
retrying\t''
confirming\t''
licensed\t''
removed-by-other\t''
refused\t''
lapsed\t''
reclaiming\t''
reclaimed\t''"
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l sku -d 'List who holds this product, by part number or GUID, whether or not a rule means them' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l plan -d 'With --status: only of this service plan' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l limit -d 'List at most so many' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l status -d 'With --sku: the state of each of its service plans, read from Graph now'
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l not-enrolled -d 'List who has an Intune plan and no device in Intune, read from Graph now'
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l quarantined -d 'List entries of either side that could not be understood'
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -l json -d 'Print JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand users" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand skus" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand skus" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand skus" -l json -d 'Print JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand skus" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand explain" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand explain" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand explain" -l json -d 'Print JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand explain" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l user -d 'About this person: a UPN, sAMAccountName, objectGUID or Entra id; of somebody long gone, the name then' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l kind -d 'Of this kind; may be given several times' -r -f -a "feed\t''
seen\t''
group\t''
presence\t''
standing\t''
would-write\t''
intent\t''
answer\t''
hold\t''
request\t''
config\t''
keeping\t''"
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l since -d 'Then or later, such as 2026-09-01 or 2026-09-01T08:00:00Z' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l until -d 'Before then' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l rule -d 'For the sake of this rule' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l sku -d 'About this product, by part number or GUID' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l request-id -d 'Of this request, by Graph\'s request-id or our client-request-id' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l by -d 'Asked for by this operator: the beginning of the name in the operating system' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l limit -d 'The newest so many only. Without it the table shows 200, and an export has all' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l json -d 'Print JSON lines, one object for each row'
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -l csv -d 'Print CSV with a header'
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "verify" -d 'Verify that the audit is what was written: each row carries the hash of the one before'
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and not __fish_seen_subcommand_from verify help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and __fish_seen_subcommand_from verify" -l head -d 'What was the newest row once, as an earlier verification or the log (event audit-head) said: NUMBER:HASH' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and __fish_seen_subcommand_from verify" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and __fish_seen_subcommand_from verify" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and __fish_seen_subcommand_from verify" -l json -d 'Print JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Verify that the audit is what was written: each row carries the hash of the one before'
complete -c seatsync -n "__fish_seatsync_using_subcommand audit; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand backup" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand backup" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand backup" -l force -d 'Replace the file if it exists'
complete -c seatsync -n "__fish_seatsync_using_subcommand backup" -l json -d 'Print JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand backup" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand include" -l since -d 'Only users who appeared in the tenant then or later, such as 2026-09-01 or 2026-09-01T08:00:00Z' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand include" -l limit -d 'At most so many, those who were there longest first' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand include" -l user -d 'Only this user: a UPN, sAMAccountName, objectGUID or Entra id' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand include" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand include" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand include" -l unlicensed -d 'Only those who lack the license'
complete -c seatsync -n "__fish_seatsync_using_subcommand include" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand approve" -l digest -d 'Its digest, as `status` shows it: refused if the cohort has changed since. Without it the cohort counts as it is now' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand approve" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand approve" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand approve" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand reject" -l digest -d 'Its digest, as `status` shows it: refused if the cohort has changed since. Without it the cohort counts as it is now' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand reject" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand reject" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand reject" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand pause" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand pause" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand pause" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand resume" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand resume" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand resume" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand assign" -l csv -d 'A CSV file with such a name in the first column of each line, or in one headed "user" or "userPrincipalName"' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand assign" -l filter -d 'Everyone whose account matches this LDAP filter; attributes that the configuration reads' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand assign" -l group -d 'Every member of this group of the directory, by its DN, and of the groups of its domain within it' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand assign" -l entra-group -d 'Every member of this group of the tenant, by its object id, and of the groups within it' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand assign" -l sku -d 'The product, by part number or GUID' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand assign" -l disable -d 'A service plan to leave off, by name or GUID; may be given several times' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand assign" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand assign" -l dry-run -d 'Only show what would be written'
complete -c seatsync -n "__fish_seatsync_using_subcommand assign" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand unassign" -l csv -d 'A CSV file with such a name in the first column of each line, or in one headed "user" or "userPrincipalName"' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand unassign" -l filter -d 'Everyone whose account matches this LDAP filter; attributes that the configuration reads' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand unassign" -l group -d 'Every member of this group of the directory, by its DN, and of the groups of its domain within it' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand unassign" -l entra-group -d 'Every member of this group of the tenant, by its object id, and of the groups within it' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand unassign" -l sku -d 'The product, by part number or GUID' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand unassign" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand unassign" -l dry-run -d 'Only show what would be written'
complete -c seatsync -n "__fish_seatsync_using_subcommand unassign" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand release" -l csv -d 'A CSV file with such a name in the first column of each line, or in one headed "user" or "userPrincipalName"' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand release" -l filter -d 'Everyone whose account matches this LDAP filter; attributes that the configuration reads' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand release" -l group -d 'Every member of this group of the directory, by its DN, and of the groups of its domain within it' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand release" -l entra-group -d 'Every member of this group of the tenant, by its object id, and of the groups within it' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand release" -l sku -d 'The product, by part number or GUID' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand release" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand release" -l dry-run -d 'Only show what would be written'
complete -c seatsync -n "__fish_seatsync_using_subcommand release" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand create-user" -l display-name -d 'The name that people see' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand create-user" -l upn -d 'The name to sign in with, in a verified domain of the tenant' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand create-user" -l usage-location -d 'The country where the user is to use services: two letters of ISO 3166-1' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand create-user" -l sku -d 'A product to assign, as `assign` does, by part number or GUID' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand create-user" -l disable -d 'A service plan to leave off, by name or GUID; may be given several times' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand create-user" -l password-file -d 'Write the initial password to this new file, which only its owner can read, instead of printing it' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand create-user" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand create-user" -l dry-run -d 'Only show what would be done'
complete -c seatsync -n "__fish_seatsync_using_subcommand create-user" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand retry" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand retry" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand retry" -l all -d 'Everyone, instead of one user'
complete -c seatsync -n "__fish_seatsync_using_subcommand retry" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand reload" -l accept -d 'Take the configuration with this digest over whatever it does, as a refusal says it' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand reload" -l wait -d 'Wait so many seconds for the agent: it works out what the configuration does, and brings writes under way to their end' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand reload" -l store -d 'Read this store, and neither the configuration, which names one, nor its secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand reload" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand reload" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -l pilot -d 'Examine nothing, but give one real license to this user by a rule, and wait until it is seen to work: a UPN, sAMAccountName, objectGUID or Entra id' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -l rule -d 'By the rule of this id, not by the first that means the user' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -l wait -d 'Wait so long for it to work, such as 90s or 5m' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -l bundle -d 'Also write what somebody who shall help needs to see to this new file: the report, the state, the configuration\'s outline and the audit\'s last rows, with pseudonyms in place of names and without secrets' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -l directory -d 'Only the directory\'s side: controllers, sign-in, rights, bases, whom rules mean'
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -l tenant -d 'Only the tenant\'s side: network, login, permissions, products'
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -l write -d 'Write for this one user even in mode "observe", while no agent runs'
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -l json -d 'Print JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand notify; and not __fish_seen_subcommand_from test help" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand notify; and not __fish_seen_subcommand_from test help" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand notify; and not __fish_seen_subcommand_from test help" -f -a "test" -d 'Send a test message to each [[notify]] target, and a sign of life to the heartbeat\'s, and show what each answers'
complete -c seatsync -n "__fish_seatsync_using_subcommand notify; and not __fish_seen_subcommand_from test help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand notify; and __fish_seen_subcommand_from test" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand notify; and __fish_seen_subcommand_from test" -l json -d 'Print JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand notify; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand notify; and __fish_seen_subcommand_from help" -f -a "test" -d 'Send a test message to each [[notify]] target, and a sign of life to the heartbeat\'s, and show what each answers'
complete -c seatsync -n "__fish_seatsync_using_subcommand notify; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and not __fish_seen_subcommand_from install uninstall start stop status host help" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and not __fish_seen_subcommand_from install uninstall start stop status host help" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and not __fish_seen_subcommand_from install uninstall start stop status host help" -f -a "install" -d 'Install the service, or bring an installed one up to date. It is not started'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and not __fish_seen_subcommand_from install uninstall start stop status host help" -f -a "uninstall" -d 'Stop and remove the service; configuration, secrets, store and logs stay'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and not __fish_seen_subcommand_from install uninstall start stop status host help" -f -a "start" -d 'Start it, and wait until it runs'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and not __fish_seen_subcommand_from install uninstall start stop status host help" -f -a "stop" -d 'Stop it, and wait until writes under way are at their end'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and not __fish_seen_subcommand_from install uninstall start stop status host help" -f -a "status" -d 'Say whether it runs; exit status 69 if not'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and not __fish_seen_subcommand_from install uninstall start stop status host help" -f -a "host" -d 'What the service control manager starts'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and not __fish_seen_subcommand_from install uninstall start stop status host help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from install" -l account -d 'Run as this account, such as \'CORP\\svc-seatsync$\' (a group managed one). Default: NT SERVICE\\seatsync' -r
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from install" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from install" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from uninstall" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from uninstall" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from start" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from stop" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from status" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from host" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from host" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "install" -d 'Install the service, or bring an installed one up to date. It is not started'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "uninstall" -d 'Stop and remove the service; configuration, secrets, store and logs stay'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "start" -d 'Start it, and wait until it runs'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "stop" -d 'Stop it, and wait until writes under way are at their end'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "status" -d 'Say whether it runs; exit status 69 if not'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "host" -d 'What the service control manager starts'
complete -c seatsync -n "__fish_seatsync_using_subcommand service; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and not __fish_seen_subcommand_from set list remove help" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and not __fish_seen_subcommand_from set list remove help" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and not __fish_seen_subcommand_from set list remove help" -f -a "set" -d 'Keep a secret, sealed for this machine: { credential = "NAME" } in the configuration points to it'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and not __fish_seen_subcommand_from set list remove help" -f -a "list" -d 'List the names of the secrets'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and not __fish_seen_subcommand_from set list remove help" -f -a "remove" -d 'Remove a secret'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and not __fish_seen_subcommand_from set list remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from set" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from list" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from remove" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "set" -d 'Keep a secret, sealed for this machine: { credential = "NAME" } in the configuration points to it'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the names of the secrets'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove a secret'
complete -c seatsync -n "__fish_seatsync_using_subcommand secret; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and not __fish_seen_subcommand_from check example help" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and not __fish_seen_subcommand_from check example help" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and not __fish_seen_subcommand_from check example help" -f -a "check" -d 'Say everything that is wrong with the configuration, or that nothing is'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and not __fish_seen_subcommand_from check example help" -f -a "example" -d 'Print an example: every key with its default and meaning'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and not __fish_seen_subcommand_from check example help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and __fish_seen_subcommand_from check" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and __fish_seen_subcommand_from check" -l json -d 'Print the problems as JSON'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and __fish_seen_subcommand_from example" -s c -l config -d 'The configuration file' -r -F
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and __fish_seen_subcommand_from example" -s h -l help -d 'Print help'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "check" -d 'Say everything that is wrong with the configuration, or that nothing is'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "example" -d 'Print an example: every key with its default and meaning'
complete -c seatsync -n "__fish_seatsync_using_subcommand config; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "run" -d 'Run the agent in the foreground until SIGTERM or SIGINT (Ctrl-C)'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "once" -d 'Do one turn: read both sides, judge, write what is due; then end'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "plan" -d 'Read both sides and show what would be written, without writing anything anywhere'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "status" -d 'Show the state at a glance, and what to do about it'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "users" -d 'List persons and where they stand, holders of a product, or who has no device in Intune'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "skus" -d 'List the tenant\'s products with seats, status and forecast, or one with its service plans'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "explain" -d 'Tell one person\'s whole story: seen, decided, tried, answered'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "audit" -d 'List or export what was seen, decided, tried and answered, or verify that it is what was written'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "backup" -d 'Copy the store into a file that can be put in its place, while the agent runs'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "include" -d 'License those who were in the tenant before seatsync or before a rule, under the guard'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "approve" -d 'Let a held cohort go ahead'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "reject" -d 'Turn a held cohort down: nothing is written for its members'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "pause" -d 'Write nothing until resumed; reading goes on'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "resume" -d 'Write again after a pause'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "assign" -d 'Give a product by hand to users, a list, a group or whoever matches a filter, whatever the rules say'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "unassign" -d 'Take a product away by hand, and withhold it whatever the rules say'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "release" -d 'Forget what was assigned or withheld by hand: the rules decide again'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "create-user" -d 'Create a user of the tenant who is in no directory, with usage location, initial password and license'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "retry" -d 'Try again now what waits for a retry, was refused by Graph, or was removed by others'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "reload" -d 'Have the running agent read its configuration, secrets and CA files anew, and wait for what becomes of it'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "doctor" -d 'Check everything the service relies on, and say how to mend what is missing; or license one user as a pilot'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "notify" -d 'Try out the targets of notices'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "service" -d 'Install, start or stop the service (Windows)'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "secret" -d 'Keep secrets sealed for this machine (Windows)'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "config" -d 'Check the configuration, or show an example of it'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and not __fish_seen_subcommand_from run once plan status users skus explain audit backup include approve reject pause resume assign unassign release create-user retry reload doctor notify service secret config help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from audit" -f -a "verify" -d 'Verify that the audit is what was written: each row carries the hash of the one before'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from notify" -f -a "test" -d 'Send a test message to each [[notify]] target, and a sign of life to the heartbeat\'s, and show what each answers'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "install" -d 'Install the service, or bring an installed one up to date. It is not started'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "uninstall" -d 'Stop and remove the service; configuration, secrets, store and logs stay'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "start" -d 'Start it, and wait until it runs'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "stop" -d 'Stop it, and wait until writes under way are at their end'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "status" -d 'Say whether it runs; exit status 69 if not'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from service" -f -a "host" -d 'What the service control manager starts'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from secret" -f -a "set" -d 'Keep a secret, sealed for this machine: { credential = "NAME" } in the configuration points to it'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from secret" -f -a "list" -d 'List the names of the secrets'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from secret" -f -a "remove" -d 'Remove a secret'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "check" -d 'Say everything that is wrong with the configuration, or that nothing is'
complete -c seatsync -n "__fish_seatsync_using_subcommand help; and __fish_seen_subcommand_from config" -f -a "example" -d 'Print an example: every key with its default and meaning'
