"""How often does a good potential fail?  Potentials x checks x structures x seeds.

    python benchmarks/false_alarms.py [--models a,b] [--checks PATTERN] [--structures a,b]
                                      [--seeds 20] [--profile md] [--defects]

Prints, for each model and check, how often each verdict came, the largest low end of the interval
over the tolerance (a FAIL is > 1), and the mean cost.  With --defects it runs Gupta's potential
with each of the defects instead.  Exits 1 if a good model fails a law: no FAIL of a law is allowed.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict

import numpy as np

from physcheck.adapters.loading import load_model
from physcheck.checks import find_checks
from physcheck.errors import CapabilityMissing, NonFiniteOutput, PhyscheckError
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import DEFECTS
from physcheck.registry import tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.structures import load_structures

GOOD = (
    "lennard-jones", "morse", "harmonic", "gupta", "lennard-jones+float32", "morse+float32",
    "gupta+float32", "harmonic+float32", "gupta+float32+offset=1e3", "morse+float32+offset=1e4",
    "gupta+offset=1e4", "morse+forces-only", "gupta+forces-only+float32",
)  # fmt: skip


def run(model, checks, structure, seed, profile):
    """Outcome, ratio of the interval's low end to the tolerance, and evaluations of each check."""
    import inspect

    start = structure.configurations
    resolution = measure_resolution(model, start, rng=np.random.default_rng([seed, 0]))
    for spec in checks:
        if spec.missing(start, model.capabilities):
            continue
        tolerance = tolerance_of(spec.id, profile)
        accepted = inspect.signature(spec.measure).parameters
        options = dict(spec.options.get("quick", {}))
        if "resolution" in accepted:
            options["resolution"] = resolution
        if "tolerance" in accepted and tolerance is not None:
            options["tolerance"] = tolerance.value
        allotment = spec.evaluations(start, model.capabilities, "quick")
        meter = Meter(model, allotment=allotment)
        try:
            measurement = spec.measure(
                meter, start, rng=np.random.default_rng([seed, 1]), **options
            )
        except CapabilityMissing:
            continue
        except NonFiniteOutput as error:
            yield spec, Outcome.FAIL, np.inf, meter.evaluations, str(error)
            continue
        except PhyscheckError as error:
            yield spec, Outcome.ERROR, np.nan, meter.evaluations, str(error)
            continue
        verdict = judge(measurement, tolerance)
        limit = tolerance.value if tolerance is not None and tolerance.value > 0 else np.nan
        yield (
            spec, verdict.outcome, measurement.interval[0] / limit, meter.evaluations,
            verdict.message,
        )  # fmt: skip


def parsed_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=None)
    parser.add_argument("--checks", default="conservation")
    parser.add_argument("--structures", default="ethanol,Cu32,Si8,NaCl8")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--profile", default="md")
    parser.add_argument("--defects", action="store_true")
    return parser.parse_args()


def models_of(args):
    """The specs of the models, by the names that are printed."""
    if args.models:
        names = args.models.split(",")
    elif args.defects:
        names = [f"gupta+{name}" for name in DEFECTS]
    else:
        names = GOOD
    return {
        name: name if ":" in name or name.endswith(".py") else f"builtin::{name}" for name in names
    }


class Tally:
    """Verdicts, largest ratios and costs of one model, by check."""

    def __init__(self) -> None:
        self.counts = defaultdict(Counter)
        self.worst = defaultdict(float)
        self.cost = defaultdict(list)

    def add(self, check_id, outcome, ratio, evaluations) -> None:
        """One record."""
        self.counts[check_id][outcome] += 1
        self.worst[check_id] = max(self.worst[check_id], ratio)
        self.cost[check_id].append(evaluations)

    def print(self, name) -> None:
        """A line a check."""
        for check_id, counter in self.counts.items():
            verdicts = "  ".join(f"{k.value} {v}" for k, v in sorted(counter.items()))
            print(
                f"{name:32s} {check_id:24s} {verdicts:44s} "
                f"low/tolerance <= {self.worst[check_id]:.2g}  "
                f"mean evaluations {np.mean(self.cost[check_id]):.0f}"
            )
        sys.stdout.flush()


def main() -> int:
    """Run what the command line says, and count the false alarms."""
    args = parsed_arguments()
    # Checks of two models need a second one.
    checks = [check for check in find_checks(args.checks) if not check.compares]
    structures = load_structures(args.structures)
    bad = 0
    started = time.perf_counter()
    for name, spec in models_of(args).items():
        tally = Tally()
        for structure in structures:
            for seed in range(args.seeds):
                model = load_model(spec)
                if model.capabilities.refuses(structure.configurations):
                    continue
                for check, outcome, ratio, evaluations, message in run(
                    model, checks, structure, seed, args.profile
                ):
                    tally.add(check.id, outcome, ratio, evaluations)
                    failed = outcome in (Outcome.FAIL, Outcome.ERROR)
                    if failed and check.kind == "law" and not args.defects:
                        bad += 1
                        print(f"  !! {name} {check.id} {structure.name} seed {seed}: {message}")
        tally.print(name)
    print(f"false alarms: {bad}   ({time.perf_counter() - started:.0f} s)")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
