"""Everything that is known of a check, as lines of text for people."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable
from textwrap import indent, wrap
from typing import TYPE_CHECKING

from physcheck.names import BUDGETS
from physcheck.registry import CheckSpec
from physcheck.report.laws_in_words import law_text, plain
from physcheck.report.meaning_of_failure import meaning_of_failure
from physcheck.text.numbers import figure
from physcheck.tolerances import PROFILES

if TYPE_CHECKING:
    from physcheck.model import Capabilities

__all__ = ["explanation"]

_WIDTH = 88
_KINDS = {
    "law": "a law: holds for any physical potential",
    "practice": "a practice: its loss spoils some simulations, or is a choice of the architecture",
    "info": "information: never fails a run",
}
# What the cost is told for: small, and two kinds of periodicity.
_EXAMPLES = ("ethanol", "Si8", "Cu32")


def explanation(spec: CheckSpec) -> list[str]:
    """The law, how it is measured, tolerances, what a failure means, what to do, cost and source.

    Cost: no evaluation; the structures that the cost is told for are made.
    """
    told = law_text(spec.id)
    assert told is not None
    head = [f"{spec.id}  ({spec.family})", _KINDS[spec.kind]]
    lines = [*head, "", *_text(told.law), ""]
    for kind, text in told.paragraphs:
        lines += [*(indent(text, "      ").splitlines() if kind == "formula" else _text(text)), ""]
    how = _how_it_is_measured(spec)
    sections: list[tuple[str, Iterable[str]]] = [
        ("what is measured", [f"{spec.quantity}{f', in {spec.unit}' if spec.unit else ''}"]),
        ("how", how),
        ("what it can't see", [told.blind.removeprefix("Can't see:").strip()]),
        ("tolerance", _tolerances(spec)),
        ("a failure says", [spec.title]),
        ("what that does", [meaning_of_failure(spec)]),
        ("usual causes", [spec.causes]),
        ("what to do", [spec.advice]),
        ("needs", [_needs(spec)]),
        ("cost", _costs(spec)),
        ("literature", [told.source] if told.source else []),
        ("alone", [f"physcheck run MODEL --checks={spec.id}",
                   f"physcheck.measure_{spec.id}(model, atoms) in Python"]),
    ]  # fmt: skip
    for title, paragraphs in sections:
        body = [line for paragraph in paragraphs for line in _text(paragraph)]
        lines += [title, *body, ""] if body else []
    return lines[:-1]


def _text(paragraph: str) -> list[str]:
    return indent("\n".join(wrap(paragraph, _WIDTH, break_on_hyphens=False)), "  ").splitlines()


def _how_it_is_measured(spec: CheckSpec) -> list[str]:
    """What the check's module says after its first line."""
    text = inspect.cleandoc(sys.modules[spec.measure.__module__].__doc__ or "")
    paragraphs = [plain(block) for block in text.split("\n\n")[1:]]
    return [p.removeprefix("How it is measured.").strip() for p in paragraphs]


def _tolerances(spec: CheckSpec) -> list[str]:
    if spec.tolerances is None:
        return ["none: the figure is for information"]
    numbers = [f"{p} {figure(getattr(spec.tolerances, p), spec.unit)}" for p in PROFILES]
    return [
        ", ".join(numbers),
        f"why: {plain(spec.tolerances.reason)}",
        f"source: {plain(spec.tolerances.source)}",
    ]


def _needs(spec: CheckSpec) -> str:
    needs = [f"a model that gives {' and '.join(sorted(spec.needs))}"] if spec.needs else []
    needs += ["a second model (--reference)"] if spec.compares else []
    needs += [f"to see most, a structure that is {spec.shows.needs}"] if spec.shows else []
    return "; ".join(needs) or "nothing but a model"


def _costs(spec: CheckSpec) -> list[str]:
    """The most evaluations of a record by budget, on structures that the check applies to."""
    from physcheck.structures import catalogue

    lines = []
    for name in _EXAMPLES:
        start = catalogue()[name].configurations
        if spec.missing(start, _typical()) is not None:
            continue
        numbers = [f"{b} {spec.evaluations(start, _typical(), b):,}" for b in BUDGETS]
        lines.append(f"on {name} at most {', '.join(numbers)} evaluations")
        if spec.shared is not None:
            shared = [f"{b} {spec.shared(start, _typical(), b):,}" for b in BUDGETS]
            lines[-1] += f", beside a trajectory that checks share: {', '.join(shared)}"
    return lines or ["depends on the model and on the structure file"]


def _typical() -> Capabilities:
    """What most models can do."""
    from physcheck.model import Capabilities

    return Capabilities(
        name="typical",
        adapter="",
        outputs=frozenset({"energy", "forces", "stress"}),
        dtype="float64",
        device="cpu",
        batched=True,
        interaction_range=10.0,
    )
