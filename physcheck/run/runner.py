"""Run one entry of a plan: whatever happens, the outcome is a record."""

from __future__ import annotations

import inspect
import re
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from physcheck.errors import CapabilityMissing, ModelError, NonFiniteOutput
from physcheck.measurement import Measurement, Outcome, Verdict, judge
from physcheck.model import Meter, Model
from physcheck.registry import tolerance_of
from physcheck.run.plan import NEEDS_REFERENCE, PlanEntry, record_seed
from physcheck.run.settings import Settings
from physcheck.run.timeout import TimeIsUp, alarm
from physcheck.system import Configurations
from physcheck.text.numbers import plain
from physcheck.tolerances import Tolerance

if TYPE_CHECKING:
    from physcheck.registry import CheckSpec
    from physcheck.structures import Structure

__all__ = ["REFERENCE_KEYS", "Runner", "blank_record", "error_record", "run_entry"]

#: What a record keeps of the same check on the reference.
REFERENCE_KEYS = (
    "verdict", "reason", "message", "unit", "value", "uncertainty", "interval", "detection_limit",
    "force_evaluations", "seconds", "evidence",
)  # fmt: skip


class Watcher(Protocol):
    """Shows how far a long record is."""

    def watch(self, what: str, planned: int) -> AbstractContextManager[Callable[[int], None]]:
        """Within, tell what it gives how many evaluations of ``planned`` were made."""
        ...


