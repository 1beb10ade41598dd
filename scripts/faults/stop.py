#!/usr/bin/env python3
# Stops that are asked for: signals to mpirun and to ranks, a second signal, time limits, the batch system's end time;
# then what --resume allows and refuses. After each the finished fit must have the digest of the uninterrupted one.
import os
import random
import signal
import time

from campaign import OUTPUT, Fit, Hang, Launch, last_event, main, make_data, position, wait_for, workspace

OPTIONS = "-k 4 --n-init 2 --tol 0 --max-iter 100"
STOPPED, REFUSED, NO_INPUT = 75, 76, 66
PATIENCE = 120.0  # seconds from a signal to the end, on a busy machine


class Stops:
    """The cases share the data and the uninterrupted fit; each is called with a layout."""

    def __init__(self, directory, rng, tally):
        self.rng, self.tally = rng, tally
        self.fit = Fit(directory / "fast", OPTIONS)
        make_data(self.fit.data, 400_000, 4, 4)
        self.fit.reference()
        self.case = ""

    def check(self, condition, text):
        if not condition:
            self.tally.problem(self.case, text)
        return condition

    def layout(self, least=1):
        return self.rng.randint(least, 4), self.rng.choice((1, 2))

    def started(self, launch, n=None):
        """Waits until iteration n (some, of the first restart) is in the log."""
        n = self.rng.randint(0, 12) if n is None else n
        found = wait_for(lambda: launch.process.poll() is not None or
                         any(e["event"] == "iteration" and e["iteration"] >= n for e in self.fit.events()), PATIENCE)
        if not found or launch.process.poll() is not None:
            raise AssertionError(f"iteration {n} was not seen: {launch.err[-1000:]}")

    def stopped(self, launch, codes=(STOPPED,)):
        """Waits for the end; the fit must be able to go on where it was."""
        sent = time.monotonic()
        code = launch.wait()
        launch.wait_for_all()
        self.check(time.monotonic() - sent < PATIENCE, f"took {time.monotonic() - sent:.1f} s to stop")
        if codes:
            self.check(code in codes, f"exit code {code}, not {codes}: {launch.err[-800:]}")
        self.check(not launch.errors, f"{launch.errors}")
        self.check(launch.err.count("gmmpi: stopped early") <= 1, "more than one message")
        return code

    def resume(self, exact=True, more=()):
        """Finishes the fit. `exact`: no iteration that was logged may have been lost, but the last."""
        before = [e for e in self.fit.events() if e["event"] == "iteration"]
        launch = self.fit.launch(*self.layout(), more=more)
        code = launch.wait()
        for text in self.fit.judge(launch, code):
            self.check(False, text)
        resumed = last_event(self.fit.events(), "resume")
        if self.check(resumed or not exact, f"started anew: {launch.err[-300:]}") and exact and before:
            done, again = (before[-1]["restart"], before[-1]["iteration"]), (resumed["restart"], resumed["resumed_from_iteration"])
            self.check(again >= done, f"resumed from {again}, though {done} was done")
        self.tally.count("resumed", bool(resumed))

    def signal_to_mpirun(self, number, codes):
        launch = self.fit.launch(*self.layout())
        self.started(launch)
        launch.signal(number)
        self.stopped(launch, codes)
        self.resume()

    def usr1_to_mpirun(self):
        self.signal_to_mpirun(signal.SIGUSR1, (STOPPED,))

    def usr2_to_mpirun(self):
        self.signal_to_mpirun(signal.SIGUSR2, (STOPPED,))

    def term_to_mpirun(self):
        self.signal_to_mpirun(signal.SIGTERM, None)

    def int_to_mpirun(self):
        self.signal_to_mpirun(signal.SIGINT, None)

    def signal_to_one_rank(self):
        number = self.rng.choice((signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT, signal.SIGXCPU))
        ranks, threads = self.layout(2)
        launch = self.fit.launch(ranks, threads)
        self.started(launch)
        launch.signal(number, self.rng.randrange(ranks))
        self.stopped(launch)
        self.check(f"SIG{number.name[3:]}" in launch.err or "stopped early" in launch.err, "no message")
        self.resume()

    def signals_without_mpirun(self):
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
            launch = self.fit.launch(None, 1)
            self.started(launch)
            launch.signal(number)
            self.stopped(launch)
            self.check(number.name in launch.err, f"the message does not name {number.name}: {launch.err[-300:]}")
        self.resume()

    def signal_at_any_moment(self):
        """Also before and after the fit: never a code that is not documented, never a lost fit."""
        launch = self.fit.launch(None, 2)
        time.sleep(self.rng.uniform(0.0, 1.3 * self.fit.seconds))
        launch.signal(signal.SIGTERM)
        code = launch.wait()
        self.check(code in (STOPPED, 0, -signal.SIGTERM), f"exit code {code}: {launch.err[-500:]}")
        self.tally.count(f"SIGTERM at any moment: {'done' if code == 0 else 'stopped' if code == STOPPED else 'ended'}")
        self.resume(exact=False)

    def second_signal(self):
        """A rank that stands still keeps the others waiting: the second signal ends them at once, the first one's
        checkpoint is there."""
        ranks = self.rng.randint(2, 4)
        launch = self.fit.launch(ranks, 1)
        self.started(launch)
        launch.signal(signal.SIGSTOP, ranks - 1)
        time.sleep(0.3)
        sent = time.monotonic()
        launch.signal(signal.SIGUSR1, 0)
        time.sleep(0.4)
        launch.signal(signal.SIGUSR1, 0)  # within a second: still the first one
        if time.monotonic() - sent < 0.9:  # unless the machine was busy
            time.sleep(1.0)
            self.check(launch.process.poll() is None, "the first signal ended it, though a rank stood still")
        time.sleep(1.0)
        launch.signal(signal.SIGUSR1, 0)
        code = launch.wait(PATIENCE)  # the rank that stands still would keep it for ever
        launch.wait_for_all()
        self.check(code == 128 + signal.SIGUSR1, f"exit code {code}")
        self.resume()

    def time_limit(self):
        """Stop after stop, until the fit is complete."""
        for i in range(50):
            ranks, threads = self.layout()
            limit = 0.8 * 1.1 ** i  # on a busy machine it takes longer to get anywhere
            launch = self.fit.launch(ranks, threads, more=["--time-limit", f"{limit}s"])
            code = launch.wait()
            self.check(launch.seconds < limit + PATIENCE, f"took {launch.seconds:.1f} s")
            if code == 0:
                self.check(self.fit.digest() == self.fit.expected[0], "another digest")
                self.check(self.fit.names() == [OUTPUT], f"left behind: {self.fit.names()}")
                return
            if not self.check(code == STOPPED, f"exit code {code}: {launch.err[-500:]}"):
                return
            self.tally.count("stops by time")
        self.check(False, "50 runs, and no end")

    def batch_end(self):
        """SLURM_JOB_END_TIME less a minute."""
        end = str(int(time.time()) + 62)
        launch = self.fit.launch(2, 1, env={"SLURM_JOB_END_TIME": end}, changes={"--max-iter": 100_000})
        code = launch.wait()
        self.check(code == STOPPED and "batch" in launch.err, f"exit code {code}: {launch.err[-500:]}")
        self.check(0.5 < launch.seconds < 2 + PATIENCE, f"took {launch.seconds:.1f} s")

    def must_and_never(self):
        launch = self.fit.launch(None, 1, more=["--resume", "must"])
        self.check(launch.wait() == NO_INPUT and len(launch.errors) == 1, f"--resume must without a checkpoint: {launch.err}")
        self.check(self.fit.names() == [], f"left behind: {self.fit.names()}")
        launch = self.fit.launch(None, 1)
        self.started(launch, 5)
        launch.signal(signal.SIGUSR1)
        self.stopped(launch)
        launch = self.fit.launch(None, 1, more=["--resume", "never"])
        self.started(launch, 2)
        launch.signal(signal.SIGUSR1)
        self.stopped(launch)
        self.check(last_event(self.fit.events(), "resume") is None, "--resume never resumed")
        self.resume(more=["--resume", "must"])
        again = self.fit.launch(*self.layout())  # complete already
        self.check(again.wait() == 0 and "complete already" in again.err and self.fit.expected[0] in again.out,
                   f"a complete fit: {again.err}")

    def other_data_or_options(self):
        launch = self.fit.launch(2, 1)
        self.started(launch, 3)
        launch.signal(signal.SIGUSR1)
        self.stopped(launch)
        before = {name: (self.fit.run / name).read_bytes() for name in self.fit.names()}
        other = Fit(self.fit.dir, self.fit.options, self.fit.dir / "other.npy")
        make_data(other.data, 400_000, 4, 4, seed=2)
        for name, words, expected in (
                ("other data", other.words(), ("data fingerprint", "was", "now")),
                ("--seed", self.fit.words(**{"--seed": 3}), ("--seed was 0, now 3",)),
                ("--tol", self.fit.words(**{"--tol": 0.25}), ("--tol was 0, now 0.25",)),
                ("-k", self.fit.words(**{"-k": 5}), ("--n-components was 4, now 5",)),
                ("--covariance-type", self.fit.words(**{"--covariance-type": "tied"}), ("--covariance-type was full, now tied",)),
                ("--reg-covar", self.fit.words(**{"--reg-covar": 0.5}), ("--reg-covar was auto, now 0.5",))):
            launch = Launch(self.fit.run, words)
            code = launch.wait()
            self.check(code == REFUSED and len(launch.errors) == 1, f"{name}: exit code {code}: {launch.errors}")
            for word in expected:
                self.check(word in " ".join(launch.errors), f"{name}: '{word}' is not in {launch.errors}")
            self.check({n: (self.fit.run / n).read_bytes() for n in self.fit.names()} == before, f"{name}: files changed")
        launch = Launch(self.fit.run, other.words("--force"))
        self.check(launch.wait() == 0, f"--force: {launch.err[-500:]}")
        aside = [n for n in self.fit.names() if ".aside." in n]
        self.check(len(aside) == len(before) and self.fit.names() == sorted([*aside, OUTPUT]), f"--force: {self.fit.names()}")
        os.remove(self.fit.run / OUTPUT)
        for name in aside:  # and back again
            os.rename(self.fit.run / name, self.fit.run / name.split(".aside.")[0])
        self.resume()

    def more_iterations(self):
        """What a stopped run may do on with more iterations, it must do as if it had had them from the start."""
        launch = self.fit.launch(None, 1, changes={"--max-iter": 90})
        self.started(launch, 5)
        launch.signal(signal.SIGUSR1)
        self.stopped(launch)
        if self.check(position(self.fit.generation(self.fit.generations()[-1]))[0] == 0, "stopped too late"):
            self.resume()

    def slow_iterations(self):
        """A limit shorter than an iteration ends the run in time, too."""
        slow = Fit(self.fit.dir.parent / "slow", "-k 48 --tol 0 --max-iter 2 --init random-from-data")
        if not slow.data.exists():
            make_data(slow.data, 600_000, 8, 8)
        slow.reference()
        launch = slow.launch(None, 1)
        wait_for(lambda: last_event(slow.events(), "iteration"), PATIENCE)
        launch.signal(signal.SIGUSR1)
        self.check(launch.wait() == STOPPED, f"{launch.err[-500:]}")
        for limit in (0.3, 1.0):
            launch = slow.launch(2, 1, more=["--time-limit", f"{limit}s"])
            code = launch.wait()
            took = launch.seconds
            self.check(code == STOPPED or code == 0, f"exit code {code}: {launch.err[-500:]}")
            self.check(took < limit + PATIENCE, f"took {took:.1f} s with --time-limit {limit}s")
        launch = slow.launch(2, 2)
        for text in slow.judge(launch, launch.wait()):
            self.check(False, text)
        slow.clear()


CASES = [name for name, value in vars(Stops).items()
         if callable(value) and name not in ("__init__", "check", "layout", "started", "stopped", "resume", "signal_to_mpirun")]
QUICK = ["usr1_to_mpirun", "term_to_mpirun", "signal_to_one_rank", "second_signal", "time_limit", "must_and_never"]


def campaign(count, seed, tally, cases=CASES):
    rng = random.Random(seed)
    with workspace() as directory:
        stops = Stops(directory, rng, tally)
        for turn in range(count):
            for name in cases:
                stops.case = f"{name}, round {turn}"
                try:
                    getattr(stops, name)()
                except (Hang, AssertionError) as failure:
                    tally.problem(stops.case, f"{type(failure).__name__} {failure}")
                tally.count("cases")
                stops.fit.clear()


if __name__ == "__main__":
    main("Stops fits in every documented way and resumes them.", campaign, 3, "rounds of all cases")
