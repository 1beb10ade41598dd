#!/usr/bin/python3
"""Runs the Slurm templates on a real Slurm on this machine: signal, exit code 75, requeue, resume, same digest.

Starts munged, slurmctld and two slurmd (so that one machine is two nodes) on loopback in a temporary folder, and stops
them again. Needs root and Debian's slurmctld slurmd slurm-client munge; without them it says so and ends with 0.
GMMPI_PROGRAM names the program (default: build/release/gmmpi). Takes about a minute.
"""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = (ROOT / os.environ.get("GMMPI_PROGRAM", "build/release/gmmpi")).resolve()
TEMPLATES = ROOT / "scripts/slurm"
NEEDED = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "mpirun")
TICK_S = 30  # slurmctld looks at the jobs' time limits this often, counted from its start
FIT_S = 14  # how long the fit that is interrupted takes, roughly
LEAD_S = 2  # how long before a tick (which is up to 2 s late) it is submitted: it then runs when the tick comes
DONE_S = 300  # a job that is not over by then is stuck
MINUTES = 5
CONF = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={lab}/munge/socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort={ports[0]}
StateSaveLocation={lab}/state
SlurmdSpoolDir={lab}/spool/%n
SlurmctldPidFile={lab}/slurmctld.pid
SlurmdPidFile={lab}/slurmd.%n.pid
SlurmctldLogFile={lab}/log/slurmctld.log
SlurmdLogFile={lab}/log/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobRequeue=1
ReturnToService=2
KillWait=5
SlurmdTimeout=10
MailProg=/bin/true
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=500 State=UNKNOWN
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=500 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
"""


def skip_reason():
    if os.geteuid() != 0:
        return "needs root"
    missing = [name for name in NEEDED if not shutil.which(name)]
    if missing:
        return f"{', '.join(missing)} not installed (Debian: slurmctld slurmd slurm-client munge openmpi-bin)"
    if os.cpu_count() < 2:
        return "needs two processors"
    return None


def free_ports(n):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds:g} s")
        time.sleep(0.1)
    return found


class Slurm:
    """The daemons, and commands to them. A context manager: what it has started it stops."""

    def __init__(self, lab):
        self.lab = lab
        self.daemons = []  # in the order in which they were started
        own = {name: value for name, value in os.environ.items() if not re.match("(SLURM|SBATCH|OMPI|OMP|GMMPI)_", name)}
        self.env = own | {
            "SLURM_CONF": f"{lab}/slurm.conf",
            "PATH": f"{PROGRAM.parent}:{os.environ['PATH']}",
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_pml": "ob1",
            "OMPI_MCA_btl": "self,vader,tcp",
            "OMPI_MCA_btl_tcp_if_include": "lo",
            "OMPI_MCA_oob_tcp_if_include": "lo",
            "OMPI_MCA_mpi_yield_when_idle": "1",
        }

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def run(self, *command, check=True):
        return subprocess.run(command, cwd=self.lab, env=self.env, capture_output=True, text=True, timeout=300,
                              check=check)

    def daemon(self, *command):
        with open(self.lab / "log" / f"{command[0]}.out", "a", encoding="utf-8") as out:
            self.daemons.append(subprocess.Popen(command, cwd=self.lab, env=self.env, stdin=subprocess.DEVNULL,
                                                 stdout=out, stderr=out, start_new_session=True))

    def start(self):
        lab = self.lab
        for folder in ("state", "spool/n1", "spool/n2", "log", "munge"):
            (lab / folder).mkdir(parents=True)
        for folder in (lab, *lab.glob("*")):
            folder.chmod(0o755)
        (lab / "slurm.conf").write_text(CONF.format(host=socket.gethostname(), lab=lab, ports=free_ports(3)))
        key = lab / "munge/key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))
        self.daemon("munged", "-F", "-S", f"{lab}/munge/socket", "--key-file", str(key), "--log-file",
                    f"{lab}/log/munged.log", "--pid-file", f"{lab}/munge/pid", "--seed-file", f"{lab}/munge/seed")
        wait_for((lab / "munge/socket").exists, 120, "munged answers")
        self.began = time.monotonic()
        self.daemon("slurmctld", "-D", "-c")
        for node in ("n1", "n2"):
            self.daemon("slurmd", "-D", "-N", node)
        wait_for(lambda: self.run("sinfo", "-h", "-o", "%T %D", check=False).stdout == "idle 2\n", 120, "nodes are idle")

    def stop(self):
        if len(self.daemons) > 1 and self.daemons[1].poll() is None:
            with contextlib.suppress(subprocess.SubprocessError, AssertionError):
                self.run("scancel", "--user=root", check=False)
                wait_for(lambda: not self.run("squeue", "-h").stdout, 15, "no job is left")
        for process in reversed(self.daemons):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def submit(self, name, template, changes):
        """Submits a template with lines changed: {pattern: text}, each pattern in exactly one line."""
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        for pattern, line in changes.items():
            text, n = re.subn(f"(?m)^{pattern}.*$", lambda _, line=line: line, text)
            assert n == 1, f"{template}: {n} lines begin with {pattern}"
        script = self.lab / f"{name}.sbatch"
        script.write_text(text, encoding="utf-8")
        return self.run("sbatch", "--parsable", f"--output={name}.log", str(script)).stdout.strip()

    def facts(self, job):
        """What Slurm knows of a job: JobState, ExitCode, Restarts, ..."""
        return dict(re.findall(r"(\w+)=(\S*)", self.run("scontrol", "show", "job", job).stdout))

    def wait(self, job, seconds=DONE_S):
        over = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL")
        wait_for(lambda: self.facts(job)["JobState"] in over, seconds, f"job {job} is over")
        return self.facts(job)

    def log(self, name):
        path = self.lab / f"{name}.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def digest(text):
    found = re.findall(r"^digest (\w+)$", text, re.MULTILINE)
    assert len(found) == 1, f"{len(found)} digests in:\n{text}"
    return found[0]


def changes(fit, layout, **more):
    return {"#SBATCH --time=": f"#SBATCH --time={MINUTES}", "#SBATCH --nodes=": f"#SBATCH {layout}",
            "fit=": f"fit=({fit})"} | more


def fit_line(n_iter, output, data="x.h5"):
    return f"gmmpi fit {data} -k 8 --init random --tol 0 --max-iter {n_iter} -o {output}"


def direct(slurm, fit):
    """Fits without Slurm: digest and seconds."""
    begin = time.monotonic()
    done = slurm.run("mpirun", "-n", "2", "--bind-to", "none", *fit.split(), "--threads", "1")
    return digest(done.stdout), time.monotonic() - begin


def check_short_jobs(slurm, short):
    """Each template runs with its binding and passes exit codes on; the number of requeues is bounded."""
    say = f"grep Cpus_allowed_list /proc/self/status; echo threads $OMP_NUM_THREADS; exec {fit_line(20, 'single.h5')}"
    jobs = {
        "single": slurm.submit("single", "single_node.sbatch", changes(
            f"bash -c '{say}'", "--nodes=1 --ntasks-per-node=1 --cpus-per-task=2")),
        "several": slurm.submit("several", "several_nodes.sbatch", changes(
            fit_line(20, "several.h5"), "--nodes=2 --ntasks-per-node=1 --cpus-per-task=1")),
    }
    for name, job in jobs.items():
        facts = slurm.wait(job)
        log = slurm.log(name)
        assert facts["ExitCode"] == "0:0" and digest(log) == short, f"{facts}\n{log}"
    log = slurm.log("single")
    assert "threads 2\n" in log and re.search(r"Cpus_allowed_list:\s+\d+[-,]\d+\n", log), log
    assert "1 rank x 2 threads" in log and "2 ranks x 1 thread" in slurm.log("several"), log
    print("single node: 1 rank on 2 cores, 2 threads; several nodes: 2 x 1 rank; digests as without Slurm")

    layout = "--nodes=1 --ntasks-per-node=1 --cpus-per-task=1"
    missing = slurm.submit("missing", "requeue.sbatch", changes(fit_line(20, "missing.h5", "no_such.h5"), layout))
    last = slurm.submit("last", "requeue.sbatch",
                        changes(fit_line(1_000_000, "last.h5"), layout, **{"most_requeues=": "most_requeues=0"}))
    facts = slurm.wait(missing)
    assert (facts["ExitCode"], facts["Restarts"]) == ("66:0", "0"), f"{facts}\n{slurm.log('missing')}"
    wait_for(lambda: re.search(r"^ +\d+ ", slurm.log("last"), re.MULTILINE), 120, "the fit iterates")
    slurm.run("scancel", "--batch", "--signal=USR1", last)
    facts = slurm.wait(last)
    assert (facts["ExitCode"], facts["Restarts"]) == ("75:0", "0"), f"{facts}\n{slurm.log('last')}"
    assert "queued again 0 times already" in slurm.log("last")
    print("missing data: job ended with 66; no requeues left: job ended with 75")


def check_steps(slurm):
    """Tasks of srun that MPI cannot join are refused in one line; a single one runs, with MPI or without."""
    for mpi, n, code, n_errors in (("none", "1", 0, 0), ("none", "2", 64, 1), ("pmi2", "1", 0, 0), ("pmix", "1", 0, 0)):
        done = slurm.run("srun", "-N", "1", f"--mpi={mpi}", "-n", n, "gmmpi", "info", "start.h5", check=False)
        errors = [line for line in done.stderr.splitlines() if line.startswith("gmmpi: error: ")]
        assert (done.returncode, len(errors)) == (code, n_errors), f"srun --mpi={mpi} -n {n}: {done.returncode}\n{done.stderr}"
        assert all("SLURM_STEP_NUM_TASKS=2" in line and "srun --mpi=pmix" in line for line in errors), errors
    print("steps: tasks that MPI does not join are refused, single ones run")


def check_requeue(slurm, n_iter, expected):
    """A signal from Slurm in mid-fit leads to 75, a requeue, a resume and the digest of an uninterrupted fit.

    False if the signal came in no iteration but the last, or not at all: the machine's other load may have gone."""
    fit = fit_line(n_iter, "requeued.h5")
    # The warning comes at the next tick, since the lead is the whole time: let the fit be young then.
    time.sleep((TICK_S - LEAD_S - (time.monotonic() - slurm.began)) % TICK_S)
    job = slurm.submit("requeued", "requeue.sbatch", changes(
        fit, "--nodes=2 --ntasks-per-node=1 --cpus-per-task=1",
        **{"#SBATCH --signal=": f"#SBATCH --signal=B:USR1@{60 * MINUTES}"}))
    facts = slurm.wait(job)
    log = slurm.log("requeued")
    for line in log.splitlines():
        if re.match(r"20\d\d-|gmmpi: |resumed|digest|mpirun: Forw|slurmstepd", line):
            print("   ", line)
    assert facts["JobState"] == "COMPLETED" and facts["ExitCode"] == "0:0", f"{facts}\n{log}"
    restarts = int(facts["Restarts"])
    if restarts == 0:
        return False
    assert log.count("exit code 75") == restarts and "stopped early: signal SIGUSR1" in log, log
    resumed = [int(n) for n in re.findall(r"^resumed from .*iteration (\d+)\)", log, re.MULTILINE)]
    assert len(resumed) == restarts and all(0 < n <= n_iter for n in resumed), log
    assert digest(log) == expected, f"digest is not {expected}\n{log}"
    left = [path.name for path in slurm.lab.glob("requeued.*ckpt*")]
    assert not left, f"left behind: {left}"
    print(f"requeued {restarts} times, resumed at {resumed} of {n_iter} iterations: digest as without Slurm")
    return resumed[0] < n_iter


