"""Are the detection limits true?  Defects of exactly that strength, and of a third of it.

    python benchmarks/power.py [--checks a,b*] [--seeds 60] [--markdown FILE]

A record's ``detection_limit`` is the smallest true violation that it would have called FAIL with
95 % chance.  For each check a defect of tunable strength is scaled so that its true violation
equals the limit that records state (their median), and so many seeds are run at it and at a third.
The true violation comes from a strong defect, whose relative error is small, over several seeds
(rms), since it goes as a known power of the strength; where it is known exactly (friction, noise)
it is given.

Prints a line a check, and writes the table of docs/method.md with --markdown.  Exits 1 if a defect
at its limit fails in less than 90 %, or one at a third of it no less often.
"""

from __future__ import annotations

import argparse
import inspect
import math
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from physcheck.adapters.loading import load_model
from physcheck.checks import find_checks
from physcheck.dynamics import injected_friction
from physcheck.measurement import Measurement, Outcome, judge, limit_beside
from physcheck.model import Meter, Model
from physcheck.potentials.defects.base import Defect
from physcheck.potentials.defects.symmetry import EnergyDefect
from physcheck.registry import CheckSpec, tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.structures import load_structures
from physcheck.system import Configurations, Evaluation

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
Zigzag: type[EnergyDefect] = import_module("support.zigzag").Zigzag

# Seeds of the strong defect, and of the stated limit.
_STRONG_SEEDS, _LIMIT_SEEDS = 12, 7
# At the limit at least this share is to FAIL.
_LEAST_SHARE = 0.9


class AtPlaces(Defect):
    """Forces that depend on where atoms are, F_i += strength sin(k r_i) along x, y and z.

    A grid does that (egg-box effect): it breaks translation, and where no spacing of it fits into
    the cell, the freedom to wrap atoms.
    """

    spec = "at-places"

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer with the grid's forces added."""
        answer = self.model.evaluate(configurations, want=want)
        added = np.sin(configurations.positions * np.array([2.31, 1.37, 3.17]))
        return _with_forces(answer, self.strength * added)


class AlongAxis(Defect):
    """Forces along the first cell vector, of alternating sign: another basis has other forces."""

    spec = "along-axis"

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """The wrapped model's answer with the forces along the axis added."""
        answer = self.model.evaluate(configurations, want=want)
        axes = (
            configurations.cells[:, 0] / np.linalg.norm(configurations.cells[:, 0], axis=1)[:, None]
        )
        signs = (-1.0) ** np.arange(configurations.n_atoms)
        return _with_forces(answer, self.strength * signs[None, :, None] * axes[:, None])


def _with_forces(answer: Evaluation, added: Any) -> Evaluation:
    forces = None if answer.forces is None else answer.forces + added
    return Evaluation(answer.energy, forces, answer.stress)


_OWN = {AtPlaces.spec: AtPlaces, AlongAxis.spec: AlongAxis, Zigzag.spec: Zigzag}


@dataclass(frozen=True)
class Case:
    """One check with a defect of tunable strength.

    Attributes
    ----------
    check, structure : str
    model : str
        A built-in's spec with ``{}`` for the strength of the defect.
    strong : float
        A strength at which the violation is far above the tolerance.
    exact : callable (strength) -> float, or None
        The true violation; from the strong defect if None.
    within : callable (strength) -> context, or None
        Puts the defect into the integrator instead of the model.
    options : dict
        Further arguments of the check.
    most_seeds : int or None
        Fewer, where a record is costly.
    order : int
        The violation goes as this power of the strength.
    """

    check: str
    structure: str
    model: str
    strong: float
    exact: Callable[[float], float] | None = None
    within: Callable[[float], AbstractContextManager[None]] | None = None
    options: tuple[tuple[str, Any], ...] = ()
    most_seeds: int | None = None
    order: int = 1

    def strength(self, violation: float, slope: float) -> float:
        """That of a violation, where a unit strength has the violation ``slope``."""
        return float((violation / slope) ** (1 / self.order))

    @property
    def name(self) -> str:
        """Check, model and structure."""
        return f"{self.check}[{self.structure}] {self.model.replace('={}', '')}"


