"""Making a trajectory: its timestep, the equilibration of its replicas, the run under a bath."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from physcheck.checks.sampling.bath_run import VELOCITY_REPLICAS, BathRun
from physcheck.checks.sampling.equilibration import (
    Equilibrated,
    equilibrate_in_turn,
    equilibrate_separately,
)
from physcheck.checks.sampling.trajectory import Trajectory
from physcheck.dynamics import Bath, Langevin, StochasticVelocityRescaling
from physcheck.dynamics.harmonic_modes import Modes, harmonic_modes, thermal_starts
from physcheck.dynamics.preparation import (
    fastest_frequency,
    pre_relax,
    require_positive,
    thermal_timestep_fs,
)
from physcheck.model import Capabilities, Meter, Model
from physcheck.registry import Budget
from physcheck.system import Configurations, Floats, as_configurations

__all__ = ["FULL_EVALUATIONS", "make_trajectory", "shared_evaluations"]

# Advance of the fastest mode in a step, rad. Kinetic temperatures in the middle of BAOAB are
# then exact to some 0.1 %, and the shadow energy still holds.
_PHASE = 0.55
# The longest timestep, fs: collisions in a hot fluid are harder than the modes of its start show.
_LONGEST_FS = 6.0
# A start with larger forces isn't a thermal one, eV/Å; it goes downhill for a few evaluations
# first.
_THERMAL_FORCE = 8.0
_DOWNHILL = 12
# Evaluations for the fastest frequency where the modes aren't found, and what it is raised by,
# since it is then a lower bound, 10 % low at most in practice.
_PRODUCTS, _FREQUENCY_RESERVE = 6, 1.1
# Beyond this advance of the fastest mode in a step velocity Verlet is about to be unstable (at 2).
_UNSTABLE = 1.8
# Copies of a replica that ran away, at this share of the timestep, or of the one that fits if
# that is shorter: good models don't run away at any that is short enough. They run so many steps
# longer.
_COPIES, _SHORTER, _LONGER = 4, 0.25, 20
# The modes of a system cost 3N evaluations, and are found where that is a small part of the whole.
_MODES_SHARE = 1 / 15
# Drawing displacements from the modes costs at most so many evaluations a replica, and each of
# the two runs (equilibration and sampling) one a replica for the forces at its start.
_DRAWING, _RUNS = 4, 2
# Where more than this share of the modes is too soft to be drawn, none is.
_SOFT_SHARE = 0.1
# Modes without a frequency: translations, and rotations where nothing is periodic.
_TRANSLATIONS, _RIGID_MOTIONS = 3, 6
# The part of all steps that goes into equilibration.
_EQUILIBRATION_SHARE = 0.25
# Relaxation times of the global and of the local bath.
_GLOBAL_FS, _LOCAL_FS = 10.0, 100.0
# Replicas of some 2400 steps: the heat that forces put into a species takes picoseconds to build
# up; still enough of them for Student's t.
_STEPS_EACH, _FEWEST_REPLICAS, _MOST_REPLICAS = 2400, 4, 32
# With fewer steps a replica, neither equilibration nor sampling has any to speak of.
_FEWEST_STEPS = 4

#: What a trajectory takes where there is room for it, at a full budget.
FULL_EVALUATIONS = 100_000
_WANTED: dict[Budget, int] = {"quick": 24_000, "standard": 24_000, "full": FULL_EVALUATIONS}


def shared_evaluations(start: Configurations, capabilities: Capabilities, budget: Budget) -> int:
    """What the plan should set aside for a structure's trajectory, where it has room."""
    return _WANTED[budget]


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
    """Equilibrate replicas so that every mode has its share, then sample under a bath.

    Equilibration (:mod:`physcheck.checks.sampling.equilibration`) takes a quarter of the steps: of
    solids each replica on its own, from displacements drawn from the harmonic modes; of liquids,
    and where the modes aren't worth their 3N evaluations, one replica that leaves the others
    behind. Sampling is by BAOAB under stochastic velocity rescaling, which can't hide that one
    species gets heat from another, or Langevin where nothing is periodic, since a global bath would
    never reach rotation there. Velocities are independent between replicas.

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
        Too few evaluations for a single step; a temperature, timestep or number of replicas that
        isn't positive, or a timestep beyond what the fastest mode bears.
    ModelError, NonFiniteOutput

    Source: Leimkuhler, Matthews, J. Chem. Phys. 138, 174102 (2013) (BAOAB); Bussi, Donadio,
    Parrinello, J. Chem. Phys. 126, 014101 (2007).
    """
    _check_options(temperature_K, timestep_fs, replicas)
    meter = Meter(model)
    before = meter.evaluations
    one = as_configurations(start)
    shape = _choose_shape(one, evaluations, replicas)
    setup = _set_up(meter, one, shape, temperature_K, timestep_fs, rng)
    equilibrated = _equilibrate(meter, setup, shape, rng)
    run, bath = _sample(meter, one, setup, shape, equilibrated, rng)
    retry = _Retry("", False, 0.0)
    if run.runaway is not None:
        left = evaluations - (meter.evaluations - before)
        retry = _retry(run, bath, setup.fitting_fs, left, rng)
    return _as_trajectory(run, bath, one, equilibrated, setup.facts, retry)