@dataclass(slots=True)
class Runner:
    """What the records of one process share: the model, the settings, and each structure's resolution.

    Attributes
    ----------
    model : Model
    settings : Settings
    evidence_folder : callable () -> Path
        Where configurations are saved; asked for when the first one is.
    reference : Model or None
        A second model: every check is made of it too, and those that compare two models get it.
    progress : Watcher or None
        Told how far a record is.
    setup_evaluations : int
        Spent on resolutions and trajectories so far, the reference's included.
    """

    model: Model
    settings: Settings
    evidence_folder: Callable[[], Path]
    reference: Model | None = None
    progress: Watcher | None = None
    setup_evaluations: int = 0
    _beside: Runner | None = None
    _resolutions: dict[tuple[str, int], Any] = field(default_factory=dict)
    _trajectories: dict[tuple[str, int], Any] = field(default_factory=dict)
    _asking: Meter | None = None

    def resolution(self, structure: Structure) -> Any:
        """The model's resolution at a structure, measured once, with a seed of its own.

        Raises
        ------
        ModelError, NonFiniteOutput
            Again for every record that asks.
        """
        import numpy as np

        from physcheck.resolution import measure_resolution

        # Two tests may call different structures by one name.
        key = structure.name, id(structure.configurations)
        if key not in self._resolutions:
            rng = np.random.default_rng(
                record_seed(self.settings.seed, "resolution", structure.name)
            )
            meter = Meter(self.model)
            try:
                found: Any = measure_resolution(meter, structure.configurations, rng=rng)
            except (ModelError, NonFiniteOutput) as error:
                found = error
            self.setup_evaluations += meter.evaluations
            self._resolutions[key] = found
        answer = self._resolutions[key]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def trajectory(self, structure: Structure, evaluations: int) -> Any:
        """The dynamics that a structure's sampling checks share, made once, with a seed of its own.

        The same in every process and whichever record asks first, so that it can't matter to a verdict; booked on
        the setup, as the resolution is.

        Raises
        ------
        ModelError, NonFiniteOutput
            Again for every record that asks.
        """
        import numpy as np

        from physcheck.checks.sampling.trajectory import make_trajectory

        key = structure.name, id(structure.configurations)
        if key not in self._trajectories:
            seed = record_seed(self.settings.seed, "trajectory", structure.name)
            meter = Meter(self.model, allotment=evaluations)
            try:
                with self.watching(meter, f"trajectory of {structure.name}"):
                    found: Any = make_trajectory(
                        meter,
                        structure.configurations,
                        rng=np.random.default_rng(seed),
                        evaluations=evaluations,
                    )
            except (ModelError, NonFiniteOutput) as error:
                found = error
            finally:
                self.setup_evaluations += meter.evaluations
            self._trajectories[key] = found
        answer = self._trajectories[key]
        if isinstance(answer, Exception):
            raise answer
        return answer

    @contextmanager
    def watching(self, meter: Meter, what: str) -> Iterator[None]:
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

    def ask(self, configuration: Configurations) -> str | None:
        """Let the model find out what it can do, as a plan's trial calls would; what it raised, if it did."""
        if self._asking is None:
            self._asking = Meter(self.model)
        before = self._asking.evaluations
        try:
            self._asking.ask(configuration)
        except ModelError as error:
            return str(error)
        finally:
            self.setup_evaluations += self._asking.evaluations - before
        return None

    def run(self, entry: PlanEntry) -> dict[str, Any]:
        """As :func:`run_entry`, with this runner's shared measurements; the reference's result under ``reference``."""
        record = run_entry(entry, self.model, self.settings, runner=self)
        if self.reference is not None and not entry.check.compares:
            record["reference"] = self._reference_result(entry, self.reference)
        return record

    def _reference_result(self, entry: PlanEntry, reference: Model) -> dict[str, Any]:
        """The same check with the same seed on the reference: what a reader holds against the record."""
        if self._beside is None:
            self._beside = Runner(reference, self.settings, self._reference_folder)
        start, capabilities = entry.structure.configurations, reference.capabilities
        before = self._beside.setup_evaluations
        refusal = capabilities.refuses(start) or entry.check.missing(start, capabilities)
        budget: Any = self.settings.budget
        allotment = 0 if refusal else entry.check.evaluations(start, capabilities, budget)
        twin = replace(entry, allotment=allotment, not_applicable=refusal)
        made = run_entry(twin, reference, self.settings, runner=self._beside)
        self.setup_evaluations += self._beside.setup_evaluations - before
        return {name: made[name] for name in REFERENCE_KEYS}

    def _reference_folder(self) -> Path:
        folder = self.evidence_folder() / "reference"
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def run_entry(
    entry: PlanEntry, model: Model, settings: Settings, *, runner: Runner | None = None
) -> dict[str, Any]:
    """The JSON record of one check at one structure.

    A non-finite output is a FAIL with value ``"nan"``; a model that raises or answers in the wrong shape, a
    check that raises and a record that takes too long are ERRORs; a missing capability is NOT_APPLICABLE.
    KeyboardInterrupt passes through.
    """
    import numpy as np

    if runner is None:
        runner = Runner(model, settings, _temporary_folder)
    spec, structure = entry.check, entry.structure
    record = blank_record(spec, structure.name, entry.seed, settings)
    if entry.not_applicable is not None:
        return _closed(record, Outcome.NOT_APPLICABLE, entry.not_applicable)
    if spec.compares and runner.reference is None:
        return _closed(record, Outcome.NOT_APPLICABLE, NEEDS_REFERENCE)
    meter = Meter(model, allotment=entry.allotment)
    started = time.perf_counter()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), alarm(settings.timeout):
            warnings.simplefilter("ignore")
            tolerance = tolerance_of(spec.id, settings.profile)
            options = _options(spec, settings, tolerance)
            if "resolution" in inspect.signature(spec.measure).parameters:
                options["resolution"] = runner.resolution(structure)
            if spec.compares:
                options["reference"] = runner.reference
            if spec.compares and _is_swapped(settings):
                # The spec says that the model is the conservative head, so the reference is the fast one.
                assert runner.reference is not None
                options["reference"] = model
                meter = Meter(runner.reference, allotment=entry.allotment)
            if entry.shared:
                options["trajectory"] = runner.trajectory(structure, entry.shared)
            started = time.perf_counter()
            rng = np.random.default_rng(entry.seed)
            with runner.watching(meter, f"{spec.id}[{structure.name}]"):
                measurement = spec.measure(meter, structure.configurations, rng=rng, **options)
            verdict = judge(measurement, tolerance)
            _fill(record, measurement, tolerance, verdict)
            record["evidence"] = _evidence(measurement.evidence, record, runner)
    except CapabilityMissing as missing:
        return _spent(_closed(record, Outcome.NOT_APPLICABLE, str(missing)), meter, started)
    except NonFiniteOutput as found:
        if found.of:
            return _spent(_closed(record, Outcome.ERROR, str(found)), meter, started)
        _fill_not_finite(record, spec, tolerance, found)
    except ModelError as error:
        return _spent(_closed(record, Outcome.ERROR, str(error)), meter, started)
    except TimeIsUp:
        text = f"took longer than the {settings.timeout:g} s of --physcheck-timeout"
        return _spent(_closed(record, Outcome.ERROR, text), meter, started)
    except Exception as error:
        text = (
            f"the check raised {type(error).__name__}: {error} (a fault of physcheck or of the check, "
            "not a verdict on the model; please report it)"
        )
        record["evidence"]["traceback"] = traceback.format_exc()
        return _spent(_closed(record, Outcome.ERROR, text), meter, started)
    record["force_evaluations"] = meter.evaluations
    record["jacobian_products"] = meter.jacobian_products_made
    record["seconds"] = round(time.perf_counter() - started, 6)
    record["model_seconds"] = round(meter.seconds, 6)
    return record


def _is_swapped(settings: Settings) -> bool:
    """Whether ``--physcheck-reference=auto`` stands for the direct head."""
    from physcheck.adapters.loading import AUTO, reference_spec

    if settings.reference != AUTO or settings.model is None:
        return False
    return reference_spec(AUTO, settings.model).endswith("forces=direct")


