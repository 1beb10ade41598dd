#!/usr/bin/env python3
"""Fails when an include goes against the arrows between the layers, gmmpi.hpp leaves out a public header, a file grows too long,
a file asks for an engine by name, or the library speaks of an option as the command line writes it.

    check_layering.py [ROOT]      check the tree (default: the one this script is in)
    check_layering.py --self-test break every rule in a temporary tree and see it reported
"""

import pathlib
import re
import sys
import tempfile

# What each layer may include besides itself: whole layers, or single headers of one.
MAY_INCLUDE = {
    "parallel": [],
    "kernels": [],
    "data": ["parallel", "kernels"],
    "model": ["parallel", "kernels", "data"],
    "em": ["parallel", "kernels", "data", "model"],
    "inference": ["parallel", "kernels", "data", "model", "em"],
    "io": ["parallel", "data", "model", "em", "inference"],
    "app": ["parallel", "kernels", "data", "model", "em", "inference", "io"],
}
# Headers that every layer may include.
FOR_EVERYONE = ["error.hpp", "expect.hpp", "data/block_grid.hpp"]
# What only some folders may contain: (pattern of a line, what it is, folders).
RESERVED = [
    (r'\s*#\s*include\s*[<"]mpi\.h[>"]', "mpi.h", ["src/parallel", "include/gmmpi/parallel"]),
    (r'\s*#\s*include\s*[<"]omp\.h[>"]', "omp.h", ["src/parallel", "include/gmmpi/parallel"]),
    (r'\s*#\s*pragma\s+omp\b|.*_Pragma\s*\(\s*"omp\b', "an OpenMP pragma", ["src/parallel"]),
    (r'\s*#\s*include\s*[<"]hdf5[^>"]*[>"]', "hdf5.h", ["src/io"]),
]
WHOLE = pathlib.Path("include/gmmpi/gmmpi.hpp")  # the library in one header
# Engines are named by their own files alone, in src/em/engines, and wherever their names mean something else.
ENGINES = "src/em/engines"
NAME = re.compile(r'string_view name\(\) const override \{ return "([^"]+)"; \}')
OTHER_MEANING = {"kmeans": ["src/app/fitting.cpp", "src/app/option_table.cpp", "src/io/fit_fields.cpp"],  # a start
                 "em": ["src/app/inputs.cpp"]}  # --missing em
# The library names an option by its key, `reg_covar`; only src/app puts dashes. --mpi is an option of srun.
FLAG = re.compile(r'"(?:[^"\\\n]|\\.)*(?<!srun )--[a-z](?:[^"\\\n]|\\.)*"')
MAX_LINES = 400
SOURCES = {".cpp", ".hpp", ".h", ".c", ".ipp", ".inc"}
NOT_COUNTED = {".json", ".csv", ".npy", ".h5"}
INCLUDE = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')


def layer_of(path):
    """The layer of a file in src or include/gmmpi, "" for a file above the layers."""
    inner = path.parts[2:] if path.parts[0] == "include" else path.parts[1:]
    return inner[0] if len(inner) > 1 else ""


def include_problem(root, path, target):
    """Why the file `path` must not include `target`, or None."""
    public = path.parts[0] == "include"
    if ".." in pathlib.PurePosixPath(target).parts:
        return f"includes {target}: write it from the root of src or include"
    beside = "/" not in target and (root / path.parent / target).exists()
    if beside:
        return None
    named_public = target.startswith("gmmpi/")
    inner = target.removeprefix("gmmpi/")
    other = inner.split("/")[0] if "/" in inner else ""
    if not named_public and other not in MAY_INCLUDE:
        return None  # a header of another project
    if public and not named_public:
        return f"includes {target}: a public header includes public headers only"
    layer = layer_of(path)
    if inner in FOR_EVERYONE or other == layer:
        return None
    allowed = MAY_INCLUDE[layer] if layer else set(MAY_INCLUDE) - {"app"}
    if other in allowed or inner in allowed:
        return None
    return f"includes {target}: {layer or 'the top'} may include {', '.join(allowed) or 'nothing'}"


def engine_files(root):
    """{name: file} of the engines."""
    return {name: file.relative_to(root) for file in sorted((root / ENGINES).glob("*.cpp")) for name in NAME.findall(file.read_text())}


def check_names(engines, path, line):
    """Problems of a line that names an engine: as a text of its own, or in an option that is spelled out."""
    for name, file in engines.items():
        if path != file and str(path) not in OTHER_MEANING.get(name, []) and re.search(rf'"{name}"|--engine {name}\b', line):
            yield f"names the engine {name}: ask it what you want to know of it (include/gmmpi/em/engine.hpp)"


def check_source(root, path, engines):
    """Problems of one file of src or include, as (line number, text)."""
    layer = layer_of(path)
    if layer and layer not in MAY_INCLUDE:
        yield 1, f"the layer {layer} is not in MAY_INCLUDE of check_layering.py"
        return
    for number, line in enumerate((root / path).read_text().splitlines(), 1):
        for pattern, what, folders in RESERVED:
            if re.match(pattern, line) and not any(path.is_relative_to(folder) for folder in folders):
                yield number, f"uses {what}, which is for {' and '.join(folders)} only"
        for problem in check_names(engines, path, line):
            yield number, problem
        if layer != "app" and not line.lstrip().startswith("//") and FLAG.search(line):
            yield number, "gives an option dashes: name it by its key in backticks, `reg_covar` (src/app/option_flags.hpp)"
        include = INCLUDE.match(line)
        problem = include and include_problem(root, path, include[1])
        if problem:
            yield number, problem


