"""The stretch of dynamics at constant temperature that the sampling checks share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from ase.units import kB
from numpy.typing import ArrayLike, NDArray

from physcheck.checks.dynamics.replicas import slopes_of
from physcheck.checks.sampling.bath_run import WATCHED, Stage
from physcheck.checks.sampling.warming import Warmed, warm_apart, warm_in_turn
from physcheck.dynamics import (
    Bath,
    Langevin,
    StochasticVelocityRescaling,
    degrees_of_freedom,
)
from physcheck.dynamics.harmonic_modes import Modes, harmonic_modes, thermal_starts
from physcheck.dynamics.preparation import (
    fastest_frequency,
    refuse_unless_positive,
    settle,
    thermal_timestep_fs,
)
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import Budget
from physcheck.system import Bools, Configurations, Floats, System, as_configurations

__all__ = [
    "Trajectory",
    "groups_of",
    "make_trajectory",
    "shared_evaluations",
]

# Advance of the fastest mode in a step, rad.  Kinetic temperatures in the middle of BAOAB are then exact to
# some 0.1 %, and the shadow energy still holds.
_PHASE = 0.55
# Collisions in a hot fluid are harder than the modes of its start tell.
_LONGEST_FS = 6.0
# A start with larger forces isn't a thermal one, eV/Å.
_THERMAL_FORCE = 8.0
_SETTLING, _PRODUCTS = 12, 6
# Beyond this advance of the fastest mode in a step velocity Verlet is about to be unstable (at 2).
_UNSTABLE = 1.8
# Copies of a replica that ran away, at this share of the timestep, or of the one that fits if that is shorter: good
# models don't run away at any that is short enough.
_COPIES, _SHORTER = 4, 0.25
# The modes of a system cost 3N evaluations, and are found where that is a small part of the whole.
_MODES_SHARE = 1 / 15
# Where more than this share of the modes is too soft to be drawn, none is.
_SOFT_SHARE = 0.1
_WARMING_SHARE = 0.25
_GLOBAL_FS, _LOCAL_FS = 10.0, 100.0
# Replicas of some 2400 steps: what forces feed into a species takes picoseconds to build up; still enough of them for
# Student's t.
_STEPS_EACH, _FEWEST_REPLICAS, _MOST_REPLICAS = 2400, 4, 32
_LIQUID_MIXING = 0.5

#: What a trajectory takes where there is room, by budget; none at quick.
_WANTED: dict[Budget, int] = {"quick": 24_000, "standard": 24_000, "full": 100_000}


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """B replicas over T steps at constant temperature, with their accounts.

    Attributes
    ----------
    start : Configurations with B = 1
    temperature_K, timestep_fs : float
    bath : Bath
        Stochastic velocity rescaling (10 fs) where periodic, else Langevin (100 fs).
    kinetic : (T, B, N) float32, eV
        Of each atom in the middle of each step.
    end_kinetic : (N,) float, eV
        Of each atom at the end of steps, mean over all.
    potential, heat, conserved, plain : (T + 1, B) float, eV
        The model's energy (NaN without), heat from the bath since the start, shadow energy less heat
        (NaN in the first and last moment), and E + K less heat.
    velocities : (T, b, N, 3) float32, ASE's unit
        At the end of steps, of a few replicas.
    snapshots : Configurations
        Places along the way, replicas in turn.
    snapshot_forces : (S, N, 3) float, eV/Å
    warming_fs : float
        What went before.
    warming_bath : Langevin
        Under which.
    warm : (B, N) float, eV
        Mean kinetic energy of each atom in the middle of steps, in the second half of the warming.
    luck : (B, N) float, eV
        What the warming bath's noise gave each atom beyond its expectation, forgotten at the bath's rate. Its mean is
        zero for any forces, and where modes mix slowly it says how warm a replica's species happen to be.
    modes : mapping
        How many modes were drawn, and the slowest and fastest of them, rad/fs.
    evaluations : int
        What it all cost.
    blown_up : str
        How a replica ran away; empty if none did.
    unstable_step : bool or None
        Whether that was cured by a shorter timestep; None where that could not be tried.
    retried_fs : float
        That timestep.
    """

    start: Configurations
    temperature_K: float  # noqa: N815
    timestep_fs: float
    bath: Bath
    kinetic: NDArray[np.float32]
    end_kinetic: Floats
    potential: Floats
    heat: Floats
    conserved: Floats
    plain: Floats
    velocities: NDArray[np.float32]
    snapshots: Configurations
    snapshot_forces: Floats
    warming_fs: float
    luck: Floats
    warming_bath: Langevin
    warm: Floats
    modes: Mapping[str, Any] = field(default_factory=dict)
    evaluations: int = 0
    blown_up: str = ""
    unstable_step: bool | None = False
    retried_fs: float = 0.0

    @property
    def n_steps(self) -> int:
        """T."""
        return int(self.kinetic.shape[0])

    @property
    def n_replicas(self) -> int:
        """B."""
        return int(self.kinetic.shape[1])

    @property
    def sampled_ps(self) -> float:
        """Time of all replicas together."""
        return 1e-3 * self.timestep_fs * self.n_steps * self.n_replicas

    def release(self) -> float:
        """Potential energy that the structure still gives off beyond chance, eV/atom/ps: it isn't at rest yet."""
        if self.n_replicas < 2 or not np.isfinite(self.potential).all():
            return 0.0
        time = 1e-3 * self.timestep_fs * np.arange(len(self.potential), dtype=np.float64)
        slopes = slopes_of(time, self.potential) / self.start.n_atoms
        error = float(np.std(slopes, ddof=1)) / math.sqrt(len(slopes))
        return max(0.0, abs(float(slopes.mean())) - 2 * error)

    def luck_of(self, members: Bools) -> Floats:
        """(B,) luck of a group as a temperature, K."""
        found: Floats = self.luck[:, members].sum(axis=1)
        return 2 * found / (kB * degrees_of_freedom(self.start.system, members))

    def temperatures(self, members: Bools) -> Floats:
        """(T, B) kinetic temperature of a group, K, with the degrees of freedom it has."""
        energy = self.kinetic[:, :, members].sum(axis=2, dtype=np.float64)
        found: Floats = 2 * energy / (kB * degrees_of_freedom(self.start.system, members))
        return found

    @property
    def mixing(self) -> float:
        """How far modes have mixed under a global bath, 0 to 1: the share of :meth:`step_doubt` that readings have taken off.

        Replicas leave a local bath unmixed. Crystals (whose modes were drawn) hardly mix within a run. Liquids do so in a time
        like the run's: half is the best guess, and either end is possible.
        """
        still = self.modes.get("modes_drawn", 0) or not isinstance(
            self.bath, StochasticVelocityRescaling
        )
        return 0.0 if still else _LIQUID_MIXING

    def readings(self, members: Bools) -> Floats:
        """(T, B) kinetic temperature of a group, K, less what the timestep probably added."""
        doubt = self.temperature_K / 100 * self.step_doubt(members)
        read: Floats = self.temperatures(members) - self.mixing * doubt
        return read

    def step_doubt(self, members: Bools) -> float:
        """By how many percent a group's temperature in the middle of steps may be too high for the timestep's sake.

        Where a local bath governs, velocities in the middle of steps are exact. Under a global one modes share out the
        integrator's shadow energy, in which a mode's kinetic energy in the middle counts 1 - (omega dt)²/4: once
        modes have mixed, those at the end of steps are the equal ones. Which of the two holds depends on how far they have;
        so the truth lies between, and this is the distance: of the group less that of all atoms, whose sum the bath imposes.
        """
        if not isinstance(self.bath, StochasticVelocityRescaling):
            return 0.0
        middle = self.kinetic.mean(axis=(0, 1), dtype=np.float64)
        own = float(middle[members].sum() / self.end_kinetic[members].sum())
        return 100 * (own - float(middle.sum() / self.end_kinetic.sum()))

    def facts(self) -> dict[str, Any]:
        """For the evidence of every check that uses it."""
        return {
            "evaluations": self.evaluations,
            "replicas": self.n_replicas,
            "steps": self.n_steps,
            "timestep_fs": self.timestep_fs,
            "sampled_ps": self.sampled_ps,
            "warming_fs": self.warming_fs,
            "bath": type(self.bath).__name__,
            "temperature_K": self.temperature_K,
            "release_eV_per_atom_per_ps": self.release(),
            **self.modes,
        }


