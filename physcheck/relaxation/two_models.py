"""A direct model goes most of the way down, its conservative partner the rest.

Forces without a potential lead downhill as well as others while they are large; what they lack
shows near the minimum, where they may stall.  The optimiser stays the same object, so that what it
learned of the curvature serves the second part too.  Where the direct model stalls above ``switch``
(30 evaluations that don't lower its smallest fmax by a tenth) the other goes on from there, with
nothing kept.

It pays where the evaluations of the conservative model that it saves, times
F = t_conservative/t_direct, are more than those of the direct one: compare ``found.cost(F)`` with
``len(relax(conservative, ...))``.

Source: the relaxation analogue of multiple time stepping in Bigi, Langer, Ceriotti,
arXiv 2412.11569.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from physcheck.errors import CapabilityMissing
from physcheck.model import Meter, Model
from physcheck.relaxation.coordinates import AtomsOnly
from physcheck.relaxation.optimisers import (
    NEEDS_ENERGY,
    OPTIMISERS,
    Path,
    Recorder,
    as_path,
    largest_force,
    make_optimiser,
    run_optimiser,
)
from physcheck.system import Configurations, as_configurations

__all__ = ["TwoModelRelaxation", "relax_with_two_models"]

# Evaluations in which the direct model must lower its smallest fmax, and to what share of it.
_PATIENCE = 30
_LOWER = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class TwoModelRelaxation:
    """A relaxation that a direct model began and a conservative one ended.

    Attributes
    ----------
    direct : Path
    conservative : Path or None
        None where the direct part ran away.
    final : Configurations
        B = 1: the place with the smallest fmax of the last part.
    fmax : float, eV/Å
        There, of that part's model.
    converged : bool
        Whether the conservative model reached the fmax that was asked for.
    """

    direct: Path
    conservative: Path | None

    @property
    def final(self) -> Configurations:
        """Where it ended."""
        return (self.conservative or self.direct).final

    @property
    def fmax(self) -> float:
        """The smallest fmax of the last part."""
        return float((self.conservative or self.direct).fmax.min())

    @property
    def converged(self) -> bool:
        """Whether the conservative model says that it is a minimum."""
        return self.conservative is not None and self.conservative.converged

    @property
    def direct_evaluations(self) -> int:
        """Evaluations of the direct model."""
        return len(self.direct)

    @property
    def conservative_evaluations(self) -> int:
        """Evaluations of the conservative model."""
        return 0 if self.conservative is None else len(self.conservative)

    def cost(self, ratio: float) -> float:
        """In evaluations of the conservative model, each worth ``ratio`` of the direct one's."""
        return self.conservative_evaluations + self.direct_evaluations / ratio


def relax_with_two_models(
    direct: Model | Meter,
    conservative: Model | Meter,
    start: Any,
    *,
    fmax: float,
    switch: float = 0.1,
    optimiser: str = "LBFGS",
    evaluations: int = 500,
    direct_evaluations: int = 100,
) -> TwoModelRelaxation:
    """Relax with the direct model down to ``switch``, then with the conservative one to ``fmax``.

    How, and when it pays: see the module. The end is a minimum of the conservative model.

    Parameters
    ----------
    direct, conservative : Model
        Of the same chemistry.
    start : ase.Atoms or Configurations with B = 1
    fmax : float, eV/Å
        Of the conservative model.
    switch : float, eV/Å
        Of the direct model; no lower than the gap between the two models' forces is worth while.
    optimiser : one of ``OPTIMISERS``
    evaluations, direct_evaluations : int
        The most of each model.

    Raises
    ------
    CapabilityMissing
        The optimiser searches along lines of the energy and one of the models gives none.
    ValueError
        An unknown optimiser, or ``switch`` below ``fmax``.
    ModelError, NonFiniteOutput
    """
    first, second = Meter(direct), Meter(conservative)
    one = as_configurations(start)
    _require_suitable(optimiser, fmax, switch, (first, second))
    coordinates = AtomsOnly(one)
    atoms = one.to_atoms()
    fast = Recorder(first, one, direct_evaluations, coordinates.wanted)
    slow = Recorder(second, one, evaluations, coordinates.wanted)
    atoms.calc = fast
    run = make_optimiser(optimiser, atoms)
    ended = _run_until_stalled(run, fast, switch, direct_evaluations)
    begun = as_path(optimiser, one, fast, coordinates, ended)
    if ended == "ran away":
        return TwoModelRelaxation(begun, None)
    if ended != "converged":
        # Where it stalled it has learned nothing that is worth keeping.
        atoms.positions = begun.final.positions[0]
        run = make_optimiser(optimiser, atoms)
    atoms.calc = slow
    ended = run_optimiser(run, fmax, evaluations)
    return TwoModelRelaxation(begun, as_path(optimiser, one, slow, coordinates, ended))


def _require_suitable(
    optimiser: str, fmax: float, switch: float, meters: tuple[Meter, Meter]
) -> None:
    if optimiser not in OPTIMISERS:
        raise ValueError(f"optimiser is {optimiser!r}, should be one of {', '.join(OPTIMISERS)}")
    if not switch >= fmax:
        raise ValueError(f"switch is {switch} eV/Å, should be fmax = {fmax} or more")
    for meter in meters:
        if optimiser in NEEDS_ENERGY and "energy" not in meter.capabilities.outputs:
            raise CapabilityMissing(
                f"{optimiser} needs an energy, which {meter.capabilities.name} doesn't give"
            )


def _run_until_stalled(run: Any, fast: Recorder, switch: float, left: int) -> str:
    """How the direct part ended: at ``switch``, away, stalled, or out of evaluations."""
    ended, best = "out of evaluations", float("inf")
    while ended == "out of evaluations" and left > 0:
        before = len(fast.seen)
        ended = run_optimiser(run, switch, min(_PATIENCE, left))
        spent = len(fast.seen) - before
        left -= spent
        reached = min(float(largest_force(a.require_forces())[0]) for a in fast.answers)
        if not spent or not reached < _LOWER * best:
            break
        best = reached
    return ended
