"""The rules of the contract of a model: each says what is wrong, or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np

from physcheck.adapters.loading import load_model
from physcheck.checks import all_checks
from physcheck.errors import CapabilityMissing, SpecError
from physcheck.measurement import judge
from physcheck.model import OUTPUTS, Capabilities, Meter, Periodicity
from physcheck.system import Configurations, Evaluation, Floats, System
from physcheck.testing.unit_hints import hint_of_forces, hint_of_stress
from physcheck.text.phrases import kind_of
from physcheck.tolerances import DEFAULT_PROFILE

__all__ = ["RULES", "Adapted"]

DTYPES = ("float32", "float64", "unknown")
# Displacement of the copies of a batch, Å (rms): the model must tell them apart.
_RATTLE = 0.02
_BATCH = 3
# An element that no model knows, and that has no covalent radius in ASE's tables.
_UNKNOWN_ELEMENT = 118
# So many force components are asked whether they are float32 numbers: by chance a float64 is one
# once in 2**29.
_FEWEST_COMPONENTS = 3


@dataclass(frozen=True, slots=True)
class Adapted:
    """What a rule gets.

    Attributes
    ----------
    meter : Meter
        The model, its evaluations counted for this rule.
    start : Configurations
        B = 1.
    spec : str or None
        What the model was loaded from.
    rng : numpy.random.Generator
    takes_any_species : bool
    """

    meter: Meter
    start: Configurations
    spec: str | None
    rng: np.random.Generator
    takes_any_species: bool

    @property
    def outputs(self) -> frozenset[str]:
        """The outputs that the model gives at the structure."""
        given = self.meter.capabilities.outputs
        return given if self.start.system.is_fully_periodic else given - {"stress"}

    def copies(self) -> Configurations:
        """A batch of different copies of the structure; those of a crystal are strained, too."""
        shape = (_BATCH, self.start.n_atoms, 3)
        positions = self.start.positions + _RATTLE * self.rng.standard_normal(shape)
        strains = np.eye(3) + _RATTLE * self.rng.standard_normal((_BATCH, 3, 3))
        if not self.start.system.is_fully_periodic:
            return self.start.at(positions)
        return self.start.at(positions @ strains, self.start.cells @ strains)


def capabilities_are_told(adapted: Adapted) -> str | None:
    """Every field of ``capabilities`` is of its kind."""
    told = adapted.meter.capabilities
    if not isinstance(told, Capabilities):
        return f"capabilities is {kind_of(told)}, should be a physcheck.Capabilities"
    unknown = sorted(set(told.outputs) - set(OUTPUTS))
    faults = {
        f"outputs has {unknown}, known are {', '.join(OUTPUTS)}": bool(unknown),
        "outputs lacks forces, which every model gives": "forces" not in told.outputs,
        f"dtype is {told.dtype!r}, should be one of {', '.join(DTYPES)}": told.dtype not in DTYPES,
        f"periodicity is {told.periodicity!r}, should be one of "
        f"{', '.join(get_args(Periodicity))}": told.periodicity not in get_args(Periodicity),
        "name is empty": not told.name,
        f"interaction_range is {told.interaction_range}, should be Å above 0, or None": (
            told.interaction_range is not None and not told.interaction_range > 0
        ),
        f"species is {told.species!r}, should be a set of atomic numbers, or None": (
            told.species is not None
            and not all(isinstance(z, int | np.integer) and 0 < z < 119 for z in told.species)
        ),
    }
    return next((text for text, broken in faults.items() if broken), None)


def outputs_have_their_shapes(adapted: Adapted) -> str | None:
    """Energies (B,), forces (B, N, 3), stresses (B, 3, 3): real and finite, for B = 1 and B = 3.

    The meter raises a ModelError that names the output, its shape and the shape it should have.
    """
    for asked in (adapted.start, adapted.copies()):
        adapted.meter.evaluate(asked, want=adapted.outputs)
    return None


def one_atom_has_shapes(adapted: Adapted) -> str | None:
    """The shapes hold where N = 1, too: a common fault is an axis of length 1 that is dropped.

    A model that refuses an atom on its own by an exception is left alone.
    """
    system = adapted.start.system
    one = System(system.numbers[:1], system.masses[:1], np.zeros(3, dtype=bool))
    alone = Configurations(one, np.zeros((1, 1, 3)), np.zeros((1, 3, 3)))
    refused = adapted.meter.capabilities.refuses(alone)
    if refused is not None:
        raise CapabilityMissing(refused)
    wanted = adapted.meter.capabilities.outputs - {"stress"}
    try:
        answer = adapted.meter.model.evaluate(alone, want=wanted)
    # A refusal is the model's choice; its answer, if it gives one, must have the shape.
    except Exception as error:
        raise CapabilityMissing(
            f"the model refuses an atom on its own ({type(error).__name__})"
        ) from None
    shapes = {"energy": (1,), "forces": (1, 1, 3)}
    for name in wanted:
        shape = np.shape(getattr(answer, name))
        if shape != shapes[name]:
            return f"{name} of one atom has shape {shape}, should be {shapes[name]}"
    return None


def outputs_come_alone(adapted: Adapted) -> str | None:
    """Each output asked for alone is the one that comes with the others."""
    together = adapted.meter.evaluate(adapted.start, want=adapted.outputs)
    for name in sorted(adapted.outputs):
        alone = adapted.meter.evaluate(adapted.start, want={name})
        apart = _difference(name, alone, together)
        if not (apart <= _same()):
            return f"{name} asked for alone and with other outputs are {apart:.2g} apart"
    return None


def batches_are_single_calls(adapted: Adapted) -> str | None:
    """A batch gives what its configurations give one by one, in the same order."""
    copies = adapted.copies()
    together = adapted.meter.evaluate(copies, want=adapted.outputs)
    singles = [adapted.meter.evaluate(copies[i], want=adapted.outputs) for i in range(_BATCH)]
    apart = {n: _difference(n, together, Evaluation.concatenate(singles)) for n in adapted.outputs}
    worst = max(apart, key=lambda name: apart[name])
    if apart[worst] <= _same():
        return None
    order = (singles[i] for i in reversed(range(_BATCH)))
    turned = _difference(worst, together, Evaluation.concatenate(list(order)))
    hint = "; they come in reverse order" if turned <= _same() else ""
    return f"{worst} in a batch of {_BATCH} and in single calls are {apart[worst]:.2g} apart{hint}"


def fresh_copies_are_equal(adapted: Adapted) -> str | None:
    """``fresh()`` gives a model with the same answers; itself, where it has no memory."""
    maker = getattr(adapted.meter.model, "fresh", None)
    if maker is None:
        raise CapabilityMissing("the model has no fresh()")
    fresh = adapted.meter.fresh()
    here = adapted.meter.evaluate(adapted.start)
    apart = _difference("forces", fresh.evaluate(adapted.start), here)
    if apart <= _same():
        return None
    return f"forces of a fresh copy differ by {apart:.2g} eV/Å from the model's"


def units_are_ases(adapted: Adapted) -> str | None:
    """Forces and stress are not off from the derivative of the energy by the factor of a unit.

    Any other factor is left to the laws ``force_energy_gap`` and ``stress_energy_gap``.
    """
    if "energy" not in adapted.outputs:
        raise CapabilityMissing("the model gives no energy to compare with")
    found = hint_of_forces(adapted.meter, adapted.start, adapted.rng)
    if found is None and "stress" in adapted.outputs:
        found = hint_of_stress(adapted.meter, adapted.start)
    return found


def float64_is_float64(adapted: Adapted) -> str | None:
    """A model that says float64 gives no float32 numbers; one from a spec can be asked for float64.

    Forces that were ever float32 are float32 numbers, which float64 ones are by chance once in
    2**29.
    """
    dtype = adapted.meter.capabilities.dtype
    if dtype == "float64":
        return _float32_inside(adapted.meter, adapted.copies(), "the model says float64, but ")
    if adapted.spec is None:
        raise CapabilityMissing(f"the model computes in {dtype}, and no spec says how to get more")
    try:
        finer = load_model(adapted.spec, dtype="float64")
    except SpecError as error:
        raise CapabilityMissing(str(error)) from None
    other = adapted.meter.beside(finer)
    other.ask(adapted.start)
    if finer.capabilities.dtype != "float64":
        return f"loaded with dtype=float64 the model says {finer.capabilities.dtype}"
    return _float32_inside(other, adapted.copies(), "loaded with dtype=float64, but ")


def unknown_species_are_refused(adapted: Adapted) -> str | None:
    """An element that the model doesn't know is refused, by ``species`` or by an exception.

    A table that is read beyond its end, or a one-hot vector of zeros, gives wrong forces silently.
    """
    if adapted.takes_any_species:
        raise CapabilityMissing("the model takes every element, as the caller says")
    told = adapted.meter.capabilities.species
    z = _UNKNOWN_ELEMENT
    if told is not None:
        z = next((n for n in range(1, _UNKNOWN_ELEMENT + 1) if n not in told), 0)
    if z == 0:
        raise CapabilityMissing("the model declares every element")
    system = adapted.start.system
    numbers = np.array(system.numbers)
    numbers[0] = z
    other = replace(adapted.start, system=replace(system, numbers=numbers))
    try:
        adapted.meter.model.evaluate(other, want=frozenset({"forces"}))
    # Any exception is a refusal.
    except Exception:
        return None
    if told is not None:
        return None if adapted.meter.capabilities.refuses(other) else f"element {z} is not refused"
    return (
        f"element {z} gets forces, and capabilities.species is None: declare the species, or raise "
        "for those that the model doesn't know (takes_any_species=True if it means to)"
    )


def _law(check: str) -> Callable[[Adapted], str | None]:
    """A check of the family ``implementation`` as a rule: broken where it fails."""

    def rule(adapted: Adapted) -> str | None:
        spec = all_checks()[check]
        measured = spec.measure(adapted.meter, adapted.start, rng=adapted.rng)
        verdict = judge(measured, spec.tolerance(DEFAULT_PROFILE))
        if not verdict.failed:
            return None
        return f"{spec.title} ({verdict.message}; physcheck.measure_{check} has more)"

    rule.__doc__ = f"The check ``{check}`` doesn't fail."
    return rule


def _same() -> float:
    """How far answers that should be the same may be apart: the tolerance of batch_invariance."""
    tolerance = all_checks()["batch_invariance"].tolerance(DEFAULT_PROFILE)
    assert tolerance is not None
    return tolerance.value


def _difference(name: str, one: Evaluation, other: Evaluation) -> float:
    """The largest difference of an output; infinite where the shapes differ or one is missing."""
    a, b = getattr(one, name), getattr(other, name)
    if a is None or b is None or np.shape(a) != np.shape(b):
        return float("inf")
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def _float32_inside(meter: Meter, asked: Configurations, who: str) -> str | None:
    forces = meter.evaluate(asked).require_forces()
    telling = forces[forces != 0]
    if len(telling) < _FEWEST_COMPONENTS or not _are_float32(telling):
        return None
    return f"{who}all force components are float32 numbers: something inside casts to float32"


def _are_float32(values: Floats) -> bool:
    return bool((values.astype(np.float32).astype(np.float64) == values).all())


#: Name -> rule; a rule gives what is wrong or None, and raises CapabilityMissing if it doesn't
#: apply.
RULES: Mapping[str, Callable[[Adapted], str | None]] = {
    "capabilities_are_told": capabilities_are_told,
    "outputs_have_their_shapes": outputs_have_their_shapes,
    "one_atom_has_shapes": one_atom_has_shapes,
    "outputs_come_alone": outputs_come_alone,
    "batches_are_single_calls": batches_are_single_calls,
    "input_is_untouched": _law("input_untouched"),
    "same_question_same_answer": _law("determinism"),
    "no_memory_of_other_questions": _law("history_independence"),
    "fresh_copies_are_equal": fresh_copies_are_equal,
    "units_are_ases": units_are_ases,
    "float64_is_float64": float64_is_float64,
    "unknown_species_are_refused": unknown_species_are_refused,
}
