#!/usr/bin/env bash
# Builds and runs every test. Usage: scripts/test.sh [release|debug|asan-ubsan]
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh
preset=${1:-release}

step() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

step "install what is missing"
gmmpi_install $gmmpi_test_packages
step "build ($preset)"
gmmpi_cmake_options=-DGMMPI_BENCHMARKS=ON
gmmpi_build "$preset"
tests=build/$preset/tests/gmmpi_tests
export GMMPI_PROGRAM=$PWD/build/$preset/gmmpi
# Open MPI leaves memory behind at its end, and LeakSanitizer cannot name what it had loaded.
export ASAN_OPTIONS=detect_leaks=0

step "layering, a test for every file, no symbols of libm"
for check in check_layering check_tests; do
  "$GMMPI_PYTHON" "scripts/checks/$check.py" --self-test
  "$GMMPI_PYTHON" "scripts/checks/$check.py"
done
"$GMMPI_PYTHON" scripts/checks/check_symbols.py --self-test
"$GMMPI_PYTHON" scripts/checks/check_symbols.py "build/$preset"

step "library, one rank"
OMP_NUM_THREADS=2 "$tests"
for ranks in 2 3 4 7; do
  step "library, $ranks ranks"
  OMP_NUM_THREADS=1 $gmmpi_mpirun -n "$ranks" "$tests" "[mpi]" >"build/$preset/tests.$ranks.log" 2>&1 ||
    { cat "build/$preset/tests.$ranks.log"; exit 1; }
  grep -h -m 1 -E "tests? passed|test cases" "build/$preset/tests.$ranks.log"
done

step "program"
"$GMMPI_PYTHON" -m pytest -q -p no:cacheprovider -n 3 --dist loadscope tests/app

if [ "$preset" = release ]; then
  step "installation: outside programs, Debian package, manual, completion"
  "$GMMPI_PYTHON" -m unittest discover -s tests/install -p 'test_*.py'
fi

step "faults: kills, stops, damage, full disks, system calls (short campaigns)"
"$GMMPI_PYTHON" -m unittest discover -s tests/faults -p 'test_*.py'
if [ "$preset" = release ]; then
  step "two hosts, and a network that is cut"
  "$GMMPI_PYTHON" tests/faults/two_hosts.py
  step "a real Slurm"
  "$GMMPI_PYTHON" tests/slurm/single_node.py
fi

step "all tests passed"
