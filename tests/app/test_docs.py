"""Runs the commands and Python lines that the documents show, and checks their links and options.

GMMPI_PROGRAM names the program (default: build/release/gmmpi). Blocks fenced as sh and python are run in order, in one
temporary folder per document, in which `scripts` and `tests` lead to those of the repository. A block is skipped by a line
`<!-- not run: reason -->` right above it.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = (ROOT / os.environ.get("GMMPI_PROGRAM", "build/release/gmmpi")).resolve()
PYTHON = "/usr/bin/python3"
RUN = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GALLERY = ROOT / "docs/gallery/README.md"  # scripts/gallery.sh runs it
DOCUMENTS = RUN + [ROOT / "CONTRIBUTING.md", GALLERY, *sorted((ROOT / "docs/maths").glob("*.md"))]
LIMIT_S = 300  # for one block, on a busy machine
# Long options in the documents that belong to other programs.
FOREIGN = {"--repeats", "--cpus-per-task", "--hint", "--requeue", "--mem", "--mem-per-cpu", "--signal", "--ntasks-per-node", "--nodes", "--map-by", "--bind-to", "--oversubscribe", "--preset", "--build", "--scale",
           "--record", "--cases", "--cells", "--layouts", "--at-least", "--alpha", "--bandwidth", "--install", "--prefix",
           "--cflags", "--libs", "--mpi", "--self-test"}
FENCE = re.compile(r"^(?P<mark>[^\n]*)\n```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(document):
    """(language, text, line number) of the fenced blocks that are to be run or compiled."""
    text = "\n" + document.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        if not re.fullmatch(r"<!-- not run: \S.* -->", match["mark"]):
            found.append((match["language"], match["text"], text.count("\n", 0, match.start("text"))))
    return found


def environment(folder):
    """Open MPI as root and with more ranks than cores; the program and the Python package on their paths."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GMMPI_")}
    return own | {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "scripts/python"),
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_orte_tmpdir_base": str(folder),  # MPI's session files: launches would race for one place
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMPI_MCA_hwloc_base_binding_policy": "none",
        "OMPI_MCA_mpi_yield_when_idle": "1",
        "OMP_NUM_THREADS": "1",
    }


def run_command(command, folder):
    return subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True,
                          timeout=LIMIT_S, check=False)


def help_options(*command):
    """The long options that the program's help lists."""
    with tempfile.TemporaryDirectory() as folder:
        done = run_command([PROGRAM, *command, "--help"], pathlib.Path(folder))
    return set(re.findall(r"^ .*?(--[a-z][a-z-]*)", done.stdout, re.MULTILINE))


