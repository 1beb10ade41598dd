#!/usr/bin/env python3
# Damaged checkpoints: flipped bits, cut, zeroed and foreign files. Each is noticed, an older generation is taken with a
# warning, and the digest is that of the uninterrupted fit. (Far more flips run in the library's tests.)
import os
import random
import signal

import h5py

from campaign import OUTPUT, TIMEOUT, Fit, Hang, last_event, main, make_data, position, wait_for, workspace

OPTIONS = "-k 4 --tol 0 --max-iter 60 --checkpoint-every 1it"
REFUSED = 76
STEP = 512


def flip(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def foreign_hdf5(directory):
    with h5py.File(directory / "foreign.h5", "w") as f:
        f["X"] = [[1.0, 2.0]]
    return (directory / "foreign.h5").read_bytes()


class Damage:
    def __init__(self, directory, rng, tally):
        self.rng, self.tally = rng, tally
        self.fit = Fit(directory / "fit", OPTIONS)
        make_data(self.fit.data, 30_000, 4, 4)
        self.fit.reference()
        self.files = self.stop_in_the_middle()
        self.newest = max(self.files, key=lambda name: int(name.split(".")[2]))
        self.foreign = foreign_hdf5(directory)

    def stop_in_the_middle(self):
        for _ in range(20):  # on a busy machine it may be over before it is signalled
            launch = self.fit.launch(None, 1)
            wait_for(lambda: any(e["event"] == "iteration" and e["iteration"] >= 10 for e in self.fit.events()), TIMEOUT, 0.0005)
            launch.signal(signal.SIGUSR1)
            if launch.wait() == 75:
                break
            self.fit.clear()
        if len(self.fit.generations()) != 3:
            raise AssertionError(f"no three generations to damage: {launch.err[-500:]}")
        self.positions = [position(self.fit.generation(n)) for n in self.fit.generations()]
        return {p.name: p.read_bytes() for p in self.fit.run.iterdir()}

    def restore(self, changes):
        self.fit.clear()
        for name, content in {**self.files, **changes}.items():
            (self.fit.run / name).write_bytes(content)

    def one(self, what, content):
        """The newest generation is damaged."""
        self.restore({self.newest: content})
        if what == "huge":
            os.truncate(self.fit.run / self.newest, 1 << 40)  # sparse
        launch = self.fit.launch(self.rng.choice((None, None, None, 2)), 1)
        for text in self.fit.judge(launch, launch.wait()):
            self.tally.problem(what, text)
        resumed = last_event(self.fit.events(), "resume")
        if not resumed or resumed["resumed_from_iteration"] != self.positions[-2][2]:
            self.tally.problem(what, f"resumed: {resumed}, not from the generation before")
        if len(launch.warnings) != 1 or self.newest not in launch.warnings[0] or "older" not in launch.warnings[0]:
            self.tally.problem(what, f"warnings: {launch.warnings}")
        self.tally.count(what.split(" at ")[0])

    def all_damaged(self):
        names = sorted(self.files)
        damaged = dict(zip(names, (flip(self.files[names[0]], 5000), b"", self.files[names[2]][:1000])))
        self.restore(damaged)
        launch = self.fit.launch(2, 1)
        code = launch.wait()
        problems = {"exit code": code != REFUSED, "errors": len(launch.errors) != 1,
                    "names": not all(n in " ".join(launch.errors) for n in names),
                    "files": {p.name: p.read_bytes() for p in self.fit.run.iterdir()} != damaged}
        for what, wrong in problems.items():
            if wrong:
                self.tally.problem("all damaged", f"{what}: code {code}, {launch.errors}, {self.fit.names()}")
        launch = self.fit.launch(None, 1, more=["--force"])
        if launch.wait() != 0 or self.fit.digest() != self.fit.expected[0] or \
                self.fit.names() != sorted([OUTPUT, *(f"{n}.aside.0" for n in names)]):
            self.tally.problem("all damaged, --force", f"{launch.errors} {self.fit.names()}")
        self.restore(damaged)
        launch = self.fit.launch(None, 1, more=["--resume", "never"])
        for text in self.fit.judge(launch, launch.wait()):
            self.tally.problem("all damaged, --resume never", text)
        self.tally.count("all damaged")


def campaign(count, seed, tally, truncation_step=STEP):
    rng = random.Random(seed)
    with workspace() as directory:
        damage = Damage(directory, rng, tally)
        sound = damage.files[damage.newest]
        kinds = [(f"flip at bit {bit}", flip(sound, bit)) for bit in (rng.randrange(8 * len(sound)) for _ in range(count))]
        kinds += [(f"truncation at {size}", sound[:size]) for size in range(0, len(sound), truncation_step)]
        kinds += [("zeros", bytes(len(sound))), ("foreign HDF5", damage.foreign), ("foreign text", b"notes\n" * 300), ("huge", b"")]
        for what, content in kinds:
            try:
                damage.one(what, content)
            except Hang as hang:
                tally.problem(what, f"HANG {hang}")
        damage.all_damaged()


if __name__ == "__main__":
    main("Damages checkpoints and resumes.", campaign, 100, "flipped bits")
