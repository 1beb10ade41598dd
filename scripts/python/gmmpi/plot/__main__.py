"""Entry of gmmpi plot. Run as a file it needs no installed package; where libraries are missing it says which."""

import os
import pathlib
import sys

SYSTEM_PYTHON = "/usr/bin/python3"
MISSING = 66


def main():
    if not __package__:
        sys.path[0] = str(pathlib.Path(__file__).resolve().parents[2])
    try:
        from gmmpi.plot import cli

        return cli.main(sys.argv[1:])
    except ImportError as error:
        other = os.path.realpath(SYSTEM_PYTHON)
        if "GMMPI_PYTHON" not in os.environ and os.path.exists(other) and os.path.realpath(sys.executable) != other:
            os.environ["GMMPI_PYTHON"] = SYSTEM_PYTHON
            os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, str(pathlib.Path(__file__).resolve()), *sys.argv[1:]])
        print(f"gmmpi: error: plot: {error.name or error} is missing for {sys.executable}; apt-get install python3-h5py "
              "python3-matplotlib, or set GMMPI_PYTHON to a Python that has them", file=sys.stderr)
        return MISSING


if __name__ == "__main__":
    sys.exit(main())