def without_comments(text):
    return re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def anchors(document):
    """The names that headings can be linked by, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


class RunDocument:
    """Runs the blocks of one document."""
    document = None

    def test_every_shown_block_runs(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            (folder / "bin").mkdir()
            (folder / "bin/gmmpi").symlink_to(PROGRAM)
            for shared in ("scripts", "tests"):
                (folder / shared).symlink_to(ROOT / shared)
            python_so_far = ""
            for language, text, line in blocks(self.document):
                where = f"{self.document.relative_to(ROOT)}:{line}"
                if language == "sh":
                    done = run_command(["bash", "-euo", "pipefail", "-c", text], folder)
                elif language == "python":
                    # Later blocks use the names of earlier ones, and what these wrote.
                    done = run_command([PYTHON, "-c", python_so_far + text], folder)
                    python_so_far += text
                else:
                    continue
                self.assertEqual(done.returncode, 0, f"{where}\n{text}\n{done.stdout}{done.stderr}")
                self.assertNotIn("gmmpi: error", done.stderr, where)


# A class for each document, so that processes can share them.
for run in RUN:
    if any(language in ("sh", "python") for language, _, _ in blocks(run)):
        run_name = "Run_" + re.sub(r"\W", "_", run.stem)
        globals()[run_name] = type(run_name, (RunDocument, unittest.TestCase), {"document": run})


class Blocks(unittest.TestCase):
    def test_blocks_are_found_at_all(self):
        languages = [language for document in RUN for language, _, _ in blocks(document)]
        self.assertGreater(languages.count("sh"), 4)
        self.assertGreater(languages.count("python"), 4)

    def test_every_block_names_its_language(self):
        for document in DOCUMENTS:
            for language, _, line in blocks(document):
                self.assertIn(language, {"sh", "python", "text", "cpp"}, f"{document.name}:{line}")

    @unittest.skipUnless(shutil.which("g++"), "there is no g++")
    def test_the_worked_example_of_a_family_compiles(self):
        examples = [text for language, text, _ in blocks(ROOT / "CONTRIBUTING.md") if language == "cpp"]
        self.assertEqual(len(examples), 1)
        command = ["g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}",
                   f"-I{ROOT / 'src'}", "-x", "c++", "-"]
        done = subprocess.run(command, input=examples[0], capture_output=True, text=True, timeout=LIMIT_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


class Links(unittest.TestCase):
    def test_every_relative_link_leads_somewhere(self):
        n_links = 0
        for document in DOCUMENTS:
            text = re.sub(r"^```.*?^```$", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
            for link in re.findall(r"\]\(([^)\s]+)\)", text):
                if re.match(r"[a-z]+:", link):
                    continue
                n_links += 1
                path, _, anchor = link.partition("#")
                target = (document.parent / path).resolve() if path else document
                with self.subTest(document=document.name, link=link):
                    self.assertTrue(target.exists())
                    self.assertTrue(target.is_relative_to(ROOT))
                    if anchor:
                        self.assertIn(anchor, anchors(target))
        self.assertGreater(n_links, 10)

    def test_every_named_source_file_exists(self):
        pattern = r"`((?:src|include|scripts|tests|docs)/[\w/.]+\.\w+)`"
        for document in DOCUMENTS:
            for path in re.findall(pattern, document.read_text(encoding="utf-8")):
                if path == "src/model/structures/eii.cpp":
                    continue  # the worked example
                with self.subTest(document=document.name, path=path):
                    self.assertTrue((ROOT / path).exists())


    def test_every_picture_is_made_by_a_command_and_small(self):
        text = GALLERY.read_text(encoding="utf-8")
        pictures = set(re.findall(r"!\[[^\]]+\]\(([\w.]+)\)", text))
        self.assertEqual(pictures, set(re.findall(r"gmmpi plot [^\n]*(?:\\\n[^\n]*)?-o ([\w.]+)", text)))
        self.assertEqual(pictures, {path.name for path in GALLERY.parent.iterdir()} - {"README.md"})
        for picture in pictures:
            self.assertLess((GALLERY.parent / picture).stat().st_size, 60_000 if picture.endswith(".png") else 250_000, picture)


class Options(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        commands = re.findall(r"^  ([a-z]+) {2,}", cls.program_help().partition("Subcommands:")[2], re.MULTILINE)
        cls.of_fit = help_options("fit")
        kinds = re.findall(r"^    ([a-z]+)(?:  |$)", cls.program_help("plot").partition("kinds:")[2], re.MULTILINE)
        cls.known = help_options().union(*(help_options(command) for command in commands),
                                         *(help_options("plot", kind) for kind in kinds))
        cls.text = "\n".join(without_comments(document.read_text(encoding="utf-8")) for document in DOCUMENTS)

    @staticmethod
    def program_help(*command):
        with tempfile.TemporaryDirectory() as folder:
            return run_command([PROGRAM, *command, "--help"], pathlib.Path(folder)).stdout

    def test_the_help_was_understood(self):
        self.assertLessEqual({"--covariance-type", "--n-components", "--json", "--help"}, self.of_fit)
        self.assertIn("--mahalanobis", self.known)
        self.assertIn("--colour-by", self.known)

    def test_every_option_of_fit_is_documented(self):
        # -k and -o are documented by their short names.
        named = set(re.findall(r"--[a-z][a-z-]*", self.text))
        short = {"--n-components": "-k", "--output": "-o"}
        for option in sorted(self.of_fit - named):
            self.assertRegex(self.text, rf"(?m){short.get(option, option)}\b", f"{option} is not documented")

    def test_no_option_is_invented(self):
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", self.text))
        self.assertEqual(named - self.known - FOREIGN, set())


class Facts(unittest.TestCase):
    def test_the_arrows_between_layers_are_those_that_are_checked(self):
        sys.path.insert(0, str(ROOT / "scripts/checks"))
        import check_layering

        shown = next(text for language, text, _ in blocks(ROOT / "docs/architecture.md") if language == "text")
        arrows = dict(line.split(maxsplit=1) for line in shown.splitlines())
        checked = {layer: ", ".join(allowed) or "nothing" for layer, allowed in check_layering.MAY_INCLUDE.items()}
        self.assertEqual(arrows, checked)

    def test_every_exit_code_is_documented(self):
        header = (ROOT / "include/gmmpi/error.hpp").read_text(encoding="utf-8")
        codes = dict(re.findall(r"^  (\w+) = (\d+),$", header, re.MULTILINE))
        table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Exit codes")[2].partition("\n## ")[0]
        for name, code in codes.items():
            self.assertRegex(table, rf"\| {code} \|", name)

    def test_every_file_states_the_same_version(self):
        (version,) = re.findall(r"project\(gmmpi VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())
        self.assertIn(f"version: {version}\n", (ROOT / "CITATION.cff").read_text())
        self.assertIn(f'__version__ = "{version}"\n', (ROOT / "scripts/python/gmmpi/__init__.py").read_text())
        self.assertIn(f"gmmpi_{version}_amd64.deb", (ROOT / "docs/install.md").read_text())

    def test_nothing_of_a_developer_s_machine_is_shown(self):
        for document in DOCUMENTS:
            self.assertNotRegex(document.read_text(encoding="utf-8"), r"/(work|home|root|tmp)/", document.name)


if __name__ == "__main__":
    unittest.main()
