"""``check_adapter``: does a model keep to the contract of :class:`physcheck.Model`?

The manner is that of scikit-learn's ``check_estimator``: one call runs every rule, and a rule that
is broken names what was got and what should be.  The laws of physics are not asked here, with the
exception of a few of the family ``implementation`` that belong to the contract.

The rules: capabilities are told; outputs have the right shapes, are real and finite, also for one
atom; each output can be asked for alone; a batch gives what single calls give; positions, cells and
the caller's arrays stay as they were; the same question has the same answer, also after other
questions; a fresh copy is equal; units aren't off by a known factor; float64 is float64 throughout;
unknown species are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from physcheck.adapters.instances import as_model
from physcheck.adapters.loading import load_model
from physcheck.errors import CapabilityMissing, SpecError
from physcheck.model import Meter, Model
from physcheck.registry import DEFAULT_SEED
from physcheck.structures import catalogue
from physcheck.system import Configurations, as_configurations
from physcheck.testing.contract_rules import RULES, Adapted
from physcheck.text.exceptions import description

__all__ = ["ContractBroken", "ContractResult", "check_adapter", "contract_rules"]

# Structures of the catalogue that are tried if none are given: the first molecule, and the first
# crystal, that the model takes.
_MOST_STRUCTURES = 2

HOLDS, BROKEN, SKIPPED = "holds", "broken", "doesn't apply"


@dataclass(frozen=True, slots=True)
class ContractResult:
    """What came of one rule at one structure.

    Attributes
    ----------
    rule : str
    structure : str
        Its formula.
    outcome : "holds", "broken" or "doesn't apply"
    message : str
        What was got and what should be; why it doesn't apply; empty where the rule holds.
    evaluations : int
        What it cost.
    """

    rule: str
    structure: str
    outcome: Literal["holds", "broken", "doesn't apply"]
    message: str
    evaluations: int

    def __str__(self) -> str:
        line = f"{self.outcome:13}  {self.rule} [{self.structure}]"
        return f"{line}: {self.message}" if self.message else line


class ContractBroken(AssertionError):
    """An adapter breaks a rule of the contract.

    Attributes
    ----------
    results : list of ContractResult
        Of all rules, those that hold too.
    """

    def __init__(self, results: list[ContractResult]) -> None:
        broken = [result for result in results if result.outcome == BROKEN]
        are = "is" if len(broken) == 1 else "are"
        head = f"{len(broken)} of {len(results)} rules of the contract of a model {are} broken"
        # One fault, such as a shape, can break many rules with the same words.
        alike: dict[tuple[str, str], list[ContractResult]] = {}
        for result in broken:
            alike.setdefault((result.structure, result.message), []).append(result)
        lines = [head]
        for first, *others in alike.values():
            lines.append(f"  {first}")
            if others:
                lines.append(f"    likewise: {', '.join(result.rule for result in others)}")
        super().__init__("\n".join(lines))
        self.results = results


def contract_rules() -> tuple[str, ...]:
    """The names of the rules, in the order in which :func:`check_adapter` runs them."""
    return tuple(RULES)


def check_adapter(
    model: Any,
    atoms: Any = None,
    *,
    rules: Sequence[str] | None = None,
    takes_any_species: bool = False,
    on_broken: Literal["raise", "return"] = "raise",
    rng: np.random.Generator | None = None,
) -> list[ContractResult]:
    """Hold a model, or an adapter that makes one, against the contract of :class:`physcheck.Model`.

    :func:`contract_rules` lists the rules.

    Parameters
    ----------
    model : str, ASE calculator, torch module, torch-sim ModelInterface or Model
        A string is a SPEC as ``--model`` takes it, so that an adapter's own loading is tested too.
    atoms : ase.Atoms, Configurations with B = 1, or a list of them, or None
        Where to ask.  None: the first molecule and the first crystal of the catalogue that the
        model takes.  Off equilibrium: where symmetry makes forces zero, little can be told.
    rules : sequence of str or None
        Which rules to run, of :func:`contract_rules`; None for all.
    takes_any_species : bool
        True for a model that means to answer for every element, so that none can be refused.
    on_broken : "raise" or "return"
    rng : numpy.random.Generator or None

    Returns
    -------
    list of ContractResult
        One a rule and structure.

    Raises
    ------
    ContractBroken
        A rule is broken and ``on_broken`` is "raise".
    SpecError
        The spec, a rule's name or the object can't be understood, or no structure is taken.
    ModelError
        The model of a spec can't be loaded.

    Cost: some 80 evaluations a structure.
    """
    chosen = _chosen(rules)
    taken = load_model(model) if isinstance(model, str) else as_model(model)
    spec = model if isinstance(model, str) else None
    generator = np.random.default_rng(DEFAULT_SEED) if rng is None else rng
    results = []
    for start in _structures(taken, atoms):
        for name in chosen:
            adapted = Adapted(Meter(taken), start, spec, generator, takes_any_species)
            results.append(_result(name, RULES[name], adapted))
    if on_broken == "raise" and any(result.outcome == BROKEN for result in results):
        raise ContractBroken(results)
    return results


def _chosen(rules: Sequence[str] | None) -> Sequence[str]:
    if rules is None:
        return tuple(RULES)
    unknown = [name for name in rules if name not in RULES]
    if unknown:
        raise SpecError(f"no rule is called {unknown[0]!r}; known: {', '.join(RULES)}")
    return rules


def _structures(model: Model, atoms: Any) -> list[Configurations]:
    if isinstance(atoms, list | tuple):
        return [as_configurations(one) for one in atoms]
    if atoms is not None:
        return [as_configurations(atoms)]
    suited = [
        structure.configurations
        for structure in catalogue().values()
        if model.capabilities.refuses(structure.configurations) is None
    ]
    if not suited:
        raise SpecError(
            "no structure of the catalogue has only species that the model takes: give atoms="
        )
    found: list[Configurations] = []
    reasons: list[str] = []
    for start in suited:
        kinds = [one.system.is_fully_periodic for one in found]
        if start.system.is_fully_periodic in kinds:
            continue
        try:
            Meter(model).evaluate(start)
        # Only whether it answers is asked; what it answers is for the rules to judge.
        except Exception as error:
            reasons.append(f"{start.system.formula}: {description(error)}")
            continue
        found.append(start)
        if len(found) == _MOST_STRUCTURES:
            break
    if found:
        return found
    if model.capabilities.species is None:
        raise SpecError(
            f"the model answers at no structure of the catalogue (at {reasons[0]}): give atoms="
        )
    # It says that it takes these elements: that it doesn't answer is what the rules find.
    return suited[:1]


def _result(name: str, rule: Callable[[Adapted], str | None], adapted: Adapted) -> ContractResult:
    formula = adapted.start.system.formula
    try:
        adapted.meter.ask(adapted.start)
        message = rule(adapted)
        outcome: Any = HOLDS if message is None else BROKEN
    except CapabilityMissing as error:
        message, outcome = str(error), SKIPPED
    # Whatever an adapter raises is a finding about it, not the end of the others.
    except Exception as error:
        message, outcome = description(error), BROKEN
    return ContractResult(name, formula, outcome, message or "", adapted.meter.evaluations)
