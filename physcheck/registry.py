"""``@check``: each law is a function, registered with what the plan and the reports must know."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial, update_wrapper, wraps
from typing import Any, Protocol

from physcheck.errors import CapabilityMissing, PhysicsFailure, SpecError
from physcheck.measurement import Measurement, Outcome, Verdict, judge, limit_beside
from physcheck.model import Capabilities, Meter
from physcheck.names import BUDGETS, FAMILIES, Budget, Kind, nearest
from physcheck.system import Configurations, as_configurations
from physcheck.tolerances import DEFAULT_PROFILE, PROFILES, Tolerance, Tolerances

#: Seed of measurements whose caller passes no generator.
DEFAULT_SEED = 0

__all__ = [
    "BUDGETS",
    "DEFAULT_SEED",
    "FAMILIES",
    "Budget",
    "CheckSpec",
    "FailedAssertion",
    "Kind",
    "Measure",
    "Shows",
    "check",
    "default_tolerance",
    "derive_assert",
    "failed_assertion",
    "registered_checks",
    "tolerance_of",
]


class Measure(Protocol):
    """The shape of every ``measure_<id>(model, start, *, rng, ...)``."""

    __name__: str
    __doc__: str | None

    def __call__(self, model: Any, start: Any, **options: Any) -> Measurement:
        """Measure at one structure."""
        ...


def _applies_always(start: Configurations, capabilities: Capabilities) -> str | None:
    return None


def _same_size(start: Configurations) -> float:
    return 1.0


@dataclass(frozen=True, slots=True)
class Shows:
    """What a structure must have so that a check's fault can show.

    Attributes
    ----------
    score : callable (Configurations) -> float
        How well a structure can show it; 0 where it can't.
    needs : str
        What a structure is that can, such as ``a sheared cell``: for the list of what is missing.
    """

    score: Callable[[Configurations], float]
    needs: str


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """What the plan, the suite and the reports know of a check.

    Attributes
    ----------
    id : str
        The function's name without ``measure_``; stable API.
    family, kind, quantity, unit, needs
        As given to :func:`check`.
    title : str
        The law's violation in a few words, for the first line of a failure.
    causes : str
        Usual causes of a failure.
    advice : str
        What to do about a failure, in a sentence.
    tolerances : Tolerances or None
        What each profile accepts, with reason and source; None for kind ``info``.
    measure : Measure
    evaluations : callable (Configurations, Capabilities, Budget) -> int
        The allotment of a record: the most evaluations it can make.
    options : mapping of budget to keyword arguments of ``measure``
    shows : Shows or None
        What a structure must have to show the fault; the plan gives the check the one that shows
        it best, too.  None where any structure does.
    shared : callable (Configurations, Capabilities, Budget) -> int, or None
        Evaluations wanted for the trajectory that checks of a structure share, where this is one.
    by_gradient : int or None
        Its own evaluations where it is told how far forces are from the gradient of the energy
        (``gradient``) instead of getting a trajectory; None if it can't be told by that.
    enlarges : callable (Configurations) -> float
        How many times as many atoms its evaluations have as the structure: a second look counts
        so many times as much.
    applies : callable (Configurations, Capabilities, **options) -> str or None
        Why the check doesn't apply, or None.  It gets those options of ``measure`` that it has
        parameters for.
    """

    id: str
    family: str
    kind: Kind
    quantity: str
    unit: str
    needs: frozenset[str]
    title: str
    causes: str
    advice: str
    tolerances: Tolerances | None
    measure: Measure
    evaluations: Callable[[Configurations, Capabilities, Budget], int]
    options: Mapping[Budget, Mapping[str, Any]] = field(default_factory=dict)
    shared: Callable[[Configurations, Capabilities, Budget], int] | None = None
    by_gradient: int | None = None
    shows: Shows | None = None
    enlarges: Callable[[Configurations], float] = _same_size
    applies: Callable[..., str | None] = _applies_always

    @property
    def law(self) -> str:
        """The law in a sentence: the first line of the docstring."""
        return (inspect.getdoc(self.measure) or "").split("\n", 1)[0]

    @property
    def compares(self) -> bool:
        """Whether ``measure`` takes a second model, ``reference``, and can't do without one."""
        return "reference" in inspect.signature(self.measure).parameters

    def tolerance(self, profile: str) -> Tolerance | None:
        """What a profile accepts; None for a check that is held against nothing."""
        return None if self.tolerances is None else self.tolerances.of(profile, self.unit)

    def missing(
        self, start: Configurations, capabilities: Capabilities, **options: Any
    ) -> str | None:
        """Why this check is not applicable to a model and structure, or None.

        ``options`` are those that ``measure`` will get: one may make a check apply.
        """
        lacking = sorted(self.needs - capabilities.outputs)
        if lacking:
            return f"the model gives no {' and no '.join(lacking)}"
        known = inspect.signature(self.applies).parameters
        heard = {name: value for name, value in options.items() if name in known}
        return self.applies(start, capabilities, **heard)


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

    Raises
    ------
    ValueError
        The name doesn't start with ``measure_``, the family is unknown, the id is taken, or a law
        or practice has no tolerances.
    """
    if family not in FAMILIES:
        raise ValueError(f"family {family!r} is unknown, should be one of {', '.join(FAMILIES)}")
    if (tolerances is None) != (kind == "info"):
        raise ValueError(
            f"kind {kind!r} and tolerances {tolerances}: all but kind 'info' have some"
        )
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
        tolerances=tolerances,
        evaluations=_by_budget(evaluations) if isinstance(evaluations, Mapping) else evaluations,
        options=dict(options or {}),
        shared=shared,
        by_gradient=by_gradient,
        shows=shows,
        enlarges=enlarges or _same_size,
        applies=applies or _applies_always,
    )
    return lambda function: _register(function, make_spec)


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
        taken = _any_model(model)
        if options.get("reference") is not None:
            options["reference"] = _any_model(options["reference"])
        if isinstance(start, list | tuple):
            return [measure_one(taken, one, rng, options) for one in start]
        return measure_one(taken, start, rng, options)

    def measure_one(model: Any, start: Any, rng: Any, options: Mapping[str, Any]) -> Measurement:
        import numpy as np

        one = _any_start(start)
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


def _any_model(model: Any) -> Any:
    """A Model from a spec or whatever can be taken as one."""
    if isinstance(model, str):
        from physcheck.adapters.loading import load_model

        return load_model(model)
    from physcheck.adapters.instances import as_model

    return as_model(model)


def _any_start(start: Any) -> Configurations:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedAssertion:
    """A failure outside a run, as a :class:`physcheck.text.finding.Finding`.

    Attributes
    ----------
    check, structure, title, causes, advice, message, quantity, unit : str
    value, uncertainty : float
    tolerance, detection_limit, noise_floor : float or None
    evidence : mapping
        As the measurement has it.
    verdict, reason, rerun, reference
        Of a finding that fails, without more to be said.
    """

    check: str
    structure: str
    title: str
    causes: str
    advice: str
    message: str
    quantity: str
    unit: str
    value: float
    uncertainty: float
    tolerance: float | None
    detection_limit: float | None
    noise_floor: float | None
    evidence: Mapping[str, Any]
    verdict: str = Outcome.FAIL
    reason: str | None = None
    rerun: str | None = None
    reference: None = None


def failed_assertion(
    spec: CheckSpec,
    structure: str,
    measurement: Measurement,
    tolerance: Tolerance | None,
    verdict: Verdict,
) -> FailedAssertion:
    """What the text of a failed assertion is made from."""
    return FailedAssertion(
        check=spec.id,
        structure=structure,
        title=str(measurement.evidence.get("title", spec.title)),
        causes=str(measurement.evidence.get("causes", spec.causes)),
        advice=spec.advice,
        message=verdict.message,
        quantity=measurement.quantity,
        unit=measurement.unit,
        value=float(measurement.value),
        uncertainty=float(measurement.uncertainty),
        tolerance=None if tolerance is None else float(tolerance.value),
        detection_limit=limit_beside(measurement, tolerance),
        noise_floor=measurement.noise_floor,
        evidence=measurement.evidence,
    )


def derive_assert(measure: Any) -> Callable[..., Any]:
    """The ``assert_<id>`` of a ``measure_<id>``: the same arguments plus ``profile``.

    The derived function returns the Measurement, and raises :class:`PhysicsFailure` where the
    verdict is FAIL (an inconclusive measurement does not raise), and all that ``measure`` raises.
    Of a list of structures the first that fails raises.
    """
    identifier = measure.__name__.removeprefix("measure_")

    def assertion(
        model: Any, start: Any, *, profile: str = "md", rng: Any = None, **options: Any
    ) -> Measurement | list[Measurement]:
        spec = _REGISTRY[identifier]
        tolerance = tolerance_of(identifier, profile)
        if "tolerance" in inspect.signature(measure).parameters and tolerance is not None:
            options.setdefault("tolerance", tolerance.value)

        def assert_one(taken: Any, start: Any) -> Measurement:
            from physcheck.text.failure import failure_text

            one = _any_start(start)
            measurement: Measurement = measure(taken, one, rng=rng, **options)
            verdict = judge(measurement, tolerance)
            if verdict.failed:
                name = start if isinstance(start, str) else one.system.formula
                finding = failed_assertion(spec, name, measurement, tolerance, verdict)
                raise PhysicsFailure(failure_text(finding, profile=profile), measurement, verdict)
            return measurement

        taken = _any_model(model)
        if isinstance(start, list | tuple):
            return [assert_one(taken, one) for one in start]
        return assert_one(taken, start)

    update_wrapper(assertion, measure, assigned=("__module__",), updated=())
    del assertion.__wrapped__  # type: ignore[attr-defined]
    assertion.__name__ = assertion.__qualname__ = f"assert_{identifier}"
    assertion.__doc__ = (
        f"Raise PhysicsFailure if ``{identifier}`` fails at ``profile``; "
        f"see :func:`{measure.__name__}`."
    )
    return assertion
