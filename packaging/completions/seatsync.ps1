
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'seatsync' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'seatsync'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'seatsync' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run the agent in the foreground until SIGTERM or SIGINT (Ctrl-C)')
            [CompletionResult]::new('once', 'once', [CompletionResultType]::ParameterValue, 'Do one turn: read both sides, judge, write what is due; then end')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Read both sides and show what would be written, without writing anything anywhere')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show the state at a glance, and what to do about it')
            [CompletionResult]::new('users', 'users', [CompletionResultType]::ParameterValue, 'List persons and where they stand, holders of a product, or who has no device in Intune')
            [CompletionResult]::new('skus', 'skus', [CompletionResultType]::ParameterValue, 'List the tenant''s products with seats, status and forecast, or one with its service plans')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Tell one person''s whole story: seen, decided, tried, answered')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'List or export what was seen, decided, tried and answered, or verify that it is what was written')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Copy the store into a file that can be put in its place, while the agent runs')
            [CompletionResult]::new('include', 'include', [CompletionResultType]::ParameterValue, 'License those who were in the tenant before seatsync or before a rule, under the guard')
            [CompletionResult]::new('approve', 'approve', [CompletionResultType]::ParameterValue, 'Let a held cohort go ahead')
            [CompletionResult]::new('reject', 'reject', [CompletionResultType]::ParameterValue, 'Turn a held cohort down: nothing is written for its members')
            [CompletionResult]::new('pause', 'pause', [CompletionResultType]::ParameterValue, 'Write nothing until resumed; reading goes on')
            [CompletionResult]::new('resume', 'resume', [CompletionResultType]::ParameterValue, 'Write again after a pause')
            [CompletionResult]::new('assign', 'assign', [CompletionResultType]::ParameterValue, 'Give a product by hand to users, a list, a group or whoever matches a filter, whatever the rules say')
            [CompletionResult]::new('unassign', 'unassign', [CompletionResultType]::ParameterValue, 'Take a product away by hand, and withhold it whatever the rules say')
            [CompletionResult]::new('release', 'release', [CompletionResultType]::ParameterValue, 'Forget what was assigned or withheld by hand: the rules decide again')
            [CompletionResult]::new('create-user', 'create-user', [CompletionResultType]::ParameterValue, 'Create a user of the tenant who is in no directory, with usage location, initial password and license')
            [CompletionResult]::new('retry', 'retry', [CompletionResultType]::ParameterValue, 'Try again now what waits for a retry, was refused by Graph, or was removed by others')
            [CompletionResult]::new('reload', 'reload', [CompletionResultType]::ParameterValue, 'Have the running agent read its configuration, secrets and CA files anew, and wait for what becomes of it')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check everything the service relies on, and say how to mend what is missing; or license one user as a pilot')
            [CompletionResult]::new('notify', 'notify', [CompletionResultType]::ParameterValue, 'Try out the targets of notices')
            [CompletionResult]::new('service', 'service', [CompletionResultType]::ParameterValue, 'Install, start or stop the service (Windows)')
            [CompletionResult]::new('secret', 'secret', [CompletionResultType]::ParameterValue, 'Keep secrets sealed for this machine (Windows)')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Check the configuration, or show an example of it')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;run' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;once' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the outcome as JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;plan' {
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Only for this user, with what each rule comes to and why: a UPN, sAMAccountName, objectGUID or Entra id')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Show every write, not only the first 50')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;status' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Repaint the screen again and again, until Ctrl-C')
            [CompletionResult]::new('--check', '--check', [CompletionResultType]::ParameterName, 'One line for Nagios and its kin, with performance data; ends with 0 (ok), 1 (warning), 2 (critical) or 3 (unknown)')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;users' {
            [CompletionResult]::new('--presence', '--presence', [CompletionResultType]::ParameterName, 'Only those with this presence')
            [CompletionResult]::new('--standing', '--standing', [CompletionResultType]::ParameterName, 'Only those with a license that stands so')
            [CompletionResult]::new('--sku', '--sku', [CompletionResultType]::ParameterName, 'List who holds this product, by part number or GUID, whether or not a rule means them')
            [CompletionResult]::new('--plan', '--plan', [CompletionResultType]::ParameterName, 'With --status: only of this service plan')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'List at most so many')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--status', '--status', [CompletionResultType]::ParameterName, 'With --sku: the state of each of its service plans, read from Graph now')
            [CompletionResult]::new('--not-enrolled', '--not-enrolled', [CompletionResultType]::ParameterName, 'List who has an Intune plan and no device in Intune, read from Graph now')
            [CompletionResult]::new('--quarantined', '--quarantined', [CompletionResultType]::ParameterName, 'List entries of either side that could not be understood')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;skus' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;explain' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;audit' {
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'About this person: a UPN, sAMAccountName, objectGUID or Entra id; of somebody long gone, the name then')
            [CompletionResult]::new('--kind', '--kind', [CompletionResultType]::ParameterName, 'Of this kind; may be given several times')
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Then or later, such as 2026-09-01 or 2026-09-01T08:00:00Z')
            [CompletionResult]::new('--until', '--until', [CompletionResultType]::ParameterName, 'Before then')
            [CompletionResult]::new('--rule', '--rule', [CompletionResultType]::ParameterName, 'For the sake of this rule')
            [CompletionResult]::new('--sku', '--sku', [CompletionResultType]::ParameterName, 'About this product, by part number or GUID')
            [CompletionResult]::new('--request-id', '--request-id', [CompletionResultType]::ParameterName, 'Of this request, by Graph''s request-id or our client-request-id')
            [CompletionResult]::new('--by', '--by', [CompletionResultType]::ParameterName, 'Asked for by this operator: the beginning of the name in the operating system')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'The newest so many only. Without it the table shows 200, and an export has all')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON lines, one object for each row')
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'Print CSV with a header')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Verify that the audit is what was written: each row carries the hash of the one before')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;audit;verify' {
            [CompletionResult]::new('--head', '--head', [CompletionResultType]::ParameterName, 'What was the newest row once, as an earlier verification or the log (event audit-head) said: NUMBER:HASH')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;audit;help' {
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Verify that the audit is what was written: each row carries the hash of the one before')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;audit;help;verify' {
            break
        }
        'seatsync;audit;help;help' {
            break
        }
        'seatsync;backup' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace the file if it exists')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;include' {
            [CompletionResult]::new('--since', '--since', [CompletionResultType]::ParameterName, 'Only users who appeared in the tenant then or later, such as 2026-09-01 or 2026-09-01T08:00:00Z')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'At most so many, those who were there longest first')
            [CompletionResult]::new('--user', '--user', [CompletionResultType]::ParameterName, 'Only this user: a UPN, sAMAccountName, objectGUID or Entra id')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--unlicensed', '--unlicensed', [CompletionResultType]::ParameterName, 'Only those who lack the license')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;approve' {
            [CompletionResult]::new('--digest', '--digest', [CompletionResultType]::ParameterName, 'Its digest, as `status` shows it: refused if the cohort has changed since. Without it the cohort counts as it is now')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;reject' {
            [CompletionResult]::new('--digest', '--digest', [CompletionResultType]::ParameterName, 'Its digest, as `status` shows it: refused if the cohort has changed since. Without it the cohort counts as it is now')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;pause' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;resume' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;assign' {
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'A CSV file with such a name in the first column of each line, or in one headed "user" or "userPrincipalName"')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Everyone whose account matches this LDAP filter; attributes that the configuration reads')
            [CompletionResult]::new('--group', '--group', [CompletionResultType]::ParameterName, 'Every member of this group of the directory, by its DN, and of the groups of its domain within it')
            [CompletionResult]::new('--entra-group', '--entra-group', [CompletionResultType]::ParameterName, 'Every member of this group of the tenant, by its object id, and of the groups within it')
            [CompletionResult]::new('--sku', '--sku', [CompletionResultType]::ParameterName, 'The product, by part number or GUID')
            [CompletionResult]::new('--disable', '--disable', [CompletionResultType]::ParameterName, 'A service plan to leave off, by name or GUID; may be given several times')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only show what would be written')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;unassign' {
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'A CSV file with such a name in the first column of each line, or in one headed "user" or "userPrincipalName"')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Everyone whose account matches this LDAP filter; attributes that the configuration reads')
            [CompletionResult]::new('--group', '--group', [CompletionResultType]::ParameterName, 'Every member of this group of the directory, by its DN, and of the groups of its domain within it')
            [CompletionResult]::new('--entra-group', '--entra-group', [CompletionResultType]::ParameterName, 'Every member of this group of the tenant, by its object id, and of the groups within it')
            [CompletionResult]::new('--sku', '--sku', [CompletionResultType]::ParameterName, 'The product, by part number or GUID')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only show what would be written')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;release' {
            [CompletionResult]::new('--csv', '--csv', [CompletionResultType]::ParameterName, 'A CSV file with such a name in the first column of each line, or in one headed "user" or "userPrincipalName"')
            [CompletionResult]::new('--filter', '--filter', [CompletionResultType]::ParameterName, 'Everyone whose account matches this LDAP filter; attributes that the configuration reads')
            [CompletionResult]::new('--group', '--group', [CompletionResultType]::ParameterName, 'Every member of this group of the directory, by its DN, and of the groups of its domain within it')
            [CompletionResult]::new('--entra-group', '--entra-group', [CompletionResultType]::ParameterName, 'Every member of this group of the tenant, by its object id, and of the groups within it')
            [CompletionResult]::new('--sku', '--sku', [CompletionResultType]::ParameterName, 'The product, by part number or GUID')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only show what would be written')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;create-user' {
            [CompletionResult]::new('--display-name', '--display-name', [CompletionResultType]::ParameterName, 'The name that people see')
            [CompletionResult]::new('--upn', '--upn', [CompletionResultType]::ParameterName, 'The name to sign in with, in a verified domain of the tenant')
            [CompletionResult]::new('--usage-location', '--usage-location', [CompletionResultType]::ParameterName, 'The country where the user is to use services: two letters of ISO 3166-1')
            [CompletionResult]::new('--sku', '--sku', [CompletionResultType]::ParameterName, 'A product to assign, as `assign` does, by part number or GUID')
            [CompletionResult]::new('--disable', '--disable', [CompletionResultType]::ParameterName, 'A service plan to leave off, by name or GUID; may be given several times')
            [CompletionResult]::new('--password-file', '--password-file', [CompletionResultType]::ParameterName, 'Write the initial password to this new file, which only its owner can read, instead of printing it')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Only show what would be done')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;retry' {
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'Everyone, instead of one user')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;reload' {
            [CompletionResult]::new('--accept', '--accept', [CompletionResultType]::ParameterName, 'Take the configuration with this digest over whatever it does, as a refusal says it')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait so many seconds for the agent: it works out what the configuration does, and brings writes under way to their end')
            [CompletionResult]::new('--store', '--store', [CompletionResultType]::ParameterName, 'Read this store, and neither the configuration, which names one, nor its secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;doctor' {
            [CompletionResult]::new('--pilot', '--pilot', [CompletionResultType]::ParameterName, 'Examine nothing, but give one real license to this user by a rule, and wait until it is seen to work: a UPN, sAMAccountName, objectGUID or Entra id')
            [CompletionResult]::new('--rule', '--rule', [CompletionResultType]::ParameterName, 'By the rule of this id, not by the first that means the user')
            [CompletionResult]::new('--wait', '--wait', [CompletionResultType]::ParameterName, 'Wait so long for it to work, such as 90s or 5m')
            [CompletionResult]::new('--bundle', '--bundle', [CompletionResultType]::ParameterName, 'Also write what somebody who shall help needs to see to this new file: the report, the state, the configuration''s outline and the audit''s last rows, with pseudonyms in place of names and without secrets')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--directory', '--directory', [CompletionResultType]::ParameterName, 'Only the directory''s side: controllers, sign-in, rights, bases, whom rules mean')
            [CompletionResult]::new('--tenant', '--tenant', [CompletionResultType]::ParameterName, 'Only the tenant''s side: network, login, permissions, products')
            [CompletionResult]::new('--write', '--write', [CompletionResultType]::ParameterName, 'Write for this one user even in mode "observe", while no agent runs')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;notify' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Send a test message to each [[notify]] target, and a sign of life to the heartbeat''s, and show what each answers')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;notify;test' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;notify;help' {
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Send a test message to each [[notify]] target, and a sign of life to the heartbeat''s, and show what each answers')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;notify;help;test' {
            break
        }
        'seatsync;notify;help;help' {
            break
        }
        'seatsync;service' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Install the service, or bring an installed one up to date. It is not started')
            [CompletionResult]::new('uninstall', 'uninstall', [CompletionResultType]::ParameterValue, 'Stop and remove the service; configuration, secrets, store and logs stay')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start it, and wait until it runs')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop it, and wait until writes under way are at their end')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say whether it runs; exit status 69 if not')
            [CompletionResult]::new('host', 'host', [CompletionResultType]::ParameterValue, 'What the service control manager starts')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;service;install' {
            [CompletionResult]::new('--account', '--account', [CompletionResultType]::ParameterName, 'Run as this account, such as ''CORP\svc-seatsync$'' (a group managed one). Default: NT SERVICE\seatsync')
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;service;uninstall' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;service;start' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;service;stop' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;service;status' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;service;host' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;service;help' {
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Install the service, or bring an installed one up to date. It is not started')
            [CompletionResult]::new('uninstall', 'uninstall', [CompletionResultType]::ParameterValue, 'Stop and remove the service; configuration, secrets, store and logs stay')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start it, and wait until it runs')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop it, and wait until writes under way are at their end')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say whether it runs; exit status 69 if not')
            [CompletionResult]::new('host', 'host', [CompletionResultType]::ParameterValue, 'What the service control manager starts')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;service;help;install' {
            break
        }
        'seatsync;service;help;uninstall' {
            break
        }
        'seatsync;service;help;start' {
            break
        }
        'seatsync;service;help;stop' {
            break
        }
        'seatsync;service;help;status' {
            break
        }
        'seatsync;service;help;host' {
            break
        }
        'seatsync;service;help;help' {
            break
        }
        'seatsync;secret' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Keep a secret, sealed for this machine: { credential = "NAME" } in the configuration points to it')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the names of the secrets')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove a secret')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;secret;set' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;secret;list' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;secret;remove' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;secret;help' {
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Keep a secret, sealed for this machine: { credential = "NAME" } in the configuration points to it')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the names of the secrets')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove a secret')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;secret;help;set' {
            break
        }
        'seatsync;secret;help;list' {
            break
        }
        'seatsync;secret;help;remove' {
            break
        }
        'seatsync;secret;help;help' {
            break
        }
        'seatsync;config' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Say everything that is wrong with the configuration, or that nothing is')
            [CompletionResult]::new('example', 'example', [CompletionResultType]::ParameterValue, 'Print an example: every key with its default and meaning')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;config;check' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print the problems as JSON')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;config;example' {
            [CompletionResult]::new('-c', '-c', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('--config', '--config', [CompletionResultType]::ParameterName, 'The configuration file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'seatsync;config;help' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Say everything that is wrong with the configuration, or that nothing is')
            [CompletionResult]::new('example', 'example', [CompletionResultType]::ParameterValue, 'Print an example: every key with its default and meaning')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;config;help;check' {
            break
        }
        'seatsync;config;help;example' {
            break
        }
        'seatsync;config;help;help' {
            break
        }
        'seatsync;help' {
            [CompletionResult]::new('run', 'run', [CompletionResultType]::ParameterValue, 'Run the agent in the foreground until SIGTERM or SIGINT (Ctrl-C)')
            [CompletionResult]::new('once', 'once', [CompletionResultType]::ParameterValue, 'Do one turn: read both sides, judge, write what is due; then end')
            [CompletionResult]::new('plan', 'plan', [CompletionResultType]::ParameterValue, 'Read both sides and show what would be written, without writing anything anywhere')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Show the state at a glance, and what to do about it')
            [CompletionResult]::new('users', 'users', [CompletionResultType]::ParameterValue, 'List persons and where they stand, holders of a product, or who has no device in Intune')
            [CompletionResult]::new('skus', 'skus', [CompletionResultType]::ParameterValue, 'List the tenant''s products with seats, status and forecast, or one with its service plans')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Tell one person''s whole story: seen, decided, tried, answered')
            [CompletionResult]::new('audit', 'audit', [CompletionResultType]::ParameterValue, 'List or export what was seen, decided, tried and answered, or verify that it is what was written')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Copy the store into a file that can be put in its place, while the agent runs')
            [CompletionResult]::new('include', 'include', [CompletionResultType]::ParameterValue, 'License those who were in the tenant before seatsync or before a rule, under the guard')
            [CompletionResult]::new('approve', 'approve', [CompletionResultType]::ParameterValue, 'Let a held cohort go ahead')
            [CompletionResult]::new('reject', 'reject', [CompletionResultType]::ParameterValue, 'Turn a held cohort down: nothing is written for its members')
            [CompletionResult]::new('pause', 'pause', [CompletionResultType]::ParameterValue, 'Write nothing until resumed; reading goes on')
            [CompletionResult]::new('resume', 'resume', [CompletionResultType]::ParameterValue, 'Write again after a pause')
            [CompletionResult]::new('assign', 'assign', [CompletionResultType]::ParameterValue, 'Give a product by hand to users, a list, a group or whoever matches a filter, whatever the rules say')
            [CompletionResult]::new('unassign', 'unassign', [CompletionResultType]::ParameterValue, 'Take a product away by hand, and withhold it whatever the rules say')
            [CompletionResult]::new('release', 'release', [CompletionResultType]::ParameterValue, 'Forget what was assigned or withheld by hand: the rules decide again')
            [CompletionResult]::new('create-user', 'create-user', [CompletionResultType]::ParameterValue, 'Create a user of the tenant who is in no directory, with usage location, initial password and license')
            [CompletionResult]::new('retry', 'retry', [CompletionResultType]::ParameterValue, 'Try again now what waits for a retry, was refused by Graph, or was removed by others')
            [CompletionResult]::new('reload', 'reload', [CompletionResultType]::ParameterValue, 'Have the running agent read its configuration, secrets and CA files anew, and wait for what becomes of it')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Check everything the service relies on, and say how to mend what is missing; or license one user as a pilot')
            [CompletionResult]::new('notify', 'notify', [CompletionResultType]::ParameterValue, 'Try out the targets of notices')
            [CompletionResult]::new('service', 'service', [CompletionResultType]::ParameterValue, 'Install, start or stop the service (Windows)')
            [CompletionResult]::new('secret', 'secret', [CompletionResultType]::ParameterValue, 'Keep secrets sealed for this machine (Windows)')
            [CompletionResult]::new('config', 'config', [CompletionResultType]::ParameterValue, 'Check the configuration, or show an example of it')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'seatsync;help;run' {
            break
        }
        'seatsync;help;once' {
            break
        }
        'seatsync;help;plan' {
            break
        }
        'seatsync;help;status' {
            break
        }
        'seatsync;help;users' {
            break
        }
        'seatsync;help;skus' {
            break
        }
        'seatsync;help;explain' {
            break
        }
        'seatsync;help;audit' {
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Verify that the audit is what was written: each row carries the hash of the one before')
            break
        }
        'seatsync;help;audit;verify' {
            break
        }
        'seatsync;help;backup' {
            break
        }
        'seatsync;help;include' {
            break
        }
        'seatsync;help;approve' {
            break
        }
        'seatsync;help;reject' {
            break
        }
        'seatsync;help;pause' {
            break
        }
        'seatsync;help;resume' {
            break
        }
        'seatsync;help;assign' {
            break
        }
        'seatsync;help;unassign' {
            break
        }
        'seatsync;help;release' {
            break
        }
        'seatsync;help;create-user' {
            break
        }
        'seatsync;help;retry' {
            break
        }
        'seatsync;help;reload' {
            break
        }
        'seatsync;help;doctor' {
            break
        }
        'seatsync;help;notify' {
            [CompletionResult]::new('test', 'test', [CompletionResultType]::ParameterValue, 'Send a test message to each [[notify]] target, and a sign of life to the heartbeat''s, and show what each answers')
            break
        }
        'seatsync;help;notify;test' {
            break
        }
        'seatsync;help;service' {
            [CompletionResult]::new('install', 'install', [CompletionResultType]::ParameterValue, 'Install the service, or bring an installed one up to date. It is not started')
            [CompletionResult]::new('uninstall', 'uninstall', [CompletionResultType]::ParameterValue, 'Stop and remove the service; configuration, secrets, store and logs stay')
            [CompletionResult]::new('start', 'start', [CompletionResultType]::ParameterValue, 'Start it, and wait until it runs')
            [CompletionResult]::new('stop', 'stop', [CompletionResultType]::ParameterValue, 'Stop it, and wait until writes under way are at their end')
            [CompletionResult]::new('status', 'status', [CompletionResultType]::ParameterValue, 'Say whether it runs; exit status 69 if not')
            [CompletionResult]::new('host', 'host', [CompletionResultType]::ParameterValue, 'What the service control manager starts')
            break
        }
        'seatsync;help;service;install' {
            break
        }
        'seatsync;help;service;uninstall' {
            break
        }
        'seatsync;help;service;start' {
            break
        }
        'seatsync;help;service;stop' {
            break
        }
        'seatsync;help;service;status' {
            break
        }
        'seatsync;help;service;host' {
            break
        }
        'seatsync;help;secret' {
            [CompletionResult]::new('set', 'set', [CompletionResultType]::ParameterValue, 'Keep a secret, sealed for this machine: { credential = "NAME" } in the configuration points to it')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'List the names of the secrets')
            [CompletionResult]::new('remove', 'remove', [CompletionResultType]::ParameterValue, 'Remove a secret')
            break
        }
        'seatsync;help;secret;set' {
            break
        }
        'seatsync;help;secret;list' {
            break
        }
        'seatsync;help;secret;remove' {
            break
        }
        'seatsync;help;config' {
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Say everything that is wrong with the configuration, or that nothing is')
            [CompletionResult]::new('example', 'example', [CompletionResultType]::ParameterValue, 'Print an example: every key with its default and meaning')
            break
        }
        'seatsync;help;config;check' {
            break
        }
        'seatsync;help;config;example' {
            break
        }
        'seatsync;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
