# SPDX-License-Identifier: Apache-2.0
# What the test bed's servers share: cache, free ports, waiting, process ids. Sourced, not run.

bed=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${DF_BED_CACHE:-${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)}/.cache}/dataflow-bed}

die() { # what failed, what to do
    echo "tests/bed/$server: $1" >&2
    [ -n "${2:-}" ] && echo "  what to do: $2" >&2
    exit 1
}

# ---- the servers that tests share ------------------------------------------------------------------
# Each is a program of this folder that says in a line of its own `# shared as DF_NAME`: its address is in that name.
# In such lines a server also says `# packages: …`, what tools/setup installs for it.

# Lines "server DF_NAME".
shared_servers() { (cd "$bed" && grep -d skip -sHoxE '# shared as DF_[A-Z]+' -- * | sed 's/:.* / /'); }

# Starts them side by side, in folders of $1, until process $2 ends; `options` holds further options of start by
# server. Another word: those whose name is given are left out.
start_shared() { # FOLDER PID [unless-given]
    local one name pid rc=0 starts=()
    while read -r one name; do
        [ -n "${3:-}" ] && [ -n "${!name:-}" ] && continue
        # Word splitting of the options is wanted.
        "$bed/$one" start --dir "$1/$one" --parent "$2" ${options[$one]:-} >/dev/null </dev/null &
        starts+=($!)
    done < <(shared_servers)
    for pid in "${starts[@]}"; do wait "$pid" || rc=1; done
    return $rc
}

stop_shared() { # FOLDER
    local one name
    while read -r one name; do
        [ ! -d "$1/$one" ] || "$bed/$one" stop --dir "$1/$one" </dev/null
    done < <(shared_servers)
}

# Exports what the servers in folders of $1 tell. Another word: not of those whose name is given.
export_shared() { # FOLDER [unless-given]
    local one name
    set -a
    while read -r one name; do
        [ -n "${2:-}" ] && [ -n "${!name:-}" ] && continue
        [ ! -r "$1/$one/env" ] || . "$1/$one/env"
    done < <(shared_servers)
    set +a
}

# ---- one server ------------------------------------------------------------------------------------
# N free loopback ports below the range from which the kernel takes client ports.
free_ports() {
    perl -MIO::Socket::INET -e '
        my ($n, @held) = (shift);
        for (my $try = 0; @held < $n && $try < 2000; $try++) {
            my $s = IO::Socket::INET->new(LocalAddr => "127.0.0.1", Proto => "tcp", Listen => 1,
                LocalPort => 12000 + int(rand(20000))) or next;
            push @held, $s;
        }
        print join(" ", map { $_->sockport } @held), "\n"; exit(@held < $n);' "$1"
}

# Whether process $1 is alive and is ours: its command line names $2. While the kernel replaces a
# program by another (exec) the command line reads as empty; so does that of a zombie.
alive() {
    local line try
    for try in 1 2 3 4 5; do
        [ -n "${1:-}" ] && [ -r "/proc/$1/cmdline" ] || return 1
        line=$({ tr '\0' ' ' <"/proc/$1/cmdline"; } 2>/dev/null)
        [ -n "$line" ] && break
        grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null && return 1
        sleep 0.02
    done
    [[ $line == *"$2"* ]]
}

# Waits until command "$2…" succeeds, at most $1 seconds.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -ge "$end" ] && return 1
        sleep 0.1
    done
}

# Waits until the child $1 runs the program whose command line names $2 (or ended at once).
became() {
    local i
    for ((i = 0; i < 100; i++)); do
        alive "$1" "$2" && return 0
        kill -0 "$1" 2>/dev/null || return 1
        sleep 0.02
    done
}

gone() { ! alive "$1" "$2"; }

# Sends signal $1 to process $2 (command line names $3) and waits up to $4 s for its end, then SIGKILL.
end_process() {
    alive "$2" "$3" || return 0
    kill -CONT "$2" 2>/dev/null
    kill "-$1" "$2" 2>/dev/null
    wait_until "$4" gone "$2" "$3" && return 0
    kill -KILL "$2" 2>/dev/null
    wait_until 10 gone "$2" "$3"
}

# Stops the server in folder $dir when process $1 ends, however it ends.
watch_parent() {
    setsid bash -c 'while kill -0 "$1" 2>/dev/null; do sleep 0.5; done; exec "$2" stop --dir "$3"' \
        dataflow-bed-watch "$1" "$bed/$server" "$dir" </dev/null >/dev/null 2>&1 &
    echo $! >"$dir/watch.pid"
}

end_watch() {
    local pid
    pid=$(cat "$dir/watch.pid" 2>/dev/null)
    # The watch itself calls stop: by then its command line is no longer the watch's.
    alive "$pid" dataflow-bed-watch && kill "$pid" 2>/dev/null
    rm -f "$dir/watch.pid"
}

# Runs "$@" as the only holder of the lock file $1 (downloads, cached templates).
locked() {
    local file=$1 rc
    shift
    mkdir -p "$(dirname "$file")" || die "cannot create $(dirname "$file")" "set DF_BED_CACHE to a writable folder"
    exec 9>"$file"
    flock 9
    "$@" 9>&-
    rc=$?
    exec 9>&-
    return $rc
}

# A private default folder, for runs by hand without --dir.
default_dir() { echo "${XDG_RUNTIME_DIR:-/tmp}/dataflow-bed-$(id -u)/$server"; }
