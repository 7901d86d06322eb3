"""What does an asymmetry lambda of the force Jacobian do to a simulation?  P = c lambda².

The heating rate P, in eV/atom/ps, and the range of c over systems and defects.

    python benchmarks/calibrate_tolerances.py [--only Si8] [--no-injection] [--json F]

Built-in potentials at thermal equilibrium, with defects s G(x) whose forces are no gradients.

*Linear response* (all cases).  A force sG that is added to a system at temperature T does work at
the mean rate (Kubo; the force doesn't depend on velocities, so it keeps phase-space volume)

    P N = (s²/kB T) integral of <(G.v)(t) (G.v)(0)> dt = (s²/2 kB T) d/dt <W(t)²>,
    W(t) = integral of G.v dt

along trajectories of the potential without the defect: second order in s, and zero for a gradient,
whose W is bounded.  W is taken less the function of the state that explains most of it (pair sums,
densities), which changes no rate.  The slope of <W²>, over origins and replicas, is taken between a
half and the whole of the longest lag; ``late/early`` is that slope over the one between a quarter
and a half: 1 is a steady rate.  lambda (full Jacobian, central differences, rms over replicas) is
proportional to s, so that P = c lambda².  lambda_loop is the check's own value over lambda.

*Injection* (the cases marked so).  Replicas run with strength 0 and with +s and -s of four
strengths, from the same positions with the same velocities.  The mean over both signs removes the
first-order work, which has either sign and averages out:

    P = d/dt [(H(+s) + H(-s))/2 - H(0)]/N,

H the shadow energy, a straight line after the first quarter.  c is the weighted fit of
P = c lambda².

Velocity Verlet, net force taken off.  About ten minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ase import units

from physcheck import measure_loop_work
from physcheck.dynamics import Langevin, Simulation, draw_velocities
from physcheck.errors import PhyscheckError
from physcheck.model import Capabilities, Meter, Model
from physcheck.potentials import DEFECTS, make_builtin
from physcheck.potentials.defects import ForceDefect
from physcheck.potentials.defects.density import shell
from physcheck.structures import load_structures
from physcheck.system import Configurations, Evaluation, Floats

# Strengths that are injected, over the largest.
SHARES = np.array([0.125, 0.25, 0.5, 1.0])
# Length of an injection, ps, which runs nine strengths at once.
INJECTED_PS = 0.5
# Share of an injection before its energy is a straight line.
LEFT_OUT = 0.25
# Above this late/early <W²> isn't linear in time, so that there is no c to fit.
STEADY = 1.5
# Å.  The error of central differences falls with the square of it, down to rounding.
DIFFERENCE_STEP = 1e-3
# lambda at which the check itself is asked, its loops, and the configurations that it sees.
LOOP_LAMBDA, LOOPS, LOOP_STARTS = 1e-3, 12, 3
# Time constant of the bath and length of a run, fs: a strong bath, then one that disturbs less.
BATHS = ((20.0, 300.0), (100.0, 700.0))
# Weights of pairs are exp(-decay (r/bond length - 1)), see potentials/defects/density.py.
DECAYS = (2.0, 4.0, 8.0)
# Edge of the cube that holds one molecule of water at 1 g/cm³, Å.
WATER_EDGE = 3.104


@dataclass(frozen=True)
class Case:
    """A system, how it is run, its defects, and the largest lambda to inject (0: none)."""

    name: str
    potential: str
    temperatures: tuple[float, ...]
    defects: tuple[str, ...]
    timestep_fs: float
    picoseconds: float
    replicas: int
    lag_ps: float
    injected: float = 0.0
    repeat: tuple[int, int, int] = (1, 1, 1)
    label: str = ""


_SOLID = ("pair-curl", "lost-reaction", "detached")
_WATER = ("pair-curl", "lost-reaction", "detached", "local-curl", "species-direct")
CASES = (
    Case("ethanol", "morse", (150, 300), (*_SOLID, "curl"), 0.5, 2.0, 12, 0.3, 2e-3),
    Case("H2O-box8", "water", (450, 300), _WATER, 1.0, 2.0, 6, 0.3, 1e-3),
    Case("H2O-box32", "water", (300,), _WATER, 1.0, 0.8, 3, 0.3),
    Case("Si8", "stillinger-weber", (300, 900), _SOLID, 3.0, 6.0, 8, 1.0),
    Case("Si8", "stillinger-weber", (900,), _SOLID, 3.0, 3.0, 3, 1.0, 0.0, (2, 2, 2), "Si64"),
    Case("Cu32", "gupta", (300, 900), _SOLID, 5.0, 5.0, 6, 1.0),
    Case("Cu32-disordered", "gupta", (1400,), _SOLID, 4.0, 4.0, 6, 0.8),
)  # fmt: skip


class Graded:
    """A potential with a defect of another strength in each replica."""

    def __init__(self, model: Model, defect: ForceDefect, strengths: Floats) -> None:
        self.model, self.defect, self.strengths = model, defect, strengths

    @property
    def capabilities(self) -> Capabilities:
        """Those of the potential."""
        return self.model.capabilities

    def evaluate(
        self, configurations: Configurations, *, want: frozenset[str] = frozenset({"forces"})
    ) -> Evaluation:
        """Energies and forces, each with its strength."""
        answer = self.model.evaluate(configurations, want=want)
        forces = answer.require_forces()
        forces = forces + self.strengths[:, None, None] * self.defect.unit_forces(configurations)
        energy = answer.require_energy()
        added = self.defect.unit_energies(configurations)
        if added is not None:
            energy = energy + self.strengths * added
        return Evaluation(energy, forces)


def small_water_box(rng: np.random.Generator) -> Configurations:
    """Eight molecules at 1 g/cm³ on a cubic lattice, turned at random."""
    from ase import Atoms
    from ase.build import molecule

    water = molecule("H2O")
    box = Atoms(cell=2 * WATER_EDGE * np.eye(3), pbc=True)
    for corner in np.ndindex(2, 2, 2):
        one = water.copy()
        one.rotate(rng.uniform(0, 360), rng.normal(size=3))
        one.positions += WATER_EDGE * np.array(corner)
        box += one
    return Configurations.from_atoms(box)


def equilibrated(
    case: Case, model: Model, temperature: float, rng: np.random.Generator
) -> tuple[Configurations, Floats]:
    """Replicas after Langevin dynamics: configurations and velocities (R, N, 3)."""
    if case.name == "H2O-box8":
        one = small_water_box(rng)
    else:
        (structure,) = load_structures(case.name)
        one = Configurations.from_atoms(structure.configurations.to_atoms().repeat(case.repeat))
    start = one.at(np.repeat(one.positions, case.replicas, axis=0))
    velocities = draw_velocities(one.system, case.replicas, temperature, rng)
    for time_fs, span_fs in BATHS:
        simulation = Simulation(
            Meter(model), start, velocities, timestep_fs=case.timestep_fs,
            bath=Langevin(temperature, time_fs), rng=rng,
        )  # fmt: skip
        simulation.run(round(span_fs / case.timestep_fs))
        start, velocities = start[0].at(simulation.positions), simulation.velocities
    return start, velocities


def asymmetry(model: Model, one: Configurations, h: float = DIFFERENCE_STEP) -> float:
    """lambda = |J - J^T|/(2 |J|) from the whole Jacobian at one configuration."""
    n = one.n_coordinates
    steps = h * np.eye(n)
    forces = [model.evaluate(one.displaced(sign * steps)).require_forces() for sign in (1, -1)]
    jacobian = (forces[0] - forces[1]).reshape(n, n) / (2 * h)
    return float(np.linalg.norm(jacobian - jacobian.T) / (2 * np.linalg.norm(jacobian)))


def slope(times: Floats, energies: Floats) -> Floats:
    """(...,) slopes of straight lines through energies (T, ...)."""
    t = times - times.mean()
    return np.asarray(np.tensordot(t, energies, axes=(0, 0)) / (t @ t))


def second_order(
    case: Case, trial: ForceDefect, grades: Floats, start: Configurations, velocities: Floats
) -> tuple[Floats, Floats, Floats]:
    """Times (T,) ps and energies (T, strengths, replicas), eV/atom, even and odd in the strength.

    NaN after a blow-up.
    """
    signed = np.concatenate([[0.0], grades, -grades])
    model = Graded(trial.model, trial, np.repeat(signed, case.replicas))
    simulation = Simulation(
        Meter(model, max_atoms_per_call=10**9),
        start[0].at(np.tile(start.positions, (len(signed), 1, 1))),
        np.tile(velocities, (len(signed), 1, 1)), timestep_fs=case.timestep_fs,
    )  # fmt: skip
    steps = round(1000 * case.picoseconds / case.timestep_fs)
    k = len(grades)
    try:
        simulation.run(steps)
    except PhyscheckError:
        empty = np.full((2, k, case.replicas), np.nan)
        return np.arange(2.0), empty, empty
    trace = simulation.trace()
    known = np.isfinite(trace.shadow).all(axis=1)
    energy = trace.shadow[known].reshape(-1, len(signed), case.replicas) / start.n_atoms
    energy = energy - energy[0]
    plus, minus = energy[:, 1 : k + 1], energy[:, k + 1 :]
    return trace.time_fs[known] / 1000, (plus + minus) / 2 - energy[:, :1], (plus - minus) / 2


def state_functions(configurations: Configurations) -> Floats:
    """(functions, B): sums over pairs of each couple of elements, and of products of densities."""
    numbers = configurations.system.numbers
    first = shell(configurations, DECAYS[0])
    pairs = first.pairs
    shells = [first, *(shell(configurations, decay, pairs) for decay in DECAYS[1:])]
    # One number for a couple of elements, whichever comes first.
    base = numbers.max() + 1
    low = np.minimum(numbers[pairs.first], numbers[pairs.second])
    code = base * low + np.maximum(numbers[pairs.first], numbers[pairs.second])
    kinds = [base * a + b for a in np.unique(numbers) for b in np.unique(numbers) if a <= b]
    rows = [pairs.sum_configs(near.weights * (code == kind)) for near in shells for kind in kinds]
    rho = [near.density for near in shells]
    rows += [(rho[0] * rho[0]).sum(axis=1), (rho[0] * rho[1]).sum(axis=1)]
    # As in second-moment potentials; the offset keeps the root smooth where no atom is near.
    rows += [np.sqrt(rho[1] + 0.1).sum(axis=1)]
    return np.array(rows)


def works(
    case: Case, model: Model, defects: list[ForceDefect], start: Configurations, velocities: Floats
) -> tuple[Floats, Floats]:
    """W (T, defects, replicas), eV per unit of strength, and states (T, functions, replicas)."""
    simulation = Simulation(Meter(model), start, velocities, timestep_fs=case.timestep_fs)
    shares = start.system.masses / start.system.masses.sum()
    powers, states = [], []
    for _ in range(round(1000 * case.picoseconds / case.timestep_fs)):
        simulation.run(1)
        here, v = start.at(simulation.positions), simulation.velocities
        row = []
        for defect in defects:
            g = defect.unit_forces(here)
            g = g - shares[:, None] * g.sum(axis=1, keepdims=True)
            row.append(np.einsum("bna,bna->b", g, v))
        powers.append(row)
        states.append(state_functions(here))
    power = np.array(powers)
    # The trapezoid rule up to each step's end, where the state is.
    work = np.cumsum(power, axis=0) - power / 2
    return work * case.timestep_fs * units.fs, np.array(states)


def response(work: Floats, states: Floats, lag: int) -> tuple[Floats, float]:
    """(replicas,) d<W²>/d(lag) between lag/2 and lag, eV² a step; its ratio to the half before.

    The change of any function of the state can be taken off W without a change of the rate: the
    combination that explains most of W over lag/8 takes off the defect's gradient part.
    """
    short = max(1, lag // 8)
    changes = np.moveaxis(states[short:] - states[:-short], 1, -1).reshape(-1, states.shape[1])
    scale = changes.std(axis=0)
    scale[scale == 0] = 1.0
    target = (work[short:] - work[:-short]).ravel()
    weights = np.linalg.lstsq(changes / scale, target, rcond=1e-8)[0] / scale
    rest = work - np.einsum("tfr,f->tr", states, weights)

    def spread(steps: int) -> Floats:
        return np.asarray(np.mean((rest[steps:] - rest[:-steps]) ** 2, axis=0))

    quarter, half, whole = (spread(lag // k) for k in (4, 2, 1))
    late, early = (whole - half) / (lag - lag // 2), (half - quarter) / (lag // 2 - lag // 4)
    return late, float(late.mean() / early.mean())


def calibrate(
    case: Case, temperature: float, rng: np.random.Generator, *, inject: bool
) -> list[dict[str, Any]]:
    """One row for each defect."""
    model = make_builtin(case.potential)
    start, velocities = equilibrated(case, model, temperature, rng)
    defects = [DEFECTS[name](model) for name in case.defects]
    paths, states = works(case, model, defects, start, velocities)
    lag = round(1000 * case.lag_ps / case.timestep_fs)
    rows = []
    for name, defect, work in zip(case.defects, defects, np.moveaxis(paths, 1, 0)):
        kind = DEFECTS[name]
        found = [asymmetry(defect, one) for one in start]
        unit = float(np.sqrt(np.mean(np.square(found)))) / defect.strength
        weak = kind(model, LOOP_LAMBDA / unit)
        loop = [
            measure_loop_work(weak, one, rng=np.random.default_rng(7), loops=LOOPS).value
            for one in start[:LOOP_STARTS]
        ]
        slopes, steady = response(work, states, lag)
        c = slopes / (case.timestep_fs / 1000) / (2 * units.kB * temperature)
        c = c / unit**2 / start.n_atoms
        row = {
            "system": case.label or case.name, "atoms": start.n_atoms, "T": temperature,
            "defect": name, "c": float(c.mean()),
            "c_error": float(c.std(ddof=1) / np.sqrt(len(c))), "late_over_early": steady,
            "loop_over_lambda": float(np.sqrt(np.mean(np.square(loop))) / LOOP_LAMBDA),
        }  # fmt: skip
        rows.append(row)
        print(
            f"| {row['system']} | {row['atoms']} | {temperature:.0f} | {name} | {row['c']:.3g} ± "
            f"{row['c_error']:.1g} | {steady:.2f} | {row['loop_over_lambda']:.2f} |", flush=True,
        )  # fmt: skip
        if inject and case.injected and temperature == case.temperatures[-1] and steady < STEADY:
            row["injection"] = injection(case, defect, unit, start, velocities)
    return rows


def injection(
    case: Case, defect: ForceDefect, unit: float, start: Configurations, velocities: Floats
) -> dict[str, Any]:
    """P at four strengths, and c, from half of the replicas over half a picosecond."""
    case = replace(case, replicas=case.replicas // 2, picoseconds=INJECTED_PS)
    start, velocities = start[: case.replicas], velocities[: case.replicas]
    lambdas = case.injected * SHARES
    # Weaker by halves until no replica blows up.
    for _ in range(4):
        ps, even, _ = second_order(case, defect, lambdas / unit, start, velocities)
        if np.isfinite(even).all():
            break
        lambdas = lambdas / 2
    begin = int(LEFT_OUT * len(ps))
    power = slope(ps[begin:], even[begin:])
    mean, error = power.mean(axis=1), power.std(axis=1, ddof=1) / np.sqrt(case.replicas)
    # Standard errors of a few replicas scatter: a power law through them makes the weights.
    smooth = np.polyval(np.polyfit(np.log(lambdas), np.log(error), 1), np.log(lambdas))
    weight = np.exp(-2 * smooth)
    c = float((weight * mean * lambdas**2).sum() / (weight * lambdas**4).sum())
    c_error = float(1 / np.sqrt((weight * lambdas**4).sum()))
    powers = ", ".join(f"{value:g}: {p:.1e} ± {e:.0e}" for value, p, e in zip(lambdas, mean, error))
    print(
        f"    injected, P (eV/atom/ps) at lambda = {powers}; c = {c:.3g} ± {c_error:.1g}",
        flush=True,
    )
    return {"lambdas": lambdas, "power": mean, "error": error, "c": c, "c_error": c_error}


def main() -> None:
    """All cases, the table and the range of c."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=None, help="a system's name")
    parser.add_argument("--no-injection", action="store_true")
    parser.add_argument("--json", default=None)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    began = time.perf_counter()
    print("| system | atoms | T (K) | defect | c (eV/atom/ps) | late/early | lambda_loop/lambda |")
    print("|---|---|---|---|---|---|---|")
    rows: list[dict[str, Any]] = []
    for index, case in enumerate(CASES):
        if args.only not in (None, case.label or case.name):
            continue
        for temperature in case.temperatures:
            rng = np.random.default_rng([args.seed, index, int(temperature)])
            rows += calibrate(case, temperature, rng, inject=not args.no_injection)
    found = np.array([row["c"] for row in rows])
    print(
        f"c: {found.min():.3g} to {found.max():.3g}, median {np.median(found):.3g} eV/atom/ps "
        f"({time.perf_counter() - began:.0f} s)"
    )
    if args.json:
        with open(args.json, "w") as file:
            json.dump(rows, file, indent=1, default=np.ndarray.tolist)


if __name__ == "__main__":
    main()
