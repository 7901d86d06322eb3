"""Failures with a common cause: a fault of batches or of memory isn't blamed on other checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from physcheck.measurement import Outcome
from physcheck.model import Meter, Model
from physcheck.registry import tolerance_of
from physcheck.run.entry import PlanEntry, record_seed
from physcheck.run.one_by_one import one_by_one
from physcheck.run.record import Record
from physcheck.run.runner import Runner
from physcheck.run.trial_copies import CHECKS_OF_COPIES, unlike_copy
from physcheck.structures import Structure
from physcheck.system import Configurations

__all__ = ["ASKED_ALONE", "IT_IS_THE_BATCH", "CauseAwareRunner"]

#: The remark of a run whose model can't be asked in batches.
ASKED_ALONE = (
    "answers depend on the batch (batch_invariance): all other checks asked one configuration at a "
    "time"
)
#: The title of a failure that isn't there where the model is asked one configuration at a time.
IT_IS_THE_BATCH = "right alone: it is the batch"

_BATCH_LINE = f"{IT_IS_THE_BATCH}; all other checks ask one configuration at a time"
_BATCH, _MEMORY = "batch_invariance", "history_independence"


@dataclass(slots=True)
class CauseAwareRunner:
    """A runner that doesn't blame a fault of batches or of memory on other checks.

    The planned records of ``batch_invariance`` are made first, in every process the same.  Where
    one of them fails, all other records are made of the model asked one configuration at a time.
    Where none fails (or none is planned) and another check fails, its worst configuration is tried
    alone and in a batch; if they differ the record is made again alone, and where it then doesn't
    fail it says that it is the batch.  It stays a FAIL: no other record shows that fault.

    Where a check of translations, rotations or periodic images can't be made since the model
    raises, and a copy of the structure that its law says is the same is taken, the check fails.

    Where ``history_independence`` fails at a planned structure, the other failures say so: whether
    they follow from it, only a model without that fault can tell.

    Cost: nothing where no check fails; else, for a model that takes batches, ``batch_invariance``
    at the worst configuration of each FAIL.

    Attributes
    ----------
    runner : Runner
        Its ``setup_evaluations`` count what is spent here.
    entries : sequence of PlanEntry
        The plan; only its entries of these two checks matter.
    """

    runner: Runner
    entries: Sequence[PlanEntry] = ()
    _made: dict[str, Record] = field(default_factory=dict)
    _failed: dict[str, Record | None] = field(default_factory=dict)
    _alone: Runner | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the report should say, once the first record was made."""
        return (ASKED_ALONE,) if self._failed.get(_BATCH) is not None else ()

    def run(self, entry: PlanEntry) -> Record:
        """As :meth:`Runner.run`."""
        if entry.not_applicable is not None:
            return self.runner.run(entry)
        if entry.check.id in (_BATCH, _MEMORY):
            record = self._made.pop(entry.name, None) or self._made_now(entry)
        elif self._takes_batches and self._first_failed(_BATCH) is not None:
            record = self._run_alone(entry)
        else:
            record = self.runner.run(entry)
            if record.verdict is Outcome.FAIL and self._takes_batches:
                record = self._told_apart(entry, record)
        if _raised(record) and entry.check.id in CHECKS_OF_COPIES:
            record = self._with_copies_tried(entry, record)
        return self._with_memory_named(record) if record.verdict is Outcome.FAIL else record

    @property
    def _takes_batches(self) -> bool:
        capabilities = self.runner.model.capabilities
        return capabilities.batched or capabilities.mixed_sizes

    def _first_failed(self, check: str) -> Record | None:
        """The first planned record of a check that fails; all of them are made now."""
        if check not in self._failed:
            planned = [e for e in self.entries if e.check.id == check and e.not_applicable is None]
            made = {e.name: self._made_now(e) for e in planned}
            self._made.update(made)
            failed = (r for r in made.values() if r.verdict is Outcome.FAIL)
            if check == _BATCH:
                failed = (r for r in failed if _BATCH_LINE in r.evidence.get("lines", ()))
            self._failed[check] = next(failed, None)
        return self._failed[check]

    def _made_now(self, entry: PlanEntry) -> Record:
        """A record of ``batch_invariance``, with the batch blamed where it fails, or of memory."""
        record = self.runner.run(entry)
        failed = record.verdict is Outcome.FAIL or _raised(record)
        if entry.check.id != _BATCH or not failed:
            return record
        # The control: what is found where nothing is asked in batches (noise, memory, NaN alone)
        # says nothing of them.
        control = self._runner_of(one_by_one(self.runner.model, as_batches=True))
        found = control.run(entry)
        self.runner.setup_evaluations += control.setup_evaluations + (found.force_evaluations or 0)
        if found.verdict in (Outcome.FAIL, Outcome.ERROR):
            return record
        if record.verdict is Outcome.ERROR:
            record = self._infinite(record, f"in a batch, not alone: {record.message}")
        return _with_line(record, _BATCH_LINE)

    def _with_memory_named(self, record: Record) -> Record:
        if record.check in (_BATCH, _MEMORY):
            return record
        cause = self._first_failed(_MEMORY)
        if cause is None:
            return record
        where = cause.evidence.get("place", cause.message)
        return _with_line(
            record,
            f"{cause.name} fails, too ({where}): answers that depend on earlier calls can be all "
            "of this failure; mend that first",
        )

    def _with_copies_tried(self, entry: PlanEntry, record: Record) -> Record:
        """A FAIL where the model raised at the structure and not at a copy, or the reverse."""
        meter = Meter(self.runner.model)
        found = unlike_copy(meter, entry.structure.configurations, entry.check.id)
        self.runner.setup_evaluations += meter.evaluations
        if found is None:
            return record
        record = replace(record, force_evaluations=meter.evaluations)
        what = f"the model takes the structure in one place and not in another: {found.said}"
        return self._infinite(record, what, found.said)

    def _infinite(self, record: Record, message: str, place: str = "") -> Record:
        """A FAIL of a record that the model's exception ended: no number is large enough."""
        tolerance = tolerance_of(record.check, self.runner.settings.profile)
        return replace(
            record,
            verdict=Outcome.FAIL,
            message=message,
            value=inf,
            uncertainty=0.0,
            interval=(inf, inf),
            detection_limit=None,
            limit_unknown="the model raised",
            noise_floor=None,
            tolerance=None if tolerance is None else tolerance.value,
            evidence={**record.evidence, "place": place or message},
        )

    def _run_alone(self, entry: PlanEntry) -> Record:
        runner = self.runner
        if self._alone is None:
            self._alone = self._runner_of(one_by_one(runner.model))
        before = self._alone.setup_evaluations
        record = self._alone.run(entry)
        runner.setup_evaluations += self._alone.setup_evaluations - before
        return replace(record, evidence={**record.evidence, "asked": "one configuration at a time"})

    def _runner_of(self, model: Model) -> Runner:
        """A runner of another model with the settings of this one's."""
        runner = self.runner
        return Runner(
            model, runner.settings, runner.evidence_folder, runner.reference, runner.progress
        )

    def _told_apart(self, entry: PlanEntry, record: Record) -> Record:
        """A record that failed, with the batch to blame where it is right alone."""
        probe = self._probe(entry, record)
        if probe.verdict is not Outcome.FAIL:
            return record
        alone = self._run_alone(entry)
        if alone.verdict is Outcome.FAIL:
            return record
        self.runner.setup_evaluations += alone.force_evaluations or 0
        said = (
            f"{IT_IS_THE_BATCH}: asked one configuration at a time this check says "
            f"{alone.verdict.upper()} ({alone.message}); batch_invariance at this configuration: "
            f"{probe.evidence.get('place', probe.message)}"
        )
        return replace(
            _with_line(record, said),
            title=IT_IS_THE_BATCH,
            message=said,
            causes=probe.causes,
            advice=probe.advice,
        )

    def _probe(self, entry: PlanEntry, record: Record) -> Record:
        """``batch_invariance`` at the worst configuration of a record."""
        from physcheck.checks import find_checks

        (spec,) = find_checks(_BATCH)
        runner = self.runner
        start = _worst(record) or entry.structure.configurations
        structure = Structure(f"{entry.structure.name}-{entry.check.id}", start, "worst of a FAIL")
        allotment = spec.evaluations(start, runner.model.capabilities, "quick")
        seed = record_seed(runner.settings.seed, _BATCH, structure.name)
        probe = runner.run(PlanEntry(spec, structure, allotment, seed))
        runner.setup_evaluations += probe.force_evaluations or 0
        return probe


def _raised(record: Record) -> bool:
    """Whether the model raised: no fault of physcheck, and no lack of time."""
    if record.verdict is not Outcome.ERROR or "traceback" in record.evidence:
        return False
    return "--physcheck-timeout" not in record.message


def _with_line(record: Record, line: str) -> Record:
    lines = [*record.evidence.get("lines", ()), line]
    evidence: Mapping[str, object] = {**record.evidence, "lines": lines}
    return replace(record, evidence=evidence)


def _worst(record: Record) -> Configurations | None:
    """The first configuration that a record saved; None where it has none."""
    path = record.evidence.get("configurations")
    if not isinstance(path, str):
        return None
    from ase.io import read

    atoms = read(path, index=0)
    if not isinstance(atoms, list):
        atoms.calc = None
        # What the record says of the frame is no input of the model.
        atoms.arrays.pop("model_forces", None)
        return Configurations.from_atoms(atoms)
    return None
