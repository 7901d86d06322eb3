"""Failures that go back to another by what was measured, where the checks alone don't say so.

What a fault explains whatever was measured stands in its check's registration (``KnownFault``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from physcheck.names import GENERATED
from physcheck.report.registered_faults import registered_faults
from physcheck.run.record import Record

__all__ = ["goes_back_to", "is_no_crossing"]

# Failures that show one fault, by check.
_Shown = Mapping[str, Sequence[Record]]

_STRESS_GAP = "stress_energy_gap"
# The output that a gap with a title of its own (a factor, a unit) is about.
_OUTPUT_OF_GAP = {"force_energy_gap": "energy", _STRESS_GAP: "stress"}
# Faults that make an answer depend on other cases.
_OF_OTHER_CASES = {"history_independence", "batch_invariance"}
# Faults of places, off which strains move atoms.
_OF_PLACES = {"translation_invariance", "periodic_wrap"}
# What separated_additivity's place says where atoms of other elements are far away.
_UNLIKE = "atoms with"
# What is in outputs_agree's title where strained cells don't have the energy of their stress.
_STRAINED = "derivative by the strain"
# Two factors are one if they differ by less than this share: pieces of finite length.
_SAME_FACTOR = 0.02


def goes_back_to(shown: _Shown, failed: Sequence[Record]) -> bool:
    """Whether the failures of a check go back to those that show a fault.

    By a rule for any check, or by one for this check and one that is shown.
    """
    rules = _RULES_OF_CHECK.get(failed[0].check, {})
    return any(rule(shown, failed) for rule in _RULES_OF_ANY) or any(
        rule(shown[cause], failed) for cause, rule in rules.items() if cause in shown
    )


def is_no_crossing(jump: Record) -> bool:
    """Whether a jump is at a symmetric place alone, which no motion crosses."""
    quantities = jump.evidence.get("quantities", {})
    return quantities.get("crossings_per_atom_per_ps", 0.0) is None


# Rules for any check.


def _are_of_generated_cases(shown: _Shown, failed: Sequence[Record]) -> bool:
    """Generated cases come one after another, and each in a batch with its copies: a model whose
    answers depend on that fails in them alone.
    """
    return bool(shown.keys() & _OF_OTHER_CASES) and all(r.structure == GENERATED for r in failed)


def _are_of_an_output_with_a_name(shown: _Shown, failed: Sequence[Record]) -> bool:
    """An output that is a multiple of what it should be breaks symmetries of its own: energies an
    atom don't grow with the system.
    """
    return any(
        all(record.evidence.get("only_output") == output for record in failed)
        for gap, output in _OUTPUT_OF_GAP.items()
        if any(_has_a_title(record) for record in shown.get(gap, ()))
    )


def _are_of_a_stress_alone(shown: _Shown, failed: Sequence[Record]) -> bool:
    """A stress that breaks a symmetry, and alone does, isn't the energy's derivative somewhere, and
    breaks other symmetries.
    """
    if not all(_is_of_stress_alone(records) for records in shown.values()):
        return False
    check, family = failed[0].check, failed[0].family
    if check == _STRESS_GAP and shown.keys() & _OF_PLACES:
        # Only where the place is: see _are_where_strains_move_atoms.
        return False
    if check == _STRESS_GAP or registered_faults()[_STRESS_GAP].covers(check, family):
        return not any(_has_a_title(record) for record in failed)
    return family == "symmetry" and _is_of_stress_alone(failed)


_RULES_OF_ANY = (
    _are_of_generated_cases,
    _are_of_an_output_with_a_name,
    _are_of_a_stress_alone,
)

# Rules for one check and one cause.


def _are_where_strains_move_atoms(places: Sequence[Record], gaps: Sequence[Record]) -> bool:
    """A strain moves atoms off a place that is told apart; a stress with a factor is wrong
    everywhere.
    """
    there = {record.structure for record in places}
    return all(gap.structure in there and not _has_a_title(gap) for gap in gaps)


def _have_other_factors(kept: Sequence[Record], gaps: Sequence[Record]) -> bool:
    """A stress that is kept, or whose volume is, is off by another factor everywhere."""
    factors = _factors(gaps)
    return any(not _is_same(factor, factors[0]) for factor in factors)


def _have_the_factor_of_forces(of_forces: Sequence[Record], gaps: Sequence[Record]) -> bool:
    """A factor on the energy is one on what its strain derivative is held against.

    Of this structure where the forces have a gap there.
    """

    def has_it(gap: Record) -> bool:
        here = [other for other in of_forces if other.structure == gap.structure] or of_forces
        return any(_is_same(known, own) for own in _factors([gap]) for known in _factors(here))

    return all(has_it(gap) for gap in gaps)


def _are_of_forces_in_another_unit(of_forces: Sequence[Record], loops: Sequence[Record]) -> bool:
    """Forces in another unit do other work than the stress does."""
    return bool(_factors(of_forces))


def _are_of_forces_that_attract(of_forces: Sequence[Record], holes: Sequence[Record]) -> bool:
    """Forces with another sign attract; in another unit they still repel."""
    factors = _factors(of_forces)
    return bool(factors) and max(factors) < 0


def _are_of_pairs_among_others(apart: Sequence[Record], holes: Sequence[Record]) -> bool:
    """Where parameters of pairs depend on which elements are there, two atoms alone may attract:
    only dimers have no other elements near them.
    """
    dimers = all(hole.evidence.get("place", "").startswith("dimer") for hole in holes)
    return dimers and any(_UNLIKE in record.evidence.get("place", "") for record in apart)


def _are_energies_of_the_cell_before(kept: Sequence[Record], other: Sequence[Record]) -> bool:
    """Strained cells that have the energy of the cell before give another strain derivative than
    the stress; other outputs that differ have other causes.
    """
    return all(_STRAINED in record.evidence.get("title", "") for record in other)


def _are_at_symmetric_places(apart: Sequence[Record], jumps: Sequence[Record]) -> bool:
    """Atoms that don't see all images, or see another origin, make a jump where a place is
    symmetric, which no motion crosses.
    """
    return all(is_no_crossing(jump) for jump in jumps)


_Rule = Callable[[Sequence[Record], Sequence[Record]], bool]
# By the check whose failures they are about, and by the one whose failures may be the cause.
_RULES_OF_CHECK: Mapping[str, Mapping[str, _Rule]] = {
    _STRESS_GAP: {
        "history_independence": _have_other_factors,
        "translation_invariance": _are_where_strains_move_atoms,
        "periodic_wrap": _are_where_strains_move_atoms,
        "force_energy_gap": _have_the_factor_of_forces,
    },
    "strain_loop_work": {"force_energy_gap": _are_of_forces_in_another_unit},
    "short_range_repulsion": {
        "force_energy_gap": _are_of_forces_that_attract,
        "separated_additivity": _are_of_pairs_among_others,
    },
    "outputs_agree": {"history_independence": _are_energies_of_the_cell_before},
    "cutoff_smoothness": {
        "translation_invariance": _are_at_symmetric_places,
        "periodic_wrap": _are_at_symmetric_places,
        "supercell_extensivity": _are_at_symmetric_places,
    },
}


def _has_a_title(record: Record) -> bool:
    """Whether what was measured has a name of its own: a multiple, another order."""
    return "title" in record.evidence


def _is_of_stress_alone(failed: Sequence[Record]) -> bool:
    """Whether the stress, and no other output, shows the failures of a check of symmetries."""
    return all(record.evidence.get("only_output") == "stress" for record in failed)


def _factors(gaps: Sequence[Record]) -> list[float]:
    """The factors between outputs and derivatives, where they are known."""
    found = [gap.evidence.get("factor") for gap in gaps]
    return [factor for factor in found if isinstance(factor, float) and factor]


def _is_same(factor: float, other: float) -> bool:
    return abs(factor / other - 1) < _SAME_FACTOR
