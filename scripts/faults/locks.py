#!/usr/bin/env python3
# Runs that meet: the same command twice, several times at once, after a killed run, against a run that lives, stands
# still, or sits on another host. One of them fits, none harms the other, and the digest is always the same.
import os
import random
import signal
import socket
import time

from campaign import LOCK, OUTPUT, TIMEOUT, Fit, Hang, Launch, main, make_data, read_log, start_time, wait_for, workspace

OPTIONS = "-k 4 --tol 0 --max-iter 150 --checkpoint-every 5it"
HELD = 73
GENEROUS = 40.0  # seconds of a busy machine, for what is to happen "at once", not after the 45 s of a silent holder


class Locks:
    def __init__(self, directory, rng, tally):
        self.rng, self.tally, self.case = rng, tally, ""
        self.fit = Fit(directory / "fit", OPTIONS)
        make_data(self.fit.data, 300_000, 4, 4)
        self.fit.reference()

    def check(self, condition, text):
        if not condition:
            self.tally.problem(self.case, text)
        return condition

    def started(self, n=3):
        if wait_for(lambda: any(e["event"] == "iteration" and e["iteration"] >= n for e in self.fit.events()), TIMEOUT) is None:
            raise AssertionError("the fit does not start")

    def judge(self, launch):
        for text in self.fit.judge(launch, launch.wait()):
            self.check(False, text)

    # Short cases.
    def the_second_waits_and_finds_it_complete(self):
        log = self.fit.dir / "shared.json"
        words = self.fit.words(**{"--log-json": log})
        first = Launch(self.fit.run, words, 2)
        wait_for(lambda: any(e["event"] == "iteration" for e in read_log(log)), TIMEOUT)
        second = Launch(self.fit.run, words, 2)
        codes = first.wait(), second.wait()
        self.check(codes == (0, 0), f"exit codes {codes}: {first.errors} {second.errors}")
        self.check("complete already" in second.err and self.fit.expected[0] in second.out, f"the second: {second.err[-500:]}")
        self.check(self.fit.digest() == self.fit.expected[0] and self.fit.names() == [OUTPUT], f"left: {self.fit.names()}")
        content = log.read_bytes()
        self.check(b"\0" not in content and b'"event":"end"' in content, "the second spoiled the first one's --log-json")

    def many_at_once_after_a_kill(self):
        first = self.fit.launch(None, 1)
        self.started()
        first.signal(signal.SIGKILL)
        first.wait()
        runs = [self.fit.launch(self.rng.choice((None, 2)), 1) for _ in range(4)]
        codes = [run.wait() for run in runs]
        # Newcomers that find a dead holder's lock may both take it; then one notices and ends.
        self.check(set(codes) <= {0, HELD} and 0 in codes, f"exit codes {codes}: {[r.errors for r in runs]}")
        self.tally.count("superseded runs", codes.count(HELD))
        self.check(self.fit.digest() == self.fit.expected[0], "another digest")
        self.check(self.fit.names() == [OUTPUT], f"left: {self.fit.names()}")

    def the_lock_of_a_dead_process_is_taken_at_once(self):
        for number in (signal.SIGKILL, signal.SIGABRT):
            first = self.fit.launch(None, 1)
            self.started()
            first.signal(number)
            first.wait()
            self.check(LOCK in self.fit.names(), "no lock was left")
            again = self.fit.launch(None, 1)
            self.judge(again)
            self.check(again.seconds < self.fit.seconds + GENEROUS, f"took {again.seconds:.1f} s")
            self.fit.clear()

    def the_lock_of_a_reused_process_id_is_taken_at_once(self):
        (self.fit.run / LOCK).write_text(f"{socket.gethostname()} {os.getpid()} {int(start_time(os.getpid())) - 1}\n")
        launch = self.fit.launch(None, 1)
        self.judge(launch)
        self.check(launch.seconds < self.fit.seconds + GENEROUS, f"took {launch.seconds:.1f} s")

    def a_superseded_writer_ends(self):
        """On any number of ranks, within seconds, with one message, and it touches nothing any more."""
        for ranks in (None, 2, 3):
            launch = self.fit.launch(ranks, 1)
            self.started()
            (self.fit.run / LOCK).write_text("elsewhere 1 1\n")
            wait_for(lambda: launch.process.poll() is not None or launch.errors, TIMEOUT)
            names = self.fit.names()
            code = launch.wait()
            self.check(code == HELD and len(launch.errors) == 1, f"{ranks} ranks: exit code {code}, {launch.errors}")
            self.check(self.fit.names() == [n for n in names if ".tmp." not in n], f"{ranks} ranks: it went on")
            self.check((self.fit.run / LOCK).read_text() == "elsewhere 1 1\n", "the new holder's lock is gone")
            (self.fit.run / LOCK).unlink()
            self.judge(self.fit.launch(None, 2))
            self.fit.clear()

    # Cases that wait for a minute.
    def a_run_that_lives_is_waited_for_a_minute(self):
        first = self.fit.launch(None, 1, changes={"--max-iter": 1_000_000})
        self.started()
        second = self.fit.launch(2, 1)
        code = second.wait()
        self.check(code == HELD and len(second.errors) == 1 and f"process {first.pid}" in second.errors[0],
                   f"exit code {code}: {second.errors}")
        self.check(55 < second.seconds < 60 + GENEROUS, f"waited {second.seconds:.0f} s")
        self.check(first.process.poll() is None, f"the first ended: {first.err[-300:]}")
        first.signal(signal.SIGUSR1)
        self.check(first.wait() == 75, "the first did not stop")

    def an_empty_lock_is_taken(self):
        """As a kill between its creation and its writing leaves it."""
        (self.fit.run / LOCK).write_text("")
        launch = self.fit.launch(None, 1)
        self.judge(launch)
        self.tally.count("seconds for an empty lock", launch.seconds)

    def the_lock_of_a_dead_host_is_taken(self):
        (self.fit.run / LOCK).write_text("another-host 1 1\n")
        launch = self.fit.launch(2, 1)
        self.judge(launch)
        self.check(launch.seconds > 40, f"taken after {launch.seconds:.0f} s, though its host may live")

    def a_run_that_stands_still_loses_its_lock(self):
        first = self.fit.launch(None, 1)
        self.started()
        first.signal(signal.SIGSTOP)
        second = self.fit.launch(None, 1)
        self.check(second.wait() == 0, f"the second: {second.errors}")
        self.check(self.fit.digest() == self.fit.expected[0] and self.fit.names() == [OUTPUT], f"left: {self.fit.names()}")
        model = (self.fit.run / OUTPUT).read_bytes()
        first.signal(signal.SIGCONT)
        code = first.wait()
        self.check(code in (0, HELD), f"the first: exit code {code}")
        self.check(self.fit.digest() == self.fit.expected[0] and self.fit.names() == [OUTPUT], f"left: {self.fit.names()}")
        self.check(code == 0 or (self.fit.run / OUTPUT).read_bytes() == model, "the first wrote")


SHORT = [name for name in vars(Locks) if name.startswith(("the_second", "many", "the_lock_of_a_dead_process", "the_lock_of_a_reused",
                                                          "a_superseded"))]
LONG = [name for name in vars(Locks) if not name.startswith("_") and name not in ("check", "started", "judge", *SHORT)]


def campaign(count, seed, tally, cases=None):
    rng = random.Random(seed)
    with workspace() as directory:
        locks = Locks(directory, rng, tally)
        for turn in range(count):
            for name in cases or (SHORT if turn else SHORT + LONG):
                locks.case = f"{name}, round {turn}"
                try:
                    getattr(locks, name)()
                except (Hang, AssertionError) as failure:
                    tally.problem(locks.case, f"{type(failure).__name__} {failure}")
                tally.count("cases")
                locks.fit.clear()


if __name__ == "__main__":
    main("Lets runs of the same fit meet.", campaign, 2, "rounds; only the first has the cases that wait for a minute")
