"""Searches on models that keep all laws: how many records fail, and how many stay open.

    python benchmarks/search.py --seeds 20

Prints one line a model, and each record that doesn't pass.  Takes about ten seconds a model and
seed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from physcheck.adapters.loading import load_model
from physcheck.measurement import Outcome
from physcheck.names import GENERATED
from physcheck.run.plan import make_plan
from physcheck.run.record import Record
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings

POTENTIALS = ("lennard-jones", "morse", "harmonic", "gupta", "stillinger-weber", "water")
MODELS = (
    *(f"builtin::{name}" for name in POTENTIALS),
    *(f"builtin::{name},dtype=float32" for name in POTENTIALS),
    "builtin::lennard-jones+noise=1e-6",
)


def searched(spec: str, seed: int, evaluations: int) -> Iterator[Record]:
    """The records of generated cases of one model and seed."""
    settings = Settings(
        model=spec, structures=GENERATED, search=evaluations, seed=seed, budget="25000"
    )
    model = load_model(spec)
    plan = make_plan(model, settings)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(model, settings, lambda: Path(folder))
        for entry in plan.entries:
            yield runner.run(entry)


def main() -> None:
    """Search each model with each seed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--evaluations", type=int, default=5_000)
    parser.add_argument("models", nargs="*", default=MODELS)
    given = parser.parse_args()
    for spec in given.models:
        counts: Counter[str] = Counter()
        started = time.perf_counter()
        spent = 0
        for seed in range(given.first_seed, given.first_seed + given.seeds):
            for record in searched(spec, seed, given.evaluations):
                counts[record.verdict] += 1
                spent += record.force_evaluations or 0
                if record.verdict is not Outcome.PASS:
                    place = record.evidence.get("place", "")
                    print(f"  {seed} {record.name} {record.verdict} {record.message} | {place}")
        seconds = time.perf_counter() - started
        print(f"{spec}: {dict(counts)}; {spent} evaluations, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
