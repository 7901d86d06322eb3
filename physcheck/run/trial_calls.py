"""Trial calls: whether a model takes a structure, and how long an evaluation lasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from physcheck.errors import ForwardError, ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.run.trial_copies import SANE_FORCE, Unlike, largest_force, unlike_copy

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["REFUSED", "SANE_FORCE", "Trial", "refused_kinds", "trial_call"]

#: How a remark begins that belongs beside the verdict.
REFUSED = "refused: "
# Kinds of structures by the number of periodic axes; 1 is as 2.
_KINDS = {
    0: "molecules",
    1: "partly periodic structures",
    2: "partly periodic structures",
    3: "crystals",
}
# So many structures must be refused with the same words before it is said of their kind.
_FEWEST = 3


@dataclass(slots=True)
class Trial:
    """What one call at a structure showed.

    Attributes
    ----------
    refusal : str or None
        Why the structure isn't judged.
    seconds : float or None
        Of a call that was answered.
    unlike : (Structure, Unlike) or None
        A copy of a refused structure that the model takes.
    mistake : ForwardError or None
        The module gave something else than was agreed.
    """

    refusal: str | None = None
    seconds: float | None = None
    unlike: tuple[Structure, Unlike] | None = None
    mistake: ForwardError | None = None


def trial_call(meter: Meter, structure: Structure) -> Trial:
    """One call, two where the first shows that an output it promised doesn't exist.

    A structure that is refused is tried wrapped, moved and turned, too.
    """
    trial = _called(meter, structure)
    if trial.refusal is not None and trial.mistake is None:
        found = unlike_copy(meter, structure.configurations)
        if found is not None:
            trial.unlike = structure, found
            trial.refusal = f"{trial.refusal}; but answered {found.label} ({found.check})"
    return trial


def _called(meter: Meter, structure: Structure) -> Trial:
    start = structure.configurations
    everything = {"forces", "energy"} | ({"stress"} if start.system.is_fully_periodic else set())
    error: ModelError | None = None
    for _ in range(2):
        before = meter.capabilities.outputs
        started = meter.seconds
        try:
            meter.ask(start)
            forces = meter.evaluate(start, want=everything).require_forces()
        except NonFiniteOutput:
            # A finding, not a refusal: the record will say so.
            return Trial(seconds=meter.seconds - started)
        except (ModelError, ValueError) as raised:
            error = raised if isinstance(raised, ModelError) else ModelError(str(raised))
            if meter.capabilities.outputs == before:
                break
            continue
        seconds = meter.seconds - started
        largest = largest_force(forces)
        if largest > SANE_FORCE:
            text = f"a force of {largest:.3g} eV/Å (more than {SANE_FORCE:g})"
            return Trial(f"out of the model's domain: {text}", seconds)
        return Trial(None, seconds)
    # Without Meter's "evaluating ... of ...": equal reasons are then listed once.
    said = str(error)
    ours = said.startswith(("evaluating ", "asking "))
    mistake = error if isinstance(error, ForwardError) else None
    return Trial(said.partition(": ")[2] if ours else said, mistake=mistake)


def refused_kinds(structures: Sequence[Structure], trials: Mapping[str, Trial]) -> list[str]:
    """A remark for each kind of structure that the model refuses altogether, in the same words.

    Words that differ (species that aren't supported) say nothing of the kind.
    """
    kinds: dict[str, list[Trial]] = {}
    for structure in structures:
        if structure.name in trials:
            n_periodic = int(structure.configurations.system.pbc.sum())
            kinds.setdefault(_KINDS[n_periodic], []).append(trials[structure.name])
    remarks = []
    for kind, found in kinds.items():
        words = {trial.refusal for trial in found if trial.seconds is None}
        raised = all(trial.refusal is not None and trial.seconds is None for trial in found)
        if len(found) >= _FEWEST and raised and len(words) == 1 and len(kinds) > 1:
            remarks.append(f"{REFUSED}{kind} ({words.pop()})")
    return remarks
