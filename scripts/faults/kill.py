#!/usr/bin/env python3
# SIGKILL of ranks and of mpirun at random moments, each followed by a resume on other ranks and threads; then chains
# of ten kills in one fit. Every fit must end with the digest of the uninterrupted one.
import random
import signal
import time

from campaign import COMPLETE, OUTPUT, TIMEOUT, Fit, Hang, last_event, main, make_data, wait_for, workspace

OPTIONS = "-k 4 --n-init 2 --init kmeans --tol 0 --max-iter 25 --checkpoint-every 1it"
MOMENTS = ("start", "initialisation", "iterations", "checkpoint", "final", "any")
CHAIN = 10


def new_fit(directory):
    fit = Fit(directory, OPTIONS)
    make_data(fit.data, 30_000, 4, 4)
    return fit.reference()


def random_layout(rng):
    ranks = rng.choice((None, 1, 2, 3, 4))
    return ranks, rng.choice((1, 2))


def wait_for_moment(moment, fit, launch, rng):
    """False if the fit was over before."""
    def reached(what):
        return wait_for(lambda: launch.process.poll() is not None or what(), TIMEOUT, 0.0005) and launch.process.poll() is None

    def events(name):
        return any(e["event"] == name for e in fit.events())

    if moment == "any":
        time.sleep(rng.uniform(0.0, 1.2 * fit.seconds))
    elif moment == "start":
        time.sleep(rng.uniform(0.0, 0.7))
    elif moment == "initialisation":
        reached(lambda: events("start"))
        time.sleep(rng.uniform(0.0, 0.15))
    elif moment == "iterations":
        reached(lambda: events("iteration"))
        time.sleep(rng.uniform(0.0, fit.seconds))
    elif moment == "checkpoint":
        reached(lambda: events("start"))
        time.sleep(rng.uniform(0.0, 0.8 * fit.seconds))
        reached(lambda: any(n.startswith(".m.ckpt.") for n in fit.names()))
    else:
        reached(lambda: any(n in (OUTPUT,) or n.startswith(f".{OUTPUT}.tmp.") for n in fit.names()))
    return launch.process.poll() is None


def progress(event):
    """(restart, phase, iteration) that a checkpoint or resume event speaks of; iterations of EM only."""
    return event["restart"], event.get("iteration", event.get("resumed_from_iteration"))


def kill_once(fit, rng, tally, case, moment):
    """Launches, kills, waits for the end. True if the kill came in time."""
    ranks, threads = random_layout(rng)
    launch = fit.launch(ranks, threads)
    in_time = wait_for_moment(moment, fit, launch, rng)
    target = rng.choice(("mpirun", 0, "any rank")) if ranks else "mpirun"
    if target == "any rank":
        target = rng.choice(sorted(launch.look()) or ["mpirun"])
    if not (in_time and launch.signal(signal.SIGKILL, target)):
        code = launch.wait()
        launch.wait_for_all()
        if code == 0:
            tally.count("too late")
            return False
        tally.problem(case, f"ended by itself with {code}: {launch.err[-500:]}")
        return False
    try:
        launch.wait(90)
    except Hang:
        if fit.log.exists():
            raise
        tally.count("hangs in MPI_Init")  # mpirun 4.1 may wait for ever for a rank that died while it connected
    tally.count("kills")
    tally.count(f"at {moment}")
    tally.count("of mpirun" if target == "mpirun" and ranks else "of rank 0" if target in (0, "mpirun") else "of another rank")
    killed_mpirun = target == "mpirun" and ranks
    if not killed_mpirun:
        launch.wait_for_all()
        check_directory(fit, tally, case)
    fit.last_launch = launch
    return True


def check_directory(fit, tally, case):
    """At most three generations (a fourth between the renaming of the new and the removal of the old) and one temporary."""
    generations, temporaries = fit.generations(), fit.temporaries()
    if len(generations) > 4 or len(temporaries) > 1:
        tally.problem(case, f"generations {generations}, temporaries {temporaries}")
    tally.count("four generations", len(generations) == 4)
    tally.count("temporaries left by kills", len(temporaries))


def check_resumed(fit, launch, killed, had_generations, tally, case):
    """The resume continued where the last checkpoint of the killed run was, or later."""
    events = fit.events()
    resumed = last_event(events, "resume")
    if COMPLETE in launch.err:  # also when ranks that outlived their mpirun have completed it
        tally.count("complete already")
        return
    if resumed is None:
        if had_generations:
            tally.problem(case, "there were checkpoints, and the fit started anew")
        return
    tally.count("resumed")
    written = last_event(killed, "checkpoint")
    if written and progress(resumed) < progress(written):
        tally.problem(case, f"resumed from {progress(resumed)}, though {progress(written)} had been written")
    tally.count("iterations saved", fit.n_iterations - sum(e["event"] == "iteration" for e in events))


def finish(fit, rng, tally, case, killed):
    """A resume that is left alone must give the digest of the uninterrupted fit."""
    had_generations = bool(fit.generations())
    ranks, threads = random_layout(rng)
    launch = fit.launch(ranks, threads)
    code = launch.wait()
    launch.wait_for_all()
    fit.last_launch.wait_for_all()
    for text in fit.judge(launch, code):
        tally.problem(case, text)
    check_resumed(fit, launch, killed, had_generations, tally, case)
    if launch.errors or launch.warnings:
        tally.problem(case, f"not silent: {(launch.errors + launch.warnings)[0]}")


def guarded(fit, tally, case, work):
    try:
        work()
    except Hang as hang:
        tally.problem(case, f"HANG {hang}")
        tally.count("hangs")
    fit.clear()


def single(fit, rng, tally, number):
    moment = MOMENTS[number % len(MOMENTS)]

    def work():
        if kill_once(fit, rng, tally, f"kill {number} at {moment}", moment):
            finish(fit, rng, tally, f"resume after kill {number} at {moment}", fit.events())
            tally.count("fits")

    guarded(fit, tally, f"kill {number} at {moment}", work)


def chain(fit, rng, tally, number, length=CHAIN):
    def work():
        fit.last_launch = None
        for link in range(length):
            case = f"chain {number}, kill {link}"
            had = bool(fit.generations())
            # Never "final" before the last: the fit shall live to be killed again.
            moment = "final" if link == length - 1 and rng.random() < 0.5 else rng.choice(MOMENTS[:4])
            before = fit.last_launch
            if not kill_once(fit, rng, tally, case, moment):
                break
            if before:
                before.wait_for_all()
            if had and any(e["event"] == "iteration" for e in fit.events()) and not last_event(fit.events(), "resume"):
                tally.problem(case, "there were checkpoints, and the fit started anew")
        if fit.last_launch:
            finish(fit, rng, tally, f"end of chain {number}", fit.events())
            tally.count("chains")

    guarded(fit, tally, f"chain {number}", work)


def campaign(count, seed, tally, chain_length=CHAIN):
    """About half of the kills alone, half in chains."""
    rng = random.Random(seed)
    with workspace() as directory:
        fit = new_fit(directory)
        number = 0
        while tally.counts.get("kills", 0) < count / 2:
            single(fit, rng, tally, number)
            number += 1
        while tally.counts.get("kills", 0) < count:
            chain(fit, rng, tally, number, min(chain_length, count))
            number += 1


if __name__ == "__main__":
    main("Kills fits and resumes them.", campaign, 200, "number of kills")