def left_out(root):
    """Public headers that WHOLE does not include, as lines of text."""
    included = {match[1] for line in (root / WHOLE).read_text().splitlines() if (match := INCLUDE.match(line))}
    for file in sorted((root / "include").rglob("*.hpp")):
        path = file.relative_to(root)
        if path != WHOLE and path.relative_to("include").as_posix() not in included:
            yield f"{path}:1: is not included by {WHOLE}"


def check(root):
    """All problems of the tree, as lines of text."""
    problems = list(left_out(root))
    engines = engine_files(root)
    for folder in ("src", "include", "tests"):
        for file in sorted((root / folder).rglob("*")):
            path = file.relative_to(root)
            if not file.is_file() or file.suffix in NOT_COUNTED or "__pycache__" in path.parts:
                continue
            n_lines = file.read_bytes().count(b"\n")
            if n_lines > MAX_LINES:
                problems.append(f"{path}:{n_lines}: longer than {MAX_LINES} lines")
            if folder != "tests" and file.suffix in SOURCES:
                problems += [f"{path}:{number}: {text}" for number, text in check_source(root, path, engines)]
    return problems


FINE = {
    "src/kernels/a.cpp": '#include "gmmpi/data/block_grid.hpp"\n#include "kernels/b.hpp"\n#include <cmath>\n',
    "src/data/a.cpp": '#include "kernels/table.hpp"\n#include "gmmpi/error.hpp"\n',
    "src/em/a.cpp": '#include "model/m.hpp"\n#include "kernels/b.hpp"\n',
    "src/io/a.cpp": "#include <hdf5.h>\n",
    "src/parallel/a.cpp": "#include <mpi.h>\n#include <omp.h>\n#pragma omp parallel\n",
    "src/app/a.cpp": '#include "gmmpi/em/fit.hpp"\nhelp = "see --prior";\n',
    "src/model/a.cpp": '// Of --prior.\nthrow Error("give `prior` auto -- or srun --mpi=pmix");\n',
    "include/gmmpi/em/fit.hpp": "",
    # The whole library; a header that is a violation of another kind is in it, too.
    "include/gmmpi/gmmpi.hpp": "".join(f'#include "gmmpi/{name}.hpp"\n' for name in ("em/fit", "io/hdf5", "em/private", "app")),
    "src/em/engines/one.cpp": 'std::string_view name() const override { return "one"; }\n',
    "tests/em/one.cpp": 'find_engine("one")\n',
    "tests/data/long.json": "{}\n" * 500,
}
BROKEN = {
    "src/kernels/model.cpp": '#include "model/mixture.hpp"\n',
    "src/kernels/data.cpp": '#include "data/shard.hpp"\n',
    "src/parallel/up.cpp": '#include "gmmpi/data/shard.hpp"\n',
    "src/data/io.cpp": '#include "gmmpi/io/model_file.hpp"\n',
    "src/model/up.cpp": '#  include "em/fit.hpp"\n',
    "src/em/up.cpp": '#include "gmmpi/inference/predict.hpp"\n',
    "src/io/up.cpp": '#include "app/options.hpp"\n',
    "src/inference/up.cpp": '#include "io/model_file.hpp"\n',
    "src/em/app.cpp": '#include "app/options.hpp"\n',
    "src/em/dots.cpp": '#include "../parallel/a.hpp"\n',
    "src/em/umbrella.cpp": '#include "gmmpi/gmmpi.hpp"\n',
    "src/extra/new.cpp": "\n",
    "src/em/mpi.cpp": "#include <mpi.h>\n",
    "src/em/omp.cpp": "#include <omp.h>\n",
    "src/em/pragma.cpp": "#pragma omp parallel for\n",
    "src/em/operator.cpp": 'int a; _Pragma("omp simd")\n',
    "src/em/hdf5.cpp": '#include "hdf5.h"\n',
    "include/gmmpi/io/hdf5.hpp": "#include <hdf5_hl.h>\n",
    "include/gmmpi/em/private.hpp": '#include "em/engine.hpp"\n',
    "include/gmmpi/em/forgotten.hpp": "",
    "include/gmmpi/app.hpp": '#include "gmmpi/app/options.hpp"\n',
    "src/em/asks.cpp": 'if (engine.name() == "one") return;\n',
    "src/app/help.cpp": 'help = "(only with --engine one)";\n',
    "src/model/dashes.cpp": 'throw Error("give --prior auto");\n',
    "src/em/long.cpp": "\n" * 401,
    "tests/em/long.cpp": "\n" * 401,
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
        verdict = "passed" if good else "FAILED"
        print(f"check_layering: self-test {verdict}, {len(BROKEN)} kinds of violation")
        return 0 if good else 1
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[2]).resolve()
    if not (root / "src").is_dir():
        print(f"check_layering: {root} has no folder src")
        return 2
    problems = check(root)
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"check_layering: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
