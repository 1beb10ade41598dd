"""DGEMM of the BLAS that numpy uses: the yardstick, timed in the same rounds as what is measured by it.

    dgemm.py CONTROL SIZE    a worker (see workers.py): for each number n in CONTROL.0, n products of two matrices
"""

import ctypes
import re
import sys
import time

import numpy as np

SIZE = 2000  # rows and columns, unless told otherwise


def flops(size):
    """Of one product."""
    return 2 * size**3


def loaded_blas():
    """Path of the BLAS library that numpy has loaded."""
    with open("/proc/self/maps", encoding="utf-8") as maps:
        paths = {line.split()[-1] for line in maps if re.search(r"blas[^/]*\.so", line)}
    return next((p for p in sorted(paths) if "openblas" in p), next(iter(paths), "unknown"))


def description():
    """"OpenBLAS Haswell": the library and the processor it takes this one for."""
    path = loaded_blas()
    if "openblas" not in path:
        return path.rpartition("/")[2]
    library = ctypes.CDLL(path)
    library.openblas_get_corename.restype = ctypes.c_char_p
    return "OpenBLAS " + library.openblas_get_corename().decode()


def kinds():
    """Environments to be tried: as installed, and, as old versions do not know new processors, AVX-512 by force."""
    with open("/proc/cpuinfo", encoding="utf-8") as lines:
        avx512 = any(line.startswith("flags") and " avx512dq" in line for line in lines)
    return [{}] + ([{"OPENBLAS_CORETYPE": "SkylakeX"}] if avx512 and description() != "OpenBLAS SkylakeX" else [])


def main():
    size = int(sys.argv[2])
    a = np.random.default_rng(0).normal(size=(size, size))
    b, out = a.copy(), np.empty_like(a)
    print("ready", description(), flush=True)
    with open(sys.argv[1] + ".0", encoding="ascii") as control:
        for line in control:
            start = time.perf_counter()
            for _ in range(int(line)):
                np.matmul(a, b, out=out)
            print(time.perf_counter() - start, flush=True)


if __name__ == "__main__":
    main()
