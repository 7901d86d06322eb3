"""ASE's optimisers on a Model, every evaluation counted and kept."""

from __future__ import annotations

import contextlib
import io
import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import all_changes

from physcheck.adapters.ase import ModelCalculator
from physcheck.errors import CapabilityMissing
from physcheck.model import Meter, Model
from physcheck.relaxation.coordinates import AtomsAndCell, AtomsOnly, Coordinates
from physcheck.system import Configurations, Evaluation, Floats, as_configurations

__all__ = [
    "NEEDS_ENERGY",
    "OPTIMISERS",
    "Path",
    "Recorder",
    "as_path",
    "evaluations_needed",
    "largest_force",
    "make_optimiser",
    "relax",
    "run_optimiser",
]


def _classes() -> dict[str, Callable[..., Any]]:
    from ase.optimize import BFGS, FIRE, LBFGS, BFGSLineSearch, MDMin
    from ase.optimize.sciopt import SciPyFminCG

    kinds = (LBFGS, BFGS, FIRE, BFGSLineSearch, SciPyFminCG, MDMin)
    return {kind.__name__: kind for kind in kinds}


#: Names of the optimisers, as ASE has them.
OPTIMISERS = ("LBFGS", "BFGS", "FIRE", "BFGSLineSearch", "SciPyFminCG", "MDMin")
#: Those that search along lines of the energy.
NEEDS_ENERGY = frozenset({"BFGSLineSearch", "SciPyFminCG"})

# Beyond this distance from the start the structure has fallen apart, Å (largest move of an atom).
_LOST = 50.0


def largest_force(forces: Floats) -> Floats:
    """(K,) the longest row of each of ``forces`` (K, M, 3): what optimisers call fmax."""
    longest: Floats = np.sqrt((forces**2).sum(axis=-1).max(axis=-1))
    return longest


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """The places an optimiser evaluated, trial points of line searches included, and what it was
    told.

    Attributes
    ----------
    optimiser : str
    places : Configurations with B = K
    answer : Evaluation
        Of the K places.
    q, q_forces : (K, M, 3) Å, eV/Å
        Generalised coordinates and the forces on them (:mod:`physcheck.relaxation.coordinates`).
    fmax : (K,) eV/Å
        Longest row of ``q_forces``.
    ended : str
        ``converged``; ``out of evaluations``; ``gave up`` (a line search found no lower energy);
        ``ran away`` (an atom moved by more than 50 Å, or positions or a cell without sense).
    """

    optimiser: str
    places: Configurations
    answer: Evaluation
    q: Floats
    q_forces: Floats
    fmax: Floats
    ended: str

    def __len__(self) -> int:
        return len(self.fmax)

    @property
    def converged(self) -> bool:
        """Whether the wanted fmax was reached."""
        return self.ended == "converged"

    @property
    def best(self) -> int:
        """Index of the place with the smallest fmax."""
        return int(np.argmin(self.fmax))

    @property
    def final(self) -> Configurations:
        """The place with the smallest fmax."""
        return self.places[self.best]


class _Enough(Exception):
    """The allotment of a run is spent: unwinds the optimiser."""


class _Lost(Exception):
    """The optimiser left every sensible place."""


