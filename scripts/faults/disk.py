#!/usr/bin/env python3
# Disks that are full, size limits, directories that cannot be written, read or found, and directories that vanish for
# a while: documented exit codes, one message, and the same digest once there is room or right again.
import errno
import os
import random
import shutil
import signal
import subprocess

from campaign import OUTPUT, TIMEOUT, Fit, Hang, Launch, main, make_data, wait_for, workspace

OPTIONS = "-k 4 --tol 0 --max-iter 150 --checkpoint-every 1it"
CANNOT_CREATE, IO, STOPPED, PERMISSION = 73, 74, 75, 77
NOBODY = 65534
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
ROOM = 96 * 1024  # bytes of the small disk: enough for the four files that are there for a moment


class Disks:
    def __init__(self, directory, rng, tally):
        self.rng, self.tally, self.case = rng, tally, ""
        self.fit = Fit(directory / "fit", OPTIONS)
        make_data(self.fit.data, 200_000, 4, 4)
        self.fit.reference()
        os.chmod(self.fit.dir, 0o777)  # for the logs
        self.small = directory / "small"
        self.small.mkdir()
        self.mounted = False

    # A small disk.
    def mount(self, options=""):
        self.unmount()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={ROOM}{options}", "none", self.small], capture_output=True)
        self.mounted = done.returncode == 0
        return self.mounted

    def unmount(self):
        if self.mounted:
            # MPI's helper of a single process may leave a moment later.
            if not wait_for(lambda: subprocess.run(["umount", self.small], capture_output=True).returncode == 0, 120, 0.05):
                subprocess.run(["umount", "-l", self.small], check=True)
            self.mounted = False

    def fill(self):
        """Until not one more byte fits."""
        with open(self.small / "filler", "ab", buffering=0) as filler:
            try:
                while True:
                    filler.write(b"x" * 4096)
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def make_room(self):
        (self.small / "filler").unlink()

    # What is expected.
    def check(self, condition, text):
        if not condition:
            self.tally.problem(self.case, text)
        return condition

    def launch(self, ranks=None, run=None, changes={}, **how):
        return Launch(run or self.fit.run, self.fit.words(**changes), ranks, 1, **how)

    def started(self, launch, n=5):
        if not wait_for(lambda: launch.process.poll() is not None or
                        any(e["event"] == "iteration" and e["iteration"] >= n for e in self.fit.events()), TIMEOUT):
            raise AssertionError("the fit does not start")

    def fails(self, launch, *codes, words=()):
        code = launch.wait()
        launch.wait_for_all()
        self.check(code in codes, f"exit code {code}, not {codes}: {launch.err[-400:]}")
        self.check(len(launch.errors) == 1 and all(w in launch.errors[0] for w in words), f"errors: {launch.errors}")

    def succeeds(self, launch, run=None, left=(), warns=False):
        code = launch.wait()
        if self.check(code == 0, f"exit code {code}: {launch.errors or launch.err[-600:]}"):
            fit = Fit(self.fit.dir, [])
            fit.run = run or self.fit.run
            self.check(fit.digest() == self.fit.expected[0], "another digest")
            self.check(fit.names() == sorted([OUTPUT, *left]), f"left: {fit.names()}")
            self.check(bool(launch.warnings) == warns, f"warnings: {launch.warnings[:2]}")

    def empty(self, directory):
        self.check(os.listdir(directory) == [], f"left behind: {os.listdir(directory)}")

    # Full disks.
    def full_at_the_start(self):
        if not self.mount():
            return "skipped: no mount"
        self.fill()
        for ranks in (None, 2):
            self.fails(self.launch(ranks, self.small), IO, words=["No space left"])
            self.check(os.listdir(self.small) == ["filler"], f"left: {os.listdir(self.small)}")
        self.fails(self.launch(2, changes={"--checkpoint": self.small / "c"}), IO, words=["No space left"])
        self.empty(self.fit.run)
        self.make_room()
        self.succeeds(self.launch(None, self.small), self.small)

    def full_during_the_fit(self):
        """Only the checkpoints are there: the fit warns and succeeds."""
        for ranks in (None, 2):
            if not self.mount():
                return "skipped: no mount"
            launch = self.launch(ranks, changes={"--checkpoint": self.small / "c"})
            self.started(launch)
            self.fill()
            self.succeeds(launch, warns=True)
            self.check(os.listdir(self.small) == ["filler"], f"left: {os.listdir(self.small)}")
            self.fit.clear()

    def full_for_a_while(self):
        if not self.mount():
            return "skipped: no mount"
        launch = self.launch(2, changes={"--checkpoint": self.small / "c"})
        self.started(launch)
        self.fill()
        wait_for(lambda: launch.warnings or launch.process.poll() is not None, TIMEOUT)
        self.make_room()
        self.succeeds(launch, warns=True)
        self.empty(self.small)

    def full_at_the_final_model(self):
        for ranks in (None, 2):
            if not self.mount():
                return "skipped: no mount"
            launch = self.launch(ranks, self.small)
            self.started(launch)
            self.fill()
            self.fails(launch, IO, words=["No space left", OUTPUT])
            self.make_room()
            again = self.launch(2, self.small, changes={"--resume": "must"})
            self.succeeds(again, self.small)

    def full_when_stopped(self):
        if not self.mount():
            return "skipped: no mount"
        launch = self.launch(2, self.small)
        self.started(launch)
        self.fill()
        wait_for(lambda: launch.warnings or launch.process.poll() is not None, TIMEOUT)
        launch.signal(signal.SIGUSR1)
        self.fails(launch, IO, words=["No space left"])
        self.make_room()
        self.succeeds(self.launch(None, self.small, changes={"--resume": "must"}), self.small)

    def file_size_limit(self):
        for blocks, at_start in ((4, True), (15, False)):  # of 1024 bytes: below the first generation; below the model
            launch = self.launch(None, prefix=("bash", "-c", f'ulimit -f {blocks}; exec "$@"', "bash"),
                                 changes={"--log-json": "/dev/null"})
            self.fails(launch, IO, words=["File too large"])
            if at_start:
                self.empty(self.fit.run)
        self.succeeds(self.launch(None))

    # Directories.
    def missing_directory(self):
        for ranks in (None, 2):
            self.fails(self.launch(ranks, changes={"-o": "no/m.h5"}), CANNOT_CREATE, words=["no"])
            self.fails(self.launch(ranks, changes={"--checkpoint": "no/c"}), CANNOT_CREATE, words=["no/c"])
        self.empty(self.fit.run)

    def read_only_disk(self):
        if not self.mount() or subprocess.run(["mount", "-o", "remount,ro", self.small]).returncode != 0:
            return "skipped: no mount"
        self.fails(self.launch(2, self.small), CANNOT_CREATE, PERMISSION)
        self.fails(self.launch(None, changes={"--checkpoint": self.small / "c"}), CANNOT_CREATE, PERMISSION)
        self.empty(self.fit.run)

    def somebody_elses_directory(self):
        if os.geteuid() != 0:
            return "skipped: not root"
        for ranks in (None, 2):
            self.fails(self.as_nobody(ranks), PERMISSION)
        theirs = self.fit.dir / "theirs"
        theirs.mkdir(exist_ok=True)
        os.chown(theirs, NOBODY, NOBODY)
        self.fails(self.as_nobody(None, theirs, {"--checkpoint": self.fit.run / "c"}), PERMISSION)
        self.empty(self.fit.run)
        self.succeeds(self.as_nobody(2, theirs), theirs)
        shutil.rmtree(theirs)

    def as_nobody(self, ranks, run=None, changes={}):
        return self.launch(ranks, run, changes, prefix=AS_NOBODY)

    def directory_that_cannot_be_listed(self):
        """Its checkpoints cannot be found again: that must be said, not be a fit that starts anew."""
        if os.geteuid() != 0:
            return "skipped: not root"
        os.chmod(self.fit.run, 0o333)
        launch = self.as_nobody(None)
        self.started(launch)
        launch.signal(signal.SIGUSR1)
        code = launch.wait()
        if code == PERMISSION:
            self.check(len(launch.errors) == 1, f"errors: {launch.errors}")
        elif self.check(code == STOPPED, f"exit code {code}: {launch.err[-300:]}"):
            again = self.as_nobody(None)
            self.check(again.wait() == 0 and "resumed from" in again.err, "the fit started anew")
        os.chmod(self.fit.run, 0o755)

    def rights_taken_during_the_fit(self):
        if os.geteuid() != 0:
            return "skipped: not root"
        os.chown(self.fit.run, NOBODY, NOBODY)
        launch = self.as_nobody(2)
        self.started(launch)
        os.chmod(self.fit.run, 0o555)
        self.fails(launch, PERMISSION, words=[OUTPUT])
        self.check(launch.warnings, "no warning")
        os.chmod(self.fit.run, 0o755)
        self.succeeds(self.as_nobody(None, changes={"--resume": "must"}))

    def directory_that_vanishes_for_a_while(self):
        """As a network disk does: the fit warns and goes on."""
        for ranks in (None, 2):
            place, away = self.fit.dir / "place", self.fit.dir / "away"
            place.mkdir()
            launch = self.launch(ranks, changes={"--checkpoint": place / "c"})
            self.started(launch)
            place.rename(away)
            wait_for(lambda: launch.warnings or launch.process.poll() is not None, TIMEOUT)
            away.rename(place)
            self.succeeds(launch, warns=True)
            self.empty(place)
            place.rmdir()
            self.fit.clear()


HELPERS = ("mount", "unmount", "fill", "make_room", "check", "launch", "started", "fails", "succeeds", "empty", "as_nobody")
CASES = [name for name in vars(Disks) if not name.startswith("_") and name not in HELPERS]


def campaign(count, seed, tally, cases=CASES):
    rng = random.Random(seed)
    with workspace() as directory:
        disks = Disks(directory, rng, tally)
        try:
            for turn in range(count):
                for name in cases:
                    disks.case = f"{name}, round {turn}"
                    try:
                        skipped = getattr(disks, name)()
                        tally.count(skipped or "cases")
                    except (Hang, AssertionError) as failure:
                        tally.problem(disks.case, f"{type(failure).__name__} {failure}")
                    os.chmod(disks.fit.run, 0o755)
                    os.chown(disks.fit.run, os.geteuid(), os.getegid())
                    disks.fit.clear()
        finally:
            disks.unmount()


if __name__ == "__main__":
    main("Fits on full, limited, forbidden and vanishing disks.", campaign, 1, "rounds of all cases")
