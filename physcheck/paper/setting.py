"""The two models at one structure, and what several experiments share there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from zlib import crc32

import numpy as np
from ase.data import chemical_symbols

from physcheck.adapters.precision import is_same_model
from physcheck.checks.sampling.equilibration import Equilibrated, equilibrate_separately
from physcheck.dynamics.preparation import (
    fastest_frequency,
    pre_relax,
    stable_timestep_fs,
    thermal_timestep_fs,
)
from physcheck.model import Meter, Model
from physcheck.paper.results import NotRun
from physcheck.paper.scale import Scale
from physcheck.system import Bools, Configurations

__all__ = ["TEMPERATURE_K", "Setting"]

#: Of all dynamics, as in the paper.
TEMPERATURE_K = 300.0
# A start with larger forces goes downhill for a few evaluations first, eV/Å.
_THERMAL_FORCE, _DOWNHILL = 8.0, 12
# Advance of the fastest mode in a step, rad: 0.5 fs for O-H, the paper's timestep for water.
_PHASE = 0.38


class Setting:
    """A model and its reference at one structure.

    Random numbers come from generators of their own for each use, so that no result depends on
    which other experiments are run.

    Parameters
    ----------
    name : str
        Of the structure.
    one : Configurations with B = 1
    model : Model
        The one under test; in the paper the one with direct forces.
    reference : Model or None
        In the paper the conservative one.
    scale : Scale
    seed : int
    labelled : Configurations or None
        With frames of a file that has forces, for errors against them.
    load_twins : (callable, callable)
        What loads the model and the reference in float64; None where that can't be had.

    Attributes
    ----------
    model, reference : Meter
        They count evaluations.
    kept : dict
        Runs that several experiments look at.

    Raises
    ------
    NotRun
        One of them takes no such structure.
    """

    def __init__(
        self,
        name: str,
        one: Configurations,
        model: Model,
        reference: Model | None,
        *,
        scale: Scale,
        seed: int,
        labelled: Configurations | None = None,
        load_twins: tuple[Callable[[], Model | None] | None, Callable[[], Model | None] | None] = (
            None,
            None,
        ),
    ) -> None:
        self.name, self.one, self.scale, self.seed = name, one, scale, seed
        self.labelled = labelled
        self.model = Meter(model)
        self.reference = None if reference is None else Meter(reference)
        self._load_twins = {"model": load_twins[0], "reference": load_twins[1]}
        self._twins: dict[str, Meter | None] = {}
        for who, meter in self.both:
            if (refusal := meter.capabilities.refuses(one)) is not None:
                raise NotRun(refusal if who == "model" else f"the reference: {refusal}")
            meter.ask(one)
        self.kept: dict[str, object] = {}

    @property
    def both(self) -> list[tuple[str, Meter]]:
        """The models at hand, by what a table calls them."""
        found = [("model", self.model)]
        return found if self.reference is None else [*found, ("reference", self.reference)]

    def need_reference(self) -> Meter:
        """The reference.

        Raises
        ------
        NotRun
            There is none, or it takes no such structure.
        """
        if self.reference is None:
            raise NotRun("it compares two models: pass --reference")
        return self.reference

    def rng(self, use: str) -> np.random.Generator:
        """A generator of its own for a use of random numbers at this structure."""
        return np.random.default_rng((self.seed, crc32(f"{use}/{self.name}".encode())))

    def in_float64(self, who: str) -> Meter | None:
        """The same weights in float64; the meter itself where it is float64; None without one."""
        meter = dict(self.both)[who]
        if meter.capabilities.dtype == "float64":
            return meter
        if who not in self._twins:
            load = self._load_twins[who]
            twin = None if load is None else load()
            found = None if twin is None else meter.beside(twin)
            if found is not None and not is_same_model(meter, found, self.one):
                found = None
            self._twins[who] = found
        return self._twins[who]

    @property
    def groups(self) -> dict[str, Bools]:
        """(N,) masks: all atoms, and each species where there are several."""
        numbers = self.one.system.numbers
        kinds = sorted(set(numbers.tolist()))
        found = {"all": np.ones(len(numbers), dtype=np.bool_)}
        if len(kinds) > 1:
            found |= {chemical_symbols[z]: numbers == z for z in kinds}
        return found

    @property
    def replicas(self) -> int:
        """B of all runs."""
        return self.scale.replicas_of(self.one.n_atoms)

    @cached_property
    def prepared(self) -> tuple[Configurations, float]:
        """A start with moderate forces, and the timestep, fs; by the reference where there is one.

        Cost: 18 evaluations at most.
        """
        meter, rng = self.both[-1][1], self.rng("preparation")
        if self.one.n_atoms < 2:
            raise NotRun("one atom alone has no inner motion")
        start, forces = pre_relax(
            meter, self.one, largest_force=_THERMAL_FORCE, evaluations=_DOWNHILL
        )
        frequency = fastest_frequency(meter, start, rng, forces=forces)
        timestep_fs = stable_timestep_fs(frequency, _PHASE, longest_fs=4.0)
        return start, min(timestep_fs, thermal_timestep_fs(start.system, TEMPERATURE_K))

    @property
    def timestep_fs(self) -> float:
        """Of all runs."""
        return self.prepared[1]

    @cached_property
    def equilibrated(self) -> Equilibrated:
        """Replicas at 300 K by a Langevin bath of 50 fs and the reference, where there is one.

        All runs begin from them, so that models differ by nothing else.

        Raises
        ------
        NotRun
            A replica ran away.
        """
        start, timestep_fs = self.prepared
        meter = self.both[-1][1]
        steps = self.scale.steps_of(self.scale.equilibration_steps, start.n_atoms)
        places = start.at(np.repeat(start.positions, self.replicas, axis=0))
        found = equilibrate_separately(
            meter, places, TEMPERATURE_K, timestep_fs, steps, self.rng("equilibration")
        )
        if found.run.runaway is not None:
            raise NotRun(f"equilibration by the {self.both[-1][0]}: {found.run.describe_runaway()}")
        return found
