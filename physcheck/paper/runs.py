"""Dynamics of replicas with what the experiments look at: temperatures, energies, velocities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from ase.units import kB
from numpy.typing import NDArray

from physcheck.checks.dynamics.replicas import slopes_of, take_step
from physcheck.dynamics import (
    Bath,
    Langevin,
    MultipleTimeStepping,
    Simulation,
    StochasticVelocityRescaling,
    degrees_of_freedom,
)
from physcheck.errors import NonFiniteOutput
from physcheck.paper.results import NotRun
from physcheck.paper.setting import TEMPERATURE_K, Setting
from physcheck.system import Bools, Configurations, Floats, System

__all__ = [
    "BATHS",
    "GLOBAL",
    "NVE",
    "PAIR",
    "Followed",
    "mean_and_error",
    "moved",
    "slope_and_error",
    "under_bath",
]

#: The bath that can't hide what one species gets from another.
GLOBAL = "SVR 10 fs"
#: The baths of the paper's Table 2, by the names of rows.
BATHS: Mapping[str, Bath] = {
    GLOBAL: StochasticVelocityRescaling(TEMPERATURE_K, 10.0),
    "Langevin 1000 fs": Langevin(TEMPERATURE_K, 1000.0),
    "Langevin 100 fs": Langevin(TEMPERATURE_K, 100.0),
    "Langevin 10 fs": Langevin(TEMPERATURE_K, 10.0),
}
#: No bath at all.
NVE = "constant energy"
#: What tables call the two models in multiple time stepping.
PAIR = "pair"
# A run ends where a replica is so many times as hot as the bath: molecules break long before.
_RUNAWAY = 10.0
# Steps of one Simulation under a bath: its account of each atom's energy is kept no longer.
_BLOCK_STEPS = 4_000
# Velocities are kept so far apart at most, fs, for so many steps: their fastest motion, O-H, has a
# period of 9 fs, and their memory is some picoseconds.
_APART_FS, _KEPT_STEPS = 2.0, 40_000


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """A run of B replicas.

    Attributes
    ----------
    time_ps : (T,) float
        Of the middle of each step.
    temperatures : mapping of group to (T, B) K
    velocities : (S, B, N, 3) float32, ASE's unit
        At times ``velocity_spacing_fs`` apart.
    velocity_spacing_fs : float
    conserved : (M, B) float, eV/atom, and ``conserved_ps`` its times
        Shadow energy, where a model with energy moves or corrects them; else empty.
    ran_away_fs : float or None
        When a replica got ten times as hot as 300 K, or its positions were no numbers any more.
    """

    time_ps: Floats
    temperatures: Mapping[str, Floats]
    velocities: NDArray[np.float32]
    velocity_spacing_fs: float
    conserved_ps: Floats
    conserved: Floats
    ran_away_fs: float | None


Run = Simulation | MultipleTimeStepping


def moved(setting: Setting, who: str) -> Followed:
    """Replicas at constant energy, moved by the model, the reference or the pair."""
    found = setting.kept.get(f"{NVE}/{who}")
    if not isinstance(found, Followed):
        found = _follow(setting, who, None, setting.scale.nve_steps)
        setting.kept[f"{NVE}/{who}"] = found
    return found


def under_bath(setting: Setting, who: str, bath: str) -> Followed:
    """The same under one of ``BATHS``; made once for all experiments."""
    found = setting.kept.get(f"{bath}/{who}")
    if not isinstance(found, Followed):
        found = _follow(setting, who, bath, setting.scale.bath_steps)
        setting.kept[f"{bath}/{who}"] = found
    return found


def mean_and_error(each: Floats) -> tuple[float, float]:
    """Mean of the replicas' (B,) values, and its standard error."""
    return float(each.mean()), float(np.std(each, ddof=1)) / math.sqrt(len(each))


def slope_and_error(time: Floats, values: Floats) -> tuple[float, float]:
    """Mean least-squares slope of ``values`` (T, B), and its standard error over the replicas."""
    return mean_and_error(slopes_of(time, values))


