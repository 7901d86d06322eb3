"""The order of failures, the same in every report: what to mend first comes first."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from physcheck.measurement import Outcome
from physcheck.names import GENERATED
from physcheck.report.measured_causes import goes_back_to, is_no_crossing
from physcheck.report.registered_faults import (
    RegisteredFault,
    registered_faults,
    with_faults_of_others,
)
from physcheck.run.record import Record
from physcheck.text.failure import is_mended

__all__ = ["Fault", "excess", "failures_by_check", "faults", "in_order", "title_of"]

# A fault of an earlier family can make checks of the later ones fail: batches that answer wrongly,
# kinks and broken symmetries show in work around loops, and that in dynamics.
_CAUSES_FIRST = (
    "implementation",
    "smoothness",
    "symmetry",
    "conservation",
    "dynamics",
    "sampling",
    "relaxation",
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Failures that go back to one thing, as far as what fails, and how, can tell.

    Attributes
    ----------
    title : str
        What it is; empty where no more is known than the failure says itself.
    shown : dict of check to its records, the worst first
        The failures that show it.
    follow : dict of check to its records
        Failures that follow from it, or may.
    """

    title: str
    shown: dict[str, list[Record]]
    follow: dict[str, list[Record]]

    @property
    def by_check(self) -> dict[str, list[Record]]:
        """All of its failures, what shows it first."""
        return self.shown | self.follow


# A check of each fault whose order among the others is known: calls, order of atoms, vectors of the
# cell, potential and energy, origin, images, supercells, strains, elements, jumps.
_CALLS = ("determinism", "history_independence", "batch_invariance")
_ATOMS, _CELLS = "permutation_equivariance", "lattice_basis"
_GRADIENTS = ("loop_work", "force_energy_gap")
_PLACE, _IMAGES, _SUPERCELLS = "translation_invariance", "periodic_wrap", "supercell_extensivity"
_STRAINS, _ELEMENTS, _JUMPS = "stress_energy_gap", "separated_additivity", "cutoff_smoothness"


def excess(record: Record) -> float:
    """The value over its tolerance; infinite where nothing was measured, or NaN."""
    value = record.value
    if value is None or math.isnan(value):
        return math.inf
    return value / record.tolerance if record.tolerance else value


def faults(records: Iterable[Record]) -> list[Fault]:
    """The failures of a run by what they go back to, what to mend first first.

    A check whose failure is explained by another's stands below it.  It is still a failure: it may
    have a cause of its own, which shows when the first is mended.
    """
    made = list(records)
    ranked = _ranked(made)
    agree = _forces_and_stress_agree(made, ranked)
    left, found = dict(ranked), []
    for known in _in_question(ranked):
        shown = {check: left.pop(check) for check in list(left) if check in known.shown_by}
        if not shown:
            continue
        more = [
            check
            for check, failed in left.items()
            if known.covers(check, failed[0].family)
            or (agree and check == _STRAINS and "force_energy_gap" in shown)
            or goes_back_to(shown, failed)
        ]
        follow = {check: left.pop(check) for check in more}
        # One failure says it all itself.
        alone = len(shown) + len(follow) == 1
        found.append(Fault("" if alone else known.title, shown, follow))
    found += [Fault("", {check: failed}, {}) for check, failed in left.items()]
    place = {check: number for number, check in enumerate(ranked)}
    return sorted(found, key=lambda fault: min(place[check] for check in fault.shown))


def _forces_and_stress_agree(records: Sequence[Record], ranked: Mapping[str, list[Record]]) -> bool:
    """Whether they do no work around loops of strains: they are derivatives of one energy.

    If the forces aren't the gradient of the energy that is reported, the stress then isn't its
    derivative either.
    """
    return "strain_loop_work" not in ranked and any(
        r.check == "strain_loop_work" and r.verdict is Outcome.PASS for r in records
    )


