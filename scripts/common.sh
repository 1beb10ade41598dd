# Shared by demo.sh and test.sh: installs what is missing (Debian 12, apt), configures and builds.
# Source it with the working directory at the root of the repository.

export GMMPI_PYTHON=${GMMPI_PYTHON:-/usr/bin/python3}

# What the program and its pictures need, and what only the tests and benchmarks do.
gmmpi_packages="g++ cmake ninja-build pkg-config libopenmpi-dev openmpi-bin libhdf5-dev libeigen3-dev catch2
  libcli11-dev libfmt-dev nlohmann-json3-dev librandom123-dev libxxhash-dev
  python3 python3-numpy python3-h5py python3-matplotlib"
gmmpi_test_packages="libbenchmark-dev libopenblas0-pthread slurmctld slurmd slurm-client munge iproute2 strace util-linux
  procps dpkg-dev file groff-base fish zsh python3-sklearn python3-pandas
  python3-pytest python3-pytest-xdist"

# gmmpi_install [PACKAGE...]: what is missing of $gmmpi_packages and of these
gmmpi_install() {
  local missing="" package
  for package in $gmmpi_packages "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
  done
  [ -z "$missing" ] && return 0
  echo "installing:$missing"
  local as_root=""
  [ "$(id -u)" -eq 0 ] || as_root="sudo"
  $as_root apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null
}

# gmmpi_build PRESET [TARGET...]: into build/PRESET; $gmmpi_cmake_options are passed on
gmmpi_build() {
  local preset=$1
  shift
  cmake --preset "$preset" ${gmmpi_cmake_options:-} >"build-$preset.log" 2>&1 || { cat "build-$preset.log"; return 1; }
  rm -f "build-$preset.log"
  cmake --build --preset "$preset" ${1:+--target "$@"}
}

# Open MPI: also as root, with more ranks than cores; nobody spins while waiting.
export OMP_WAIT_POLICY=passive
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_mpi_yield_when_idle=1
gmmpi_mpirun="mpirun --oversubscribe --bind-to none"
