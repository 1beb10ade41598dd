#!/usr/bin/env python3
# Every number stays bit for bit: the digests of fits of every kind, straight and after a stop, and of what is made from models,
# are those that tests/data/digests.json holds.
#
#   tests/app/test_digests.py --record          adds the cases of digest_cases.py that have no record yet
#   tests/app/test_digests.py --record TEXT     and makes those anew whose command holds TEXT ("fit": all fits)
#
# A stop is SIGKILL when the checkpoint of a certain number has got its name. strace sends it, so it always comes at the same point.
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from digest_cases import ALONE, FITS, OUTPUTS, write_inputs
from harness import DATA, PROGRAM, SANITIZED, ProgramTest, gmmpi, in_parallel

RECORD = DATA / "digests.json"
KILL = ("strace", "-f", "-o", "/dev/null", "-e", "trace=rename", "-e")
STOP_AT = 0.7  # of the checkpoints that a whole fit writes
EVERY = "--checkpoint-every 1it"
MORE_RANKS = 15  # of so many cases one is fitted on three ranks, and another is resumed on two
CHECKED = FITS[::4] if SANITIZED else FITS


def can_trace():
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def short_hash(data):
    return hashlib.sha256(data).hexdigest()[:32]


class Folder:
    """An own directory for one case, which holds links to the inputs."""

    def __init__(self, inputs, parent):
        self.path = Path(tempfile.mkdtemp(dir=parent))
        for file in inputs.iterdir():
            (self.path / file.name).symlink_to(file)

    def run(self, command, ranks=1, **more):
        """Output of a run that must succeed."""
        run = gmmpi(self.with_limit(command), self.path, ranks, **more)
        if run.codes != [0] * ranks:
            raise AssertionError(f"exit codes {run.codes}: {run.err[-500:]}")
        if "LITTLE" in command and "rows: streamed from the file" not in run.err:
            raise AssertionError("the rows were not streamed")
        return run.out

    def with_limit(self, command):
        """LITTLE becomes a --memory-limit that this machine allows, below which big.npy is read in every sweep."""
        if "LITTLE" not in command:
            return command
        refused = gmmpi(command.replace("LITTLE", "1M"), self.path).err
        least = int(re.search(r"give --memory-limit (\d+)M or more", refused)[1])
        return command.replace("LITTLE", f"{least + 2}M")

    def fit(self, command, more="", ranks=1, **how):
        if "LITTLE" in command:
            ranks = 1  # each rank would need another limit
        return json.loads(self.run(f"{command} --json -o m.h5 {more}", ranks, **how))["digest"]

    def resumed(self, command, stop, ranks):
        """Digest of a fit that is killed at its checkpoint number `stop` (from 1), and run again."""
        kill = (*KILL, f"inject=rename:signal=SIGKILL:when={stop}")
        gmmpi(self.with_limit(f"{command} -o m.h5 {EVERY}"), self.path, prefix=kill)
        if (self.path / "m.h5").exists() or not any(self.path.glob("m.ckpt.*.h5")):
            return f"was not stopped at checkpoint {stop}: record it anew"
        return self.fit(command, "--resume must", ranks)

    def result(self, command):
        """Digest of a model, hash of a table, or the numbers that are printed."""
        out = self.run(command if "--json" in command else command + " --json")
        output = command.split(" -o ")[1].split()[0] if " -o " in command else None
        if output is None:
            numbers = {name: value for name, value in json.loads(out).items() if not isinstance(value, str)}
            return numbers if command.startswith("score") else short_hash(json.dumps(numbers).encode())
        if output.endswith(".h5"):
            return json.loads(out)["digest"]
        return short_hash((self.path / output).read_bytes())


def n_checkpoints(folder, command):
    folder.fit(command, f"{EVERY} --log-json log.jsonl")
    return (folder.path / "log.jsonl").read_text().count('"event":"checkpoint"')


def results_of(folder, fit, commands):
    """{command: result} with the model of `fit`, or without one."""
    if fit:
        folder.fit(fit)
    return {command: folder.result(command) for command in commands}


