"""``@check``: each law is a function, registered with what the plan and the reports must know."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial, wraps
from typing import Any

from physcheck.errors import CapabilityMissing, SpecError
from physcheck.measurement import Measurement
from physcheck.model import Capabilities, Meter
from physcheck.names import FAMILIES, Budget, Kind, nearest
from physcheck.registry.check_spec import CheckSpec, Shows, applies_always, same_size
from physcheck.registry.failure import Failure
from physcheck.system import Configurations, as_configurations
from physcheck.tolerances import DEFAULT_PROFILE, PROFILES, Tolerance, Tolerances

__all__ = [
    "DEFAULT_SEED",
    "any_model",
    "any_start",
    "check",
    "default_tolerance",
    "registered_checks",
    "tolerance_of",
]

#: Seed of measurements whose caller passes no generator.
DEFAULT_SEED = 0

_REGISTRY: dict[str, CheckSpec] = {}


def _by_budget(
    table: Mapping[Budget, int],
) -> Callable[[Configurations, Capabilities, Budget], int]:
    return lambda start, capabilities, budget: table[budget]


def check(
    *,
    family: str,
    quantity: str,
    unit: str,
    needs: set[str],
    kind: Kind,
    title: str,
    causes: str,
    advice: str,
    evaluations: Callable[[Configurations, Capabilities, Budget], int] | Mapping[Budget, int],
    failure: Failure | None = None,
    tolerances: Tolerances | None = None,
    options: Mapping[Budget, Mapping[str, Any]] | None = None,
    shared: Callable[[Configurations, Capabilities, Budget], int] | None = None,
    by_gradient: int | None = None,
    shows: Shows | None = None,
    enlarges: Callable[[Configurations], float] | None = None,
    applies: Callable[..., str | None] | None = None,
) -> Callable[[Any], Any]:
    """Register a ``measure_<id>`` function as the check ``<id>``.

    What comes back is the function as anybody may call it: ``model`` may be an ASE calculator, a
    torch module or a spec, too; ``start`` a name of the catalogue or a file, or a list, which gives
    a list of measurements; ``rng`` an integer, or left out (then
    ``numpy.random.default_rng(DEFAULT_SEED)`` is taken).  A check that doesn't apply raises
    CapabilityMissing rather than giving a number.

    :class:`CheckSpec` says what each parameter is.

    Raises
    ------
    ValueError
        The name doesn't start with ``measure_``, the family is unknown, the id is taken, or a law
        or practice has no tolerances.
    """
    _refuse_what_cannot_be(family, kind, tolerances)
    make_spec = partial(
        CheckSpec,
        family=family,
        kind=kind,
        quantity=quantity,
        unit=unit,
        needs=frozenset(needs),
        title=title,
        causes=causes,
        advice=advice,
        failure=failure or Failure(),
        tolerances=tolerances,
        evaluations=_by_budget(evaluations) if isinstance(evaluations, Mapping) else evaluations,
        options=dict(options or {}),
        shared=shared,
        by_gradient=by_gradient,
        shows=shows,
        enlarges=enlarges or same_size,
        applies=applies or applies_always,
    )
    return lambda function: _register(function, make_spec)


def _refuse_what_cannot_be(family: str, kind: Kind, tolerances: Tolerances | None) -> None:
    if family not in FAMILIES:
        raise ValueError(f"family {family!r} is unknown, should be one of {', '.join(FAMILIES)}")
    if (tolerances is None) != (kind == "info"):
        raise ValueError(
            f"kind {kind!r} and tolerances {tolerances}: all but kind 'info' have some"
        )


def _register(function: Any, make_spec: Callable[..., CheckSpec]) -> Any:
    name = function.__name__
    if not name.startswith("measure_"):
        raise ValueError(f"a check's function is called measure_<id>, not {name}")
    identifier = name.removeprefix("measure_")
    known = _REGISTRY.get(identifier)
    if known is not None and known.measure.__module__ != function.__module__:
        raise ValueError(f"the check {identifier} exists already, in {known.measure.__module__}")
    measure = _accepting_any_model(function, identifier)
    _REGISTRY[identifier] = make_spec(id=identifier, measure=measure)
    return measure


def _accepting_any_model(function: Any, identifier: str) -> Any:
    """The function of a check for callers outside a run: it converts, asks, and fills in."""
    signature = inspect.signature(function)

    @wraps(function)
    def measure(
        model: Any, start: Any, *, rng: Any = None, **options: Any
    ) -> Measurement | list[Measurement]:
        taken = any_model(model)
        if options.get("reference") is not None:
            options["reference"] = any_model(options["reference"])
        if isinstance(start, list | tuple):
            return [measure_one(taken, one, rng, options) for one in start]
        return measure_one(taken, start, rng, options)

    def measure_one(model: Any, start: Any, rng: Any, options: Mapping[str, Any]) -> Measurement:
        import numpy as np

        one = any_start(start)
        spec = _REGISTRY[identifier]
        reason = _refusal(spec, model, one, options)
        if reason is not None:
            raise CapabilityMissing(f"{identifier} doesn't apply: {reason}")
        generator = np.random.default_rng(DEFAULT_SEED if rng is None else rng)
        measured: Measurement = function(model, one, rng=generator, **options)
        if measured.check:
            return measured
        return replace(measured, check=identifier, quantity=spec.quantity, unit=spec.unit)

    parameters = [
        p.replace(default=None) if p.name == "rng" else p for p in signature.parameters.values()
    ]
    measure.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return measure


def any_model(model: Any) -> Any:
    """A Model from a spec or whatever can be taken as one."""
    if isinstance(model, str):
        from physcheck.adapters.loading import load_model

        return load_model(model)
    from physcheck.adapters.instances import as_model

    return as_model(model)


def any_start(start: Any) -> Configurations:
    """One structure: Atoms, a Configurations, a name of the catalogue or a file of one."""
    if not isinstance(start, str):
        return as_configurations(start)
    from physcheck.structures import named_structures

    return named_structures({start: start})[start]


def _refusal(
    spec: CheckSpec, model: Any, start: Configurations, options: Mapping[str, Any]
) -> str | None:
    """Why a law doesn't apply; models that know their outputs only after a call are called first.

    One evaluation each, and only where something seems to be missing.
    """
    for asked in (False, True):
        capabilities = model.capabilities
        reason = capabilities.refuses(start) or spec.missing(start, capabilities, **options)
        if reason is None or asked or isinstance(model, Meter) or capabilities.refuses(start):
            return reason
        for one in (model, options.get("reference")):
            if one is not None:
                Meter(one).ask(start)
    return reason


def registered_checks() -> dict[str, CheckSpec]:
    """The checks of the modules that were imported so far.

    ``physcheck.checks.all_checks`` imports them all.
    """
    return dict(_REGISTRY)


def tolerance_of(check: str, profile: str) -> Tolerance | None:
    """The tolerance of a registered check in a profile; None for one that has none (``info``).

    Raises
    ------
    SpecError
        The profile or the check doesn't exist.
    """
    if profile not in PROFILES:
        raise SpecError(f"no profile is called {profile!r}; {nearest(profile, PROFILES)}")
    if check not in _REGISTRY:
        raise SpecError(f"no check is called {check!r}; {nearest(check, _REGISTRY)}")
    return _REGISTRY[check].tolerance(profile)


def default_tolerance(check: str) -> float:
    """The default profile's tolerance of a check, in its unit; infinity where it has none."""
    tolerance = tolerance_of(check, DEFAULT_PROFILE)
    return float("inf") if tolerance is None else tolerance.value
