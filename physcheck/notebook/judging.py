"""``physcheck.judge``: a run of the suite in one call, without pytest."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from physcheck.errors import SpecError
from physcheck.measurement import Measurement, Verdict
from physcheck.measurement import judge as verdict_on
from physcheck.notebook.judged_report import JudgedReport
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.structures import Structure

__all__ = ["judge"]


def judge(
    model: Any,
    atoms: Any = None,
    *,
    checks: str | Iterable[str] | None = None,
    species: str | Iterable[str] | None = None,
    reference: Any = None,
    profile: str = "md",
    budget: str | int = "auto",
    seed: int = 0,
    device: str | None = None,
    dtype: str | None = None,
    timeout: float | None = None,
    **of_a_verdict: Any,
) -> JudgedReport | Verdict:
    """Judge a model by physical laws: the suite in one call.

    ::

        report = physcheck.judge(MyCalculator(), ["Cu32", atoms], checks="conservation")
        report.failures           # the records that fail

    Parameters
    ----------
    model, reference : ASE calculator, torch module, torch-sim model, physcheck Model, or a spec
        The model, and one to compare it with.
    atoms : ase.Atoms, Configurations (B = 1), name, file, or a list or dict of these; optional
        If left out: what the model's author declared, else what it takes of the catalogue.
    checks, species, profile, budget, seed, device, dtype, timeout
        As the options of pytest: ``--physcheck-checks`` and so on (s for ``timeout``); ``device``
        and ``dtype`` of a spec that is loaded.

    Returns
    -------
    JudgedReport
        Nothing is raised for a law that is violated.  Of a Measurement and a Tolerance, in place of
        model and atoms, the Verdict: see :func:`physcheck.measurement.judge`.

    Raises
    ------
    SpecError
        A name, file or option doesn't exist (the nearest ones are named), or has no effect here.
    ModelError
        The model can't be made.

    Cost: at most the budget, and some 10 to 100 evaluations to choose structures.
    """
    if isinstance(model, Measurement):
        return verdict_on(model, atoms, **of_a_verdict)
    _refuse(of_a_verdict, model, reference, {"device": device, "dtype": dtype})
    structures = None if atoms is None else _structures(atoms)
    names = None if structures is None else ",".join(s.name for s in structures)
    settings = Settings(
        model=model if isinstance(model, str) else None, reference=_label(reference),
        checks=_joined(checks), structures=names, species=_joined(species), profile=profile,
        budget=str(budget), seed=_whole(seed), device=device, dtype=dtype, timeout=timeout,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _judged(settings, model, reference, structures)


def _refuse(
    unknown: Mapping[str, Any], model: Any, reference: Any, given: Mapping[str, str | None]
) -> None:
    """TypeError for what is no option; SpecError for options of loading where nothing is loaded."""
    if unknown:
        raise TypeError(f"judge() got an unexpected keyword argument {next(iter(unknown))!r}")
    named = [name for name, value in given.items() if value is not None]
    if named and not any(isinstance(one, str) for one in (model, reference)):
        raise SpecError(
            f"{named[0]}={given[named[0]]!r} is of a spec that is loaded, and the model is an "
            f"object that has its own: make it with another {named[0]}, or give a spec such as "
            "'model.py:factory'"
        )


def _whole(seed: Any) -> Any:
    """numpy's integers as Python's, which JSON holds; anything else is refused by the settings."""
    return seed.__index__() if hasattr(seed, "__index__") else seed


def _label(reference: Any) -> str | None:
    """What the settings say of a reference: its spec, or what it is."""
    if reference is None or isinstance(reference, str):
        return reference
    return type(reference).__name__


def _joined(names: str | Iterable[str] | None) -> str | None:
    return names if names is None or isinstance(names, str) else ",".join(names)


def _structures(atoms: Any) -> list[Structure]:
    from physcheck.structures import Structure, load_structures, named_structures

    if isinstance(atoms, str):
        return load_structures(atoms)
    several = atoms if isinstance(atoms, list | tuple | Mapping) else [atoms]
    if not several:
        raise SpecError("atoms is empty: name a structure, or leave it out for the catalogue")
    named = named_structures(several)
    return [Structure(name, start, "given by the caller") for name, start in named.items()]


def _judged(
    settings: Settings, model: Any, reference: Any, structures: list[Structure] | None
) -> JudgedReport:
    from physcheck.report.facts_of_run import facts_of_run
    from physcheck.run.not_finite import counted_once
    from physcheck.run.preparation import load_models, prepare_run

    created = datetime.now(UTC).isoformat(timespec="seconds")
    at_hand = (None if isinstance(one, str) else one for one in (model, reference))
    run = prepare_run(settings, load_models(settings, *at_hand), structures=structures)
    records = tuple(run.judge(entry) for entry in run.plan.entries)
    return JudgedReport(
        created=created,
        settings=settings,
        records=counted_once(records),
        facts=facts_of_run(run),
        setup=run.setup,
        complete=True,
    )
