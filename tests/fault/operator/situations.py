# SPDX-License-Identifier: Apache-2.0
"""What happens to operators in clusters, beyond one request that fails: leaders that die, sleep or lose
their server, watches that fall silent, a policy that writes too, Jobs that vanish."""
import os
import signal
import time
import urllib.error
import urllib.request

from rights import RIGHTS
from scenarios import CDC, KAFKA, POLL, SINK, create, gone, make_cron, run, until
from successors import SUCCESSORS, told
from world import CRONS, FLOWS, LEASE, SPACE, Key, Stuck

LEASE_S, RENEW_S = 15, 10
WATCH_S = 215  # the longest that a watch lasts, and a moment
SILENCE_S = 240  # the least that can be set


def expect(holds, what):
    if not holds:
        raise Stuck(what)


def leader(w):
    with w.store.lock:
        lease = w.store.objects.get(LEASE)
    return lease["spec"]["holderIdentity"].partition("_")[0] if lease else ""


def leads(w, number, limit_s=LEASE_S + 5):
    w.until(f"operator {number} leads", lambda: leader(w) == f"operator-{number}", limit_s)


def took(begin):
    return time.monotonic() - begin


def writes_of(w, number, since):
    """Of flows and their children: not of its lease, not of events."""
    return [words for who, method, words, at in list(w.server.heard) if who == f"operator-{number}" and at >= since
            and method not in ("GET", "WATCH") and "leases" not in words and "events" not in words]


def table_of(w, name="orders"):
    maps = w.find("v1/configmaps", f"df-{name}-spec")
    return maps and maps["data"]["spec.json"]


def change_table(w, table, name="orders"):
    w.change(FLOWS, name, {"spec": {"sink": {"config": {"table": table}}}})


def is_applied(w, table, limit_s, name="orders"):
    w.until(f"table {table} of {name} is applied", lambda: f'"{table}"' in (table_of(w, name) or ""), limit_s)


# ---- who leads --------------------------------------------------------------------------------------
def leader_killed(w):
    create(w)
    w.start_operator()
    time.sleep(3)
    w.kill(w.operators[0])
    begin = time.monotonic()
    leads(w, 2, 17)
    change_table(w, "after")
    is_applied(w, "after", 5)
    return f"another one led after {took(begin):.1f} s, 17 allowed"


def leader_stopped(w):
    create(w)
    w.start_operator()
    time.sleep(3)
    begin = time.monotonic()
    w.operators[0].send_signal(signal.SIGTERM)
    leads(w, 2, 2)
    expect(w.operators[0].wait(10) == 0, "it ends well")
    return f"another one led after {took(begin):.1f} s, 2 allowed"


def leader_frozen(w):
    """The old leader wakes up with work in its hands; it has no word any more."""
    create(w)
    w.start_operator()
    time.sleep(3)
    w.operators[0].send_signal(signal.SIGSTOP)
    change_table(w, "frozen")
    leads(w, 2)
    is_applied(w, "frozen", 5)
    woken = time.monotonic()
    w.operators[0].send_signal(signal.SIGCONT)
    change_table(w, "after")
    is_applied(w, "after", 5)
    time.sleep(5)
    old = writes_of(w, 1, woken)
    expect(not old, f"the old leader wrote: {old}")
    expect(leader(w) == "operator-2", "the new one goes on")
    return "no write of the old leader"


def server_away(w, how):
    """Longer than a leader may go on without its lease."""
    create(w)
    w.start_operator()
    time.sleep(3)
    w.server.away = how
    begin = time.monotonic()
    with w.store.lock:
        change_table(w, "meanwhile")
    time.sleep(2 * LEASE_S)
    asked = sum(at >= begin for *_, at in w.server.heard)
    w.server.away = ""
    begin = time.monotonic()
    is_applied(w, "meanwhile", 30)
    expect(asked < 400, f"{asked} requests to a server that is away")
    expect(all(p.poll() is None for p in w.operators), "both go on")
    return f"{asked} requests in {2 * LEASE_S} s; what was missed was applied {took(begin):.1f} s after"


