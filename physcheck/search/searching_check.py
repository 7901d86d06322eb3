"""A search as a check: the same law, asked of generated cases rather than of one structure."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from physcheck.errors import CapabilityMissing
from physcheck.measurement import Measurement
from physcheck.model import Meter
from physcheck.registry import CheckSpec
from physcheck.resolution import Resolution
from physcheck.search.asking import Asked
from physcheck.search.case import Case
from physcheck.search.case_files import case_as_json, case_from_json, keep_case
from physcheck.search.domain_map import domain_map, said_of_domain
from physcheck.search.law import SearchLaw
from physcheck.search.repro_script import repro_script
from physcheck.search.search_one_law import SearchResult, again_allotment, search
from physcheck.search.structures_drawn import Pool, has_seeds
from physcheck.text.exceptions import description
from physcheck.text.numbers import figure
from physcheck.text.phrases import count

__all__ = ["SearchedModel", "searching_spec"]

# Fewer answered cases say nothing.
_FEWEST = 10
# A detection limit is seen in this share of the cases.
_SEEN_IN = 0.95
_LARGER = "a larger --physcheck-search looks at more cases"
_NOT_CONFIRMED = (
    "one generated case was above the tolerance, but copies of it that differ by 1e-4 Å scatter "
    "too much to tell: look at that structure by itself"
)
_Found = tuple[Case, Asked]


@dataclass(frozen=True, slots=True)
class SearchedModel:
    """What the files of a search need to know of a model.

    Attributes
    ----------
    spec : str or None
        As the user named it.
    cases : str or None
        Folder of kept cases.
    """

    spec: str | None = None
    cases: str | None = None


def searching_spec(
    spec: CheckSpec,
    law: SearchLaw,
    pool: Pool,
    *,
    allotment: int,
    kept: Sequence[Case] = (),
    model: SearchedModel | None = None,
) -> CheckSpec:
    """The check with a ``measure`` that searches: its structure is only where noise is measured.

    Given ``cases`` as ``evidence["open_cases"]`` has them, it asks and judges those alone.

    Parameters
    ----------
    spec : CheckSpec
        The check whose law is asked.
    law : SearchLaw
    pool : Pool
    allotment : int
        Evaluations of a record.
    kept : sequence of Case
        Asked first.
    model : SearchedModel or None
    """
    one = _Searching(spec, law, pool, allotment, kept, model or SearchedModel())

    def measure(
        model: Any,
        start: Any,
        *,
        rng: np.random.Generator,
        tolerance: float,
        resolution: Resolution | None = None,
        cases: Sequence[Mapping[str, Any]] = (),
    ) -> Measurement:
        return one.measured(Meter(model), rng, tolerance, resolution, cases)

    # Whatever the forces do, they are to be finite.
    chosen: Callable[..., Measurement] = measure
    if spec.id == "finite_outputs":
        chosen = _without_resolution(measure)
    chosen.__doc__ = spec.measure.__doc__
    return replace(
        spec,
        measure=chosen,
        evaluations=lambda start, capabilities, budget: allotment,
        options={},
        shared=None,
        shows=None,
        applies=lambda start, capabilities: None,
    )


@dataclass(frozen=True, slots=True)
class _Searching:
    """One law's search: what :func:`searching_spec` was given."""

    spec: CheckSpec
    law: SearchLaw
    pool: Pool
    allotment: int
    kept: Sequence[Case]
    model: SearchedModel

    def measured(
        self,
        meter: Meter,
        rng: np.random.Generator,
        tolerance: float,
        resolution: Resolution | None,
        cases: Sequence[Mapping[str, Any]],
    ) -> Measurement:
        """Of a search; of ``cases`` alone where there are any."""
        law, pool = self.law, self.pool
        again = [case_from_json(case) for case in cases]
        result = search(
            law, meter, pool, tolerance=tolerance, rng=rng, resolution=resolution,
            allotment=again_allotment(law) if again else self.allotment,
            kept=again or self.kept, only_kept=bool(again),
        )  # fmt: skip
        if not again:
            _require_answers(law, result, pool)
        # What wasn't confirmed by new evaluations fails nowhere.
        bound = tolerance if result.failing is not None else math.inf
        domain = domain_map(result.cases, pool.seeds, bound)
        report = _Reporting(
            self.spec, law, result, tolerance, meter, self.model, domain, len(again)
        )
        return report.measurement("" if resolution is None else resolution.rigid_reason)


