"""Run one entry of a plan: whatever happens, the outcome is a record."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.measurement import FINER_ARITHMETIC, Outcome, judge, limited_by_noise
from physcheck.model import Meter, Model
from physcheck.names import GENERATED, Budget
from physcheck.registry import tolerance_of
from physcheck.run.closer_look import how_to_look_closer
from physcheck.run.entry import PlanEntry, record_seed
from physcheck.run.evidence import save_evidence, subfolder, temporary_folder
from physcheck.run.outcomes import (
    Cost,
    measured_record,
    record_of_exception,
    unmeasured_record,
    with_cost,
)
from physcheck.run.progress_display import ProgressDisplay, no_stage
from physcheck.run.record import Record, ReferenceResult
from physcheck.run.schedule import NEEDS_REFERENCE
from physcheck.run.settings import Settings
from physcheck.run.setup_costs import SetupCosts
from physcheck.run.shared import SharedByStructure
from physcheck.run.timeout import TimeIsUp, as_checks_run
from physcheck.run.twin import (
    judged_in_float64,
    rounding_of,
    takes_rounding,
    twin_entry,
    wants_float64,
)
from physcheck.run.two_models import fast_and_conservative
from physcheck.system import Configurations
from physcheck.tolerances import Tolerance

if TYPE_CHECKING:
    from physcheck.checks.dynamics.gradient_forces import GradientForces
    from physcheck.checks.sampling.trajectory import Trajectory
    from physcheck.resolution import Resolution
    from physcheck.structures import Structure

__all__ = ["Runner", "import_heavy_packages"]


@dataclass(slots=True)
class _Attempt:
    """The making of one record: what counts its cost, whatever becomes of it."""

    meter: Meter
    started: float = field(default_factory=time.perf_counter)
    tolerance: Tolerance | None = None

    def cost(self) -> Cost:
        seconds = time.perf_counter() - self.started
        meter = self.meter
        return Cost(meter.evaluations, meter.jacobian_products_made, seconds, meter.seconds)


@dataclass(slots=True)
class Runner:
    """What the records of one process share: the model, the settings, each structure's resolution.

    Attributes
    ----------
    model : Model
    settings : Settings
    evidence_folder : callable () -> Path
        Where configurations are saved; asked for when the first one is.
    reference : Model or None
        A second model: every check is made of it too, and those that compare two models get it.
    progress : ProgressDisplay or None
        Told how far a record is.
    load_twin : callable () -> Model or None
        Gives the same model in float64, when first asked for; None where there is none.
    setup : SetupCosts
        What was spent on resolutions and trajectories so far, the reference's included.
    """

    model: Model
    settings: Settings
    evidence_folder: Callable[[], Path] = temporary_folder
    reference: Model | None = None
    progress: ProgressDisplay | None = None
    load_twin: Callable[[], Model | None] | None = None
    setup: SetupCosts = field(default_factory=SetupCosts)
    _twin_runner: Runner | None = None
    _reference_runner: Runner | None = None
    _resolutions: SharedByStructure[Resolution] = field(default_factory=SharedByStructure)
    _trajectories: SharedByStructure[Trajectory] = field(default_factory=SharedByStructure)
    _gradients: SharedByStructure[GradientForces] = field(default_factory=SharedByStructure)
    _asking: Meter | None = None

    @property
    def setup_evaluations(self) -> int:
        """The sum of ``setup``."""
        return self.setup.total

    def run(self, entry: PlanEntry) -> Record:
        """The record of one check at one structure, with the reference's result if there is one.

        Output that is not finite is a FAIL with value NaN; a model that raises or answers in the
        wrong shape, a check that raises and a record that takes too long are ERRORs; a missing
        capability is NOT_APPLICABLE.  KeyboardInterrupt passes through.
        """
        if self.reference is not None:
            self._runner_of_reference(self.reference, entry.structure)
        record = self._record(entry)
        if entry.twin and wants_float64(record):
            record = self._judged_in_float64(entry, record)
        if self.reference is None or entry.check.compares:
            return record
        return replace(record, reference=self._reference_result(entry, record, self.reference))

    def settles(self, entries: Sequence[PlanEntry]) -> bool:
        """Whether all of these records pass."""
        return all(self.run(entry).verdict is Outcome.PASS for entry in entries)

    def _judged_in_float64(self, entry: PlanEntry, record: Record) -> Record:
        """The record with what the float64 twin's first look says; as it is without a twin."""
        again = twin_entry(entry, record)
        runner = None if again is None else self._runner_of_twin(entry.structure)
        if again is None or runner is None:
            return record
        return judged_in_float64(record, runner.run(again))

    def _runner_of_twin(self, structure: Structure) -> Runner | None:
        if self._twin_runner is not None or self.load_twin is None:
            return self._twin_runner
        from physcheck.adapters.precision import is_same_model

        twin, self.load_twin = self.load_twin(), None
        if twin is None:
            return None
        own, other = Meter(self.model), Meter(twin)
        try:
            alike = is_same_model(own, other, structure.configurations)
        except (ModelError, NonFiniteOutput):
            alike = False
        self.setup.charge("is float64 the same model", own.evaluations + other.evaluations)
        if alike:
            self._twin_runner = Runner(
                twin, self.settings, subfolder(self.evidence_folder, "float64"),
                setup=self.setup.under("float64"),
            )  # fmt: skip
        return self._twin_runner

    def resolution(self, structure: Structure) -> Resolution:
        """The model's resolution at a structure, measured once, with a seed of its own.

        Raises
        ------
        ModelError, NonFiniteOutput
            Again for every record that asks.
        """
        import numpy as np

        from physcheck.resolution import measure_resolution

        def measure() -> Resolution:
            seed = record_seed(self.settings.seed, "resolution", structure.name)
            meter = Meter(self.model)
            stage = no_stage if self.progress is None else self.progress.stage
            try:
                with stage(f"noise and response of {structure.name}"):
                    return measure_resolution(
                        meter, structure.configurations, rng=np.random.default_rng(seed)
                    )
            finally:
                self.setup.charge(f"resolution[{structure.name}]", meter.evaluations)

        return self._resolutions.of(structure, measure)

    def trajectory(self, structure: Structure, evaluations: int) -> Trajectory:
        """The dynamics that a structure's sampling checks share, made once, with its own seed.

        The same in every process and whichever record asks first, so that it can't matter to a
        verdict; it counts as setup, as the resolution does.

        Raises
        ------
        ModelError, NonFiniteOutput
            Again for every record that asks.
        """
        import numpy as np

        from physcheck.checks.sampling.trajectory_making import make_trajectory

        def make() -> Trajectory:
            seed = record_seed(self.settings.seed, "trajectory", structure.name)
            meter = Meter(self.model, allotment=evaluations)
            try:
                with self._watching(meter, f"trajectory of {structure.name}"):
                    return make_trajectory(
                        meter,
                        structure.configurations,
                        rng=np.random.default_rng(seed),
                        evaluations=evaluations,
                    )
            finally:
                self.setup.charge(f"trajectory[{structure.name}]", meter.evaluations)

        return self._trajectories.of(structure, make)

    def gradient(self, structure: Structure) -> GradientForces:
        """How far forces are from the gradient of the energy where heat takes the atoms.

        Made once a structure, with its own seed; it counts as setup, as the trajectory does.

        Raises
        ------
        ModelError, NonFiniteOutput
            Again for every record that asks.
        """
        import numpy as np

        from physcheck.checks.dynamics.gradient_forces import measure_gradient_forces

        resolution = self.resolution(structure)

        def make() -> GradientForces:
            seed = record_seed(self.settings.seed, "gradient", structure.name)
            meter = Meter(self.model)
            try:
                return measure_gradient_forces(
                    meter,
                    structure.configurations,
                    rng=np.random.default_rng(seed),
                    resolution=resolution,
                )
            finally:
                self.setup.charge(f"gradient[{structure.name}]", meter.evaluations)

        return self._gradients.of(structure, make)

    def _what_follows_from(self, structure: Structure, with_rounding: bool) -> dict[str, Any]:
        """How far forces are from a gradient; of a float64 twin, what rounding adds to that."""
        twin = self._runner_of_twin(structure) if with_rounding else None
        if twin is None:
            return {"gradient": self.gradient(structure)}
        rounding = rounding_of(self.model, twin.model, structure, self.settings.seed, self.setup)
        return {"gradient": twin.gradient(structure), "rounding": rounding}

    def ask(self, configuration: Configurations) -> str | None:
        """Let the model find out what it can do; what it raised, if it did."""
        if self._asking is None:
            self._asking = Meter(self.model)
        before = self._asking.evaluations
        try:
            self._asking.ask(configuration)
        except ModelError as error:
            return str(error)
        finally:
            self.setup.charge("asking what it can do", self._asking.evaluations - before)
        return None

    def _record(self, entry: PlanEntry) -> Record:
        spec, settings = entry.check, self.settings
        refusal = entry.not_applicable
        if refusal is None and spec.compares and self.reference is None:
            refusal = NEEDS_REFERENCE
        blank = unmeasured_record(
            spec, entry.structure.name, entry.seed, settings,
            verdict=Outcome.NOT_APPLICABLE, message=refusal or "", budget=entry.budget,
            search=entry.allotment - entry.twin if entry.structure.name == GENERATED else None,
        )  # fmt: skip
        if refusal is not None:
            return blank
        attempt = _Attempt(Meter(self.model, allotment=entry.allotment))
        try:
            with as_checks_run(settings.timeout):
                record = self._look(entry, attempt, blank)
        except (Exception, TimeIsUp) as error:
            return record_of_exception(
                blank, error, attempt.cost(), attempt.tolerance, settings.timeout, spec.measure
            )
        return with_cost(record, attempt.cost())

    def _look(self, entry: PlanEntry, attempt: _Attempt, blank: Record) -> Record:
        """The record of the first look if the model passes or nothing would help, else the last's.

        The model's own noise is the same in every look.  Where a law follows from forces that are
        the gradient of the energy, that is asked before a trajectory is made, and after a look that
        left the law open.
        """
        record, left = blank, list(entry.looks)
        asks_first = entry.bound and entry.check.shared is not None and left[0] != "full"
        if asks_first:
            record = self._look_by_gradient(entry, attempt, blank)
            if record.verdict is Outcome.PASS or not entry.shared:
                return record
        while left:
            record, is_settled = self._measure_and_judge(entry, left.pop(0), attempt, blank)
            if is_settled:
                break
            if entry.bound and not asks_first and record.verdict is Outcome.INCONCLUSIVE:
                bound = self._look_by_gradient(entry, attempt, blank)
                if bound.verdict is Outcome.PASS:
                    return bound
        return record

    def _look_by_gradient(self, entry: PlanEntry, attempt: _Attempt, blank: Record) -> Record:
        """What follows from how far forces are from the gradient of the energy.

        Asked of the float64 twin as well, where rounding hides it.
        """
        record, _ = self._measure_and_judge(entry, "quick", attempt, blank, by_gradient=True)
        if record.verdict is Outcome.PASS or not (entry.twin and wants_float64(record)):
            return record
        return self._judged_in_float64(entry, record)

    def _measure_and_judge(
        self,
        entry: PlanEntry,
        level: Budget,
        attempt: _Attempt,
        blank: Record,
        by_gradient: bool = False,
    ) -> tuple[Record, bool]:
        """A look's record, and whether another one can't change it for the better."""
        import numpy as np

        spec, structure = entry.check, entry.structure
        attempt.tolerance = tolerance_of(spec.id, self.settings.profile)
        options = self._options(entry, level, attempt, by_gradient)
        rng = np.random.default_rng(entry.seed)
        meter = Meter(attempt.meter, allotment=self._allotment(entry, level))
        with self._watching(meter, entry.name):
            measured = spec.measure(meter, structure.configurations, rng=rng, **options)
        capabilities = self.model.capabilities
        verdict = judge(
            measured,
            attempt.tolerance,
            closer=partial(how_to_look_closer, entry, level, capabilities),
            finer=self._how_to_round_less(),
        )
        is_settled = verdict.outcome is Outcome.PASS or limited_by_noise(measured)
        file = f"{spec.id}-{structure.name}"
        if structure.name == GENERATED:
            file = f"{GENERATED}-{spec.id}"
        evidence = save_evidence(measured.evidence, file, self.evidence_folder)
        record = measured_record(blank, measured, attempt.tolerance, verdict, evidence)
        return replace(record, level=level), is_settled

    def _how_to_round_less(self) -> str:
        if self.model.capabilities.dtype == "float64":
            return "it computes in float64 already, so that no precision would settle it"
        # A dtype that was asked for keeps the float64 twin from being tried.
        if self.settings.dtype is None and self.load_twin is None and self._twin_runner is None:
            return "only a model of higher precision than this one would tell"
        return FINER_ARITHMETIC

    def _allotment(self, entry: PlanEntry, level: Budget) -> int:
        """The most evaluations of one look."""
        if len(entry.looks) == 1:
            return entry.allotment - entry.twin
        start, capabilities = entry.structure.configurations, self.model.capabilities
        return entry.check.evaluations(start, capabilities, level)

    def _options(
        self, entry: PlanEntry, level: Budget, attempt: _Attempt, by_gradient: bool
    ) -> dict[str, Any]:
        """The keyword arguments of ``measure``; the meter becomes the one of the model it takes."""
        spec, settings, structure = entry.check, self.settings, entry.structure
        parameters = inspect.signature(spec.measure).parameters
        options = dict(spec.options.get(level, {}))
        if "tolerance" in parameters and attempt.tolerance is not None:
            options["tolerance"] = attempt.tolerance.value
        if "resolution" in parameters:
            options["resolution"] = self.resolution(structure)
        if spec.compares and self.reference is not None:
            model, options["reference"] = fast_and_conservative(
                self.model, self.reference, settings
            )
            if attempt.meter.model is not model:
                attempt.meter = Meter(model, allotment=entry.allotment)
        if by_gradient:
            options.update(self._what_follows_from(structure, takes_rounding(spec)))
        elif entry.shared:
            options["trajectory"] = self.trajectory(structure, entry.shared)
        if not attempt.meter.evaluations:
            # What the records share is not part of this one's time.
            attempt.started = time.perf_counter()
        return options

    @contextmanager
    def _watching(self, meter: Meter, what: str) -> Iterator[None]:
        """Within, the progress of a meter is shown, if anybody looks."""
        if self.progress is None or meter.allotment is None:
            yield
            return
        with self.progress.watch(what, meter.allotment) as observer:
            meter.observer = observer
            try:
                yield
            finally:
                meter.observer = None

    def _runner_of_reference(self, reference: Model, structure: Structure) -> Runner:
        """Once the reference knows what it gives at such structures."""
        if self._reference_runner is None:
            self._reference_runner = Runner(
                reference, self.settings, subfolder(self.evidence_folder, "reference"),
                setup=self.setup.under("reference"),
            )  # fmt: skip
        runner, start = self._reference_runner, structure.configurations
        if not reference.capabilities.refuses(start):
            runner.ask(start)
        return runner

    def _reference_result(
        self, entry: PlanEntry, made: Record, reference: Model
    ) -> ReferenceResult:
        """The same check with the same seed on the reference, as closely as ``made`` looked."""
        runner = self._runner_of_reference(reference, entry.structure)
        start, capabilities = entry.structure.configurations, reference.capabilities
        refusal = capabilities.refuses(start) or entry.check.missing(start, capabilities)
        level = next((b for b in entry.looks if b == made.level), entry.looks[0])
        allotment = 0 if refusal else entry.check.evaluations(start, capabilities, level)
        record = runner.run(
            # Evaluations set aside for a float64 twin are the model's, not its reference's.
            replace(entry, allotment=allotment, not_applicable=refusal, looks=(level,), twin=0)
        )
        return ReferenceResult.of(record)


def import_heavy_packages() -> None:
    """Import what most checks need, so that the first record isn't charged with the time."""
    import ase.optimize  # noqa: F401
    import scipy.optimize
    import scipy.special  # noqa: F401