def _check_options(temperature_K: float, timestep_fs: float | None, replicas: int | None) -> None:
    require_positive(temperature_K=temperature_K, timestep_fs=timestep_fs)
    if replicas is not None and replicas < 1:
        raise ValueError(f"replicas is {replicas}, should be 1 or more")


@dataclass(frozen=True, slots=True)
class _Shape:
    """How many replicas and steps of each, and whether the harmonic modes are found first."""

    replicas: int
    steps: int
    with_modes: bool

    @property
    def equilibration_steps(self) -> int:
        return int(_EQUILIBRATION_SHARE * self.steps)


def _choose_shape(one: Configurations, evaluations: int, replicas: int | None) -> _Shape:
    """Spend ``evaluations``, less what comes before the first step, on steps of all replicas."""
    if replicas is None:
        replicas = min(max(evaluations // _STEPS_EACH, _FEWEST_REPLICAS), _MOST_REPLICAS)
    with_modes = 3 * one.n_atoms <= _MODES_SHARE * evaluations
    probes = 3 * one.n_atoms + _DRAWING * replicas if with_modes else _PRODUCTS
    overhead = _DOWNHILL + probes + _RUNS * replicas
    steps = (evaluations - overhead) // replicas
    if steps < _FEWEST_STEPS:
        raise ValueError(
            f"{evaluations} evaluations are too few for {replicas} replicas of {one.system.formula}"
        )
    return _Shape(replicas, steps, with_modes)


@dataclass(frozen=True, slots=True, eq=False)
class _Setup:
    """Where the dynamics starts and at what timestep.

    ``fitting_fs`` is the timestep that fits the model; ``timestep_fs`` the caller's, if given one.
    ``places`` has a configuration for each replica where they were drawn from the modes, else None.
    """

    start: Configurations
    places: Configurations | None
    temperature_K: float  # noqa: N815
    timestep_fs: float
    fitting_fs: float
    facts: Mapping[str, Any]


def _set_up(
    meter: Meter,
    one: Configurations,
    shape: _Shape,
    temperature_K: float,
    timestep_fs: float | None,
    rng: np.random.Generator,
) -> _Setup:
    start, forces = pre_relax(meter, one, largest_force=_THERMAL_FORCE, evaluations=_DOWNHILL)
    modes: Modes | None = None
    if shape.with_modes:
        modes = harmonic_modes(meter, start, forces)
        frequency = modes.fastest
    else:
        lower = fastest_frequency(meter, start, rng, forces=forces, products=_PRODUCTS)
        frequency = lower * _FREQUENCY_RESERVE
    fitting_fs = min(_LONGEST_FS, thermal_timestep_fs(one.system, temperature_K))
    if frequency > 0:
        fitting_fs = min(fitting_fs, _PHASE / frequency)
    if timestep_fs is not None and timestep_fs * frequency > _UNSTABLE:
        raise ValueError(
            f"timestep_fs is {timestep_fs}, should be below {_UNSTABLE / frequency:.2g}: the "
            f"fastest mode has {frequency:.2g} rad/fs, and velocity Verlet is unstable from "
            "2/omega on"
        )
    places: Configurations | None = None
    facts: dict[str, Any] = {"fastest_rad_per_fs": frequency}
    if modes is not None:
        drawn = int(modes.drawn(temperature_K).sum())
        facts |= {"modes_drawn": 0, "slowest_rad_per_fs": modes.slowest(temperature_K)}
        # A liquid has modes that curve down. Moved along all others at once it would go up in
        # energy and release that for picoseconds. It starts as it is: a snapshot is thermal
        # already.
        rigid = _TRANSLATIONS if one.system.is_periodic else _RIGID_MOTIONS
        if drawn >= (1 - _SOFT_SHARE) * (3 * one.n_atoms - rigid):
            places = thermal_starts(meter, modes, shape.replicas, temperature_K, rng)
            facts["modes_drawn"] = drawn
    chosen_fs = fitting_fs if timestep_fs is None else timestep_fs
    return _Setup(start, places, temperature_K, chosen_fs, fitting_fs, facts)


def _equilibrate(
    meter: Meter, setup: _Setup, shape: _Shape, rng: np.random.Generator
) -> Equilibrated:
    temperature_K, timestep_fs = setup.temperature_K, setup.timestep_fs
    steps = shape.equilibration_steps
    if setup.places is not None:
        return equilibrate_separately(meter, setup.places, temperature_K, timestep_fs, steps, rng)
    return equilibrate_in_turn(
        meter, setup.start, shape.replicas, temperature_K, timestep_fs, steps, rng
    )


def _sample(
    meter: Meter,
    one: Configurations,
    setup: _Setup,
    shape: _Shape,
    equilibrated: Equilibrated,
    rng: np.random.Generator,
) -> tuple[BathRun, Bath]:
    """The sampling run and its bath; those of the equilibration where a replica ran away in it."""
    if equilibrated.run.runaway is not None:
        return equilibrated.run, equilibrated.bath
    bath: Bath = (
        StochasticVelocityRescaling(setup.temperature_K, _GLOBAL_FS)
        if one.system.is_periodic
        else Langevin(setup.temperature_K, _LOCAL_FS)
    )
    places, velocities = equilibrated.places, equilibrated.velocities
    run = BathRun(meter, places, velocities, setup.timestep_fs, bath, rng)
    run.advance(shape.steps - shape.equilibration_steps)
    return run, bath


@dataclass(frozen=True, slots=True)
class _Retry:
    """How a replica ran away, whether a shorter timestep cures it (None: not tried), and which."""

    blown_up: str
    unstable_step: bool | None
    timestep_fs: float


def _retry(
    run: BathRun, bath: Bath, fitting_fs: float, left: int, rng: np.random.Generator
) -> _Retry:
    """Run the replica that ran away at a shorter timestep, from its start, for the time it took.

    A few copies with bath noise of their own, as many as ``left`` evaluations pay for.
    """
    assert run.runaway is not None
    blown_up = run.describe_runaway()
    timestep_fs = _SHORTER * min(run.simulation.timestep_fs, fitting_fs)
    steps = math.ceil(run.simulation.steps * run.simulation.timestep_fs / timestep_fs) + _LONGER
    if run.meter.remaining is not None:
        left = min(left, run.meter.remaining)
    copies = min(_COPIES, left // (steps + 1))
    if copies < 1:
        return _Retry(blown_up, None, timestep_fs)
    rows = np.full(copies, run.runaway)
    velocities = run.start_velocities[rows]
    shorter = BathRun(run.meter, run.start[rows], velocities, timestep_fs, bath, rng)
    shorter.advance(steps)
    return _Retry(blown_up, shorter.runaway is None, timestep_fs)


def _as_trajectory(
    run: BathRun,
    bath: Bath,
    one: Configurations,
    equilibrated: Equilibrated,
    facts: Mapping[str, Any],
    retry: _Retry,
) -> Trajectory:
    """What was sampled, as a value."""
    trace = run.simulation.trace()
    n_atoms = one.n_atoms
    snapshots: Floats = np.array(run.snapshots).reshape(-1, n_atoms, 3)
    n_velocities = min(VELOCITY_REPLICAS, trace.kinetic.shape[1])
    return Trajectory(
        start=one,
        temperature_K=bath.temperature_K,
        timestep_fs=run.simulation.timestep_fs,
        bath=bath,
        kinetic=trace.middle.astype(np.float32),
        end_kinetic=run.end_kinetic / max(len(run.velocities), 1),
        potential=trace.potential,
        heat=trace.heat,
        shadow_less_heat=trace.conserved,
        total_less_heat=trace.total - trace.heat,
        velocities=np.array(run.velocities, dtype=np.float32).reshape(
            len(run.velocities), n_velocities, n_atoms, 3
        ),
        snapshots=one.at(snapshots, np.repeat(one.cells, len(snapshots), axis=0)),
        snapshot_forces=np.array(run.snapshot_forces).reshape(-1, n_atoms, 3),
        equilibration_fs=equilibrated.time_fs,
        equilibration_bath=equilibrated.bath,
        equilibration_kinetic=equilibrated.kinetic,
        bath_noise=equilibrated.bath_noise,
        modes=facts,
        evaluations=run.meter.evaluations,
        blown_up=retry.blown_up,
        unstable_step=retry.unstable_step,
        retried_fs=retry.timestep_fs,
    )