CASES = (
    Case("force_energy_gap", "Cu32", "gupta+other-energy={}", 5.0),
    Case("force_energy_gap", "Cu32", "gupta+other-energy={}+float32", 5.0),
    Case("jacobian_asymmetry", "Cu32", "gupta+pair-curl={}", 0.01),
    Case("jacobian_asymmetry", "H2O-box32", "water+local-curl={}", 0.1, most_seeds=12),
    Case("loop_work", "Cu32", "gupta+pair-curl={}", 0.01),
    Case("loop_work", "Cu32", "gupta+pair-curl={}+float32", 0.01),
    Case("loop_work", "H2O-box32", "water+local-curl={}", 0.1, most_seeds=12),
    Case("strain_loop_work", "Cu32", "gupta+direct-stress={}", 0.02),
    Case("stress_energy_gap", "Cu32", "gupta+direct-stress={}", 0.02),
    Case("batch_invariance", "Si8", "gupta+batch-index={}", 1.0),
    Case("determinism", "Si8", "gupta+noise={}", 1.0, exact=lambda s: s),
    Case("history_independence", "ethanol", "morse+stateful={}", 0.1),
    Case("outputs_agree", "ethanol", "morse+atomic-energies={}", 1.0),
    Case("cell_relaxation", "Si8", "morse+stress-half={}", 0.05, most_seeds=12),
    Case("relaxation_descent", "ethanol", "morse+force-scale={}", 0.02, most_seeds=30),
    Case("cutoff_smoothness", "Cu32-disordered", "gupta+hard-cutoff={}", 0.1, order=2),
    Case("path_smoothness", "Si8", "stillinger-weber+zigzag={}", 10.0, order=2,
         options=(("loops", 2),)),
    Case("locality", "ethanol", "morse+non-local={}", 1.0),
    Case("inversion_equivariance", "Si8", "gupta+chiral={}", 1.0),
    Case("lattice_basis", "Si8", "gupta+along-axis={}", 1.0),
    Case("net_force", "ethanol", "morse+net-force={}", 1.0),
    Case("net_torque", "ethanol", "morse+net-torque={}", 1.0),
    Case("periodic_wrap", "Si8", "gupta+at-places={}", 1.0),
    Case("permutation_equivariance", "Si8", "gupta+order-dependent={}", 1.0),
    Case("rotation_equivariance", "Si8", "gupta+lab-frame={}", 1.0),
    Case("separated_additivity", "ethanol", "morse+not-extensive={}", 0.1),
    Case("supercell_extensivity", "Si8", "morse+not-extensive={}", 0.1),
    Case("translation_invariance", "ethanol", "morse+at-places={}", 1.0),
    Case("nve_drift", "Cu32", "gupta", 5e-5, within=injected_friction, most_seeds=20),
    Case("nph_drift", "Cu32", "gupta+stress-half={}", 0.02, most_seeds=60),
    Case("pressure_consistency", "Si8", "gupta+stress-half={}", 1.0, most_seeds=12,
         options=(("evaluations", 2500),)),
    Case("thermostat_heat", "Si8", "gupta", 1e-4, within=injected_friction, most_seeds=12,
         options=(("evaluations", 3000),)),
)  # fmt: skip


def model_of(case: Case, strength: float) -> Model:
    """The built-in with its defect at a strength; those of this file are put around it."""
    base, _, defect = case.model.partition("+")
    if case.within is not None or not defect:
        return load_model(f"builtin::{case.model}")
    name, _, rest = defect.partition("={}")
    if name in _OWN:
        return _OWN[name](load_model(f"builtin::{base}{rest}"), strength)
    return load_model(f"builtin::{case.model.format(repr(strength))}")


def measured(case: Case, strength: float, seed: int, level: str = "quick") -> Measurement:
    """The measurement of a defect of so much strength."""
    spec = spec_of(case)
    model = model_of(case, strength)
    start = load_structures(case.structure)[0].configurations
    accepted = inspect.signature(spec.measure).parameters
    options = {**spec.options.get(level, {}), **dict(case.options)}
    tolerance = tolerance_of(spec.id, "md")
    if "tolerance" in accepted and tolerance is not None:
        options["tolerance"] = tolerance.value
    if "resolution" in accepted:
        options["resolution"] = measure_resolution(
            model, start, rng=np.random.default_rng([seed, 0])
        )
    context = nullcontext() if case.within is None else case.within(strength)
    with context:
        found: Measurement = spec.measure(
            Meter(model), start, rng=np.random.default_rng([seed, 1]), **options
        )
    return found


