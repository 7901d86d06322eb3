"""One run against the number of atoms: processor time, peak of memory, evaluations, place.

    python benchmarks/size.py [cells ...]

``jacobian_asymmetry`` with the options of quick on rattled copper, ``builtin::gupta`` with a swirl
of one atom.  Each size is measured in a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time

import numpy as np

# Cubic cells of copper along each axis: 32 to 10,976 atoms.
_CELLS = (2, 3, 6, 14)
_STRENGTH = 0.01


class Timed:
    """A model whose processor time is added up."""

    def __init__(self, model):
        self.model, self.capabilities, self.seconds = model, model.capabilities, 0.0

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        """As the model, timed."""
        started = time.process_time()
        answer = self.model.evaluate(configurations, want=want)
        self.seconds += time.process_time() - started
        return answer


def measure(cells: int) -> None:
    """Print the row of one size."""
    from ase.build import bulk

    from physcheck import measure_jacobian_asymmetry
    from physcheck.potentials import make_builtin

    atoms = bulk("Cu", cubic=True) * (cells, cells, cells)
    atoms.rattle(0.08, seed=1)
    model = Timed(make_builtin(f"gupta+atom-curl={_STRENGTH}:{len(atoms) * 2 // 3}"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    found = measure_jacobian_asymmetry(model, atoms, rng=np.random.default_rng(0))
    seconds = time.process_time() - started
    peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"| {len(atoms):,} | {found.force_evaluations} | {model.seconds:.1f} s | "
        f"{seconds - model.seconds:.2f} s | {peak:.0f} MB | {found.value:.2g} | "
        f"{found.evidence['place']} |",
        flush=True,
    )


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--one":
        measure(int(sys.argv[2]))
    else:
        for cells in [int(text) for text in sys.argv[1:]] or _CELLS:
            subprocess.run([sys.executable, __file__, "--one", str(cells)], check=True)