def main():
    if reason := skip_reason():
        print(f"skipped: {reason}")
        return 0
    begin = time.monotonic()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="gmmpi-slurm-") as folder:
        slurm = Slurm(pathlib.Path(folder))
        try:
            with slurm:
                slurm.run("gmmpi", "fit", str(ROOT / "tests/data/old_faithful.csv"), "-k", "2", "-o", "start.h5")
                slurm.run("gmmpi", "sample", "start.h5", "-n", "1000000", "--seed", "3", "-o", "x.h5")
                check_steps(slurm)
                short, _ = direct(slurm, fit_line(20, "short.h5"))
                check_short_jobs(slurm, short)
                _, pace = direct(slurm, fit_line(100, "pace.h5"))
                n_iter = max(100, int(100 * FIT_S / pace))
                for _ in range(3):
                    expected, seconds = direct(slurm, f"{fit_line(n_iter, 'direct.h5')} --force")
                    print(f"without Slurm: {n_iter} iterations in {seconds:.1f} s, digest {expected}")
                    if check_requeue(slurm, n_iter, expected):
                        break
                    print("the fit was over before Slurm's signal; again with more iterations")
                    (slurm.lab / "requeued.h5").unlink()
                    (slurm.lab / "requeued.log").unlink()
                    n_iter *= 3
                else:
                    raise AssertionError("Slurm's signal never came")
        except BaseException:
            for name in ("slurmctld", "slurmd.n1"):
                print(f"-- end of {name}'s log\n{slurm.log(f'log/{name}')[-1500:]}", file=sys.stderr)
            raise
    print(f"Slurm: all as expected, {time.monotonic() - begin:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
