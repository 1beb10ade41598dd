# Runs the program for the tests, alone or under mpirun, and judges how it failed.
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Optional

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / os.environ.get("GMMPI_PROGRAM", "build/release/gmmpi")
DATA = ROOT / "tests" / "data"
OLD_FAITHFUL = DATA / "old_faithful.csv"
SANITIZED = PROGRAM.exists() and b"__asan_init" in PROGRAM.read_bytes()
# Seconds, of a busy machine; a run that takes longer hangs. An emulated one may be given more.
TIMEOUT = int(os.environ.get("GMMPI_TEST_TIMEOUT", 900 if SANITIZED else 300))
WORKERS = 4  # launches at a time: a launch mostly waits
AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")

# A rank that fails must not make mpirun kill the others, or a rank that hangs would not be seen; mpirun then
# returns 0, so every rank's own exit code is written down.
MPIRUN = ("mpirun", "--oversubscribe", "--bind-to", "none", "--mca", "orte_abort_on_non_zero_status", "0")
NOTE_CODE = '"$@"; echo $? >"$0/$OMPI_COMM_WORLD_RANK"'
ERROR = "gmmpi: error: "
# "problem; what to do" or "problem: what to do", after the name of what is wrong.
WAY_OUT = re.compile(re.escape(ERROR) + r"((?!-)\S+: )?+.+[;:] \S+")
# What no user should see: other libraries' complaints, crashes, sanitizers.
NOISE = re.compile(r"error|exception|terminate called|hdf5-diag|sanitizer|segmentation|signal|assertion|mpi_abort", re.I)


@dataclass
class Run:
    """What one run left: the exit code of each rank (None: killed) and its output."""
    codes: list
    out: str
    err: str
    seconds: float

    @property
    def errors(self):
        return [line for line in self.err.splitlines() if line.startswith(ERROR)]


def environment(threads=1, **more):
    env = {name: value for name, value in os.environ.items() if not name.startswith(("GMMPI_", "OMP_"))}
    env.update(OMPI_ALLOW_RUN_AS_ROOT="1", OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_mpi_yield_when_idle="1",
               OMP_NUM_THREADS=str(threads), **more)
    return env


def start_and_wait(command, cwd, env, timeout):
    """Popen.communicate with a limit; what is still there then is ended by its process group."""
    process = subprocess.Popen(command, cwd=cwd, env=env, text=True, errors="replace", stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    try:
        return (*process.communicate(timeout=timeout), process.returncode)
    except subprocess.TimeoutExpired:
        process.terminate()  # mpirun takes its ranks along
        try:
            process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        raise AssertionError(f"hangs: {shlex.join(map(str, command))} was not over after {timeout} s") from None


def gmmpi(args, cwd, ranks=1, threads=1, env=None, prefix=(), timeout=TIMEOUT):
    """Runs `gmmpi args` (text or list) in `cwd`: alone for one rank, else under mpirun. `prefix` goes before it."""
    words = shlex.split(args) if isinstance(args, str) else [str(a) for a in args]
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gmmpi-test-") as own:  # MPI's session files: launches would race for one place
        os.chmod(own, 0o777)
        env = environment(threads, **{"OMPI_MCA_orte_tmpdir_base": own, **(env or {})})
        if ranks == 1:
            out, err, code = start_and_wait([*prefix, str(PROGRAM), *words], cwd, env, timeout)
            return Run([code], out, err, time.monotonic() - begin)
        command = [*prefix, *MPIRUN, "-n", str(ranks), "sh", "-c", NOTE_CODE, own, str(PROGRAM), *words]
        out, err, _ = start_and_wait(command, cwd, env, timeout)
        codes = [int(p.read_text()) if (p := Path(own, str(rank))).exists() else None for rank in range(ranks)]
    return Run(codes, out, err, time.monotonic() - begin)


@dataclass
class Case:
    """A command line that must fail: with this code, in one line that holds these words, leaving nothing."""
    name: str
    args: str
    code: int
    words: tuple
    ranks: tuple = (1, 3)
    threads: int = 1
    env: dict = field(default_factory=dict)
    setup: Optional[Callable] = None  # called with the directory before the run


def snapshot(directory):
    """Names and contents of the files of a directory, and the names of everything else."""
    return {p.name: p.read_bytes() if p.is_file() and not p.is_symlink() else None for p in Path(directory).iterdir()}


class ProgramTest(unittest.TestCase):
    """Each test has an own temporary directory, self.dir."""

    @classmethod
    def setUpClass(cls):
        if not PROGRAM.exists():
            raise RuntimeError(f"{PROGRAM} is not there: build it, or name another with GMMPI_PROGRAM")

    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def run_ok(self, args, ranks=1, cwd=None, **more):
        """Runs in self.dir; every rank must end with 0."""
        run = gmmpi(args, cwd or self.dir, ranks, **more)
        self.assertEqual(run.codes, [0] * ranks, f"gmmpi {args}\n{run.err}")
        self.assertEqual(run.errors, [])
        return run

    def check_failure(self, run, code, words):
        self.assertEqual(run.codes, [code] * len(run.codes), run.err)
        self.assertEqual(len(run.errors), 1, f"not one error line:\n{run.err}")
        for word in words:
            self.assertIn(word.lower(), run.errors[0].lower())
        self.assertRegex(run.errors[0], WAY_OUT, "no way out is named")
        self.assertLess(len(run.errors[0]), 500)
        rest = [line for line in (run.err + run.out).splitlines() if NOISE.search(line) and line not in run.errors]
        self.assertEqual(rest, [])

    def check_cases(self, cases, inputs=None):
        """Runs a table of cases, several at a time. In each one's directory, `inputs` is seen as "in"."""
        def launch(case, ranks, number):
            cwd = self.dir / str(number)
            cwd.mkdir()
            if inputs:
                (cwd / "in").symlink_to(inputs)
            if case.setup:
                case.setup(cwd)
            before = snapshot(cwd)
            run = gmmpi(case.args, cwd, ranks, threads=case.threads, env=case.env)
            return run, before, snapshot(cwd)

        launches = [(case, ranks) for case in cases for ranks in case.ranks]
        with ThreadPoolExecutor(WORKERS) as pool:
            runs = [pool.submit(launch, case, ranks, n) for n, (case, ranks) in enumerate(launches)]
        for (case, ranks), future in zip(launches, runs):
            with self.subTest(case.name, ranks=ranks, command="gmmpi " + case.args):
                run, before, after = future.result()
                self.check_failure(run, case.code, case.words)
                self.assertEqual(after, before, "the directory has changed")


def in_parallel(function, argument_lists):
    """[function(*arguments) ...], several at a time."""
    with ThreadPoolExecutor(WORKERS) as pool:
        return [f.result() for f in [pool.submit(function, *arguments) for arguments in argument_lists]]