def spec_of(case: Case) -> CheckSpec:
    """The registered check."""
    (spec,) = find_checks(case.check)
    return spec


def violation_per_strength(case: Case) -> float:
    """The true violation of a unit strength."""
    if case.exact is not None:
        return case.exact(1.0)
    # More loops and directions tell it better; more steps of a relaxation or a run don't.
    level = "quick" if case.most_seeds else "standard"
    values = [measured(case, case.strong, 1000 + k, level).value for k in range(_STRONG_SEEDS)]
    # Where it is of second order the value is a mean of squares already.
    power = 2 / case.order
    mean = float(np.mean(np.power(values, power))) ** (1 / power)
    return mean / case.strong**case.order


def stated_limit(case: Case, strength: float) -> tuple[float, float]:
    """The median detection limit and noise floor that records of a defect state."""
    tolerance = tolerance_of(case.check, "md")
    limits, floors = [], []
    for seed in range(_LIMIT_SEEDS):
        found = measured(case, strength, 2000 + seed)
        limit = limit_beside(found, tolerance)
        limits.append(math.nan if limit is None else limit)
        floors.append(math.nan if found.noise_floor is None else found.noise_floor)
    return float(np.median(limits)), float(np.median(floors))


def failing(case: Case, strength: float, seeds: int) -> int:
    """How many of so many seeds FAIL."""
    tolerance = tolerance_of(case.check, "md")
    found = (measured(case, strength, seed) for seed in range(seeds))
    return sum(judge(one, tolerance).outcome is Outcome.FAIL for one in found)


@dataclass(frozen=True)
class Power:
    """What became of a case: shares that FAIL at the limit and at a third of it."""

    case: Case
    tolerance: float
    noise_floor: float
    limit: float
    at_limit: float
    at_third: float
    seeds: int
    seconds: float

    @property
    def good(self) -> bool:
        """Whether the limit is what it says."""
        return self.at_limit >= _LEAST_SHARE and self.at_third < self.at_limit

    def cells(self) -> list[str]:
        """A row of the table."""
        unit = spec_of(self.case).unit
        figures = [
            f"{n:.2g} {unit}".rstrip() for n in (self.tolerance, self.noise_floor, self.limit)
        ]
        shares = [f"{100 * share:.0f} %" for share in (self.at_limit, self.at_third)]
        defect = self.case.model.replace("={}", "")
        if self.case.within is not None:
            defect += ", friction in the integrator"
        return [f"`{self.case.check}`", f"{defect}, {self.case.structure}", *figures, *shares,
                str(self.seeds)]  # fmt: skip


def power_of(case: Case, seeds: int) -> Power:
    """The shares of one case."""
    started = time.perf_counter()
    count = min(seeds, case.most_seeds or seeds)
    slope = violation_per_strength(case)
    tolerance = tolerance_of(case.check, "md")
    assert tolerance is not None
    # The limit is that of a record of a defect near it: truncation and scatter may differ.
    limit, _ = stated_limit(case, case.strength(tolerance.value, slope))
    limit, floor = stated_limit(case, case.strength(limit, slope))
    shares = [
        failing(case, case.strength(factor * limit, slope), count) / count
        for factor in (1.0, 1 / 3)
    ]
    seconds = time.perf_counter() - started
    return Power(case, tolerance.value, floor, limit, shares[0], shares[1], count, seconds)


HEAD = ["check", "defect", "tolerance", "noise floor", "detection limit", "FAIL at the limit",
        "FAIL at a third", "seeds"]  # fmt: skip


def table(rows: list[Power]) -> str:
    """Markdown."""
    lines = [HEAD, ["---"] * len(HEAD), *(row.cells() for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> int:
    """Run the cases that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", default="*")
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args()
    patterns = args.checks.split(",")
    rows = []
    for case in CASES:
        if not any(fnmatch(case.check, pattern) for pattern in patterns):
            continue
        row = power_of(case, args.seeds)
        rows.append(row)
        mark = "  " if row.good else "!!"
        print(f"{mark} {' | '.join(row.cells())}   ({row.seconds:.0f} s)", flush=True)
        if args.markdown is not None:
            args.markdown.write_text(table(rows), encoding="utf-8")
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
