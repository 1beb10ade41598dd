# What the fault campaigns share: a fit that is launched, interrupted, resumed and judged.
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = str(ROOT / os.environ.get("GMMPI_PROGRAM", "build/release/gmmpi"))
MPIRUN = ("mpirun", "--oversubscribe", "--bind-to", "none")
TIMEOUT = 600  # seconds, of a busy machine; a launch that takes longer hangs
OUTPUT = "m.h5"
LOCK = "m.ckpt.lock"
ERROR = "gmmpi: error: "
COMPLETE = "complete already"


def environment(threads=1, **more):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GMMPI_", "OMP_", "SLURM_"))}
    env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_mpi_yield_when_idle="1",
               OMP_NUM_THREADS=str(threads), **more)
    return env


def wait_for(condition, timeout, pause=0.002):
    """What `condition` returns once it is true; None after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (found := condition()):
        if time.monotonic() > end:
            return None
        time.sleep(pause)
    return found


# Processes. A pid alone can be somebody else's by now: pid and start time cannot.

def start_time(pid):
    """Field 22 of /proc/PID/stat, None for a process that does not run (any more)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def descendants(pid):
    """{pid: start time} of all that `pid` has started, and theirs."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rsplit(")", 1)[1].split()
            except (OSError, IndexError):
                continue
            children.setdefault(int(fields[1]), []).append((int(entry), fields[19]))
    found, parents = {}, [pid]
    while parents:
        for child, started in children.get(parents.pop(), []):
            found[child] = started
            parents.append(child)
    return found


def rank_of(pid):
    """The MPI rank that runs the program as `pid`, None for other processes."""
    try:
        if os.path.realpath(os.readlink(f"/proc/{pid}/exe")) != os.path.realpath(PROGRAM):
            return None
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            if entry.startswith(b"OMPI_COMM_WORLD_RANK="):
                return int(entry.split(b"=")[1])
    except OSError:
        return None
    return 0


def send(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


class Hang(AssertionError):
    pass


class Launch:
    """One run of `gmmpi words`: alone (ranks None) or under mpirun. `prefix` goes before the whole command."""

    def __init__(self, cwd, words, ranks=None, threads=1, prefix=(), env=None):
        under = () if ranks is None else (*MPIRUN, "-n", str(ranks))
        self.command = [*prefix, *under, PROGRAM, *map(str, words)]
        # MPI's session files: launches side by side would race for one place.
        self._session = tempfile.TemporaryDirectory(prefix="gmmpi-mpi-", ignore_cleanup_errors=True)
        os.chmod(self._session.name, 0o777)
        env = {"OMPI_MCA_orte_tmpdir_base": self._session.name, **(env or {})}
        self._files = [tempfile.TemporaryFile(), tempfile.TemporaryFile()]
        self.began = time.monotonic()
        self.process = subprocess.Popen(self.command, cwd=cwd, env=environment(threads, **env),
                                        stdin=subprocess.DEVNULL, stdout=self._files[0], stderr=self._files[1],
                                        start_new_session=True)
        self._seen = {self.process.pid: start_time(self.process.pid)}

    @property
    def pid(self):
        return self.process.pid

    def look(self):
        """Remembers the processes of this launch; {rank: pid}."""
        found = descendants(self.pid)
        self._seen.update(found)
        ranks = {rank_of(pid): pid for pid in [self.pid, *found]}
        return {rank: pid for rank, pid in ranks.items() if rank is not None}

    def signal(self, number, target="mpirun"):
        """To "mpirun" (or the process itself, where there is no mpirun) or to a rank. False: it is gone."""
        ranks = self.look()
        if target == "mpirun":
            return self.process.poll() is None and send(self.pid, number)
        return target in ranks and send(ranks[target], number)

    def alive(self):
        return [pid for pid, started in self._seen.items() if started is not None and start_time(pid) == started]

    def wait(self, timeout=TIMEOUT):
        """The exit code (negative: the signal that ended it). Raises Hang."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.end()
            raise Hang(f"not over after {timeout} s: {' '.join(self.command)}\n{self.err[-2000:]}") from None
        self.seconds = time.monotonic() - self.began
        return code

    def wait_for_all(self, timeout=TIMEOUT):
        """Also for ranks that outlive a killed mpirun. Raises Hang (and ends them)."""
        if wait_for(lambda: not self.alive(), timeout, 0.01) is None:
            left = self.alive()
            self.end()
            raise Hang(f"{len(left)} processes outlived their mpirun by {timeout} s: {' '.join(self.command)}")

    def end(self):
        """SIGKILL to all that this launch has started, and to nothing else."""
        self.look()
        for pid in self.alive():
            send(pid, signal.SIGKILL)
        self.process.wait()

    def _text(self, number):
        self._files[number].seek(0)
        return self._files[number].read().decode(errors="replace")

    @property
    def out(self):
        return self._text(0)

    @property
    def err(self):
        return self._text(1)

    @property
    def errors(self):
        return [line for line in self.err.splitlines() if line.startswith(ERROR)]

    @property
    def warnings(self):
        """Without that of more threads than processors, which these campaigns have on purpose."""
        return [line for line in self.err.splitlines() if line.startswith("gmmpi: warning: ") and " of all ranks on " not in line]

    def __del__(self):
        self._session.cleanup()
        for file in self._files:
            file.close()