def _without_resolution(measure: Callable[..., Measurement]) -> Callable[..., Measurement]:
    def measure_alone(
        model: Any, start: Any, *, rng: np.random.Generator, tolerance: float
    ) -> Measurement:
        return measure(model, start, rng=rng, tolerance=tolerance)

    return measure_alone


def _require_answers(law: SearchLaw, result: SearchResult, pool: Pool) -> None:
    """A law of periodic structures asks nothing of a model that takes none, and a module that gives
    something else than was agreed is no refusal: that is the error of one law.

    A model of single molecules that declares no periodicity raises at every such case.  Where the
    run itself has such a structure, or some were answered, refused cases are told as they are.

    Raises
    ------
    CapabilityMissing, ForwardError
    """
    if law.check == "finite_outputs" and result.mistake is not None:
        raise result.mistake
    alone = law.wanted in ("periodic", "two axes") and not has_seeds(pool, law.wanted)
    answered = result.asked + result.outside
    if alone and not answered and result.refusal and result.refused >= _FEWEST:
        raise CapabilityMissing(
            f"the model refuses all of {result.refused} periodic structures that were generated, "
            f"and none is named: {result.refusal}"
        )


@dataclass(frozen=True, slots=True)
class _Reporting:
    """From what a search came to, to a measurement with its evidence.

    Of a search, or of so many cases ``again``.
    """

    spec: CheckSpec
    law: SearchLaw
    result: SearchResult
    tolerance: float
    meter: Meter
    model: SearchedModel
    domain: dict[str, dict[str, Any]]
    again: int = 0

    def measurement(self, rigid: str) -> Measurement:
        """Of the judged case where there is one; else the largest violation of all cases."""
        result = self.result
        if result.judged is not None:
            judged = result.judged
            made = replace(judged, nothing_tested="" if result.failing else rigid)
        else:
            made = self._of_all_cases(rigid)
        named = {k: made.evidence[k] for k in ("title", "only_output") if k in made.evidence}
        evidence = {**named, **self._evidence(made.evidence.get("quantities", {}))}
        if result.failing is None and not (made.interval[1] <= self.tolerance):
            evidence["open_cases"] = [case_as_json(case) for case, _ in result.still_open]
        return replace(
            made,
            check=self.spec.id,
            quantity=self.spec.quantity,
            unit=self.spec.unit,
            force_evaluations=self.meter.evaluations,
            evidence=evidence,
            resolve=_NOT_CONFIRMED if result.judged else _LARGER,
        )

    def _of_all_cases(self, rigid: str) -> Measurement:
        """No case was above the tolerance by more than rounding."""
        result = self.result
        seen = 0.0 if result.worst is None else result.worst[1].suspicion
        refused = f"{result.refused} refused, {result.outside} with forces out of bounds"
        few = f"{count(result.asked, 'generated case')} answered ({refused})"
        # What is above the tolerance by more than rounding and few points may leave is looked at
        # again, with statistics.
        doubts = [asked.doubt for _, asked in result.cases]
        doubt = float(np.quantile(doubts, _SEEN_IN)) if doubts else 0.0
        return Measurement(
            value=seen,
            uncertainty=0.0,
            interval=(0.0, seen),
            detection_limit=self.tolerance + doubt,
            force_evaluations=0,
            nothing_tested=few if self._is_little else rigid,
        )

    @property
    def _is_little(self) -> bool:
        """Whether the answers say nothing; of cases asked again each counts, and is judged."""
        result = self.result
        if not self.again:
            return result.asked < _FEWEST
        return result.asked < self.again or result.only_exactly < result.asked

    def _evidence(self, quantities: Mapping[str, Any]) -> dict[str, Any]:
        result = self.result
        counts = {
            "cases": result.asked,
            "refused": result.refused,
            "out_of_bounds": result.outside,
            "only_exactly_there": result.only_exactly,
            "domain": self.domain,
        }
        evidence: dict[str, Any] = {"quantities": {**quantities, **counts}}
        asked = f"{count(result.asked, 'generated case')} asked{' again' if self.again else ''}"
        if result.failing is None or result.smallest is None:
            if result.worst is not None:
                evidence["place"] = f"{asked}; worst: {self._said(result.worst)}"
            if result.judged is not None:
                closely = figure(result.judged.value, self.spec.unit)
                evidence["place"] += f" at first sight, {closely} from new evaluations"
            return evidence
        evidence["place"] = f"{asked}; worst: {self._said(result.failing)}"
        evidence["lines"] = [
            f"smallest case that fails: {self._said(result.smallest)}",
            *filter(None, [said_of_domain(self.domain)]),
        ]
        evidence["quantities"] |= {
            "worst_value": result.failing[1].value,
            "smallest_value": result.smallest[1].value,
            "smallest_atoms": result.smallest[0].start.n_atoms,
        }
        frames = [self._frame("worst", result.failing), self._frame("smallest", result.smallest)]
        evidence["frames"] = frames
        evidence["smallest_case"] = case_as_json(result.smallest[0])
        self._add_script(evidence, result.smallest)
        self._keep(evidence, result.smallest)
        return evidence

    def _said(self, found: _Found) -> str:
        case, asked = found
        start = case.start
        axes = "".join(a for a, p in zip("abc", start.system.pbc) if p)
        cell = f", periodic along {axes}" if axes else ""
        if start.system.is_fully_periodic and np.linalg.det(start.cells[0]) < 0:
            cell += ", left-handed cell"
        done = self.law.described(case)
        what = f"{start.system.formula} ({count(start.n_atoms, 'atom')}{cell})"
        value = figure(asked.value, self.spec.unit)
        return f"{what}{', ' if done else ''}{done}: {value}"

    def _frame(self, name: str, found: _Found) -> tuple[Any, dict[str, Any]]:
        """A configuration and what the file says of it."""
        case, asked = found
        action = {key: np.asarray(values).tolist() for key, values in case.action.items()}
        # A file of extended XYZ holds text and numbers.
        info = {
            "case": name,
            "check": self.spec.id,
            "done": self.law.described(case),
            "made_from": case.made_from,
            "violation": asked.value,
            "unit": self.spec.unit,
            "action": json.dumps(action),
        }
        return case.start, info

    def _add_script(self, evidence: dict[str, Any], found: _Found) -> None:
        case, asked = found
        unit = self.spec.unit
        capabilities = self.meter.capabilities
        value = asked.value if math.isfinite(asked.value) else 0.0
        script = repro_script(
            case,
            asked.part,
            spec=self.model.spec,
            adapter=capabilities.adapter,
            dtype=capabilities.dtype,
            outputs=capabilities.outputs,
            texts={
                "title": self.spec.title,
                "said": self._said(found),
                "number": f"{value:.6g} {unit}".strip(),
                "tolerance": figure(self.tolerance, unit),
                "unit": unit,
            },
        )
        if script is not None:
            evidence["script"] = (f"repro_{self.spec.id}.py", script)

    def _keep(self, evidence: dict[str, Any], found: _Found) -> None:
        if self.model.cases is None:
            return
        case, asked = found
        said = {"violation": asked.value, "unit": self.spec.unit, "model": self.model.spec}
        try:
            path = keep_case(case, self.model.cases, said)
        except OSError as error:
            evidence["case_not_kept"] = description(error)
        else:
            evidence["case"] = str(path)