def _in_question(ranked: Mapping[str, list[Record]]) -> list[RegisteredFault]:
    """The known faults, in the order in which they explain others: what is told first explains all
    that it can, what is told later the rest.
    """
    known = registered_faults()
    # Atoms that have each other's forces; jumps are another cause of what cells tell.
    swapped = [check for check in (_ATOMS, _CELLS) if known[check].applies(ranked)]
    if any(not is_no_crossing(jump) for jump in ranked.get(_JUMPS, ())):
        swapped = [check for check in swapped if check != _CELLS]
    # Lines of generated cases cross jumps, the origin and faces of cells: these explain gaps of
    # forces that no other line has found.
    gaps = ranked.get("force_energy_gap", [])
    crossed = bool(gaps) and all(_is_on_a_generated_line(gap) for gap in gaps)
    first = [_PLACE, _JUMPS, _IMAGES, *_GRADIENTS] if crossed else [*_GRADIENTS, _PLACE, _IMAGES]
    # A stress that is known to be a multiple or in disorder explains symmetries that it breaks.
    named = any("title" in record.evidence for record in ranked.get(_STRAINS, ()))
    cells = [_STRAINS, _SUPERCELLS, _CELLS] if named else [_SUPERCELLS, _CELLS, _STRAINS]
    # A check that is named twice has its first place.
    checks = dict.fromkeys([*_CALLS, *swapped, *first, *cells, _ELEMENTS, _JUMPS])
    faults_of_checks = {check: known[check] for check in checks}
    if _CELLS not in swapped:
        # Forces that differ by little with the cell's vectors say nothing of other failures.
        faults_of_checks[_CELLS] = replace(known[_CELLS], explains=frozenset())
    order = list(faults_of_checks.values())
    ours = {fault.title for fault in order}
    others = {fault.title: fault for fault in known.values() if fault.title not in ours}
    return with_faults_of_others(order, list(others.values()), ranked)


def _is_on_a_generated_line(gap: Record) -> bool:
    """Whether a gap of a generated case has no name of its own: it isn't everywhere."""
    return gap.structure == GENERATED and "title" not in gap.evidence


def title_of(failed: Sequence[Record]) -> str:
    """What failures of one check are called: by what was measured, where one record knows.

    That forces don't show it has to hold for all of them.
    """
    named = [r for r in failed if "title" in r.evidence]
    others = [r for r in failed if "title" not in r.evidence]
    if not named or (others and any("only_output" in r.evidence for r in named)):
        return others[0].title or others[0].quantity
    return named[0].title or named[0].quantity


def failures_by_check(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records that fail, by check, each check's worst first, in the order of :func:`faults`."""
    found: dict[str, list[Record]] = {}
    for fault in faults(records):
        found |= fault.by_check
    return found


def _ranked(records: Iterable[Record]) -> dict[str, list[Record]]:
    """The records that fail, by check, each check's worst first.

    By cause, not by what a failure spoils: whoever mends the first may have mended the others.
    Families that cause others come first, within one its laws, then what is furthest over its
    tolerance.  Known failures that pass now are no failures.
    """
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.verdict is Outcome.FAIL and not is_mended(record):
            found.setdefault(record.check, []).append(record)
    ranked = {check: sorted(one, key=lambda r: -excess(r)) for check, one in found.items()}
    return dict(sorted(ranked.items(), key=lambda item: _rank(item[1][0])))


def in_order(records: Iterable[Record]) -> list[Record]:
    """The records with failures first, as :func:`failures_by_check` has them."""
    made = list(records)
    failed = [record for found in failures_by_check(made).values() for record in found]
    names = {record.name for record in failed}
    return [*failed, *(record for record in made if record.name not in names)]


def _rank(worst: Record) -> tuple[int, bool, float]:
    """The place of a check among those that fail, by its worst record."""
    # A report may come from a version that has further families.
    known = worst.family in _CAUSES_FIRST
    place = _CAUSES_FIRST.index(worst.family) if known else len(_CAUSES_FIRST)
    return place, worst.kind != "law", -excess(worst)