def make_data(path, n_rows, n_columns, n_clusters, seed=1, separation=1.2):
    """Overlapping clusters: EM takes many iterations. The same bytes at every call."""
    random = np.random.default_rng(seed)
    centers = random.normal(size=(n_clusters, n_columns)) * separation
    np.save(path, centers[random.integers(n_clusters, size=n_rows)] + random.normal(size=(n_rows, n_columns)))


def read_log(path):
    """The complete and sound lines of a JSON log."""
    try:
        lines = Path(path).read_bytes().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    events = []
    for line in lines:
        try:
            events.append(json.loads(line.decode()))
        except ValueError:
            pass
    return events


def last_event(events, name):
    return next((e for e in reversed(events) if e["event"] == name), None)


class Fit:
    """A fit in a directory of its own, run/, from data.npy beside it; the logs are beside it, too."""

    def __init__(self, directory, options, data=None):
        self.dir = Path(directory)
        self.run = self.dir / "run"
        self.run.mkdir(parents=True, exist_ok=True)
        self.data = Path(data) if data else self.dir / "data.npy"
        self.options = options.split() if isinstance(options, str) else list(options)
        self.n_logs = 0
        self.log = None

    def words(self, *more, **changes):
        """The command line, with a log of its own; `changes` replace or add options that have a value."""
        self.n_logs += 1
        self.log = self.dir / f"log.{self.n_logs}.json"
        words = ["fit", self.data, "-o", OUTPUT, "--log-json", self.log, *self.options, *more]
        for name, value in changes.items():
            if name in words:
                words[words.index(name) + 1] = value
            else:
                words += [name, value]
        return words

    def launch(self, ranks=None, threads=1, more=(), changes={}, **how):
        return Launch(self.run, self.words(*more, **changes), ranks, threads, **how)

    def events(self):
        return read_log(self.log)

    # What is in run/.
    def names(self):
        return sorted(os.listdir(self.run))

    def generations(self):
        names = [n.split(".") for n in self.names()]
        return sorted(int(n[2]) for n in names if n[:2] == ["m", "ckpt"] and n[3:] == ["h5"] and n[2].isdigit())

    def generation(self, number):
        return self.run / f"m.ckpt.{number}.h5"

    def temporaries(self):
        return [n for n in self.names() if ".tmp." in n]

    def clear(self):
        shutil.rmtree(self.run)
        self.run.mkdir()

    # What came out.
    def digest(self):
        return digest_of(self.run / OUTPUT)

    def history(self):
        return history_of(self.run / OUTPUT)

    def reference(self, ranks=None, threads=2):
        """The uninterrupted fit; run/ is empty again afterwards."""
        launch = self.launch(ranks, threads)
        if launch.wait() != 0:
            raise AssertionError(f"the uninterrupted fit failed: {launch.err}")
        events = self.events()
        self.expected = (self.digest(), self.history().tobytes())
        self.n_iterations = sum(e["event"] == "iteration" for e in events)
        self.seconds = launch.seconds
        self.clear()
        return self

    def judge(self, launch, code):
        """Problems of a launch that must have completed the fit: code, digest, history, what is left."""
        problems = []
        if code != 0:
            return [f"exit code {code}: {(launch.errors or [launch.err[-800:]])[0]}"]
        if self.names() != [OUTPUT]:
            problems.append(f"left behind: {self.names()}")
        found = (self.digest(), self.history().tobytes())
        if found[0] != self.expected[0] or found[0] not in launch.out:
            problems.append(f"digest {found[0]}, expected {self.expected[0]}; printed: {launch.out!r}")
        if found[1] != self.expected[1]:
            problems.append("another history")
        return problems


def digest_of(path):
    with h5py.File(path) as f:
        return f["model"].attrs["digest"]


def history_of(path):
    with h5py.File(path) as f:
        return f["history/log_likelihood"][()]


def position(path):
    """(restart, phase, iteration) of a checkpoint."""
    with h5py.File(path) as f:
        s = f["state"].attrs
        return int(s["restart"]), int(s["phase"]), int(s["n_iter"] if s["phase"] == 2 else s["lloyd_iterations"])


@contextmanager
def workspace():
    """A fresh directory that anybody may enter, removed at the end."""
    path = Path(tempfile.mkdtemp(prefix="gmmpi-faults-"))
    os.chmod(path, 0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Tally:
    """Counts what was done and collects what went wrong."""

    def __init__(self, name, verbose=True):
        self.name, self.verbose = name, verbose
        self.counts, self.problems = {}, []
        self.began = time.monotonic()

    def count(self, what, n=1):
        self.counts[what] = self.counts.get(what, 0) + n

    def problem(self, case, text):
        self.problems.append(f"{case}: {text}")
        if self.verbose:
            print(f"PROBLEM {case}: {text}", file=sys.stderr, flush=True)

    def summary(self):
        counts = ", ".join(f"{what} {n:.1f}" if isinstance(n, float) else f"{what} {n}" for what, n in self.counts.items())
        return f"{self.name}: {counts}, problems {len(self.problems)}, {time.monotonic() - self.began:.0f} s"


def main(description, campaign, count, count_help):
    """Command line of a campaign: campaign(count, seed, tally) with its default count."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("count", nargs="?", type=int, default=count, help=f"{count_help} (default {count})")
    parser.add_argument("--seed", type=int, default=1, help="of everything random (default 1)")
    arguments = parser.parse_args()
    tally = Tally(Path(sys.argv[0]).stem)
    campaign(arguments.count, arguments.seed, tally)
    print(tally.summary())
    sys.exit(1 if tally.problems else 0)
