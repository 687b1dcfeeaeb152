# fish completion for dfproc. Made by the program itself: help --fish.
complete -c dfproc -n '__fish_use_subcommand' -f -a run -d 'Runs a flow.'
complete -c dfproc -n '__fish_seen_subcommand_from run' -F
complete -c dfproc -n '__fish_seen_subcommand_from run' -l until-exhausted -s u -d 'Ends when everything that exists now has been read and delivered.'
complete -c dfproc -n '__fish_seen_subcommand_from run' -l limit -s l -r -f -d 'Ends after N records.'
complete -c dfproc -n '__fish_seen_subcommand_from run' -l metrics-port -r -f -d 'Serves metrics, probes and a status page: :9090 (all interfaces), HOST:PORT, or PORT (loopback).'
complete -c dfproc -n '__fish_seen_subcommand_from run' -l state-dir -r -f -a '(__fish_complete_directories)' -d 'Where read positions are kept when neither a sink nor the source'\''s own system holds them ($XDG_STATE_HOME/dataflow, else ~/.local/state/dataflow).'
complete -c dfproc -n '__fish_seen_subcommand_from run' -l secrets-dir -r -f -a '(__fish_complete_directories)' -d 'Folder with Secrets as files, DIR/NAME/KEY.'
complete -c dfproc -n '__fish_seen_subcommand_from run' -l no-progress -d 'Draws no progress line.'
complete -c dfproc -n '__fish_seen_subcommand_from run' -l log-level -r -f -a 'debug info warn error' -d 'What to log: debug, info, warn or error (info).'
complete -c dfproc -n '__fish_seen_subcommand_from run' -l log-format -r -f -a 'auto text json' -d 'text, json, or auto: text on a terminal, JSON lines elsewhere.'
complete -c dfproc -n '__fish_use_subcommand' -f -a validate -d 'Checks manifests, without any connection.'
complete -c dfproc -n '__fish_seen_subcommand_from validate' -F
complete -c dfproc -n '__fish_use_subcommand' -f -a explain -d 'Shows the plan of a flow and what it guarantees.'
complete -c dfproc -n '__fish_seen_subcommand_from explain' -F
complete -c dfproc -n '__fish_seen_subcommand_from explain' -l json -d 'Prints the plan as JSON.'
complete -c dfproc -n '__fish_use_subcommand' -f -a preview -d 'Runs a few records and shows what each stage does.'
complete -c dfproc -n '__fish_seen_subcommand_from preview' -F
complete -c dfproc -n '__fish_seen_subcommand_from preview' -l number -s n -r -f -d 'How many records to read (10).'
complete -c dfproc -n '__fish_seen_subcommand_from preview' -l json -d 'Prints one JSON object for each record.'
complete -c dfproc -n '__fish_seen_subcommand_from preview' -l secrets-dir -r -f -a '(__fish_complete_directories)' -d 'Folder with Secrets as files, DIR/NAME/KEY.'
complete -c dfproc -n '__fish_seen_subcommand_from preview' -l colour -r -f -a 'auto always never' -d 'Colours: auto, always or never.'
complete -c dfproc -n '__fish_use_subcommand' -f -a test -d 'Runs a flow on the cases of a file, without any server.'
complete -c dfproc -n '__fish_seen_subcommand_from test' -F
complete -c dfproc -n '__fish_seen_subcommand_from test' -l junit -r -F -d 'Writes the results as JUnit XML too.'
complete -c dfproc -n '__fish_seen_subcommand_from test' -l colour -r -f -a 'auto always never' -d 'Colours: auto, always or never.'
complete -c dfproc -n '__fish_use_subcommand' -f -a connectors -d 'Lists connectors, or the options of one.'
complete -c dfproc -n '__fish_seen_subcommand_from connectors' -f -a '(dfproc connectors --words any 2>/dev/null)'
complete -c dfproc -n '__fish_seen_subcommand_from connectors' -l json -d 'Prints the description as JSON.'
complete -c dfproc -n '__fish_use_subcommand' -f -a transforms -d 'Lists transformations, or the options of one.'
complete -c dfproc -n '__fish_seen_subcommand_from transforms' -f -a '(dfproc transforms --words 2>/dev/null)'
complete -c dfproc -n '__fish_seen_subcommand_from transforms' -l json -d 'Prints the description as JSON.'
complete -c dfproc -n '__fish_use_subcommand' -f -a init -d 'Writes a commented manifest to start from.'
complete -c dfproc -n '__fish_seen_subcommand_from init' -f -a '(dfproc connectors --words any 2>/dev/null)'
complete -c dfproc -n '__fish_use_subcommand' -f -a fmt -d 'Rewrites a manifest of the old layout into the new one.'
complete -c dfproc -n '__fish_seen_subcommand_from fmt' -F
complete -c dfproc -n '__fish_seen_subcommand_from fmt' -l write -s w -d 'Changes the file in place.'
complete -c dfproc -n '__fish_seen_subcommand_from fmt' -l check -d 'Prints nothing; ends with 1 when the file would change.'
complete -c dfproc -n '__fish_use_subcommand' -f -a version -d 'Prints versions, also of the libraries under the connectors.'
complete -c dfproc -n '__fish_seen_subcommand_from version' -f
complete -c dfproc -n '__fish_use_subcommand' -f -a help -d 'Explains a command.'
complete -c dfproc -n '__fish_seen_subcommand_from help' -f -a '(dfproc help --words 2>/dev/null)'
