# Stops a run in the middle, so that a test can go on from its checkpoint.
import shlex
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import MPIRUN, NOTE_CODE, PROGRAM, TIMEOUT, Run, environment

LOG = "interrupted.jsonl"
TRIES = 20


def iterations(n):
    """Ready when so many iterations are in the log."""
    def reached(cwd):
        log = cwd / LOG
        return log.exists() and log.read_text().count('"event":"iteration"') >= n
    return reached


def checkpoints(pattern, generation=0):
    """Ready when there is a checkpoint of that name (m.ckpt.*.h5) and of at least that generation."""
    return lambda cwd: any(int(path.name.split(".")[-2]) >= generation for path in cwd.glob(pattern))


def attempt(test, words, ranks, ready, number):
    """One run that is signalled when it is ready."""
    codes = Path(tempfile.mkdtemp(dir=test.dir))
    command = [str(PROGRAM), *words, "--log-json", LOG]
    if ranks > 1:
        command = [*MPIRUN, "-n", str(ranks), "sh", "-c", f"trap : {number.name[3:]}\n{NOTE_CODE}", str(codes), *command]
    (test.dir / LOG).unlink(missing_ok=True)
    process = subprocess.Popen(command, cwd=test.dir, env=environment(), text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    test.addCleanup(process.kill)
    give_up = time.monotonic() + TIMEOUT
    while process.poll() is None and not ready(test.dir):
        if time.monotonic() > give_up:
            test.fail(f"gmmpi {shlex.join(words)} does not get on")
        time.sleep(0.002)
    process.send_signal(number)
    out, err = process.communicate(timeout=TIMEOUT)
    ends = [process.returncode] if ranks == 1 else [int((codes / str(r)).read_text()) for r in range(ranks)]
    return Run(ends, out, err, 0.0)


def interrupt(test, args, ranks=1, ready=iterations(3), number=signal.SIGUSR1):
    """Runs `gmmpi args` in test.dir until it is ready, then has it stop: every rank must end with 75. A run that was over
    when its signal came, because the machine had other things to do, is begun again."""
    words = shlex.split(args)
    output = test.dir / words[words.index("-o") + 1]
    for _ in range(TRIES):
        run = attempt(test, words, ranks, ready, number)
        if run.codes == [75] * ranks:
            return run
        test.assertEqual(run.codes, [0] * ranks, run.err)
        output.unlink()
    test.fail(f"gmmpi {args} is always over before it can be stopped")


def stop_on_the_way(test, command, ranks=1):
    """Interrupts the command when it has written a checkpoint besides those that are there; returns that run."""
    before = set(test.dir.glob("*.ckpt.*.h5"))
    run = interrupt(test, command, ranks, lambda cwd: set(cwd.glob("*.ckpt.*.h5")) - before)
    test.assertRegex(run.err, r"stopped early: .*checkpoint \S+ \(")
    return run
