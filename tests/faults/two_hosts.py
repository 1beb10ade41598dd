#!/usr/bin/python3
"""A fit across two hosts, for real: same digest as on one; the network is cut in mid-fit; one host finishes the fit.

The hosts are two network namespaces (with their own host names) joined by a veth pair; mpirun's remote shell enters the
other namespace; messages go by TCP. Needs root, iproute2 and mpirun; without them it says so and ends with 0.
GMMPI_PROGRAM names the program (default: build/release/gmmpi). Usage: two_hosts.py [--other-host]; with the option the
host without rank 0 finishes the fit, which takes 45 s longer, since it cannot know whether rank 0 still runs.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = (ROOT / os.environ.get("GMMPI_PROGRAM", "build/release/gmmpi")).resolve()
FIT = "-k 8 --init random --tol 0 --checkpoint-every 20it"
ADDRESSES = {"a": "10.77.0.1", "b": "10.77.0.2"}
NETWORK = "10.77.0.0/24"
# mpirun and its daemons notice a dead connection that is idle after time + interval * probes seconds.
KEEPALIVE = {"oob_tcp_keepalive_time": 5, "oob_tcp_keepalive_intvl": 3, "oob_tcp_keepalive_probes": 3}
ENDS_WITHIN_S = 300  # 14 s, and slack for a busy machine; by itself Open MPI takes eight minutes
MESSAGE = "ORTE has lost communication with a remote daemon"
TIMEOUT = 600


def skip_reason():
    if os.geteuid() != 0:
        return "needs root"
    missing = [name for name in ("ip", "unshare", "setsid", "hostname", "mpirun") if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} not installed (Debian: iproute2 util-linux hostname openmpi-bin)"
    probe = f"gm{os.getpid()}p"
    if subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode != 0:
        return "network namespaces cannot be made here"
    try:
        veth = ["ip", "-n", probe, "link", "add", "p0", "type", "veth", "peer", "name", "p1"]
        if subprocess.run(veth, capture_output=True, check=False).returncode != 0:
            return "veth pairs cannot be made here"
    finally:
        subprocess.run(["ip", "netns", "delete", probe], check=False)
    return None


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.05)
    return found


class Hosts:
    """Two namespaces and the link between them. A context manager: what it has made it removes."""

    def __init__(self, folder):
        self.folder = folder
        self.namespace = {host: f"gm{os.getpid()}{host}" for host in ADDRESSES}
        self.device = {host: f"gv{os.getpid()}{host}"[-15:] for host in ADDRESSES}
        self.launched = []

    def __enter__(self):
        try:
            for name in self.namespace.values():
                self.ip("netns", "add", name)
            (a, b), (at_a, at_b) = self.namespace.values(), self.device.values()
            self.ip("link", "add", at_a, "netns", a, "type", "veth", "peer", "name", at_b, "netns", b)
            for host, name in self.namespace.items():
                self.ip("-n", name, "address", "add", f"{ADDRESSES[host]}/24", "dev", self.device[host])
                self.ip("-n", name, "link", "set", "lo", "up")
                self.ip("-n", name, "link", "set", self.device[host], "up")
            wait_for(lambda: all(self.is_up(host) for host in ADDRESSES), 10, "the link is up")
            # As ssh does, the remote shell survives when mpirun is gone, and so does what it runs.
            agent = self.folder / "agent"
            enter = shlex.join(self.enter("b"))
            agent.write_text(f'#!/bin/sh\nshift\nexec {enter} setsid --fork --wait sh -c "$*"\n', encoding="utf-8")
            agent.chmod(0o755)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for host in ADDRESSES:
            for pid in self.processes(host):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for process in self.launched:
            process.wait()
        for name in self.namespace.values():
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)

    @staticmethod
    def ip(*words):
        return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout

    def is_up(self, host):
        return "LOWER_UP" in self.ip("-n", self.namespace[host], "link", "show", self.device[host])

    def enter(self, host):
        return ["ip", "netns", "exec", self.namespace[host], "unshare", "--uts", "sh", "-c",
                f'hostname host{host}; exec "$0" "$@"']

    def processes(self, host):
        """Process ids of what runs on a host."""
        found = subprocess.run(["ip", "netns", "pids", self.namespace[host]], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def cut(self):
        self.ip("-n", self.namespace["a"], "link", "set", self.device["a"], "down")

    def launch(self, at, arguments, both=False, log="launch.log"):
        """mpirun on host `at`, with a rank there, or one on each host."""
        own = {name: value for name, value in os.environ.items() if not re.match("(GMMPI|OMP|OMPI|SLURM)_", name)}
        mca = {"pml": "ob1", "btl": "self,tcp" if both else "self,vader", "mpi_yield_when_idle": "1",
               "oob_tcp_if_include": NETWORK if both else "lo"}
        if both:
            mca |= {"plm_rsh_agent": self.folder / "agent", "btl_tcp_if_include": NETWORK} | KEEPALIVE
        hosts = ",".join(f"{address}:1" for address in ADDRESSES.values())
        where = ["--host", hosts] if both else ["-n", "1"]
        settings = [word for name, value in mca.items() for word in ("--mca", name, str(value))]
        command = ["mpirun", "--bind-to", "none", *where, *settings, str(PROGRAM), *arguments.split(), "--threads", "1"]
        with open(self.folder / log, "w", encoding="utf-8") as out:
            process = subprocess.Popen([*self.enter(at), *command], cwd=self.folder, stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=out, start_new_session=True,
                                       env=own | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"})
        self.launched.append(process)
        return process

    def text(self, log):
        return (self.folder / log).read_text(encoding="utf-8", errors="replace")

    def fit(self, at, n_iter, output, both=False):
        """Runs a fit to its end: digest, text, seconds."""
        begin = time.monotonic()
        log = f"{output}.log"
        code = self.launch(at, f"fit x.h5 {FIT} --max-iter {n_iter} -o {output}", both, log).wait(TIMEOUT)
        text = self.text(log)
        found = re.findall(r"^digest (\w+)$", text, re.MULTILINE)
        assert code == 0 and len(found) == 1, f"exit code {code}\n{text}"
        return found[0], text, time.monotonic() - begin


def iterations(path):
    """The last iteration that a JSON log tells of."""
    if not path.exists():
        return 0
    lines = path.read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines if line.endswith("}")]
    return max((e["iteration"] for e in events if e["event"] == "checkpoint"), default=0)


def cut_in_mid_fit(hosts, n_iter):
    """The network goes away in mid-fit: the job must end everywhere, with a message."""
    process = hosts.launch("a", f"fit x.h5 {FIT} --max-iter {n_iter} -o cut.h5 --log-json cut.json", True, "cut.log")
    log = hosts.folder / "cut.json"
    wait_for(lambda: iterations(log) >= n_iter // 4 or process.poll() is not None, TIMEOUT, "the fit iterates")
    begin = time.monotonic()
    hosts.cut()
    assert process.poll() is None, f"the fit was over before the cut\n{hosts.text('cut.log')}"
    ended = {}
    while len(ended) < 2 and time.monotonic() - begin < ENDS_WITHIN_S:
        for host in ADDRESSES:
            process.poll()
            if host not in ended and not hosts.processes(host):
                ended[host] = time.monotonic() - begin
        time.sleep(0.1)
    assert len(ended) == 2, f"still running after {ENDS_WITHIN_S} s; ended: {ended}\n{hosts.text('cut.log')}"
    code = process.wait(TIMEOUT)
    text = hosts.text("cut.log")
    assert MESSAGE in text and code != 0, f"exit code {code}\n{text}"
    assert not (hosts.folder / "cut.h5").exists()
    times = ", ".join(f"host {host} {ended[host]:.1f} s" for host in ADDRESSES)
    print(f"network cut at iteration {iterations(log)} or later of {n_iter}: the job ended after {times}, code {code}: "
          f"{MESSAGE}")


def main():
    if sys.argv[1:] not in ([], ["--other-host"]):
        print(__doc__, file=sys.stderr)
        return 64
    if reason := skip_reason():
        print(f"skipped: {reason}")
        return 0
    begin = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="gmmpi-hosts-") as folder, Hosts(pathlib.Path(folder)) as hosts:
        for arguments in (f"fit {ROOT}/tests/data/old_faithful.csv -k 2 -o start.h5",
                          "sample start.h5 -n 200000 --seed 3 -o x.h5"):
            code = hosts.launch("a", arguments).wait(TIMEOUT)
            assert code == 0, hosts.text("launch.log")
        _, _, pace = hosts.fit("a", 60, "pace.h5")
        n_iter = max(200, int(60 * 8 / pace))
        one, _, seconds = hosts.fit("a", n_iter, "one.h5")
        print(f"one host: {n_iter} iterations in {seconds:.1f} s, digest {one}")
        two, text, seconds = hosts.fit("a", n_iter, "two.h5", both=True)
        assert two == one and "2 ranks x 1 thread" in text, text
        print(f"two hosts: {seconds:.1f} s, same digest")

        cut_in_mid_fit(hosts, n_iter)
        last = "b" if sys.argv[1:] else "a"
        resumed, text, seconds = hosts.fit(last, n_iter, "cut.h5")
        found = re.search(r"^resumed from .*iteration (\d+)\)", text, re.MULTILINE)
        assert found and int(found[1]) >= n_iter // 4 and resumed == one, text
        print(f"host {last} alone resumed at iteration {found[1]} and finished in {seconds:.1f} s: same digest")
    print(f"two hosts: all as expected, {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