def groups_of(system: System, groups: Mapping[str, ArrayLike] | None) -> dict[str, Bools]:
    """Masks (N,) by name: those given (indices or masks), else one for each species.

    Raises
    ------
    ValueError
        A group is empty, holds all atoms or is another one's twin, or what is given are no atoms.
    """
    n_atoms = len(system)
    if groups is None:
        numbers = sorted(set(system.numbers.tolist()))
        return {chemical_symbols[z]: system.numbers == z for z in numbers}
    masks: dict[str, Bools] = {}
    for name, members in groups.items():
        mask = _mask_of(name, members, n_atoms)
        if not mask.any() or mask.all():
            raise ValueError(
                f"group {name!r} has {mask.sum()} of {n_atoms} atoms, should be a part"
            )
        for other, known in masks.items():
            if np.array_equal(mask, known):
                raise ValueError(f"groups {other!r} and {name!r} are the same atoms")
        masks[name] = mask
    return masks


def _mask_of(name: str, members: ArrayLike, n_atoms: int) -> Bools:
    """(N,) True for the members, given as indices or as a mask."""
    given = np.asarray(members)
    mask = np.zeros(n_atoms, dtype=np.bool_)
    if given.size == 0:
        return mask
    if given.dtype == np.bool_:
        if given.shape != (n_atoms,):
            raise ValueError(f"group {name!r} is a mask of {given.shape}, should be ({n_atoms},)")
        return given
    if not np.issubdtype(given.dtype, np.integer):
        raise ValueError(f"group {name!r} has {given.dtype}, should be indices or a mask")
    if given.min() < -n_atoms or given.max() >= n_atoms:
        raise ValueError(
            f"group {name!r} names atom {given.max() if given.max() >= n_atoms else given.min()} of {n_atoms}"
        )
    mask[given] = True
    return mask


