"""``physcheck.judge``: a run of the suite in one call, without pytest."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from physcheck.measurement import Measurement, Verdict
from physcheck.measurement import judge as verdict_on
from physcheck.notebook.judged_report import JudgedReport
from physcheck.run.settings import Settings

if TYPE_CHECKING:
    from physcheck.model import Model
    from physcheck.run.record import Record
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
        As the options of pytest: ``--physcheck-checks`` and so on (s for ``timeout``).

    Returns
    -------
    JudgedReport
        Nothing is raised for a law that is violated.  Of a Measurement and a Tolerance, in place of
        model and atoms, the Verdict: see :func:`physcheck.measurement.judge`.

    Raises
    ------
    SpecError
        A name, file or option doesn't exist; the nearest ones are named.
    ModelError
        The model can't be made.

    Cost: at most the budget, and some 10 to 100 evaluations to choose structures.
    """
    if isinstance(model, Measurement):
        return verdict_on(model, atoms, **of_a_verdict)
    if of_a_verdict:
        raise TypeError(f"judge() got an unexpected keyword argument {next(iter(of_a_verdict))!r}")
    structures = None if atoms is None else _structures(atoms)
    names = None if structures is None else ",".join(s.name for s in structures)
    settings = Settings(
        model=model if isinstance(model, str) else None, reference=_label(reference),
        checks=_joined(checks), structures=names, species=_joined(species), profile=profile,
        budget=str(budget), seed=seed, device=device, dtype=dtype, timeout=timeout,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _judged(settings, model, reference, structures)


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
    named = named_structures(several)
    return [Structure(name, start, "given by the caller") for name, start in named.items()]


def _judged(
    settings: Settings, model: Any, reference: Any, structures: list[Structure] | None
) -> JudgedReport:
    from physcheck.adapters.instances import as_model
    from physcheck.adapters.loading import load_model
    from physcheck.adapters.precision import float64_twin_loader
    from physcheck.report.facts_of_plan import facts_of_plan
    from physcheck.run.cause_aware import CauseAwareRunner
    from physcheck.run.no_gradient import has_no_gradient
    from physcheck.run.not_finite import NotFiniteOnce, counted_once
    from physcheck.run.plan import make_plan
    from physcheck.run.runner import Runner, import_heavy_packages

    import_heavy_packages()
    created = datetime.now(UTC).isoformat(timespec="seconds")
    spec = settings.model
    if spec is None:
        taken = as_model(model)
    else:
        taken = load_model(spec, device=settings.device, dtype=settings.dtype)
    partner = _reference(settings, reference)
    runner = Runner(taken, settings, reference=partner)
    runner.load_twin = float64_twin_loader(
        spec, taken, device=settings.device, dtype=settings.dtype
    )
    plan = make_plan(
        taken,
        settings,
        has_twin=runner.load_twin is not None,
        structures=structures,
        settles=runner.settles,
        has_no_gradient=partial(has_no_gradient, runner),
    )
    cause_aware = CauseAwareRunner(runner, plan.entries)
    once = NotFiniteOnce(cause_aware.run, plan.entries)
    records: list[Record] = [once.run(entry) for entry in plan.entries]
    return JudgedReport(
        created=created,
        settings=settings,
        records=counted_once(tuple(records)),
        facts=facts_of_plan(
            plan,
            taken,
            spec,
            partner,
            settings.reference if isinstance(reference, str) else None,
            cause_aware.remarks,
        ),
        setup={"plan": plan.setup_evaluations, **runner.setup.evaluations},
        complete=True,
    )


def _reference(settings: Settings, reference: Any) -> Model | None:
    from physcheck.adapters.instances import as_model
    from physcheck.adapters.loading import load_reference

    if not isinstance(reference, str):
        return None if reference is None else as_model(reference)
    return load_reference(
        reference, settings.model or "", device=settings.device, dtype=settings.dtype
    )
