#!/usr/bin/env python3
"""Fails when a file of the library has no test: none of its name, and none that says it reaches it.

    check_tests.py [ROOT]      check the tree (default: the one this script is in)
    check_tests.py --self-test break every rule in a temporary tree and see it reported

The test of src/<layer>/<file>.cpp is tests/<layer>/test_<file>.cpp. A file that is tested through another has a line in the
test that reaches it, of any folder below tests, C++ or Python:

    // covers: src/em/collapse.cpp, src/em/resolution.cpp
"""

import pathlib
import re
import sys
import tempfile

NOT_THE_LIBRARY = "app"  # tests/app tests the program as a whole
COVERS = re.compile(r"\s*(?://|#) covers: (.*)")


def library_files(root):
    """The .cpp files of the library, as paths below the root."""
    files = (file.relative_to(root) for file in (root / "src").rglob("*.cpp"))
    return sorted(path for path in files if path.parts[1] != NOT_THE_LIBRARY)


def own_test(path):
    """Where the test of that name would be."""
    return pathlib.Path("tests", *path.parts[1:-1], f"test_{path.name}")


def covered_by(root):
    """[(test, line number, path)] of everything that tests say they reach."""
    found = []
    for suffix in ("cpp", "py"):
        for file in sorted((root / "tests").rglob(f"*.{suffix}")):
            for number, line in enumerate(file.read_text().splitlines(), 1):
                if match := COVERS.match(line):
                    test = file.relative_to(root)
                    found += [(test, number, pathlib.Path(name.strip())) for name in match[1].split(",")]
    return found


def check(root):
    """All problems of the tree, as lines of text."""
    files, covered = library_files(root), covered_by(root)
    named = {path for path in files if (root / own_test(path)).is_file()}
    reached = {path for _, _, path in covered}
    problems = [f"{path}:1: has no test: write {own_test(path)}, or '// covers: {path}' in one that reaches it"
                for path in files if path not in named | reached]
    for test, number, path in covered:
        if path not in files:
            problems.append(f"{test}:{number}: covers {path}, which is no file of the library")
        elif path in named:
            problems.append(f"{test}:{number}: covers {path}, which has {own_test(path)}: leave that out")
    return problems


FINE = {
    "src/em/a.cpp": "", "tests/em/test_a.cpp": "",
    "src/em/engines/b.cpp": "", "tests/em/engines/test_b.cpp": "",
    "src/io/c.cpp": "", "src/io/d.cpp": "", "tests/io/test_e.cpp": "// Readers.\n// covers: src/io/c.cpp, src/io/d.cpp\n",
    "src/data/f.cpp": "", "tests/app/test_f.py": "# covers: src/data/f.cpp\n",
    "src/gmmpi.cpp": "", "tests/install/test_install.py": "    # covers: src/gmmpi.cpp\n",
    "src/app/main.cpp": "",
}
BROKEN = {
    "src/em/g.cpp": "",
    "src/em/h.cpp": "// covers: src/em/h.cpp\n",  # only a test can say so
    "src/io/a.cpp": "",  # the test of a name is that of the same layer
    "tests/io/test_gone.cpp": "// covers: src/io/gone.cpp\n",
    "tests/io/test_twice.cpp": "// covers: src/em/a.cpp\n",
}


def self_test():
    """True when every broken file is reported exactly once and no fine one is."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in (FINE | BROKEN).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        reported = sorted(line.split(":")[0] for line in check(root))
    for name in sorted(set(BROKEN) - set(reported)):
        print(f"self-test: {name} was not reported")
    for name in sorted(set(reported) - set(BROKEN)):
        print(f"self-test: {name} was reported wrongly")
    return reported == sorted(BROKEN)


def main():
    if sys.argv[1:] == ["--self-test"]:
        good = self_test()
        print(f"check_tests: self-test {'passed' if good else 'FAILED'}, {len(BROKEN)} kinds of violation")
        return 0 if good else 1
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    if not (root / "src").is_dir():
        print(f"check_tests: {root} has no folder src")
        return 2
    problems = check(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"check_tests: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
