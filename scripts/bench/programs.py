"""The programs that compare_peers.py times: how each is called, and how its log-likelihood is read."""

import pathlib
import shutil
import subprocess
import sys

import h5py

from timing import program

HERE = pathlib.Path(__file__).resolve().parent


class Program:
    name = ""
    slow = False  # gets fewer rows, repeats and iterations

    def available(self):
        """Empty, or what is missing."""
        return ""

    def timed_kind(self, kind):
        """The covariance type that it has for this one."""
        return kind

    def log_likelihood(self, folder, output):
        """After the fit: of its last line of output."""
        return float(output.split()[-1])


class Gmmpi(Program):
    """`skip`: the value of --skip; none does all work."""

    def __init__(self, build, skip):
        self.path, self.skip = program(build), skip
        self.name = "gmmpi, skipping" if skip == "auto" else "gmmpi, dense"

    def command(self, case, n_iter):
        return [self.path, "fit", "data.h5", "-k", case.K, "--covariance-type", case.kind, "--init", "start.h5",
                "--max-iter", n_iter, "--tol", 0, "--reg-covar", 0, "-o", "out.h5", "--force",
                "--skip", self.skip]

    def log_likelihood(self, folder, output):
        with h5py.File(folder / "out.h5", "r") as file:
            return float(file["model"].attrs["log_likelihood"])


class ScikitLearn(Program):
    name = "scikit-learn"

    def command(self, case, n_iter):
        return [sys.executable, HERE / "peer_sklearn.py", n_iter]


class Armadillo(Program):
    name = "Armadillo"

    def __init__(self, folder):
        self.path = folder / "peer_armadillo"

    def available(self):
        if not (pathlib.Path("/usr/include/armadillo").exists() and shutil.which("g++")):
            return "no Armadillo (apt-get install libarmadillo-dev)"
        subprocess.run(["g++", "-O3", "-march=native", "-fopenmp", "-DARMA_USE_OPENMP", "-DARMA_NO_DEBUG",
                        HERE / "peer_armadillo.cpp", "-o", self.path, "-larmadillo"], check=True)
        return ""

    def timed_kind(self, kind):
        return {"full": "full", "tied": "full", "diag": "diag", "spherical": "diag"}[kind]

    def command(self, case, n_iter):
        kind = self.timed_kind(case.kind)
        return [self.path, kind, "data.bin", f"start.{kind}.bin", case.n_rows, case.d, case.K, n_iter]


class Mclust(Program):
    name = "mclust"
    slow = True

    def available(self):
        found = shutil.which("Rscript") and subprocess.run(
            ["Rscript", "-e", "library(mclust)"], capture_output=True, check=False).returncode == 0
        return "" if found else "no mclust (apt-get install r-cran-mclust)"

    def command(self, case, n_iter):
        return ["Rscript", HERE / "peer_mclust.R", case.kind, case.n_rows, case.d, case.K, n_iter]


NAMES = ["gmmpi-dense", "gmmpi-skipping", "sklearn", "armadillo", "mclust"]


def choose(names, build, folder):
    """The programs of that name that are there."""
    makers = {"gmmpi-dense": lambda: Gmmpi(build, "none"), "gmmpi-skipping": lambda: Gmmpi(build, "auto"),
              "sklearn": ScikitLearn, "armadillo": lambda: Armadillo(folder), "mclust": Mclust}
    chosen = []
    for name in names:
        candidate = makers[name]()
        missing = candidate.available()
        if missing:
            print(f"without {name}: {missing}", file=sys.stderr)
        else:
            chosen.append(candidate)
    return chosen