def _follow(setting: Setting, who: str, bath: str | None, wanted: int) -> Followed:
    steps = setting.scale.steps_of(wanted, setting.one.n_atoms, global_bath=bath == GLOBAL)
    stride = setting.scale.stride if who == PAIR else 1
    begin = setting.equilibrated
    rng = setting.rng(f"{bath or NVE}/{who}")
    # Without a bath the conserved energy is asked for, which needs one Simulation from end to end.
    block = steps if bath is None else min(steps, max(_BLOCK_STEPS, stride))
    follower = _Follower(setting, stride)
    places, velocities = begin.places, begin.velocities
    while steps >= stride and follower.ran_away_fs is None:
        taken = min(block, steps)
        run = _start(setting, who, None if bath is None else BATHS[bath], places, velocities, rng)
        follower.advance(run, taken // stride)
        places, velocities = places.at(run.positions), run.velocities
        steps -= taken
    return follower.followed(with_energy=bath is None)


def _start(
    setting: Setting,
    who: str,
    bath: Bath | None,
    places: Configurations,
    velocities: Floats,
    rng: np.random.Generator,
) -> Run:
    options = {"timestep_fs": setting.timestep_fs, "atom_kinetic": True}
    if who == PAIR:
        return MultipleTimeStepping(
            setting.model,
            setting.need_reference(),
            places,
            velocities,
            stride=setting.scale.stride,
            bath=bath,
            rng=rng,
            **options,  # type: ignore[arg-type]
        )
    meter = dict(setting.both)[who]
    return Simulation(meter, places, velocities, bath=bath, rng=rng, **options)  # type: ignore[arg-type]


class _Follower:
    """Runs simulations one after the other and keeps what is looked at."""

    def __init__(self, setting: Setting, stride: int) -> None:
        self.system: System = setting.one.system
        self.groups: Mapping[str, Bools] = setting.groups
        self.timestep_fs, self.stride = setting.timestep_fs, stride
        self.every = max(1, int(_APART_FS / (stride * setting.timestep_fs)))
        self.ran_away_fs: float | None = None
        self.outer = 0
        self._middle: dict[str, list[Floats]] = {name: [] for name in self.groups}
        self._velocities: list[NDArray[np.float32]] = []
        self._last: Run | None = None

    def advance(self, run: Run, outer_steps: int) -> None:
        """Take steps, and stop where a replica runs away."""
        limit = _RUNAWAY * 0.5 * degrees_of_freedom(self.system) * kB * TEMPERATURE_K
        for _ in range(outer_steps):
            if _lost(run) or not (run.last_kinetic <= limit).all():
                self.ran_away_fs = (self.outer + 1) * self.stride * self.timestep_fs
                break
            self.outer += 1
            near = self.outer * self.stride <= _KEPT_STEPS
            if near and self.outer % self.every == 0:
                self._velocities.append(run.velocities.astype(np.float32))
        middle = run.trace().middle
        for name, members in self.groups.items():
            self._middle[name].append(middle[:, :, members].sum(axis=2))
        self._last = run

    def followed(self, *, with_energy: bool) -> Followed:
        """All that was kept.

        Raises
        ------
        NotRun
            A replica ran away in the first few steps.
        """
        temperatures = {
            name: 2 * np.concatenate(parts) / (kB * degrees_of_freedom(self.system, members))
            for (name, members), parts in zip(
                self.groups.items(), self._middle.values(), strict=True
            )
        }
        count = len(temperatures["all"])
        if count < 4:
            raise NotRun(f"a replica ran away after {self.ran_away_fs:.3g} fs")
        conserved_ps, conserved = np.zeros(0), np.zeros((0, 0))
        if with_energy and self._last is not None:
            trace = self._last.trace()
            known = np.isfinite(trace.shadow).all(axis=1)
            conserved_ps = 1e-3 * trace.time_fs[known]
            conserved = trace.shadow[known] / len(self.system)
        return Followed(
            time_ps=1e-3 * self.timestep_fs * (np.arange(count, dtype=np.float64) + 0.5),
            temperatures=temperatures,
            velocities=np.array(self._velocities, dtype=np.float32),
            velocity_spacing_fs=self.every * self.stride * self.timestep_fs,
            conserved_ps=conserved_ps,
            conserved=conserved,
            ran_away_fs=self.ran_away_fs,
        )


def _lost(run: Run) -> bool:
    """Take a step; whether a replica's positions or forces are no numbers any more."""
    try:
        return take_step(run) is not None
    except NonFiniteOutput:
        return True