def server_silent(w):
    return server_away(w, "hang")


def server_refuses(w):
    return server_away(w, "cut")


# ---- watches ----------------------------------------------------------------------------------------
def address_of(w, what):
    w.until("it serves", lambda: what in w.logs())
    return w.logs().rpartition(what)[2].split('"')[0].split(",")[0].split()[0]


def gauge_of(w, name):
    with urllib.request.urlopen(f"http://{address_of(w, 'metrics at ')}/metrics") as reply:
        return next(float(line.split()[-1]) for line in reply.read().decode().splitlines()
                    if line.startswith("dataflow_" + name))


def watches_silent(w):
    """Half-open: the connections of all watches stay, and nothing comes any more."""
    w.kill(w.operators[0])
    w.start_operator("127.0.0.1:0")
    create(w)
    w.server.hush()
    begin = time.monotonic()
    change_table(w, "unheard")
    is_applied(w, "unheard", WATCH_S)
    late = took(begin)
    with urllib.request.urlopen(f"http://{address_of(w, 'metrics at ')}/metrics") as reply:
        expect(b'controller_watch_age_seconds{kind="DataFlow"}' in reply.read(), "the age of a watch is told")
    return f"a change was applied {late:.0f} s after the watches fell silent"


def readiness_of(w):
    try:
        with urllib.request.urlopen(f"http://{address_of(w, 'probes at ')}/readyz") as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def readiness_red(w):
    """Who hears nothing is not ready, after a time that can be set."""
    w.env = {"WATCH_SILENCE_SECONDS": str(SILENCE_S)}
    w.replace_operator("127.0.0.1:0")
    create(w)
    w.until("it is ready", lambda: readiness_of(w)[0] == 200)
    w.server.away = "hang"  # a watch that falls silent alone is asked for again before
    begin = time.monotonic()
    w.until("it is not ready", lambda: f"for {SILENCE_S} s" in readiness_of(w)[1], SILENCE_S + 10)
    expect(took(begin) > SILENCE_S - 15, "not before that time")
    expect(readiness_of(w)[0] == 503, "its status says so")
    return f"not ready {took(begin):.0f} s after the server fell silent"


def one_watch_silent(w):
    """The rest of the cluster is seen, so nobody looks idle."""
    create(w)
    w.server.hold(FLOWS)
    change_table(w, "held")
    time.sleep(3)
    w.server.release(FLOWS, forget=True)
    is_applied(w, "held", 5)
    return "seen with the next list"


# ---- one flow and the others ------------------------------------------------------------------------
def impossible_flow(w):
    """The server never answers what is written for one flow."""
    w.kill(w.operators[0])
    w.start_operator("127.0.0.1:0")
    for i in range(20):
        w.create(FLOWS, f"good-{i}", {"source": KAFKA, "sink": SINK})
    for i in range(20):
        until(w, FLOWS, f"good-{i}", "Running")
    begin = time.monotonic()
    change_table(w, "alone", "good-0")
    is_applied(w, "alone", 5, "good-0")
    alone = took(begin)
    w.server.deaf = ("bad",)
    w.create(FLOWS, "bad", {"source": POLL, "sink": SINK})
    time.sleep(1)
    begin = time.monotonic()
    for i in range(20):
        change_table(w, "beside", f"good-{i}")
    for i in range(20):
        is_applied(w, "beside", 5, f"good-{i}")
    beside = took(begin)
    w.until("the age of the oldest one in work is told", lambda: gauge_of(w, "controller_reconcile_oldest_seconds") > 2)
    w.server.deaf = ()
    until(w, FLOWS, "bad", "Running")
    return f"one change took {alone:.2f} s alone, 20 took {beside:.2f} s beside it"


