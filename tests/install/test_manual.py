"""Manual pages and completion hold every command and option that the program's help shows, and work."""

import os
import pathlib
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import tty
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "app"))
from harness import PROGRAM, ROOT, ProgramTest  # noqa: E402


def output(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, check=True, **more)


class HelpOf:
    """Commands and their options, as --help lists them."""

    def __init__(self):
        listed = output(PROGRAM, "--help").stdout.partition("Subcommands:")[2]
        self.commands = re.findall(r"^  ([a-z]+) {2,}", listed, re.MULTILINE)
        self.options = {command: self.of(command) for command in self.commands}

    @staticmethod
    def of(command):
        if command == "plot":
            return set()  # its options are those of the kinds of picture
        text = output(PROGRAM, command, "--help").stdout
        return set(re.findall(r"^  (?:-[a-z],)?(--[a-z][a-z-]*)", text, re.MULTILINE)) - {"--help"}


class Pages(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_ok("man .")
        self.help = HelpOf()

    def test_there_is_a_page_for_each_command(self):
        self.assertIn("fit", self.help.commands)
        self.assertEqual({p.name for p in self.dir.iterdir()},
                         {"gmmpi.1", *(f"gmmpi-{command}.1" for command in self.help.commands)})

    def test_pages_render_without_a_warning(self):
        for page in sorted(self.dir.iterdir()):
            done = output("groff", "-ww", "-man", "-Tutf8", "-z", page)
            self.assertEqual(done.stdout + done.stderr, "", page.name)

    def test_pages_say_what_the_help_says(self):
        for command, options in self.help.options.items():
            page = self.dir / f"gmmpi-{command}.1"
            text = re.sub(r"\x1b\[\d*m|.\x08", "", output("groff", "-man", "-Tascii", "-P-c", page).stdout)
            self.assertIn("SYNOPSIS", text)
            self.assertIn(f"gmmpi {command}", text)
            for option in options:
                self.assertRegex(text, rf"(?m)^ .*{option}\b", f"{page.name}: {option}")
        readable = re.sub(r".\x08", "", output("groff", "-man", "-Tascii", "-P-c", self.dir / "gmmpi.1").stdout)
        for command in self.help.commands:
            self.assertRegex(readable, rf"(?m)^ +{command}\b")
        self.assertRegex(readable, r"75 +stopped early")

    def test_exit_codes_are_those_of_the_readme(self):
        table = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Exit codes")[2].partition("\n## ")[0]
        listed = dict(re.findall(r"\| (\d+) \| ([^|]+?) (?=\|)", table))
        self.assertEqual(len(listed), 12)
        status = (self.dir / "gmmpi-fit.1").read_text().partition(".SH EXIT STATUS")[2].replace("\\-", "-")
        self.assertEqual(dict(re.findall(r"\\fB(\d+)\\fR\n(.*)", status)), listed)

    def test_nothing_of_a_help_text_is_taken_for_roff(self):
        for page in self.dir.iterdir():
            for line in page.read_text().splitlines():
                if line.startswith((".", "'")):
                    self.assertRegex(line, r"^\.(TH|SH|TP|PP|nf|fi|br)\b", page.name)

    def test_a_folder_that_is_not_there(self):
        failed = subprocess.run([PROGRAM, "man", "nowhere"], cwd=self.dir, capture_output=True, text=True, check=False)
        self.assertEqual(failed.returncode, 73)
        self.assertRegex(failed.stderr, r"^gmmpi: error: nowhere/gmmpi\.1: .*; give a folder that exists\n$")


class Completion(ProgramTest):
    """Each shell is asked, not its script."""

    def in_bash(self, line):
        script = self.dir / "gmmpi.bash"
        script.write_text(self.run_ok("completion bash").out)
        ask = ('set -euo pipefail; source "$0"; read -ra COMP_WORDS <<<"$1"; [[ $1 == *" " ]] && COMP_WORDS+=(""); '
               'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _gmmpi; echo "${COMPREPLY[@]-}"')
        return set(output("bash", "-c", ask, script, line).stdout.split())

    def in_fish(self, line):
        script = self.dir / "gmmpi.fish"
        script.write_text(self.run_ok("completion fish").out)
        said = output("fish", "-c", f"source {script}; complete -C '{line}'", env={"HOME": str(self.dir), "PATH": "/usr/bin:/bin"})
        return {row.partition("\t")[0] for row in said.stdout.splitlines()}

    def in_zsh(self, line, *setup):
        """What zsh, on a terminal, would offer for the line: its compadd tells."""
        offered = self.dir / "offered"
        offered.write_text("")
        (self.dir / "_gmmpi").write_text(self.run_ok("completion zsh").out)
        tell = f'compadd() {{ builtin compadd "$@"; local -a o; builtin compadd -O o "$@"; print -l -- $o >>{offered}; }}'
        lines = ("PROMPT=", "autoload -Uz compinit", *setup, tell, f"{line}\t\x15", "exit")
        main, terminal = pty.openpty()
        tty.setraw(terminal)  # or the terminal itself would take the keys that come before zsh reads them
        with subprocess.Popen(["zsh", "-f", "-i"], cwd=self.dir, stdin=terminal, stdout=terminal, stderr=terminal,
                              env={"HOME": str(self.dir), "PATH": "/usr/bin:/bin", "TERM": "dumb"}) as zsh:
            os.close(terminal)
            os.write(main, "\n".join((*lines, "")).encode())
            said = b""
            try:
                while part := os.read(main, 4096):
                    said += part
            except OSError:  # the terminal's other end is closed
                pass
            self.assertEqual(zsh.wait(300), 0, said)
        os.close(main)
        return {word.rstrip("=") for word in offered.read_text().split("\n")} - {""}

    def test_bash(self):
        known = HelpOf()
        self.assertEqual(self.in_bash("gmmpi "), {*known.commands, "--help", "--version"})
        self.assertEqual(self.in_bash("gmmpi pre"), {"predict"})
        self.assertEqual(self.in_bash("gmmpi fit stars.h5 --cov"), {"--covariance-type"})
        for command, options in known.options.items():
            offered = self.in_bash(f"gmmpi {command} -")
            self.assertEqual({word for word in offered if word.startswith("--")}, options | {"--help"}, command)
        self.assertEqual(self.in_bash("gmmpi fit sta"), set())  # a file's name is completed by bash itself

    @unittest.skipUnless(shutil.which("fish"), "there is no fish")
    def test_fish(self):
        self.assertLessEqual(set(HelpOf().commands), self.in_fish("gmmpi "))
        self.assertEqual(self.in_fish("gmmpi fit stars.h5 --cov"), {"--covariance-type"})
        self.assertNotIn("--covariance-type", self.in_fish("gmmpi score --"))

    @unittest.skipUnless(shutil.which("zsh"), "there is no zsh")
    def test_zsh(self):
        known = HelpOf()
        for setup in (("compinit -D -u", "source ./_gmmpi"), ("fpath=($PWD $fpath)", "compinit -D -u")):
            self.assertLessEqual(set(known.commands), self.in_zsh("gmmpi ", *setup))
            self.assertLessEqual(known.options["fit"], self.in_zsh("gmmpi fit stars.h5 --", *setup))
            self.assertEqual(self.in_zsh("gmmpi fit stars.h5 --cov", *setup), {"--covariance-type"})
            self.assertEqual(self.in_zsh("gmmpi score --cov", *setup), set())

    def test_another_shell(self):
        failed = subprocess.run([PROGRAM, "completion", "tcsh"], capture_output=True, text=True, check=False)
        self.assertEqual((failed.returncode, failed.stdout), (64, ""))
        self.assertEqual(failed.stderr, "gmmpi: error: completion: 'tcsh' is unknown; choose bash, fish or zsh\n")


if __name__ == "__main__":
    unittest.main()
