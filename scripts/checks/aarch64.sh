#!/usr/bin/env bash
# Builds for aarch64 on another machine, and compares the digests of some fits under qemu with the recorded ones.
#
#   scripts/checks/aarch64.sh              some fifty of the fits of tests/app/digest_cases.py
#   scripts/checks/aarch64.sh OPTION...    options of tests/app/compare_digests.py: --all takes all of them, --ranks 3 runs some on more ranks
#   scripts/checks/aarch64.sh --self-test  factors of covariances whose products and sums the compiler fuses: is it noticed?
#
# Debian 12's cross compiler and its packages for arm64 are used; these are unpacked into build/aarch64/sysroot, by
# an apt with folders of its own, so that the machine's packages stay what they are.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/common.sh
place=$PWD/build/aarch64
sysroot=$place/sysroot
build=$place/release
libraries="libc6-dev libstdc++-12-dev libgomp1 libopenmpi-dev libhdf5-dev libeigen3-dev libcli11-dev libfmt-dev
  nlohmann-json3-dev librandom123-dev libxxhash-dev catch2"

# apt for arm64, as on a machine that has nothing installed; the machine's sources and keys.
apt_arm64() {
  apt-get -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Install-Recommends=false \
    -o Dir::State="$place/apt" -o Dir::State::status="$place/apt/status" -o Dir::Cache="$place/apt/cache" \
    -o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

make_sysroot() {
  [ "$(cat "$sysroot/made-of" 2>/dev/null)" = "$libraries" ] && return 0
  echo "packages of arm64 into ${sysroot#"$PWD"/}"
  rm -rf "$sysroot" "$place/apt"
  mkdir -p "$sysroot" "$place/apt/lists/partial" "$place/apt/cache/archives/partial"
  : >"$place/apt/status"
  apt_arm64 update
  apt_arm64 install --download-only -y $libraries
  local package
  for package in "$place"/apt/cache/archives/*.deb; do dpkg-deb -x "$package" "$sysroot"; done
  rm -rf "$place/apt"
  echo "$libraries" >"$sysroot/made-of"
}

# emulated PROGRAM: a script of that name beside the build, which runs the program under qemu
emulated() {
  printf '#!/bin/sh\nexec qemu-aarch64 -L "%s" "%s" "$@"\n' "$sysroot" "$build/$1" >"$place/$1"
  chmod +x "$place/$1"
}

# compare PROGRAM [OPTION...]: 0 if all digests are the recorded ones
compare() {
  local program=$1
  shift
  GMMPI_PROGRAM=$place/$program GMMPI_TEST_TIMEOUT=3000 "$GMMPI_PYTHON" tests/app/compare_digests.py --ranks 1 "$@"
}

gmmpi_install g++-aarch64-linux-gnu qemu-user
make_sysroot
cmake -S . -B "$build" -G Ninja --toolchain cmake/aarch64.cmake -DGMMPI_SYSROOT="$sysroot" -DCMAKE_BUILD_TYPE=Release \
  >"$place/configure.log" 2>&1 || { cat "$place/configure.log"; exit 1; }
cmake --build "$build" --target gmmpi_program
emulated gmmpi
if [ "${1:-}" != --self-test ]; then
  compare gmmpi "$@"
  exit
fi

# The linker takes the fused factors of covariances in the place of those in the library.
cd "$build"
fused=$place/fused.o
eval "$(ninja -t commands CMakeFiles/gmmpi.dir/src/model/layouts/matrix_algebra.cpp.o |
  sed -e "s| -o [^ ]*| -o $fused|" -e 's|-ffp-contract=off|-ffp-contract=fast|')"
eval "$(ninja -t commands gmmpi | tail -n 1 | sed -e 's| -o gmmpi | -o gmmpi_fused |' -e "s|libgmmpi.a|$fused libgmmpi.a|")"
cd - >/dev/null
emulated gmmpi_fused
if compare gmmpi_fused >"$place/self-test.log" 2>&1; then
  echo "self-test: fused products were not noticed" >&2
  exit 1
fi
tail -n 1 "$place/self-test.log"
echo "self-test: fused products are noticed"
