# Stops a fit in the middle, so that a test can go on from its checkpoint.
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from harness import MPIRUN, NOTE_CODE, PROGRAM, TIMEOUT, environment


def interrupt(test, args, ranks, iterations=3):
    """Runs `gmmpi args` in test.dir until it has done some iterations, then has it stop: every rank must end with 75."""
    log = test.dir / "interrupted.jsonl"
    log.unlink(missing_ok=True)
    codes = Path(tempfile.mkdtemp(dir=test.dir))
    command = [str(PROGRAM), *args.split(), "--log-json", log.name]
    if ranks > 1:
        command = [*MPIRUN, "-n", str(ranks), "sh", "-c", "trap : USR1\n" + NOTE_CODE, str(codes), *command]
    process = subprocess.Popen(command, cwd=test.dir, env=environment(), text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    test.addCleanup(process.kill)
    give_up = time.monotonic() + TIMEOUT
    while not log.exists() or log.read_text().count('"event":"iteration"') < iterations:
        if process.poll() is not None or time.monotonic() > give_up:
            test.fail(f"no iterations: {process.communicate()}")
        time.sleep(0.005)
    process.send_signal(signal.SIGUSR1)
    _, err = process.communicate(timeout=TIMEOUT)
    ends = [process.returncode] if ranks == 1 else [int((codes / str(r)).read_text()) for r in range(ranks)]
    test.assertEqual(ends, [75] * ranks, err)
