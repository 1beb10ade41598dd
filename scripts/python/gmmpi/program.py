"""Finds and runs the program gmmpi, and turns its errors into exceptions."""

import functools
import numbers
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass

from .wording import OptionTable, Wording

HERE = pathlib.Path(__file__).resolve().parent
# The source tree's build, and an installation with this package in PREFIX/share/gmmpi/python.
BESIDE = (HERE.parents[2] / "build/release/gmmpi", HERE.parents[3] / "bin/gmmpi")
# More ranks than cores are allowed, and each may use any core: right for one machine. Clusters have their own.
MPIRUN = "mpirun --oversubscribe --bind-to none"
# What launchers tell their processes. A program that one of them runs by itself is not one of those.
LAUNCHED = ("OMPI_COMM_WORLD_", "PMIX_", "PMI_", "MV2_COMM_WORLD_", "PALS_", "ALPS_APP_", "JSM_NAMESPACE_", "SLURM_STEP_",
            "SLURM_PROCID")
ERROR, STOPPED, WARNING = "gmmpi: error: ", "gmmpi: stopped early: ", "gmmpi: warning: "
# Exit codes that Python itself gives.
USAGE, BAD_DATA, MISSING, NO_MEMORY, CANNOT_CREATE, NO_PERMISSION = 64, 65, 66, 71, 73, 77
NUMERICAL = 79


class GmmpiError(RuntimeError):
    """What the program says when it fails, and its exit code (listed in the README).

    str() is the message without the leading "gmmpi: error: ", with Python's names of the options. `said` is the message with the
    program's own. Bad parameters (64), bad data (65) and failures of the numbers (79) are a GmmpiValueError.
    """

    def __new__(cls, message, exit_code, said=None):
        is_value_error = cls is GmmpiError and exit_code in (USAGE, BAD_DATA, NUMERICAL)
        return super().__new__(GmmpiValueError if is_value_error else cls, message)

    def __init__(self, message, exit_code, said=None):
        super().__init__(message)
        self.exit_code = exit_code
        self.said = message if said is None else said

    def __reduce__(self):
        return type(self), (str(self), self.exit_code, self.said)


class GmmpiValueError(GmmpiError, ValueError):
    """A GmmpiError that is a ValueError as well, where scikit-learn raises one."""


@dataclass(frozen=True)
class Run:
    """What a run that succeeded wrote: results (out), and everything else (err)."""

    out: str
    err: str
    warnings: tuple = ()  # one text each, in Python's words


def find_program(program=None):
    """Path of the program: `program`, else $GMMPI_PROGRAM, else on PATH, else beside this package.

    Raises GmmpiError 66 if it is nowhere.
    """
    asked = program or os.environ.get("GMMPI_PROGRAM")
    if asked:
        found = shutil.which(asked)
        if not found:
            raise GmmpiError(f"{asked}: no such program: build it, or give another as program= or GMMPI_PROGRAM", MISSING)
        return os.path.abspath(found)
    for candidate in (shutil.which("gmmpi"), *BESIDE):
        if candidate and os.access(candidate, os.X_OK):
            return str(candidate)
    raise GmmpiError("the program gmmpi was not found: build it, put it on PATH, or give its path as program= or "
                     "GMMPI_PROGRAM", MISSING)


def option_words(options):
    """["--max-iter", "5", "--force"] of {"max_iter": 5, "force": True, "seed": None}; None and False are left out, and
    the items of a list become one text with commas."""
    words = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if value is not True:
            words.append(",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value))
    return words


def run(command, *arguments, ranks=1, program=None, mpirun=MPIRUN, verbose=False, **options):
    """Runs `gmmpi command arguments --option value ...` and returns a Run.

    Options are the program's, with underscores: max_iter=5 is --max-iter 5, force=True is --force. `ranks` processes
    are started by `mpirun` (text or list; one rank is started without it). `verbose` shows the program's messages while
    it runs. Raises GmmpiError if it fails; stops it, with a checkpoint, on KeyboardInterrupt.
    """
    return run_worded(Wording(), command, arguments, options, ranks=ranks, program=program, mpirun=mpirun, verbose=verbose)


def run_worded(wording, command, arguments, options, *, ranks, program, mpirun, verbose, others=()):
    """As run, with its messages in the words of `wording`; `others`: what a misspelt option may have meant, too."""
    if not isinstance(ranks, numbers.Integral) or ranks < 1:
        raise GmmpiError(f"ranks: {ranks!r} is no number of processes; give 1 or more", USAGE)
    path = find_program(program)
    words = [path, command, *map(str, arguments), *option_words(options)]
    if ranks > 1:
        launcher = shlex.split(mpirun) if isinstance(mpirun, str) else list(mpirun)
        words = [*launcher, "-n", str(ranks), *words]
    own = None if ranks > 1 else {name: value for name, value in os.environ.items() if not name.startswith(LAUNCHED)}
    code, out, err = wait_for(words, verbose, own)
    if code != 0:
        raise failure(words, code, err, wording, option_table(path, command), (options, others))
    warnings = [line[len(WARNING):] for line in err.splitlines() if line.startswith(WARNING)]
    return Run(out, err, tuple(wording.of(text, option_table(path, command)) for text in warnings))


@functools.lru_cache
def option_table(path, command):
    """The OptionTable of a command; an empty one where the program cannot tell."""
    try:
        told = subprocess.run([path, command, "--help"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    except OSError:
        return OptionTable()
    return OptionTable.of_help(told.stdout)


def wait_for(words, verbose, environment=None):
    """Exit code, standard output and standard error of a command; its environment is this program's unless given."""
    lines = []
    try:
        with tempfile.TemporaryFile("w+", errors="replace") as out, subprocess.Popen(
                words, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True,
                errors="replace") as process:
            try:
                for line in process.stderr:
                    lines.append(line)
                    if verbose:
                        print(line, end="", file=sys.stderr, flush=True)
            except KeyboardInterrupt:
                process.terminate()
                process.wait()
                raise
            code = process.wait()
            out.seek(0)
            return code, out.read(), "".join(lines)
    except OSError as error:
        raise GmmpiError(f"{words[0]}: cannot be started ({error.strerror}): check the path and its permissions",
                         MISSING) from error


def failure(words, code, err, wording, table, given):
    """The exception for a run that ended with `code`: the program's one line, or all that it and mpirun said.

    `given`: the options that were given, and what else they may have been meant to be.
    """
    for line in err.splitlines():
        for prefix in (ERROR, STOPPED):
            if line.startswith(prefix):
                said = line[len(prefix):]
                options, others = given
                misused = wording.misused(options, table, others) if code == USAGE and table.names else None
                return GmmpiError(misused or wording.of(said, table), code, said)
    said = err.strip() or "it said nothing"
    return GmmpiError(f"{shlex.join(words)}: ended with code {code}: {said}", code)
