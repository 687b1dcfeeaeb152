# SPDX-License-Identifier: Apache-2.0
"""Servers, the build, and processes that are measured."""
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BED = os.path.join(ROOT, "tests", "bed")
TARGETS = ["dfproc", "module_kafka", "module_postgresql", "module_clickhouse", "module_iceberg", "floor_consume",
           "floor_produce", "gen_records", "growth", "embed", "dfaudit", "faultproxy"]


class Bed:
    """The two servers, ours for this run unless the environment names others."""

    def __init__(self, folder):
        self.folder = folder
        self.env = dict(os.environ, NO_COLOR="1")
        self.started = []
        for server, name in (("kafka", "DF_KAFKA"), ("postgresql", "DF_PG")):
            if name not in self.env:
                self.start(server)

    def start(self, server):
        where = os.path.join(self.folder, server)
        options = ["--parent", str(os.getpid())]
        if server == "postgresql":
            options += ["--conf", "fsync=on", "--conf", "max_wal_size=4GB"]
        text = subprocess.run([os.path.join(BED, server), "start", "--dir", where] + options,
                              check=True, stdout=subprocess.PIPE, text=True).stdout
        self.started.append((server, where))
        for line in text.splitlines():
            name, value = line.split("=", 1)
            self.env[name] = value.strip("'")

    def stop(self):
        for server, where in self.started:
            subprocess.run([os.path.join(BED, server), "stop", "--dir", where])
        self.started = []

    def sql(self, text):
        return subprocess.run(["psql", self.env["DF_PG"], "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", text],
                              check=True, stdout=subprocess.PIPE, text=True, env=self.env).stdout.strip()


    def server_cpu(self):
        """CPU seconds of all processes of the PostgreSQL server until now, ended ones included."""
        with open(os.path.join(self.sql("show data_directory"), "postmaster.pid")) as f:
            first = f.readline().strip()
        total = sum(stat(first)[:4])
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                times = stat(pid)
            except OSError:
                continue
            total += sum(times[:2]) if times[4] == int(first) else 0
        return total / os.sysconf("SC_CLK_TCK")


def stat(pid):
    """utime, stime, those of ended children, and the parent of a process."""
    with open("/proc/%s/stat" % pid) as f:
        words = f.read().rsplit(")", 1)[1].split()
    return [int(word) for word in words[11:15] + words[1:2]]


def build(folder, skip):
    if not skip:
        subprocess.run(["cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
                        "-DDF_DEV=ON"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cmake", "--build", folder, "-j", str(os.cpu_count()), "--target"] + TARGETS,
                       check=True, stdout=subprocess.DEVNULL)
    return os.path.join(folder, "bin")


class Run:
    """One finished process: wall time, CPU time, output. A flow of ours says itself how much memory
    it used at most; the shell between us and it keeps our own memory out of that."""

    SHELL = ["sh", "-c", '"$@"; exit $?', "sh"]
    server_cpu = None  # of the source's server meanwhile; None: not measured

    def __init__(self, command, env, stdin=None):
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            begin = time.monotonic()
            child = subprocess.Popen(self.SHELL + command, env=env, stdin=stdin or subprocess.DEVNULL,
                                     stdout=out, stderr=err)
            _, status, used = os.wait4(child.pid, 0)
            self.seconds = time.monotonic() - begin
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            self.out, self.err = out.read().decode(), err.read().decode()
        self.cpu = used.ru_utime + used.ru_stime
        self.rss = 0
        if child.returncode != 0:
            raise SystemExit("%s: exit code %d\n%s" % (command[0], child.returncode, self.err[-2000:]))


class Series:
    """Several runs, one after another, that count as one."""

    def __init__(self, *runs):
        self.seconds = sum(r.seconds for r in runs)
        self.cpu = sum(r.cpu for r in runs)
        self.rss = max(r.rss for r in runs)
        self.server_cpu = None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Proxy:
    """tests/tools/faultproxy before a server on loopback."""

    def __init__(self, program, to):
        self.program, self.port, self.control = program, free_port(), free_port()
        self.child = subprocess.Popen([program, "run", str(self.port), str(to), str(self.control)],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        limit = time.monotonic() + 20
        while self.ask("stat").returncode != 0:
            if self.child.poll() is not None or time.monotonic() > limit:
                raise SystemExit("faultproxy did not start")
            time.sleep(0.05)

    def ask(self, command):
        return subprocess.run([self.program, "tell", str(self.control)] + command.split(),
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def tell(self, command):
        done = self.ask(command)
        if done.returncode != 0:
            raise SystemExit("faultproxy does not answer to " + command)
        return done.stdout

    def bytes_up(self):
        return int(re.search(r" up (\d+)", self.tell("stat")).group(1))

    def stop(self):
        self.child.terminate()
        self.child.wait()


class Watched:
    """A flow that runs, with its metrics."""

    def __init__(self, command, env, log):
        self.port = free_port()
        with open(log, "wb") as err:
            self.child = subprocess.Popen(command + ["--metrics-port", "127.0.0.1:%d" % self.port], env=env,
                                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=err)
        self.log = log

    def alive(self):
        return self.child.poll() is None

    def sent(self):
        """Records durable in the sink; None: not to be had."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % self.port, timeout=5) as answer:
                text = answer.read().decode()
        except OSError:
            return None
        found = re.findall(r'^dataflow_conservation_records\{[^}]*term="sent"[^}]*\} (\S+)', text, re.M)
        return int(float(found[0])) if found else None

    def memory(self):
        """Resident bytes now; 0: it ended."""
        try:
            with open("/proc/%d/status" % self.child.pid) as f:
                found = re.search(r"VmRSS:\s+(\d+)", f.read())
        except OSError:
            found = None
        return int(found.group(1)) * 1024 if found else 0

    def cpu(self):
        """CPU seconds until now."""
        with open("/proc/%d/stat" % self.child.pid) as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        if self.alive():
            self.child.send_signal(signal.SIGTERM)
        code = self.child.wait(timeout=90)
        with open(self.log) as f:
            text = f.read()
        if code != 0:
            raise SystemExit("dfproc: exit code %d\n%s" % (code, text[-2000:]))
        return text
