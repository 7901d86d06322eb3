"""Batched against one by one, on real models: ``batching.py [NAME...]``.

Names are as in ``models/run.py``; torchani if none is given.  Each model runs in its own
environment, which is installed if need be, on two threads.  Timed are 64 replicas of 9, 12 and 24
atoms in one call and in 64 calls; conservation checks run both ways.  Exit code 1 if the batch
isn't at least three times as fast over all sizes, or a verdict differs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPLICAS, ROUNDS, LEAST_SPEED_UP = 64, 3, 3.0
# Displacements of the replicas, Å: about those of a bond at 300 K.
STEP = 0.05
CHECKS = ("loop_work", "jacobian_asymmetry", "force_energy_gap")


def outside(names: list[str]) -> int:
    """Run this file again in the environment of each model."""
    sys.path.insert(0, str(HERE / "models"))
    import run

    out = run.ROOT / "out" / "models"
    out.mkdir(parents=True, exist_ok=True)
    worst = 0
    for name in names:
        folder, spec = run.SUBJECTS[name]
        python = run.install(name)
        threads = {"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2"}
        environment = {**os.environ, **threads, "BATCHING_SPEC": spec}
        prepare = HERE / "models" / folder / "prepare.py"
        if prepare.exists():
            subprocess.run([python, prepare], cwd=out, env=environment, check=True)
        done = subprocess.run([python, __file__], cwd=out, env=environment, check=False)
        worst = max(worst, done.returncode)
    return worst


class OneByOne:
    """A model that is asked for one configuration at a time."""

    def __init__(self, model: Any) -> None:
        from dataclasses import replace

        self._model = model
        self.capabilities = replace(model.capabilities, batched=False, mixed_sizes=False)

    def evaluate(self, configurations: Any, *, want: frozenset[str]) -> Any:
        """As the model's."""
        from physcheck import Evaluation

        return Evaluation.concatenate(
            [self._model.evaluate(one, want=want) for one in configurations]
        )


def seconds(call: Any) -> float:
    """The shortest of a few rounds, after one that isn't timed."""
    call()
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    return min(taken)


def structures(periodic: bool) -> list[Any]:
    """Configurations of 9, 12 and 24 atoms: molecules, or silicon where a model wants crystals."""
    import numpy as np
    from ase.build import bulk, molecule

    from physcheck.system import Configurations

    if periodic:
        cells = [bulk("Si", cubic=True), bulk("Si") * (3, 2, 1), bulk("Si") * (3, 2, 2)]
    else:
        pair = molecule("C6H6")
        other = pair.copy()
        other.positions += (0.0, 0.5, 3.8)
        cells = [molecule("CH3CH2OH"), molecule("C6H6"), pair + other]
    rng = np.random.default_rng(0)
    found = []
    for atoms in cells:
        start = Configurations.from_atoms(atoms)
        found.append(start.displaced(STEP * rng.standard_normal((REPLICAS, len(atoms), 3))))
    return found


def inside(spec: str) -> int:
    """Time the model, compare the verdicts, and print both."""
    import warnings

    import numpy as np

    from physcheck.adapters.loading import load_model
    from physcheck.checks import all_checks
    from physcheck.measurement import judge
    from physcheck.registry import tolerance_of

    warnings.simplefilter("ignore")
    model: Any = load_model(spec)
    alone = OneByOne(model)
    known = model.capabilities
    molecules = known.species is None or known.species >= {1, 6, 8}
    replicas = structures(periodic="Si8" in known.structures or not molecules)
    want = frozenset({"energy", "forces"})
    threads = os.environ["OMP_NUM_THREADS"]
    print(f"\n{spec}, {threads} threads, {REPLICAS} replicas, ms a configuration")
    print("atoms   batched   one by one   ratio   largest force difference, eV/Å")
    total = [0.0, 0.0]
    for batch in replicas:
        times = [seconds(partial(m.evaluate, batch, want=want)) for m in (model, alone)]
        both = [m.evaluate(batch, want=want).require_forces() for m in (model, alone)]
        total = [a + b for a, b in zip(total, times)]
        per = [1e3 * t / REPLICAS for t in times]
        gap = np.abs(both[0] - both[1]).max()
        print(f"{batch.n_atoms:5d} {per[0]:9.3f} {per[1]:12.3f} {per[1] / per[0]:7.1f}   {gap:.1e}")
    ratio = total[1] / total[0]
    same = True
    for check in CHECKS:
        measure = all_checks()[check].measure
        outcomes = [
            judge(
                measure(m, replicas[0][0], rng=np.random.default_rng(0)), tolerance_of(check, "md")
            )
            for m in (model, alone)
        ]
        same &= outcomes[0].outcome is outcomes[1].outcome
        print(
            f"{check}: {outcomes[0].outcome.value} batched, {outcomes[1].outcome.value} one by one"
        )
    good = ratio >= LEAST_SPEED_UP and same
    print(
        f"{ratio:.1f} times as fast in batches, should be at least {LEAST_SPEED_UP:g}; "
        f"verdicts {'the same' if same else 'DIFFER'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    inner = os.environ.get("BATCHING_SPEC")
    sys.exit(inside(inner) if inner else outside(sys.argv[1:] or ["torchani"]))
