#!/usr/bin/env python3
# Stop and resume at every single iteration of a fit, for each covariance type, accelerated and traced: the same digest and history.
#
# Two ways. "Snapshots": every checkpoint of a fit that writes one before each sweep (seeding, k-means and EM) is kept
# as it appears; each is then all that a new directory holds, as after a kill at that moment, and is resumed. "Chain":
# one fit that is stopped by a signal as soon as its log shows an iteration, again and again until it is complete.
import os
import random
import shutil
import signal

from campaign import TIMEOUT, Fit, Hang, last_event, main, make_data, position, wait_for, workspace

KINDS = {t: f"--covariance-type {t}" for t in ("full", "tied", "diag", "spherical")}
KINDS |= {"accelerated": "--accelerate lbfgs", "traced": "--trace elbo"}


def options(kind, n_iterations):
    return f"-k 3 {KINDS[kind]} --tol 0 --max-iter {n_iterations} --checkpoint-every 1it"


def take_snapshots(fit):
    """{(phase, iteration): file} of every checkpoint that the fit writes."""
    kept = fit.dir / "kept"
    kept.mkdir(exist_ok=True)

    def keep():
        for name in fit.names():
            if ".ckpt." in name and name.endswith(".h5") and not name.startswith(".") and not (kept / name).exists():
                try:
                    os.link(fit.run / name, kept / name)
                except FileNotFoundError:
                    pass  # pruned meanwhile
        return launch.process.poll() is not None

    launch = fit.launch(None, 1)
    wait_for(keep, TIMEOUT, 0.0002)
    problems = fit.judge(launch, launch.wait())
    fit.clear()
    return {position(path)[1:]: path for path in kept.iterdir()}, problems


def resume_each(fit, n_iterations, rng, tally, case):
    snapshots = {}
    for _ in range(50):  # a slow reader may miss one that is pruned
        found, problems = take_snapshots(fit)
        snapshots.update(found)
        for text in problems:
            tally.problem(case, text)
        if all((2, n) in snapshots for n in range(n_iterations + 1)):
            break
    else:
        tally.problem(case, f"not every iteration was seen: {sorted(snapshots)}")
    for (phase, iteration), path in sorted(snapshots.items()):
        shutil.copy(path, fit.run / path.name)
        ranks = rng.choice((None,) * 9 + (2, 3))
        launch = fit.launch(ranks, rng.choice((1, 2)))
        where = f"{case}, phase {phase}, iteration {iteration}"
        for text in fit.judge(launch, launch.wait()):
            tally.problem(where, text)
        resumed = last_event(fit.events(), "resume")
        if not resumed or (phase == 2 and resumed["resumed_from_iteration"] != iteration):
            tally.problem(where, f"resumed: {resumed}")
        tally.count("iterations" if phase == 2 else "points of the start")
        fit.clear()


def chain(fit, rng, tally, case):
    for link in range(200):
        launch = fit.launch(rng.choice((None, None, None, 2)), rng.choice((1, 2)))
        wait_for(lambda: launch.process.poll() is not None or last_event(fit.events(), "iteration"), TIMEOUT, 0.0005)
        launch.signal(signal.SIGUSR1)
        code = launch.wait()
        if code == 0:
            for text in fit.judge(launch, code):
                tally.problem(f"{case}, chain", text)
            tally.count("signals in chains", link)
            tally.count("chains")
            break
        if code != 75:
            tally.problem(f"{case}, chain", f"exit code {code}: {launch.err[-500:]}")
            break
    fit.clear()


def campaign(count, seed, tally, kinds=tuple(KINDS), chains=True):
    rng = random.Random(seed)
    with workspace() as directory:
        for kind in kinds:
            fit = Fit(directory / kind, options(kind, count))
            make_data(fit.data, 30_000, 3, 3, separation=1.6)  # k-means has some 40 points
            fit.reference()
            try:
                resume_each(fit, count, rng, tally, kind)
                if chains:
                    chain(fit, rng, tally, kind)
            except Hang as hang:
                tally.problem(kind, f"HANG {hang}")


if __name__ == "__main__":
    main("Stops and resumes a fit at every iteration.", campaign, 40, "iterations")
