"""Sampling checks over many seeds: false alarms on good models, power on defects, bias.

    python benchmarks/sampling.py [--models a,b] [--structures a,b] [--seeds 20] [--first 0]
        [--evaluations 24000] [--timestep FS] [--profile md] [--checks sampling] [--defects]

Makes one trajectory a seed and runs the checks on it. Prints each record, then for each model and
structure how often each verdict came, and the species' temperatures over all seeds. Exits with 1 if
a law fails (run good models), unless with --defects.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict

import numpy as np

from physcheck.adapters.loading import load_model
from physcheck.checks import find_checks
from physcheck.checks.sampling.atom_groups import groups_of
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.measurement import judge
from physcheck.model import Meter
from physcheck.numerics.series import replica_mean
from physcheck.registry import tolerance_of
from physcheck.structures import load_structures

GOOD = ("builtin::gupta", "builtin::gupta+float32", "builtin::lennard-jones")
# Standard errors within which the temperature of the bath should be found.
SIGMAS = 3


def parse() -> argparse.Namespace:
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
    return parser.parse_args()


class Series:
    """All seeds of one model on one structure."""

    def __init__(self, name, structure, args):
        self.name, self.structure, self.args = name, structure, args
        self.counts = defaultdict(Counter)
        self.means = defaultdict(list)
        self.temperature_K = None

    def run(self):
        """One trajectory a seed, and the checks on it; nothing where the model refuses."""
        for seed in range(self.args.first, self.args.first + self.args.seeds):
            model = load_model(self.name)
            if model.capabilities.refuses(self.structure.configurations):
                return
            self.one_seed(model, seed)

    def one_seed(self, model, seed):
        start, args = self.structure.configurations, self.args
        began = time.perf_counter()
        meter = Meter(model)
        made = make_trajectory(
            meter,
            start,
            rng=np.random.default_rng([seed, 0]),
            evaluations=args.evaluations,
            timestep_fs=args.timestep,
        )
        self.temperature_K = made.temperature_K
        if not made.blown_up:
            for species, mask in groups_of(start.system, None).items():
                self.means[species].append(replica_mean(made.corrected_temperatures(mask)))
        records = [
            self.one_record(spec, meter, made, seed)
            for spec in find_checks(args.checks)
            if not spec.missing(start, model.capabilities)
        ]
        spent = time.perf_counter() - began
        cost = f"{meter.evaluations} evaluations, {spent:.0f} s"
        where = f"{self.name} {self.structure.name} seed {seed}"
        print(f"{where}: {'; '.join(records)} ({cost})", flush=True)

    def one_record(self, spec, meter, made, seed):
        rng = np.random.default_rng([seed, 1])
        found = spec.measure(meter, self.structure.configurations, rng=rng, trajectory=made)
        outcome = judge(found, tolerance_of(spec.id, self.args.profile)).outcome.value
        self.counts[spec.id][outcome] += 1
        return f"{spec.id} {outcome} {found.value:.3g} ± {found.uncertainty:.2g} {found.unit}"

    @property
    def failed(self):
        return sum(counter["fail"] for counter in self.counts.values())

    def report(self):
        """How often each verdict came, and the temperatures over all seeds."""
        for check, counter in self.counts.items():
            print(f"{self.name:28s} {self.structure.name:10s} {check:22s} {dict(counter)}")
        for species, means in self.means.items():
            values = np.array([m.value for m in means])
            errors = np.array([m.error for m in means])
            error = values.std(ddof=1) / len(values) ** 0.5
            covered = np.mean(np.abs(values - self.temperature_K) <= SIGMAS * errors)
            print(
                f"    T_{species} = {values.mean():.2f} ± {error:.2f} K over {len(values)} seeds; "
                f"{covered:.0%} within {SIGMAS} standard errors of {self.temperature_K:g} K"
            )


def main() -> int:
    args = parse()
    failed = 0
    for name in args.models.split(","):
        for structure in load_structures(args.structures):
            series = Series(name, structure, args)
            series.run()
            series.report()
            failed += series.failed
    return 1 if failed and not args.defects else 0


if __name__ == "__main__":
    sys.exit(main())
