"""physcheck's checks in somebody else's test suite, on a model of theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from physcheck.structures import Structure, named_structures
from physcheck.system import Configurations

if TYPE_CHECKING:
    import pytest

    from physcheck.plugin.session import WorkerSession
    from physcheck.registry import CheckSpec
    from physcheck.run.record import Record
    from physcheck.run.runner import Runner
    from physcheck.run.settings import Settings

__all__ = ["Case", "Choice", "parametrize_checks"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One check at one structure.

    Attributes
    ----------
    check : CheckSpec
    structure : str
    configurations : Configurations
        B = 1.
    profile, budget : str or None
        None is what the run's options say.
    """

    check: CheckSpec
    structure: str
    configurations: Configurations
    profile: str | None
    budget: str | None


def parametrize_checks(
    *,
    atoms: Iterable[Any] | Mapping[str, Any],
    checks: str | Iterable[str] | None = None,
    profile: str | None = None,
    budget: str | None = None,
) -> Callable[[Any], Any]:
    """Run checks on a model of the test suite: parametrises a test with ``physcheck_case``.

    ::

        @pytest.fixture(scope="session")
        def physcheck_model():
            return MyCalculator()

        @physcheck.parametrize_checks(atoms=[molecule("H2O")], checks="conservation")
        def test_physics(physcheck_model, physcheck_case):
            physcheck_case(physcheck_model)

    Parameters
    ----------
    atoms : iterable or mapping of ase.Atoms, Configurations (B = 1), names or files
        Names are those of the catalogue.  A mapping gives each a name; else a structure's name is
        its formula, its name in the catalogue or its file.  Reports and lists of known failures
        call structures by name.
    checks : str or iterable of str, optional
        Ids, families or patterns; all checks if left out.
    profile, budget : str, optional
        In place of the run's options.  One test is one record: of a budget counts how closely it
        makes a check look, as quick (also for auto and times), standard or full.

    Raises
    ------
    SpecError
        A check, structure, profile or budget doesn't exist.
    ValueError
        There are no atoms.
    """
    import pytest

    from physcheck.checks import find_checks
    from physcheck.plugin.items import marks_of

    _refuse_unknown(profile, budget)
    if checks is not None and not isinstance(checks, str):
        checks = ",".join(checks)
    specs = find_checks(checks)
    named = named_structures(atoms)
    if not named:
        raise ValueError("parametrize_checks needs at least one structure in atoms")
    choices = [
        Choice(spec, name, start, profile, budget)
        for name, start in named.items()
        for spec in specs
    ]
    parameters = [
        pytest.param(c, id=f"{c.check.id}-{c.structure}", marks=marks_of(c.check)) for c in choices
    ]
    return pytest.mark.parametrize("physcheck_case", parameters, indirect=True)


def _refuse_unknown(profile: str | None, budget: str | None) -> None:
    """SpecError where one is given that doesn't exist."""
    from physcheck.run.budget import checked_budget
    from physcheck.run.settings import PROFILES, choose

    if profile is not None:
        choose("profile", profile, PROFILES)
    if budget is not None:
        checked_budget(budget)


class Case:
    """What a test gets as ``physcheck_case``: called with a model, it judges it by one check."""

    def __init__(self, choice: Choice, session: WorkerSession, node: pytest.Item) -> None:
        from physcheck.plugin.items import RECORD

        self.choice = choice
        self._session = session
        self._node = node
        # A test that is run again, as by pytest-rerunfailures, has its record already.
        self._key = RECORD
        self._made = node.stash.get(RECORD, None)

    def __call__(self, model: Any, reference: Any = None) -> None:
        """Make the record of ``model``, compared with ``reference`` if given.

        Both may be ASE calculators, torch modules or Models.

        Raises
        ------
        PhysicsFailure
            The law is violated, or the model or check raised.
        pytest.skip.Exception
            The record is inconclusive or the check not applicable.
        SpecError
            ``model`` is none of these.
        """
        __tracebackhide__ = True
        from physcheck.errors import PhysicsFailure
        from physcheck.plugin.items import RecordFailed, raise_for

        choice, asked = self.choice, self._session.settings
        settings = replace(
            asked, profile=choice.profile or asked.profile, budget=choice.budget or asked.budget
        )
        record = self._made
        if record is None:
            record = self._judged(model, reference, settings)
        self._node.stash[self._key] = record
        try:
            raise_for(record, settings)
        except RecordFailed as failure:
            raise PhysicsFailure(str(failure)) from None

    def _judged(self, model: Any, reference: Any, settings: Settings) -> Record:
        """The record with what is known of failures that are expected."""
        choice = self.choice
        runner = self._session.host_runner(model, reference, settings)
        rerun = " ".join([f"pytest '{self._node.nodeid}'", *_options(settings, choice)])
        record = replace(self._record(runner, settings), rerun=rerun)
        return self._session.apply_known_failures(record)

    def _record(self, runner: Runner, settings: Settings) -> Record:
        """The record before anything is known of failures that are expected."""
        from physcheck.checks.dynamics.gradient_forces import GRADIENT_EVALUATIONS
        from physcheck.run.budget import spending_of
        from physcheck.run.cause_aware import CauseAwareRunner
        from physcheck.run.entry import PlanEntry, record_seed
        from physcheck.run.outcomes import error_record

        choice, spec = self.choice, self.choice.check
        level = spending_of(settings.budget).level
        start = choice.configurations
        problem = runner.ask(start)
        capabilities = runner.model.capabilities
        refusal = capabilities.refuses(start) or spec.missing(start, capabilities)
        bound = 0
        if spec.by_gradient is not None and "energy" in capabilities.outputs:
            bound = GRADIENT_EVALUATIONS
        if spec.shared is not None and level == "quick" and not bound:
            refusal = refusal or "needs a trajectory: give budget='standard'"
        if problem is not None and refusal is None:
            return error_record(spec, choice.structure, settings, problem)
        allotment = 0 if refusal else spec.evaluations(start, capabilities, level)
        shared = None if refusal or level == "quick" else spec.shared
        return CauseAwareRunner(runner).run(
            PlanEntry(
                spec,
                Structure(choice.structure, start, "given by the test"),
                allotment,
                record_seed(settings.seed, spec.id, choice.structure),
                refusal,
                0 if shared is None else shared(start, capabilities, level),
                bound,
                looks=(level,),
            )
        )


def _options(settings: Settings, choice: Choice) -> list[str]:
    """The options that the record rests on, where neither the test nor the default says so."""
    from physcheck.run.settings import option_words

    return option_words(
        {
            "profile": None if choice.profile else settings.profile,
            "budget": None if choice.budget else settings.budget,
            "seed": str(settings.seed),
        }
    )
