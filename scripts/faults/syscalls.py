#!/usr/bin/env python3
# Faults at system calls, by strace: SIGKILL at, and ENOSPC, EIO and EDQUOT from, every single call of a short fit, and
# of the resume of one, that touches a file of ours.
#
# MPI makes calls of its own. So the calls of an undisturbed run are listed first; those whose path is in the run's
# directory are chosen, by their number among the main thread's calls of that name. strace's record of the disturbed
# run must then show that the fault hit a file of ours, else the case does not count.
import random
import re
import shutil
import subprocess

from campaign import LOCK, OUTPUT, Fit, Hang, Launch, digest_of, last_event, main, make_data, workspace

WRITING = ("write", "pwrite64", "fsync", "rename", "unlink", "openat")
READING = ("openat", "pread64", "getdents64")
ERRNOS = ("ENOSPC", "EIO", "EDQUOT")
OPTIONS = "-k 2 --tol 0 --init random-from-data --max-iter 3 --checkpoint-every 1it"
CALL = re.compile(r"^(\d+) +(\w+)\((.*)")


def can_trace():
    try:
        return subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def traced(fit, calls, inject=None):
    """(launch, exit code, lines of strace's record); `inject` is an expression for -e."""
    record = fit.dir / "strace.txt"
    prefix = ["strace", "-f", "-y", "-o", str(record), "-e", "trace=" + ",".join(calls)]
    if inject:
        prefix += ["-e", "inject=" + inject]
        if inject.startswith("write:"):  # MPI's wake-ups are writes, too; of ours only the lock is written so
            prefix += ["-P", str(fit.run / LOCK)]
    words = ["fit", fit.data, "-o", OUTPUT, *fit.options]
    launch = Launch(fit.run, words, None, 1, prefix=prefix)
    code = launch.wait()
    return launch, code, record.read_text(errors="replace").splitlines()


def is_ours(arguments, fit):
    """Whether a call's arguments name the run's directory or a file in it: by path, or by descriptor (-y)."""
    path = re.search(r'"([^"]*)"', arguments)
    if arguments.startswith("AT_FDCWD") or (path and not arguments[0].isdigit()):
        return path is not None and (path[1] in (".", "./") or re.match(r"(\./)?\.?m\.(ckpt|h5)", path[1]) is not None)
    return re.match(rf"\d+<{re.escape(str(fit.run))}[/>]", arguments) is not None


def our_calls(lines, fit):
    """[(call, its number among the main thread's calls of that name)]; writes are numbered among ours."""
    main_thread, numbers, found = None, {}, []
    for line in lines:
        match = CALL.match(line)
        if not match:
            continue
        pid, call, arguments = match.groups()
        main_thread = main_thread or pid
        ours = is_ours(arguments, fit)
        if pid != main_thread or (call == "write" and not ours):
            continue
        numbers[call] = numbers.get(call, 0) + 1
        if ours:
            found.append((call, numbers[call]))
    return found


def contents(directory):
    return {p.name: p.read_bytes() for p in directory.iterdir()}


def restore(fit, files):
    fit.clear()
    for name, content in files.items():
        (fit.run / name).write_bytes(content)


def check_after(fit, launch, code, fault, tally, case):
    """What must hold after any fault: documented exit, and a resume that gives the digest."""
    if fault != "kill":
        if code not in (0, 74):
            tally.problem(case, f"exit code {code}: {(launch.errors or [launch.err[-300:]])[0]}")
        if (code == 0) != (len(launch.errors) == 0) or len(launch.errors) > 1:
            tally.problem(case, f"exit code {code} with {len(launch.errors)} errors: {launch.errors}")
        if fit.temporaries() or LOCK in fit.names():
            tally.count("cases that leave a temporary or the lock")
        tally.count(f"exit {code}")
    if code == 0 and digest_of(fit.run / OUTPUT) != fit.expected[0]:
        tally.problem(case, "exit code 0 and another digest")
    if len(fit.generations()) > 4 or len(fit.temporaries()) > 1:
        tally.problem(case, f"in the directory: {fit.names()}")
    had = fit.generations()
    resume = fit.launch(None, 1)
    for text in fit.judge(resume, resume.wait()):
        tally.problem(case, f"resume: {text}")
    events = fit.events()
    if had and code != 0 and not last_event(events, "resume") and "complete already" not in resume.err:
        tally.problem(case, "there were generations, and the resume started anew")
    if resume.seconds > 20:
        tally.count("resumes that waited for the lock")


def one_case(fit, calls, files, call, number, fault, tally, case, resuming):
    restore(fit, files)
    injection = f"{call}:" + ("signal=SIGKILL" if fault == "kill" else f"error={fault}") + f":when={number}"
    launch, code, lines = traced(fit, calls, injection)
    hit = [line for line in lines if ("(INJECTED)" in line if fault != "kill" else f" {call}(" in line)][-1:]
    if not hit or not CALL.match(hit[0]) or not is_ours(CALL.match(hit[0])[3], fit) or (fault == "kill" and code != -9):
        tally.count("cases that missed")
        return
    tally.count("kills" if fault == "kill" else "errors")
    if resuming and code == 0 and "resumed from" not in launch.err and "complete already" not in launch.err:
        tally.problem(case, f"exit code 0, but the fit started anew: {hit[0][:150]}")
    check_after(fit, launch, code, fault, tally, f"{case} [{hit[0][:110]}]")


def campaign(count, seed, tally):
    """`count` cases of each kind, spread over all calls; 0: all."""
    if not can_trace():
        tally.count("skipped: strace cannot trace here")
        return
    rng = random.Random(seed)
    with workspace() as directory:
        fit = Fit(directory.resolve() / "fit", OPTIONS)
        make_data(fit.data, 2000, 2, 2)
        fit.reference()
        half_done = stopped_in_the_middle(fit)
        for resuming, calls, files in ((False, WRITING, {}), (True, sorted({*WRITING, *READING}), half_done)):
            restore(fit, files)
            launch, code, lines = traced(fit, calls)
            chosen = our_calls(lines, fit)
            if code != 0 or not chosen:
                tally.problem("the undisturbed run", f"exit code {code}, {len(chosen)} calls on our files: {launch.err[-300:]}")
                continue
            tally.count("calls of a resume" if resuming else "calls of a fit", len(chosen))
            cases = [(c, n, f) for c, n in chosen for f in ("kill", *ERRNOS)]
            if count:
                cases = [cases[i] for i in sorted(rng.sample(range(len(cases)), min(count, len(cases))))]
            for call, number, fault in cases:
                case = f"{'resume' if resuming else 'fit'}, {fault} at {call} {number}"
                try:
                    one_case(fit, calls, files, call, number, fault, tally, case, resuming)
                except Hang as hang:
                    tally.problem(case, f"HANG {hang}")


def stopped_in_the_middle(fit):
    """The files of a fit with three generations, the newest at iteration 2."""
    _, _, lines = traced(fit, WRITING)
    renames = [n for c, n in our_calls(lines, fit) if c == "rename"]
    restore(fit, {})
    traced(fit, WRITING, f"rename:signal=SIGKILL:when={renames[-2]}")
    files = {n: c for n, c in contents(fit.run).items() if ".tmp." not in n and not n.endswith(".lock")}
    fit.clear()
    return files


if __name__ == "__main__":
    main("Injects kills and errors into system calls.", campaign, 0, "cases of a fit and of a resume; 0: every call, every fault")
