#!/usr/bin/env bash
# Builds the program with Clang and says whether its numbers are GCC's, bit for bit: those of tests/data/digests.json.
#
#   scripts/checks/compilers.sh              at -O3 and -O1, some fifty fits each
#   scripts/checks/compilers.sh --self-test  sees that this check notices flags and a function that change the bits
#
# CLANG names the compiler (default: clang++), LEVELS the levels of optimisation (default: "-O3 -O1"), CHECK_BUILD the folder that holds
# the builds (default: build/compilers). Exit codes: 0 all digests are the recorded ones; 1 some are not; 2 a build failed; 69 no Clang.
set -uo pipefail
cd "$(dirname "$0")/../.."
. scripts/common.sh
folder=${CHECK_BUILD:-build/compilers}

# build NAME COMPILER LEVEL: the program alone, into $folder/NAME. A build type would bring a level of its own.
build() {
  local place=$folder/$1
  mkdir -p "$place"
  { cmake -S . -B "$place" -G Ninja -DGMMPI_TESTS=OFF -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_COMPILER="$2" -DCMAKE_CXX_FLAGS="$3 -DNDEBUG" &&
    cmake --build "$place" --target gmmpi_program; } >"$place/build.log" 2>&1 || {
    tail -n 30 "$place/build.log"
    echo "compilers: $place was not built (its log is above)"
    exit 2
  }
  local warnings
  warnings=$(grep -c "warning:" "$place/build.log")
  [ "$warnings" -eq 0 ] || echo "compilers: $place: $warnings warnings, see $place/build.log"
}

# compare NAME [OPTION...]: prints what differs, and one line
compare() {
  local place=$folder/$1
  shift
  GMMPI_PROGRAM=$place/gmmpi "$GMMPI_PYTHON" tests/app/compare_digests.py "$@"
}

if [ "${1:-}" = --self-test ]; then
  build gcc g++ -O2
  compare gcc || exit 1
  exec "$GMMPI_PYTHON" scripts/checks/altered_programs.py "$folder/gcc"
fi

clang=${CLANG:-clang++}
command -v "$clang" >/dev/null || {
  echo "compilers: no $clang: install Clang 14 or later with its OpenMP (Debian: apt-get install clang libomp-dev), or name another with CLANG"
  exit 69
}
echo "compilers: $("$clang" --version | head -n 1)"
status=0
for level in ${LEVELS:--O3 -O1}; do
  build "clang$level" "$clang" "$level"
  printf 'clang %s: ' "$level"
  compare "clang$level" || status=1
done
exit $status
