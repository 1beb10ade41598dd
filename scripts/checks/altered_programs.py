#!/usr/bin/env python3
"""Sees that the comparison of digests notices what changes bits: flags of a compiler, and exp of the mathematical library.

    altered_programs.py BUILD   with the objects of a complete build; one file is compiled anew for each alteration

Each altered program must run, and must have other digests than the recorded ones. Exit code 1 if one is not noticed.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = "src/kernels/targets"
EXP = "inline Vec exp_or_zero(Vec x, Vec low) {\n"
# (what is altered, the file it matters for, flags, text of simd.hpp and what it becomes)
ALTERATIONS = [
    ("-ffast-math", f"{TARGETS}/scalar.cpp", ["-ffast-math"], None),
    ("exp of the mathematical library", f"{TARGETS}/scalar.cpp", [], (EXP, EXP + "  return x < low ? 0.0 : __builtin_exp(x);\n")),
    # Not the kernels: all products that they add are fused already, so this flag finds nothing in them.
    ("-ffp-contract=fast", "src/em/m_step.cpp", ["-mfma", "-ffp-contract=fast"], None),
]


def altered_kernels(place, change):
    """A copy of the kernels with the change, to be found before the others."""
    shutil.copytree(ROOT / "src" / "kernels", place / "src" / "kernels")
    header = place / "src" / "kernels" / "simd.hpp"
    text = header.read_text()
    if text.count(change[0]) != 1:
        raise SystemExit(f"altered_programs: {change[0]!r} is not in simd.hpp: bring ALTERATIONS up to date")
    header.write_text(text.replace(*change))


def make(build, place, source, flags, change):
    """The program of the build folder with one file compiled anew; returns its path."""
    [how] = [c for c in json.loads((build / "compile_commands.json").read_text()) if pathlib.Path(c["file"]) == ROOT / source]
    compiler, *command = shlex.split(how["command"])
    member = place / f"{pathlib.Path(source).name}.o"
    command[command.index("-o") + 1] = str(member)
    if change:
        altered_kernels(place, change)
        command[command.index("-c") + 1] = str(place / source)
    # Of two folders the first counts, of two flags the last; -c and the file are the last two words.
    anew = [compiler, f"-I{place / 'src'}", *command[:-2], "-O2", *flags, *command[-2:]]
    subprocess.run(anew, cwd=how["directory"], check=True)
    library, program = place / "libgmmpi.a", place / "gmmpi"
    shutil.copy(build / "libgmmpi.a", library)
    subprocess.run(["ar", "r", library, member], check=True)
    links = subprocess.run(["ninja", "-C", build, "-t", "commands", "gmmpi"], capture_output=True, text=True, check=True).stdout
    link = links.splitlines()[-1].replace("-o gmmpi ", f"-o {program} ").replace(" libgmmpi.a ", f" {library} ")
    subprocess.run(link, shell=True, cwd=build, check=True)
    return program


def is_noticed(program):
    """Whether a fit ends well and has another digest: a program that only fails would say nothing of the comparison."""
    run = subprocess.run([sys.executable, ROOT / "tests/app/compare_digests.py"], env={**os.environ, "GMMPI_PROGRAM": str(program)},
                         capture_output=True, text=True)
    print("  " + (run.stdout.splitlines() or [run.stderr])[-1])
    return run.returncode == 1 and re.search(r"^  found    [0-9a-f]+$", run.stdout, re.MULTILINE) is not None


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    missed = 0
    for what, source, flags, change in ALTERATIONS:
        with tempfile.TemporaryDirectory() as place:
            print(f"{source} with {what}:", flush=True)
            if not is_noticed(make(build, pathlib.Path(place), source, flags, change)):
                print("  NOT NOTICED")
                missed += 1
    print(f"altered_programs: {len(ALTERATIONS) - missed} of {len(ALTERATIONS)} alterations are noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