def differences(names, expected, found):
    """All that differ, as text; nothing if none does."""
    lines = [f"  {name}\n    recorded {expected.get(name)}\n    found    {value}"
             for name, value in zip(names, found) if value != expected.get(name)]
    return f"{len(lines)} of {len(names)} differ:\n" + "\n".join(lines) if lines else ""


class Digests(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.inputs = Path(tempfile.mkdtemp(prefix="gmmpi-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.inputs)
        write_inputs(cls.inputs)
        cls.record = json.loads(RECORD.read_text())

    def folder(self):
        return Folder(self.inputs, self.dir)

    def check(self, names, expected, function):
        """Compares what `function` gives for each name (and its number) with what is expected; all that differ are named."""
        def attempt(number, name):
            try:
                return function(number, name)
            except AssertionError as failure:
                return str(failure)

        found = in_parallel(attempt, list(enumerate(names)))
        if text := differences(names, expected, found):
            self.fail(text)

    def test_every_case_is_recorded(self):
        self.assertEqual(list(self.record["fits"]), FITS)
        self.assertEqual({fit: list(results) for fit, results in self.record["outputs"].items()}, {**OUTPUTS, "": ALONE})

    def test_fits(self):
        """Every second one with the scalar kernels: test_stopped_and_resumed does with the best what this does with them."""
        def fit(number, name):
            simd = "scalar" if number % 2 else "auto"
            return self.folder().fit(name, f"--checkpoint-every never --simd {simd}", 3 if number % MORE_RANKS == 7 else 1)

        self.check(CHECKED, {name: case["digest"] for name, case in self.record["fits"].items()}, fit)

    @unittest.skipUnless(can_trace(), "needs strace, and a system that lets it trace")
    def test_stopped_and_resumed(self):
        def resume(number, name):
            return self.folder().resumed(name, self.record["fits"][name]["stop"], 2 if number % MORE_RANKS == 0 else 1)

        self.check(CHECKED, {name: case["digest"] for name, case in self.record["fits"].items()}, resume)

    def test_outputs(self):
        cases = {**OUTPUTS, "": ALONE}
        expected = {(fit, command): value for fit, results in self.record["outputs"].items() for command, value in results.items()}
        found = in_parallel(lambda fit, commands: results_of(self.folder(), fit, commands), list(cases.items()))
        names = [(fit, command) for fit, results in zip(cases, found) for command in results]
        if text := differences(names, expected, [value for results in found for value in results.values()]):
            self.fail(text)


def record(anew):
    """Writes digests.json: what it holds already for the cases that there are, and what the program gives for the others."""
    known = json.loads(RECORD.read_text()) if RECORD.exists() else {"fits": {}, "outputs": {}}

    def keeps(text, group):
        return text in known[group] and not (anew and anew in text)

    with tempfile.TemporaryDirectory(prefix="gmmpi-test-") as place:
        inputs = Path(place, "inputs")
        inputs.mkdir()
        write_inputs(inputs)

        def fit(command):
            if keeps(command, "fits"):
                return known["fits"][command]
            n = n_checkpoints(Folder(inputs, place), command)
            return {"digest": Folder(inputs, place).fit(command), "stop": int(STOP_AT * n)}

        def output(command, commands):
            old = known["outputs"].get(command, {})
            if keeps(command, "outputs") and list(old) == commands:
                return old
            return results_of(Folder(inputs, place), command, commands)

        outputs = {**OUTPUTS, "": ALONE}
        fits = dict(zip(FITS, in_parallel(fit, [(command,) for command in FITS])))
        made = dict(zip(outputs, in_parallel(output, list(outputs.items()))))
    RECORD.write_text(json.dumps({"fits": fits, "outputs": made}, indent=1) + "\n")
    print(f"{RECORD}: {len(fits)} fits and {sum(map(len, made.values()))} outputs of {PROGRAM}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--record"]:
        record(" ".join(sys.argv[2:]))
    else:
        unittest.main()
