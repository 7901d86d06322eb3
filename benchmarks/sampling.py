"""Sampling checks on one trajectory a seed: false alarms on good models, power on defects, the bias of pooled temperatures.

    python benchmarks/sampling.py [--models a,b] [--structures a,b] [--seeds 20] [--first 0] [--evaluations 24000] [--timestep FS]

Prints each record, then for each model and structure how often each verdict came and the species'
temperatures pooled over the seeds.  Exits 1 if a law fails (run good models) unless --defects.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict

import numpy as np

from physcheck.adapters.loading import load_model
from physcheck.checks import find_checks
from physcheck.checks.sampling.trajectory import groups_of, make_trajectory
from physcheck.measurement import judge
from physcheck.model import Meter
from physcheck.numerics.series import replica_mean
from physcheck.registry import tolerance_of
from physcheck.structures import load_structures

GOOD = ("builtin::gupta", "builtin::gupta+float32", "builtin::lennard-jones")


def main() -> int:
    """The rig."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(GOOD))
    parser.add_argument("--structures", default="NaCl8,GaAs8")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the first of the seeds")
    parser.add_argument("--evaluations", type=int, default=24_000)
    parser.add_argument("--timestep", type=float, default=None)
    parser.add_argument("--profile", default="md")
    parser.add_argument("--checks", default="sampling")
    parser.add_argument("--defects", action="store_true")
    args = parser.parse_args()
    failed = 0
    for name in args.models.split(","):
        for structure in load_structures(args.structures):
            start = structure.configurations
            counts = defaultdict(Counter)
            pooled = defaultdict(list)
            for seed in range(args.first, args.first + args.seeds):
                model = load_model(name)
                if model.capabilities.refuses(start):
                    break
                began = time.perf_counter()
                meter = Meter(model)
                made = make_trajectory(
                    meter, start, rng=np.random.default_rng([seed, 0]), evaluations=args.evaluations,
                    timestep_fs=args.timestep,
                )  # fmt: skip
                for species, mask in groups_of(start.system, None).items():
                    if not made.blown_up:
                        pooled[species].append(replica_mean(made.readings(mask)))
                line = []
                for spec in find_checks(args.checks):
                    if spec.missing(start, model.capabilities):
                        continue
                    rng = np.random.default_rng([seed, 1])
                    found = spec.measure(meter, start, rng=rng, trajectory=made)
                    outcome = judge(found, tolerance_of(spec.id, args.profile)).outcome.value
                    counts[spec.id][outcome] += 1
                    failed += outcome == "fail" and not args.defects
                    line.append(
                        f"{spec.id} {outcome} {found.value:.3g} ± {found.uncertainty:.2g} {found.unit}"
                    )
                spent = time.perf_counter() - began
                print(
                    f"{name} {structure.name} seed {seed}: {'; '.join(line)} ({meter.evaluations} evaluations, {spent:.0f} s)"
                )
                sys.stdout.flush()
            for check, counter in counts.items():
                print(f"{name:28s} {structure.name:10s} {check:22s} {dict(counter)}")
            for species, means in pooled.items():
                values = np.array([m.value for m in means])
                errors = np.array([m.error for m in means])
                covered = np.mean(np.abs(values - made.temperature_K) <= 3 * errors)
                print(
                    f"    T_{species} = {values.mean():.2f} ± {values.std(ddof=1) / len(values) ** 0.5:.2f} K over "
                    f"{len(values)} seeds; within three standard errors of {made.temperature_K:g} K: {covered:.0%}"
                )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
