"""Runs the commands of docs/gallery/README.md in one folder, and puts the pictures beside it, small: gallery.py PROGRAM"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[1]
GALLERY = ROOT / "docs/gallery"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^\]]+\]\(([\w.]+)\)")
COLOURS = (256, 128, 64)
MOST_BYTES = 60_000


def run_blocks(text, folder, program):
    """Runs the sh and python blocks in order; python blocks share their names."""
    (folder / "bin").mkdir()
    (folder / "bin/gmmpi").symlink_to(program)
    (folder / "tests").symlink_to(ROOT / "tests")
    # few pixels, so that the repository stays small
    environment = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "GMMPI_PYTHON": sys.executable,
                   "PYTHONPATH": str(ROOT / "scripts/python"), "GMMPI_PROGRAM": str(program), "GMMPI_DPI": "85"}
    python = ""
    for language, block in BLOCK.findall(text):
        python += block if language == "python" else ""
        command = [sys.executable, "-c", python] if language == "python" else ["bash", "-euo", "pipefail", "-c", block]
        print(block, end="", flush=True)
        subprocess.run(command, cwd=folder, env=environment, check=True)


def keep(source, target):
    """Copies a picture; a PNG with as few colours as MOST_BYTES ask for, so that the repository stays small."""
    if source.suffix != ".png":
        shutil.copyfile(source, target)
        return
    with Image.open(source) as image:
        for colours in COLOURS:
            image.convert("RGB").quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
                target, optimize=True)
            if target.stat().st_size <= MOST_BYTES:
                return
    print(f"{target}: {target.stat().st_size} bytes, more than {MOST_BYTES}")


def main():
    program = pathlib.Path(sys.argv[1]).resolve()
    text = (GALLERY / "README.md").read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="gmmpi-gallery-") as name:
        folder = pathlib.Path(name)
        run_blocks(text, folder, program)
        for picture in PICTURE.findall(text):
            keep(folder / picture, GALLERY / picture)


if __name__ == "__main__":
    main()