def shared_evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    """What the plan should set aside for a structure's trajectory, where it has room."""
    return _WANTED[budget]


def _overhead(n_atoms: int, evaluations: int, replicas: int) -> tuple[int, bool]:
    """Evaluations before the first step at most, and whether the modes are among them."""
    with_modes = 3 * n_atoms <= _MODES_SHARE * evaluations
    probes = 3 * n_atoms + 4 * replicas if with_modes else _PRODUCTS
    return _SETTLING + probes + 2 * replicas, with_modes


def make_trajectory(
    model: Model | Meter,
    start: Any,
    *,
    rng: np.random.Generator,
    evaluations: int = 24_000,
    replicas: int | None = None,
    temperature_K: float = 300.0,
    timestep_fs: float | None = None,
) -> Trajectory:
    """Warm up replicas so that every mode has its share, then sample under a bath.

    In solids (and where they are worth their 3N evaluations) each replica begins with displacements drawn from the harmonic
    modes and spends a quarter of its steps under a Langevin bath of 50 fs. Elsewhere one replica goes ahead under a
    Langevin bath of 100 fs and leaves the others behind at equal intervals, a quarter of all steps together, since
    replicas that began at one place would share a liquid's memory of it (:mod:`physcheck.checks.sampling.warming`). All are then
    sampled by BAOAB: stochastic velocity rescaling, which can't hide that one species is fed by another, or
    Langevin where nothing is periodic, since a global bath would never reach rotation there.
    Velocities are independent between replicas, so that their means may be held against each other.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    evaluations : int
        What it may cost; the number of steps follows.
    replicas : int
        So many that each takes some 2400 steps, if left out.
    temperature_K : float
    timestep_fs : float
        From the fastest mode if left out.

    Raises
    ------
    ValueError
        Too few evaluations for a single step; a temperature, timestep or number of replicas that isn't positive, or
        a timestep beyond what the fastest mode bears.
    ModelError, NonFiniteOutput

    Source: Leimkuhler, Matthews, J. Chem. Phys. 138, 174102 (2013) (BAOAB); Bussi, Donadio, Parrinello, J. Chem.
    Phys. 126, 014101 (2007).
    """
    _refuse_nonsense(temperature_K, timestep_fs, replicas)
    meter = Meter(model)
    before = meter.evaluations
    one = as_configurations(start)
    if replicas is None:
        replicas = min(max(evaluations // _STEPS_EACH, _FEWEST_REPLICAS), _MOST_REPLICAS)
    overhead, with_modes = _overhead(one.n_atoms, evaluations, replicas)
    total_steps = (evaluations - overhead) // replicas
    if total_steps < 4:
        raise ValueError(
            f"{evaluations} evaluations are too few for {replicas} replicas of {one.system.formula}"
        )
    settled, forces = settle(meter, one, largest_force=_THERMAL_FORCE, evaluations=_SETTLING)
    modes: Modes | None = None
    if with_modes:
        modes = harmonic_modes(meter, settled, forces)
        frequency = modes.fastest
    else:
        frequency = fastest_frequency(meter, settled, rng, forces=forces, products=_PRODUCTS) * 1.1
    fitting_fs = min(_LONGEST_FS, thermal_timestep_fs(one.system, temperature_K))
    if frequency > 0:
        fitting_fs = min(fitting_fs, _PHASE / frequency)
    if timestep_fs is None:
        timestep_fs = fitting_fs
    elif timestep_fs * frequency > _UNSTABLE:
        raise ValueError(
            f"timestep_fs is {timestep_fs}, should be below {_UNSTABLE / frequency:.2g}: the fastest mode has {frequency:.2g} "
            "rad/fs, and velocity Verlet is unstable from 2/omega on"
        )
    places: Configurations | None = None
    facts: dict[str, Any] = {"fastest_rad_per_fs": frequency}
    if modes is not None:
        # A liquid has modes that curve down; moved along all others at once it would go up in energy and give that
        # off for picoseconds.  It starts as it is: a snapshot is warm already.
        drawn = int(modes.drawn(temperature_K).sum())
        facts |= {"modes_drawn": 0, "slowest_rad_per_fs": modes.slowest(temperature_K)}
        rigid = 3 if one.system.is_periodic else 6
        if drawn >= (1 - _SOFT_SHARE) * (3 * one.n_atoms - rigid):
            places = thermal_starts(meter, modes, replicas, temperature_K, rng)
            facts["modes_drawn"] = drawn
    n_warming = int(_WARMING_SHARE * total_steps)
    if places is not None:
        warmed = warm_apart(meter, places, temperature_K, timestep_fs, n_warming, rng)
    else:
        warmed = warm_in_turn(meter, settled, replicas, temperature_K, timestep_fs, n_warming, rng)
    run = warmed.stage
    bath: Bath = warmed.bath
    if run.lost is None:
        bath = (
            StochasticVelocityRescaling(temperature_K, _GLOBAL_FS)
            if one.system.is_periodic
            else Langevin(temperature_K, _LOCAL_FS)
        )
        run = Stage(meter, warmed.places, warmed.velocities, timestep_fs, bath, rng)
        run.advance(total_steps - n_warming)
    blown_up, retried_fs = "", 0.0
    unstable: bool | None = False
    if run.lost is not None:
        blown_up = run.describe()
        retried_fs = _SHORTER * min(timestep_fs, fitting_fs)
        again = _again(run, bath, retried_fs, evaluations - (meter.evaluations - before), rng)
        unstable = None if again is None else not again
    return _trajectory_of(
        run, bath, one, warmed, facts, blown_up=blown_up, unstable=unstable, retried_fs=retried_fs
    )


def _refuse_nonsense(temperature_K: float, timestep_fs: float | None, replicas: int | None) -> None:
    refuse_unless_positive(temperature_K=temperature_K, timestep_fs=timestep_fs)
    if replicas is not None and replicas < 1:
        raise ValueError(f"replicas is {replicas}, should be 1 or more")


def _trajectory_of(
    run: Stage,
    bath: Bath,
    one: Configurations,
    warmed: Warmed,
    facts: Mapping[str, Any],
    *,
    blown_up: str,
    unstable: bool | None,
    retried_fs: float,
) -> Trajectory:
    """What was sampled, as a value."""
    trace = run.simulation.trace()
    n_atoms = one.n_atoms
    snapshots = np.array(run.snapshots).reshape(-1, n_atoms, 3)
    return Trajectory(
        start=one,
        temperature_K=bath.temperature_K,
        timestep_fs=run.simulation.timestep_fs,
        bath=bath,
        kinetic=trace.middle.astype(np.float32),
        end_kinetic=run.end_kinetic / max(len(run.velocities), 1),
        potential=trace.potential,
        heat=trace.heat,
        conserved=trace.conserved,
        plain=trace.total - trace.heat,
        velocities=np.array(run.velocities, dtype=np.float32).reshape(
            len(run.velocities), min(WATCHED, trace.kinetic.shape[1]), n_atoms, 3
        ),
        snapshots=one.at(snapshots, np.repeat(one.cells, len(snapshots), axis=0)),
        snapshot_forces=np.array(run.snapshot_forces).reshape(-1, n_atoms, 3),
        warming_fs=warmed.time_fs,
        luck=warmed.luck,
        warming_bath=warmed.bath,
        warm=warmed.kinetic,
        modes=facts,
        evaluations=run.meter.evaluations,
        blown_up=blown_up,
        unstable_step=unstable,
        retried_fs=retried_fs,
    )


def _again(
    run: Stage, bath: Bath, timestep_fs: float, left: int, rng: np.random.Generator
) -> bool | None:
    """Whether the replica that ran away does so at a shorter timestep too, from where it began and over the time that it took.

    A few copies with a bath noise of their own, as many as ``left`` evaluations pay for; None where that is not a single one.
    """
    assert run.lost is not None
    steps = math.ceil(run.simulation.steps * run.simulation.timestep_fs / timestep_fs) + 20
    if run.meter.remaining is not None:
        left = min(left, run.meter.remaining)
    copies = min(_COPIES, left // (steps + 1))
    if copies < 1:
        return None
    lost = np.full(copies, run.lost)
    velocities = run.start_velocities[lost]
    shorter = Stage(run.meter, run.start[lost], velocities, timestep_fs, bath, rng)
    shorter.advance(steps)
    return shorter.lost is not None