def _options(spec: CheckSpec, settings: Settings, tolerance: Tolerance | None) -> dict[str, Any]:
    budgets: Mapping[Any, Mapping[str, Any]] = spec.options
    options = dict(budgets.get(settings.budget, {}))
    if "tolerance" in inspect.signature(spec.measure).parameters and tolerance is not None:
        options["tolerance"] = tolerance.value
    return options


def blank_record(
    spec: CheckSpec, structure: str, seed: tuple[int, ...], settings: Settings
) -> dict[str, Any]:
    """A record with all its keys and no verdict yet."""
    rerun = None
    if settings.model is not None:
        in_catalogue = structure in _catalogue_names()
        rerun = settings.rerun_command(spec.id, structure, in_catalogue=in_catalogue)
    return {
        "check": spec.id,
        "family": spec.family,
        "kind": spec.kind,
        "structure": structure,
        "verdict": None,
        "reason": None,
        "quantity": spec.quantity,
        "unit": spec.unit,
        "value": None,
        "uncertainty": None,
        "uncertainty_components": {},
        "interval": None,
        "tolerance": None,
        "detection_limit": None,
        "force_evaluations": None,
        "jacobian_products": None,
        "seconds": None,
        "model_seconds": None,
        "seed": list(seed),
        "message": "",
        "title": spec.title,
        "causes": spec.causes,
        "rerun": rerun,
        "evidence": {"quantities": {}},
        "reference": None,
    }


def error_record(
    spec: CheckSpec, structure: str, settings: Settings, message: str
) -> dict[str, Any]:
    """The record of what could not be measured."""
    record = blank_record(spec, structure, record_seed(settings.seed, spec.id, structure), settings)
    return _closed(record, Outcome.ERROR, message)


@cache
def _catalogue_names() -> frozenset[str]:
    from physcheck.structures import catalogue

    return frozenset(catalogue())


def _closed(record: dict[str, Any], outcome: Outcome, message: str) -> dict[str, Any]:
    record["verdict"] = outcome.value
    record["message"] = message
    return record


def _spent(record: dict[str, Any], meter: Meter, started: float) -> dict[str, Any]:
    record["evidence"]["spent"] = {
        "force_evaluations": meter.evaluations,
        "seconds": round(time.perf_counter() - started, 6),
    }
    return record


def _fill(
    record: dict[str, Any], measured: Measurement, tolerance: Tolerance | None, verdict: Verdict
) -> None:
    record.update(
        verdict=verdict.outcome.value,
        message=verdict.message,
        quantity=measured.quantity,
        unit=measured.unit,
        value=plain(float(measured.value)),
        uncertainty=plain(float(measured.uncertainty)),
        uncertainty_components=plain(
            {name: float(part) for name, part in measured.uncertainty_components.items()}
        ),
        interval=[plain(float(bound)) for bound in measured.interval],
        tolerance=None if tolerance is None else plain(float(tolerance.value)),
        detection_limit=plain(float(measured.detection_limit)),
    )
    if verdict.outcome is Outcome.INCONCLUSIVE and measured.nothing_tested:
        record["reason"] = f"nothing tested: {measured.nothing_tested}"


def _fill_not_finite(
    record: dict[str, Any], spec: CheckSpec, tolerance: Tolerance | None, found: NonFiniteOutput
) -> None:
    record.update(
        verdict=Outcome.FAIL.value,
        message=f"the model's output is not finite, and so is the {spec.quantity}: {found}",
        value="nan",
        uncertainty="nan",
        interval=["nan", "nan"],
        tolerance=None if tolerance is None else plain(float(tolerance.value)),
        detection_limit="nan",
        causes="overflow, a division by a distance or norm of zero, damaged or untrained weights",
    )


def _evidence(found: Mapping[str, Any], record: dict[str, Any], runner: Runner) -> dict[str, Any]:
    evidence = dict(found)
    frames = evidence.pop("configurations", None)
    info = evidence.pop("frame_info", None)
    forces = evidence.pop("frame_forces", None)
    evidence = {"quantities": {}, **plain(evidence)}
    if isinstance(frames, Configurations):
        name = re.sub(r"[^\w.+-]+", "_", f"{record['check']}-{record['structure']}") + ".extxyz"
        try:
            path = runner.evidence_folder() / name
            _save_frames(path, frames, info, forces)
            evidence["configurations"] = str(path)
        except OSError as error:
            evidence["configurations_not_saved"] = str(error)
    return evidence


def _save_frames(path: Path, frames: Configurations, info: Any, forces: Any) -> None:
    import ase.io

    images = []
    for index in range(len(frames)):
        atoms = frames.to_atoms(index)
        if info is not None:
            atoms.info.update(plain(dict(info[index])))
        if forces is not None:
            # Not named "forces": ASE would hide an array of that name in a calculator when reading.
            atoms.arrays["model_forces"] = forces[index]
        images.append(atoms)
    ase.io.write(path, images, format="extxyz")


def _temporary_folder() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="physcheck-"))
