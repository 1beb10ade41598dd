# scikit-learn's own tests of mixtures with the import replaced, and its checks of estimators: what still fails, and why.
import re
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
import warnings
import xml.etree.ElementTree
from pathlib import Path

import sklearn
from sklearn.utils.estimator_checks import check_estimator

from harness import PROGRAM, ROOT, SANITIZED, environment, in_parallel

sys.path.insert(0, str(ROOT / "scripts/python"))
import gmmpi

THEIRS = Path(sklearn.__file__).parent / "mixture/tests"
# The table of docs/python.md: what fails, and a word of the reason that it gives.
MIXTURE_TESTS = {
    "test_gaussian_mixture_fit_convergence_warning": "raise max_iter",  # the words of the warning
    "test_regularisation": "fewer distinct rows",  # ten components for two distinct rows are refused
}
ESTIMATOR_CHECKS = {"check_dtype_object": "Python objects"}  # refused, even if all of them are numbers
SLOW = ("test_monotonic_likelihood", "test_warm_start")  # hundreds of fits each; they run beside the others
CONFTEST = "import pytest\n\n\n@pytest.fixture\ndef global_random_seed():\n    return 0\n"


def failures(folder, *selection):
    """{name: message} of the tests in `folder` that fail, and how many ran."""
    report = folder / f"{abs(hash(selection))}.xml"
    env = environment(GMMPI_PROGRAM=str(PROGRAM), PYTHONPATH=str(ROOT / "scripts/python"))
    run = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *selection], cwd=folder,
                         env=env, capture_output=True, text=True)
    if not report.exists():
        raise AssertionError(run.stdout + run.stderr)
    cases = list(xml.etree.ElementTree.parse(report).iter("testcase"))
    bad = {case.get("name"): "".join(found.itertext()) for case in cases for found in case if found.tag in ("failure", "error")}
    return bad, len(cases)


class ScikitLearn(unittest.TestCase):
    maxDiff = None

    def check_table(self, found, table):
        """What failed is what the table says, for the reason that it gives."""
        self.assertEqual(set(found), set(table), found)
        for name, words in table.items():
            self.assertIn(words, found[name])

    def test_their_tests_with_the_import_replaced(self):
        with tempfile.TemporaryDirectory(prefix="gmmpi-test-") as name:
            folder = Path(name)
            (folder / "conftest.py").write_text(CONFTEST)
            for path in THEIRS.glob("test_*mixture.py"):
                changed, n = re.subn("^from sklearn.mixture import GaussianMixture$", "from gmmpi import GaussianMixture",
                                     path.read_text(), flags=re.MULTILINE)
                if n:
                    (folder / path.name).write_text(changed)
            only = [] if SANITIZED else [("-k", slow) for slow in SLOW]  # a thousand launches
            runs = in_parallel(failures, [(folder, *one) for one in (*only, ("-k", " and ".join(f"not {slow}" for slow in SLOW)))])
        self.check_table({name: text for bad, _ in runs for name, text in bad.items()}, MIXTURE_TESTS)
        self.assertGreaterEqual(sum(n for _, n in runs), 48)

    def test_their_checks_of_estimators(self):
        found = {}
        with unittest.mock.patch.dict("os.environ", environment(GMMPI_PROGRAM=str(PROGRAM)), clear=True), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for estimator, check in check_estimator(gmmpi.GaussianMixture(), generate_only=True):
                try:
                    check(estimator)
                except Exception as error:  # the table judges it
                    found[check.func.__name__] = str(error)
        self.check_table(found, ESTIMATOR_CHECKS)