class Recorder(ModelCalculator):
    """Keeps every place and answer, and stops the optimiser when its evaluations are spent."""

    def __init__(self, meter: Meter, start: Configurations, evaluations: int, want: frozenset[str]):
        super().__init__(meter)
        self.left = evaluations
        self.want = want
        self.start = start
        self.has_energy = "energy" in self.implemented_properties
        if not self.has_energy:
            # ASE asks for one even where it only logs it, to nowhere.
            self.implemented_properties = [*self.implemented_properties, "energy", "free_energy"]
        self.seen: list[tuple[Floats, Floats]] = []
        self.answers: list[Evaluation] = []

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Evaluate at ``atoms``, or raise _Enough."""
        assert atoms is not None
        if self.left < 1:
            raise _Enough
        positions, cell = np.array(atoms.positions), np.array(atoms.cell)
        move = positions - self.start.positions[0]
        if not (np.isfinite(positions).all() and np.abs(move).max() <= _LOST):
            raise _Lost
        if self.start.system.is_fully_periodic:
            ratio = abs(np.linalg.det(cell)) / float(self.start.volumes()[0])
            if not 0.2 <= ratio <= 5.0:
                raise _Lost
        self.left -= 1
        super().calculate(atoms, properties, system_changes)
        self.seen.append((positions, cell))
        found = self.results
        if not self.has_energy:
            found["energy"] = found["free_energy"] = 0.0
        self.answers.append(
            Evaluation(
                energy=np.array([found["energy"]]) if self.has_energy else None,
                forces=found["forces"][None],
                stress=_full(found["stress"])[None] if "stress" in found else None,
            )
        )


def _full(voigt: Floats) -> Floats:
    from ase.stress import voigt_6_to_full_3x3_stress

    stress: Floats = voigt_6_to_full_3x3_stress(voigt)  # type: ignore[no-untyped-call]
    return stress


def relax(
    model: Model | Meter,
    start: Any,
    *,
    optimiser: str = "LBFGS",
    fmax: float,
    evaluations: int,
    cell: bool = False,
) -> Path:
    """Relax a structure with one of ASE's optimisers, its defaults unchanged.

    Nothing is written or printed.  ASE converges where the longest force is below ``fmax``; with
    ``cell`` the rows of the cell's generalised force (FrechetCellFilter) count too.

    Parameters
    ----------
    model : Model
    start : ase.Atoms or Configurations with B = 1
    optimiser : one of ``OPTIMISERS``
    fmax : float, eV/Å
    evaluations : int
        The most that are made, less where a Meter has less left: the path is then ``out of
        evaluations``.
    cell : bool
        Let the cell relax too, at zero pressure.

    Returns
    -------
    Path
        Of at least one place; one evaluation a place.

    Raises
    ------
    CapabilityMissing
        The optimiser searches along lines and the model gives no energy; ``cell`` without a stress
        or in a system that isn't fully periodic.
    ValueError
        An unknown optimiser, or no evaluations to make.
    ModelError, NonFiniteOutput
    """
    meter = Meter(model)
    one = as_configurations(start)
    outputs = meter.capabilities.outputs
    if optimiser not in OPTIMISERS:
        raise ValueError(f"optimiser is {optimiser!r}, should be one of {', '.join(OPTIMISERS)}")
    if optimiser in NEEDS_ENERGY and "energy" not in outputs:
        raise CapabilityMissing(f"{optimiser} needs an energy, which the model doesn't give")
    if cell and not ("stress" in outputs and one.system.is_fully_periodic):
        raise CapabilityMissing("a cell relaxes where there is a stress and all axes are periodic")
    left = evaluations if meter.remaining is None else min(evaluations, meter.remaining)
    if left < 1:
        raise ValueError(f"evaluations is {left}, should be 1 or more")
    coordinates: Coordinates = AtomsAndCell(one) if cell else AtomsOnly(one)
    recorder = Recorder(meter, one, left, coordinates.wanted)
    atoms = one.to_atoms()
    atoms.calc = recorder
    run = make_optimiser(optimiser, coordinates.moved(atoms))
    ended = run_optimiser(run, fmax, left)
    return as_path(optimiser, one, recorder, coordinates, ended)


def as_path(
    optimiser: str, start: Configurations, recorder: Recorder, coordinates: Coordinates, ended: str
) -> Path:
    """What a recorder saw."""
    count = len(recorder.seen)
    cells = np.stack([h for _, h in recorder.seen])
    places = Configurations(
        start.system,
        np.stack([x for x, _ in recorder.seen]),
        cells if start.system.is_periodic else start.cells.repeat(count, axis=0),
    )
    answer = Evaluation.concatenate(recorder.answers)
    forces = coordinates.forces(places, answer)
    return Path(
        optimiser, places, answer, coordinates.of(places), forces, largest_force(forces), ended
    )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    # BFGSLineSearch prints and the cell's logarithm warns; none of it belongs on the user's
    # terminal.
    with (
        contextlib.redirect_stdout(io.StringIO()),
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", RuntimeWarning)
        yield


def make_optimiser(name: str, moved: Any) -> Any:
    """One of ASE's optimisers that writes nothing."""
    with _silence():
        return _classes()[name](moved, logfile=None, trajectory=None)


def run_optimiser(run: Any, fmax: float, steps: int) -> str:
    """Run one, again where it has run before: how it ended (see :class:`Path`)."""
    from ase.optimize.sciopt import OptimizerConvergenceError

    with _silence():
        try:
            converged = run.run(fmax=fmax, steps=steps)
        except _Enough:
            return "out of evaluations"
        except _Lost:
            return "ran away"
        except (OptimizerConvergenceError, RuntimeError, FloatingPointError) as error:
            if type(error) not in (OptimizerConvergenceError, RuntimeError, FloatingPointError):
                raise
            return "gave up"
        except (np.linalg.LinAlgError, ValueError):
            return "ran away"
    return "converged" if converged else "out of evaluations"


def evaluations_needed(path: Path, fmax: float) -> float:
    """How many evaluations a path would take to ``fmax``, at the rate of its last two thirds;
    infinite if none.

    Log-linear between the smallest fmax of the middle third and that of the last.
    """
    third = len(path) // 3
    if path.fmax.min() <= fmax:
        return float(len(path))
    if third < 2:
        return math.inf
    early, late = float(path.fmax[-2 * third : -third].min()), float(path.fmax[-third:].min())
    rate = math.log(early / late) / third if late < early else 0.0
    return len(path) + math.log(late / fmax) / rate if rate > 0 else math.inf