def policy_writes_too(w):
    """A policy of the cluster sets the image again each time."""
    def policy(key, body):
        if key.resource == "apps/v1/deployments":
            body["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror.example/dataflow:1"
    w.store.policy = policy
    w.create(FLOWS, "orders", {"source": POLL, "sink": SINK})
    w.until("it says so", lambda: any(c["reason"] == "Contested" and "image" in c["message"] for c in
                                      (w.find(FLOWS, "orders").get("status") or {}).get("conditions", [])))
    w.rest()
    begin = time.monotonic()
    time.sleep(5)
    expect(not writes_of(w, 1, begin), "no write while idle")
    count = writes_of(w, 1, 0).count("PATCH deployments/df-orders")
    expect(count < 10, f"the Deployment was written {count} times")
    w.until("it runs", lambda: w.is_seen(FLOWS, "orders", "Running"))
    return f"it let go after {count} writes"


# ---- Jobs that vanish -------------------------------------------------------------------------------
def jobs_of(w):
    with w.store.lock:
        return sorted(k.name for k in w.store.objects if k.resource == "batch/v1/jobs")


def run_of(w):
    runs = w.find(CRONS, "nightly")["status"].get("runs") or [{}]
    return runs[-1].get("phase")


def job_removed_unseen(w):
    """The processor's Job ends and is removed while no operator is there."""
    make_cron(w, source={"type": "generate", "config": {"count": 1}}, sink={"type": "null"}, processorImage="never:1")
    run(w, "dfc-nightly-1")
    until(w, CRONS, "nightly", "Running")
    w.kill(w.operators[0])
    w.delete("batch/v1/jobs", "dfc-nightly-1")
    for _ in range(2):
        w.start_operator()
        w.until("its end is unknown", lambda: run_of(w) == "Unknown")
        w.rest()
        expect(not jobs_of(w), f"nothing is run again: {jobs_of(w)}")
        w.kill(w.operators[-1])
    with w.store.lock:
        events = [o for k, o in w.store.objects.items() if k.resource.endswith("/events") and o["reason"] == "RunUnknown"]
    expect(len(events) == 1 and "series" not in events[0], "it is said once")
    return "the run is Unknown, said once, not run again"


def job_removed_seen(w):
    """A person removes the Jobs of a run that has ended; another operator comes."""
    make_cron(w)
    run(w, "dfc-nightly-1")
    until(w, CRONS, "nightly", "Completed")
    w.rest()
    before = w.made()
    for name in jobs_of(w):
        w.delete("batch/v1/jobs", name)
    w.rest()
    w.kill(w.operators[0])
    w.start_operator()
    time.sleep(LEASE_S + 3)
    w.rest()
    expect(w.made() == before and run_of(w) == "Completed", "nothing is run again")
    return "nothing was run again"


def step_never_begins(w):
    """The image of a step does not exist: its run fails after a time, and holds up no other one."""
    w.env = {"STEP_START_TIMEOUT_SECONDS": "2"}
    w.replace_operator()
    make_cron(w, processorImage="never:1")
    run(w, "dfc-nightly-1")
    begin = time.monotonic()
    until(w, CRONS, "nightly", "Failed")
    message = w.find(CRONS, "nightly")["status"]["message"]
    expect("Processor failed: it did not begin within 2 s" in message, message)
    w.until("its Job is gone", lambda: not jobs_of(w))
    w.until("the schedule goes on", lambda: not w.find("batch/v1/cronjobs", "dfc-nightly")["spec"]["suspend"])
    return f"its run failed after {took(begin):.1f} s"


def clocks_apart(w):
    """The server's clock is a quarter of an hour behind: nothing is as old as it seems."""
    w.store.ahead_s = -900
    w.replace_operator()
    create(w, {"source": CDC, "sink": SINK})
    w.delete(FLOWS, "orders")
    gone(w, FLOWS, "orders")
    w.until("its end is told", lambda: told(w) & {"CleanedUp", "CleanupFailed"})
    expect("CleanupFailed" not in told(w), "the slot is not given up")
    make_cron(w, processorImage="never:1")
    run(w, "dfc-nightly-1")
    w.until("it is seen", lambda: run_of(w) == "Running")
    w.rest()
    expect(run_of(w) == "Running", "a step that has just begun is waited for")
    return "neither a slot nor a step is given up"


def clocks_set(w):
    """By a day and an hour, forward and back, of the machine that leads, of the one that waits, and of the server:
    nobody else leads, work goes on, and a step that has just begun is not given up."""
    create(w)
    make_cron(w, processorImage="never:1")
    run(w, "dfc-nightly-1")
    until(w, CRONS, "nightly", "Running")
    w.start_operator()
    time.sleep(3)
    began = time.monotonic()
    cases = [(w.set_clock, (number, ahead)) for number in (1, 2) for ahead in (86400, -86400, 3600, 0)]
    cases += [(w.set_server_clock, (ahead,)) for ahead in (300, -300, 0)]
    for number, (set_clock, words) in enumerate(cases):
        set_clock(*words)
        w.change(CRONS, "nightly", {"metadata": {"labels": {"case": str(number)}}})  # it is looked at before any reply
        change_table(w, f"case_{number}")
        is_applied(w, f"case_{number}", 5)
        time.sleep(1)
        expect(run_of(w) == "Running", f"{set_clock.__name__}{words}: the run is {run_of(w)}")
    time.sleep(max(0, LEASE_S + 5 - took(began)))  # longer than a lease lasts
    expect(leader(w) == "operator-1" and not writes_of(w, 2, began), "the first one leads all the while")
    expect("leads no more" not in w.logs(), "and never lost it")
    return f"{len(cases)} times"


# ---- what stays small -------------------------------------------------------------------------------
EVENTS, MAPS_CHANGED, GROWTH_KIB = 10000, 20, 4096


def resident_kib(process):
    with open(f"/proc/{process.pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def change_maps(w, count, text):
    """Changes of objects that the operator watches. At the end it has heard of all: it makes the last one anew."""
    for i in range(count):
        w.store.patch(Key("v1/configmaps", SPACE, f"df-flow-{i % MAPS_CHANGED}-checkpoint"),
                      {"data": {"positions": f"{text} {i} " + "x" * (i % 97)}})
        if i % 500 == 0:
            time.sleep(0.05)  # the watch is to hear single changes
    w.delete("v1/configmaps", "df-flow-0-spec")
    w.until("it is back", lambda: w.find("v1/configmaps", "df-flow-0-spec"))
    w.rest()


def events_without_end(w):
    """A memory that does not grow with what happens."""
    for i in range(MAPS_CHANGED):
        w.create(FLOWS, f"flow-{i}", {"source": POLL, "sink": SINK})
    for i in range(MAPS_CHANGED):
        until(w, FLOWS, f"flow-{i}", "Running")
    change_maps(w, EVENTS // 4, "first")
    before = resident_kib(w.operators[0])
    change_maps(w, EVENTS, "then")
    grown = resident_kib(w.operators[0]) - before
    expect(os.environ.get("DF_SANITIZE") or grown < GROWTH_KIB, f"it grew by {grown} KiB over {EVENTS} changes")
    return f"{grown} KiB more after {EVENTS} changes"


def positions_of_earlier(w):
    """A new flow of the name never has the positions of the deleted one."""
    create(w)
    key = Key("v1/configmaps", SPACE, "df-orders-checkpoint")
    w.store.patch(key, {"data": {"positions": "of the deleted flow"}})
    w.controllers.collects = False
    w.delete(FLOWS, "orders")
    w.create(FLOWS, "orders", {"source": POLL, "sink": SINK})
    w.until("it waits", lambda: any(c["reason"] == "WaitingForEarlier" for c in
                                    (w.find(FLOWS, "orders").get("status") or {}).get("conditions", [])))
    w.controllers.collects = True
    w.change(FLOWS, "orders", {"metadata": {"labels": {"wakes": "the-collector"}}})
    until(w, FLOWS, "orders", "Running")
    expect("data" not in w.store.get(key), "the new positions are empty")
    return "it waited, and began with positions of its own"


SITUATIONS = {f.__name__: f for f in (
    leader_killed, leader_stopped, leader_frozen, server_silent, server_refuses, watches_silent, one_watch_silent,
    readiness_red, impossible_flow, policy_writes_too, job_removed_unseen, job_removed_seen, positions_of_earlier,
    step_never_begins, clocks_apart, clocks_set, events_without_end)} | SUCCESSORS | RIGHTS
