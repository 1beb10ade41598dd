# Spack recipe. Not tested here: written by the rules of Spack's documentation, for want of a Spack.
#
#   spack repo create my_repo && mkdir -p my_repo/packages/gmmpi && cp package.py my_repo/packages/gmmpi/
#   spack repo add my_repo && spack dev-build --source-path /path/to/gmmpi gmmpi@main

from spack.package import *


class Gmmpi(CMakePackage):
    """Gaussian mixture models by distributed Expectation-Maximisation, with the same bits on any number of ranks."""

    license("BSD-3-Clause")

    version("main")

    variant("shared", default=True, description="Build the library as a shared one")
    variant("python", default=True, description="What pictures and the Python package need")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type=("build", "run"))
    depends_on("mpi")
    depends_on("hdf5~mpi")
    depends_on("fmt@9:")
    depends_on("xxhash")
    depends_on("eigen@3.4:", type="build")
    depends_on("cli11@2.3:", type="build")
    depends_on("nlohmann-json", type="build")
    depends_on("random123", type="build")
    with when("+python"):
        depends_on("python@3.9:", type="run")
        depends_on("py-numpy", type="run")
        depends_on("py-h5py", type="run")
        depends_on("py-matplotlib@3.6:", type="run")

    conflicts("%gcc@:11", msg="C++20 as in GCC 12 or later")

    generator("ninja")

    def cmake_args(self):
        return [
            self.define("GMMPI_TESTS", False),
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
        ]

    def setup_run_environment(self, env):
        env.prepend_path("PYTHONPATH", self.prefix.share.gmmpi.python)
