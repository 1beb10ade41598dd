#!/usr/bin/env python3
"""Fails when an object file of a layer that computes needs a function of the mathematical library that rounds as it likes, or long double.

    check_symbols.py [BUILD]      check the objects in a build folder (default: build/release), and the sources they are of
    check_symbols.py --self-test  compile one file of each kind of violation and see it reported

exp, log, pow and their like differ from one mathematical library to the next, and from one processor to the next within one; the
project's own are in src/kernels/scalar_math.hpp. Functions whose result is exact or rounded once are allowed. Of a call with constant
arguments, which the compiler works out itself, no symbol is left; so the sources are read, too.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

# Layers that make no numbers of a result: files and text, and the command line.
NOT_COMPUTING = ("app", "io")
OBJECTS = "CMakeFiles/gmmpi.dir"
# What the standard leaves to the library: C23's names, those of old, and the special functions of C++17.
INEXACT = """exp exp2 exp10 expm1 exp2m1 exp10m1 log log2 log10 log1p log2p1 log10p1 pow powr pown compoundn rootn rsqrt cbrt hypot
  sin cos tan asin acos atan atan2 sincos sinpi cospi tanpi asinpi acospi atanpi atan2pi sinh cosh tanh asinh acosh atanh
  erf erfc lgamma lgamma_r tgamma gamma j0 j1 jn y0 y1 yn drem exp_finite significand
  cexp clog clog10 cpow csqrt cabs carg csin ccos ctan casin cacos catan csinh ccosh ctanh casinh cacosh catanh""".split()
ONLY_IN_SOURCES = ["beta", "riemann_zeta", "legendre", "hermite", "laguerre", "expint"]
# As glibc's headers, -ffast-math and vectorised calls name them: expf, expl, __exp_finite, _ZGVdN4v_exp.
SYMBOL = re.compile(rf"(?:__|_ZGV\w+?_)?(?:{'|'.join(INEXACT)})(?:f|l|f16|f32|f64|f128|f32x|f64x|_finite|f_finite|l_finite)?$")
# Any function on long double: the exact ones of the mathematical library, and the arithmetic of machines that have none.
LONG_DOUBLE = re.compile(r"(?:fma|sqrt|floor|ceil|rint|nearbyint|round|trunc|ldexp|frexp|scalbn|ilogb|logb|modf|fmod|remainder|strto)l(?:d)?$"
                         r"|__(?:add|sub|mul|div|ext\w*|trunc\w*|float\w*|fix\w*|eq|ne|lt|le|gt|ge|unord)tf\w*$")
CALL = re.compile(rf"(?:\bstd::|(?<![\w.:>])::|__builtin_)({'|'.join(INEXACT + ONLY_IN_SOURCES)})\s*\(")
WORDS = re.compile(r"\blong\s+double\b")


def computes(path):
    return path.parts[0] not in NOT_COMPUTING


def problem_of(symbol):
    """Why an object must not need this symbol, or None."""
    if SYMBOL.match(symbol):
        return f"needs {symbol}, which rounds differently from library to library: use src/kernels/scalar_math.hpp"
    if LONG_DOUBLE.match(symbol):
        return f"needs {symbol}, which works on long double: another format on each kind of processor"
    return None


def undefined_symbols(objects):
    """{object: names} of what the linker has to find elsewhere."""
    run = subprocess.run(["nm", "--undefined-only", "--format=posix", "-A", *map(str, objects)], capture_output=True, text=True, check=True)
    found = {file: set() for file in objects}
    for line in run.stdout.splitlines():
        file, rest = line.rsplit(": ", 1)
        found[pathlib.Path(file)].add(rest.split()[0].split("@")[0])
    return found


def check_objects(sources, build):
    """Problems of the objects in the build folder, as lines of text; a source without an object is one, too."""
    folder = build / OBJECTS / "src"
    objects = {path: folder / f"{path}.o" for file in sources.rglob("*.cpp") if computes(path := file.relative_to(sources))}
    missing = [path for path, file in objects.items() if not file.exists()]
    problems = [f"src/{path}: has no object in {build}: build it first" for path in sorted(missing)]
    there = {file: path for path, file in sorted(objects.items()) if file.exists()}
    for file, names in (undefined_symbols(list(there)) if there else {}).items():
        problems += [f"src/{there[file]}: {problem}" for name in sorted(names) if (problem := problem_of(name))]
    return problems


def check_sources(sources):
    """Problems of the sources: calls that the compiler may work out itself, and long double."""
    problems = []
    for file in sorted(f for ending in ("cpp", "hpp") for f in sources.rglob(f"*.{ending}")):
        path = file.relative_to(sources)
        for number, line in enumerate(file.read_text().splitlines(), 1):
            code = line.split("//")[0]
            if computes(path) and (call := CALL.search(code)):
                problems.append(f"src/{path}:{number}: calls {call[1]}, which rounds differently from library to library")
            if path.parts[0] != "app" and WORDS.search(code):
                problems.append(f"src/{path}:{number}: uses long double, which is another format on each kind of processor")
    return problems


FINE = {
    "em/exact.cpp": "#include <cmath>\ndouble f(double x, int* e) { return std::fma(std::sqrt(x), std::ldexp(x, 3), std::frexp(x, e)); }",
    "em/own.cpp": "namespace own { double exp(double); }\ndouble f(double x) { return own::exp(x); }",
    "app/rate.cpp": "#include <cmath>\ndouble f(double x) { return std::log(x); }",
    "io/text.cpp": "#include <cmath>\ndouble f(double x) { return std::exp(x); }",
}
BROKEN = {
    "kernels/exp.cpp": 'extern "C" double exp(double);\ndouble f(double x) { return exp(x); }',
    "em/float.cpp": 'extern "C" float logf(float);\nfloat f(float x) { return logf(x); }',
    "data/gamma.cpp": 'extern "C" double lgamma(double);\ndouble f(double x) { return lgamma(x); }',
    "inference/vector.cpp": 'extern "C" double _ZGVdN4v_exp(double);\ndouble f(double x) { return _ZGVdN4v_exp(x); }',
    "inference/finite.cpp": 'extern "C" double __pow_finite(double, double);\ndouble f(double x) { return __pow_finite(x, x); }',
    "parallel/wide.cpp": 'extern "C" double __addtf3(double, double);\ndouble f(double x) { return __addtf3(x, x); }',
    "model/constant.cpp": "#include <cmath>\nconst double half = std::log(0.5);",
    "io/wide.cpp": "long  double x;",
}
NEVER_BUILT = "model/never_built.cpp"


def self_test():
    """True when every broken file is reported exactly once and no fine one is."""
    with tempfile.TemporaryDirectory() as place:
        root = pathlib.Path(place)
        for name, text in (FINE | BROKEN | {NEVER_BUILT: ""}).items():
            source, built = root / "src" / name, root / "build" / OBJECTS / "src" / f"{name}.o"
            for folder in (source.parent, built.parent):
                folder.mkdir(parents=True, exist_ok=True)
            source.write_text(text + "\n")
            if name != NEVER_BUILT:
                subprocess.run([os.environ.get("CXX", "c++"), "-std=c++20", "-O2", "-c", source, "-o", built], check=True)
        problems = check_objects(root / "src", root / "build") + check_sources(root / "src")
    reported = sorted(re.match(r"src/([\w/.]+)", line)[1] for line in problems)
    for name in sorted({*BROKEN, NEVER_BUILT} - set(reported)):
        print(f"self-test: {name} was not reported")
    for name in sorted(set(reported) - {*BROKEN, NEVER_BUILT}):
        print(f"self-test: {name} was reported wrongly")
    return reported == sorted([*BROKEN, NEVER_BUILT])


def main():
    if sys.argv[1:] == ["--self-test"]:
        good = self_test()
        print(f"check_symbols: self-test {'passed' if good else 'FAILED'}, {len(BROKEN) + 1} kinds of violation")
        return 0 if good else 1
    root = pathlib.Path(__file__).parents[2].resolve()
    build = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "build" / "release"
    problems = check_objects(root / "src", build) + check_sources(root / "src")
    print(*problems, sep="\n", end="\n" if problems else "")
    print(f"check_symbols: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
