#!/bin/bash
# Builds gmmpi on another Debian, with its compiler, its HDF5 and one of its MPIs, and asks `gmmpi selftest` there whether the bits are the same.
#
#   scripts/checks/systems.sh [SUITE [MPI]]     trixie (default) or bookworm; openmpi (default) or mpich
#
# Needs root, debootstrap and the network. What is installed goes into build/systems/SUITE-MPI, a system of its own, entered by chroot; it is kept for the next
# time. TESTS=1 also builds the library's tests there and runs them on 1 and 3 ranks. Ends with 0 if all digests are as recorded.
set -euo pipefail
suite=${1:-trixie} mpi=${2:-openmpi}
case $mpi in
  openmpi) mpi_packages="libopenmpi-dev openmpi-bin" ;;
  mpich) mpi_packages="libmpich-dev mpich" ;;
  *) echo "systems.sh: MPI '$mpi' is unknown; choose openmpi or mpich" >&2; exit 64 ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "systems.sh: needs root, for chroot" >&2; exit 77; }
command -v debootstrap >/dev/null || { echo "systems.sh: needs debootstrap (Debian: debootstrap)" >&2; exit 66; }
# Mounts of its own end with it: nothing of this machine is left below build, where somebody may delete it.
[ -n "${own_mounts:-}" ] || own_mounts=yes exec unshare --mount --propagation private "$0" "$@"
cd "$(dirname "$0")/../.."

system=$PWD/build/systems/$suite-$mpi
inside() { chroot "$system" env PATH=/usr/sbin:/usr/bin:/sbin:/bin OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMP_WAIT_POLICY=passive \
  OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe "$@"; }

if [ ! -e "$system/installed" ]; then
  mkdir -p "$system"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$system" >"$system.log"
  touch "$system/installed"
fi
mount -t proc proc "$system/proc"
mount --rbind /dev "$system/dev"
inside sh -c "apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends g++ cmake ninja-build pkg-config \
  $mpi_packages libhdf5-dev libeigen3-dev catch2 libcli11-dev libfmt-dev nlohmann-json3-dev librandom123-dev libxxhash-dev" >"$system.log" 2>&1

mkdir -p "$system/gmmpi"
git ls-files -co --exclude-standard | tar -c -T - | tar -x -C "$system/gmmpi"
inside sh -c "cd /gmmpi && cmake --preset release >/configure.log && cmake --build build/release --target gmmpi_program ${TESTS:+gmmpi_tests}" >"$system.log" 2>&1 ||
  { tail -40 "$system.log"; exit 70; }
echo "$suite: $(inside g++ --version | head -1), $(inside mpirun --version | head -1)"
failed=0
for ranks in 1 2 3; do
  for threads in 1 2; do
    if found=$(inside mpirun -n $ranks /gmmpi/build/release/gmmpi selftest --threads $threads); then
      echo "$found" | tail -2 | head -1
    else
      echo "$found"
      failed=1
    fi
  done
done
if [ -n "${TESTS:-}" ]; then
  for ranks in 1 3; do inside sh -c "cd /gmmpi && mpirun -n $ranks build/release/tests/gmmpi_tests" | tail -3 || failed=1; done
fi
exit $failed
