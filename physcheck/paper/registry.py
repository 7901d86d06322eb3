"""The experiments, in the order in which they are told."""

from __future__ import annotations

from collections.abc import Sequence

from physcheck.errors import SpecError
from physcheck.names import nearest
from physcheck.paper.experiment import Experiment
from physcheck.paper.experiments import (
    accuracy,
    asymmetry,
    asymmetry_by_distance,
    constant_energy,
    constant_pressure,
    cost,
    diffusion,
    further,
    loop,
    relaxation,
    rotation,
    strides,
    thermostats,
)

__all__ = ["EXPERIMENTS", "chosen_experiments"]

_MODULES = (
    accuracy,
    asymmetry,
    asymmetry_by_distance,
    loop,
    constant_energy,
    thermostats,
    diffusion,
    relaxation,
    constant_pressure,
    strides,
    rotation,
    cost,
    further,
)
#: By id.
EXPERIMENTS: dict[str, Experiment] = {m.EXPERIMENT.id: m.EXPERIMENT for m in _MODULES}


def chosen_experiments(names: str | None) -> Sequence[Experiment]:
    """Those that are named, separated by commas, in the order above; all where nothing is.

    Raises
    ------
    SpecError
        A name that no experiment has.
    """
    wanted = [name.strip() for name in (names or "").split(",") if name.strip()]
    for name in wanted:
        if name not in EXPERIMENTS:
            raise SpecError(f"no experiment is called {name!r}; {nearest(name, EXPERIMENTS)}")
    return [one for name, one in EXPERIMENTS.items() if not wanted or name in wanted]
