"""Records that met NaN or infinity: one cause is one FAIL, that of ``finite_outputs``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from physcheck.measurement import Outcome
from physcheck.run.record import Record

if TYPE_CHECKING:
    from physcheck.run.entry import PlanEntry

__all__ = ["NotFiniteOnce", "counted_once", "not_finite_output"]

# The check that asks for finite numbers.
_FINITE_OUTPUTS = "finite_outputs"
_NOT_JUDGED = "not judged: "
_VERBS = {"forces": "are"}


def not_finite_output(record: Record) -> str | None:
    """The output whose NaN or infinity makes a record fail; None for any other record.

    Those of ``finite_outputs`` itself count as any other.
    """
    found = record.evidence.get("not_finite")
    if record.verdict is not Outcome.FAIL or record.check == _FINITE_OUTPUTS or not found:
        return None
    output = found.get("output")
    return str(output) if output else None


def _fails_on(record: Record, output: str) -> bool:
    """Whether a record of ``finite_outputs`` fails because of this output."""
    quantities = record.evidence.get("quantities", {})
    failed = record.verdict in (Outcome.FAIL, Outcome.KNOWN_FAILURE)
    return (
        record.check == _FINITE_OUTPUTS
        and failed
        and output in quantities.get("not_finite_outputs", ())
    )


def _not_judged(record: Record, by: Record) -> Record:
    """A record that met what ``by``, of ``finite_outputs``, fails on: it can't tell its own law."""
    found = record.evidence["not_finite"]
    output, value = str(found["output"]), str(found["value"])
    what = {"nan": "NaN", "inf": "infinite", "-inf": "infinite"}.get(value, f"{value}, unphysical")
    reason = f"{_NOT_JUDGED}{output} {_VERBS.get(output, 'is')} {what} ({by.name} fails)"
    return replace(record, verdict=Outcome.INCONCLUSIVE, reason=reason)


class NotFiniteOnce:
    """Makes records; one that met NaN which ``finite_outputs`` fails on, too, is inconclusive.

    Each process asks ``finite_outputs`` itself, with the seed of the plan, so that a verdict is the
    same whoever makes the record.  Its own records are made once.

    Parameters
    ----------
    make : callable (PlanEntry) -> Record
    entries : iterable of PlanEntry
        What is planned: where ``finite_outputs`` isn't, each record that met NaN fails.
    finished : mapping of str to Record
        Records by name that an earlier run has made.
    """

    def __init__(
        self,
        make: Callable[[PlanEntry], Record],
        entries: Iterable[PlanEntry],
        finished: Mapping[str, Record] | None = None,
    ) -> None:
        self._make = make
        self._planned = [entry for entry in entries if entry.check.id == _FINITE_OUTPUTS]
        self._judges = dict(finished or {})

    def run(self, entry: PlanEntry) -> Record:
        """The record of an entry."""
        if entry.check.id == _FINITE_OUTPUTS:
            return self._judge(entry)
        record = self._make(entry)
        output = not_finite_output(record)
        if output is None:
            return record
        # That of the same structure first: its words fit best.
        same = sorted(self._planned, key=lambda one: one.structure.name != entry.structure.name)
        judges = (self._judge(one) for one in same)
        by = next((judge for judge in judges if _fails_on(judge, output)), None)
        return record if by is None else _not_judged(record, by)

    def _judge(self, entry: PlanEntry) -> Record:
        if entry.name not in self._judges:
            self._judges[entry.name] = self._make(entry)
        return self._judges[entry.name]


def counted_once(records: Iterable[Record]) -> tuple[Record, ...]:
    """The records of a finished run, where what isn't finite is a failure of ``finite_outputs``.

    A model may give NaN where ``finite_outputs`` doesn't look, or now and then: what others met is
    then added to its record.  Those that relied on its failure fail themselves where there is none.
    """
    made = list(records)
    judges = [i for i, record in enumerate(made) if record.check == _FINITE_OUTPUTS]
    met = [i for i, record in enumerate(made) if not_finite_output(record) is not None]
    for i in met:
        # That of the same structure first.
        same = sorted(judges, key=lambda j: made[j].structure != made[i].structure)
        taking = next((j for j in same if made[j].value is not None), None)
        if taking is not None and made[taking].verdict in (Outcome.PASS, Outcome.FAIL):
            made[taking] = _with_another(made[taking], made[i])
            made[i] = _not_judged(made[i], made[taking])
    for i, record in enumerate(made):
        if (record.reason or "").startswith(_NOT_JUDGED):
            output = record.evidence.get("not_finite", {}).get("output", "")
            if not any(_fails_on(made[j], output) for j in judges):
                made[i] = replace(record, verdict=Outcome.FAIL, reason=None)
    return tuple(made)


def _with_another(judge: Record, met: Record) -> Record:
    """The record of ``finite_outputs``, failing on what another record met."""
    quantities = judge.evidence.get("quantities", {})
    words = f"met by {met.name}: {met.message}"
    value = (judge.value or 0.0) + 1.0
    evidence = {
        **judge.evidence,
        "place": words if judge.verdict is Outcome.PASS else judge.evidence.get("place"),
        "quantities": {
            **quantities,
            "not_finite": [*quantities.get("not_finite", ()), words],
            "not_finite_outputs": sorted(
                {*quantities.get("not_finite_outputs", ()), met.evidence["not_finite"]["output"]}
            ),
        },
    }
    message = f"{value:g} situations, some of them met by other checks"
    return replace(
        judge,
        verdict=Outcome.FAIL,
        reason=None,
        message=message,
        value=value,
        interval=(value, value),
        evidence=evidence,
    )
