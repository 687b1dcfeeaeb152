# bash completion for dfproc. Made by the program itself: help --bash.
_dfproc() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}
    COMPREPLY=()
    # bash splits --name=value
    [ "$cur" = = ] && cur=
    [ "$prev" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]}
    if [ "$COMP_CWORD" = 1 ] && [[ $cur != -* ]]; then
        COMPREPLY=($(compgen -W "run validate explain preview test connectors transforms init fmt checkpoint offsets replay slot snapshot iceberg version help" -- "$cur"))
        return
    fi
    case ${COMP_WORDS[1]} in
    run)
        case $prev in
        --set) COMPREPLY=(); return ;;
        --env-file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --limit | -l) COMPREPLY=(); return ;;
        --metrics-port) COMPREPLY=(); return ;;
        --state-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --work-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --secrets-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --name) COMPREPLY=(); return ;;
        --files) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --env-prefix) COMPREPLY=(); return ;;
        --log-level) COMPREPLY=($(compgen -W "debug info warn error" -- "$cur")); return ;;
        --log-format) COMPREPLY=($(compgen -W "auto text json" -- "$cur")); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --set --env-file --until-exhausted --from-start --limit --metrics-port --state-dir --work-dir --secrets-dir --secrets-from-file --name --no-progress --core-dumps --files --env-prefix --show-values --log-level --log-format" -- "$cur"))
        else
            COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames
        fi
        ;;
    validate)
        case $prev in
        --set) COMPREPLY=(); return ;;
        --env-file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --secrets-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --name) COMPREPLY=(); return ;;
        --files) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --env-prefix) COMPREPLY=(); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --json --connect --set --env-file --secrets-dir --secrets-from-file --name --files --env-prefix --show-values" -- "$cur"))
        else
            COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames
        fi
        ;;
    explain)
        case $prev in
        --set) COMPREPLY=(); return ;;
        --name) COMPREPLY=(); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --json --set --name" -- "$cur"))
        else
            COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames
        fi
        ;;
    preview)
        case $prev in
        --number | -n) COMPREPLY=(); return ;;
        --set) COMPREPLY=(); return ;;
        --env-file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --secrets-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --name) COMPREPLY=(); return ;;
        --files) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --env-prefix) COMPREPLY=(); return ;;
        --colour) COMPREPLY=($(compgen -W "auto always never" -- "$cur")); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --number --json --set --env-file --secrets-dir --secrets-from-file --name --files --env-prefix --show-values --colour" -- "$cur"))
        else
            COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames
        fi
        ;;
    test)
        case $prev in
        --junit) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --colour) COMPREPLY=($(compgen -W "auto always never" -- "$cur")); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --junit --colour" -- "$cur"))
        else
            COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames
        fi
        ;;
    connectors)
        case $prev in
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --json" -- "$cur"))
        else
            COMPREPLY=($(compgen -W "$(dfproc connectors --words any 2>/dev/null)" -- "$cur"))
        fi
        ;;
    transforms)
        case $prev in
        --keyword | -k) COMPREPLY=(); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --json --keyword" -- "$cur"))
        else
            COMPREPLY=($(compgen -W "$(dfproc transforms --words 2>/dev/null)" -- "$cur"))
        fi
        ;;
    init)
        case $prev in
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help" -- "$cur"))
        else
            if [ "$COMP_CWORD" = 2 ]; then COMPREPLY=($(compgen -W "$(dfproc connectors --words source 2>/dev/null)" -- "$cur"))
            else COMPREPLY=($(compgen -W "$(dfproc connectors --words sink 2>/dev/null)" -- "$cur")); fi
        fi
        ;;
    fmt)
        case $prev in
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --write --check" -- "$cur"))
        else
            COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames
        fi
        ;;
    checkpoint)
        case $prev in
        --namespace) COMPREPLY=(); return ;;
        --name) COMPREPLY=(); return ;;
        --kubeconfig) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --map) COMPREPLY=(); return ;;
        --state-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --namespace --name --kubeconfig --map --state-dir" -- "$cur"))
        else
            COMPREPLY=($(compgen -W "show reset" -- "$cur"))
        fi
        ;;
    offsets)
        case $prev in
        --to) COMPREPLY=(); return ;;
        --set) COMPREPLY=(); return ;;
        --env-file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --secrets-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --name) COMPREPLY=(); return ;;
        --files) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --env-prefix) COMPREPLY=(); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --to --apply --json --set --env-file --secrets-dir --secrets-from-file --name --files --env-prefix --show-values" -- "$cur"))
        else
            COMPREPLY=($(compgen -W "show reset" -- "$cur"))
        fi
        ;;
    replay)
        case $prev in
        --stage) COMPREPLY=(); return ;;
        --reason) COMPREPLY=(); return ;;
        --partition) COMPREPLY=(); return ;;
        --since) COMPREPLY=(); return ;;
        --until) COMPREPLY=(); return ;;
        --limit | -l) COMPREPLY=(); return ;;
        --group) COMPREPLY=(); return ;;
        --state-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --set) COMPREPLY=(); return ;;
        --env-file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --secrets-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --name) COMPREPLY=(); return ;;
        --files) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --env-prefix) COMPREPLY=(); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --apply --stage --reason --partition --since --until --limit --changed --group --state-dir --json --set --env-file --secrets-dir --secrets-from-file --name --files --env-prefix --show-values" -- "$cur"))
        else
            COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames
        fi
        ;;
    slot)
        case $prev in
        --set) COMPREPLY=(); return ;;
        --env-file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --secrets-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --name) COMPREPLY=(); return ;;
        --files) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --env-prefix) COMPREPLY=(); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --set --env-file --secrets-dir --secrets-from-file --name --files --env-prefix --show-values" -- "$cur"))
        else
            COMPREPLY=($(compgen -W "drop" -- "$cur"))
        fi
        ;;
    snapshot)
        case $prev in
        --table | -t) COMPREPLY=(); return ;;
        --set) COMPREPLY=(); return ;;
        --env-file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --secrets-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --name) COMPREPLY=(); return ;;
        --files) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --env-prefix) COMPREPLY=(); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --table --set --env-file --secrets-dir --secrets-from-file --name --files --env-prefix --show-values" -- "$cur"))
        else
            COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames
        fi
        ;;
    iceberg)
        case $prev in
        --older-than) COMPREPLY=(); return ;;
        --keep) COMPREPLY=(); return ;;
        --set) COMPREPLY=(); return ;;
        --env-file) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --secrets-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --name) COMPREPLY=(); return ;;
        --files) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --env-prefix) COMPREPLY=(); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --older-than --keep --apply --json --set --env-file --secrets-dir --secrets-from-file --name --files --env-prefix --show-values" -- "$cur"))
        else
            COMPREPLY=($(compgen -W "orphans expire" -- "$cur"))
        fi
        ;;
    version)
        case $prev in
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help" -- "$cur"))
        else
            COMPREPLY=()
        fi
        ;;
    help)
        case $prev in
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help" -- "$cur"))
        else
            COMPREPLY=($(compgen -W "$(dfproc help --words 2>/dev/null)" -- "$cur"))
        fi
        ;;
    -*)
        case $prev in
        --spec-path) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --namespace) COMPREPLY=(); return ;;
        --name) COMPREPLY=(); return ;;
        --metrics-port) COMPREPLY=(); return ;;
        --checkpoint) COMPREPLY=($(compgen -W "kubernetes none" -- "$cur")); return ;;
        --state-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --work-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --lease) COMPREPLY=(); return ;;
        --uid) COMPREPLY=(); return ;;
        --kind) COMPREPLY=($(compgen -W "DataFlow DataFlowCron" -- "$cur")); return ;;
        --reset) COMPREPLY=(); return ;;
        --kubeconfig) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --termination-log) COMPREPLY=($(compgen -f -- "$cur")); compopt -o filenames; return ;;
        --secrets-dir) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --files) COMPREPLY=($(compgen -d -- "$cur")); compopt -o filenames; return ;;
        --env-prefix) COMPREPLY=(); return ;;
        --log-level) COMPREPLY=($(compgen -W "debug info warn error" -- "$cur")); return ;;
        --log-format) COMPREPLY=($(compgen -W "auto text json" -- "$cur")); return ;;
        esac
        if [[ $cur == -* ]]; then
            COMPREPLY=($(compgen -W "--help --spec-path --namespace --name --metrics-port --until-exhausted --checkpoint --state-dir --work-dir --lease --uid --kind --reset --kubeconfig --termination-log --secrets-dir --core-dumps --files --env-prefix --show-values --log-level --log-format --version" -- "$cur"))
        else
            COMPREPLY=()
        fi
        ;;
    esac
}
complete -F _dfproc dfproc
