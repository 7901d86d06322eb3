"""Failures with a common cause: a fault of batches or of memory isn't blamed on other checks."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

from physcheck.measurement import Outcome
from physcheck.model import MOST_ATOMS_PER_CALL, Meter, Model
from physcheck.registry import tolerance_of
from physcheck.run.entry import PlanEntry, record_seed
from physcheck.run.one_by_one import fresh_each_time, one_by_one
from physcheck.run.record import Record
from physcheck.run.runner import Runner
from physcheck.run.size_limits import lonely_atoms_refused, refused_width
from physcheck.run.trial_copies import CHECKS_OF_COPIES, unlike_copy
from physcheck.structures import Structure
from physcheck.system import Configurations

__all__ = ["ASKED_ALONE", "ASKED_FRESH", "IT_IS_THE_BATCH", "NOT_AGAIN", "CauseAwareRunner"]

#: The remark of a run whose model can't be asked in batches.
ASKED_ALONE = (
    "answers depend on the batch (batch_invariance): all other checks asked one configuration at a "
    "time"
)
#: The remark of a run whose model remembers earlier calls.
ASKED_FRESH = (
    "answers depend on earlier calls (history_independence): what failed was asked again, each "
    "configuration of a fresh model"
)
#: The title of a failure that isn't there when the same is asked again.
NOT_AGAIN = "answers scatter now and then: asked again, this check doesn't fail"
#: The title of a failure that isn't there where the model is asked one configuration at a time.
IT_IS_THE_BATCH = "right alone: it is the batch"

_BATCH_LINE = f"{IT_IS_THE_BATCH}; all other checks ask one configuration at a time"
_BATCH, _MEMORY, _FINITE = "batch_invariance", "history_independence", "finite_outputs"
# Whoever reads the energy gets a stale one: these two say so where the others needn't.
_OF_ENERGIES = frozenset({"force_energy_gap", "stress_energy_gap"})
# Making a fresh model for each evaluation: longer than this, s, and no failure is asked again so.
_FRESH_SECONDS = 0.005
# Evaluations of a failure that is asked again, of fresh models or of the same one, at most.
_MOST_FRESH, _MOST_AGAIN = 1000, 150


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

    Where ``history_independence`` fails at a planned structure, the other failures are asked again,
    each configuration of a fresh model, where making one takes less than 5 ms: what doesn't fail
    then isn't blamed.  What fails says that memory may be the cause.  A failure of energies stays.

    Where the model raises, chains of atoms tell whether it refuses all that is wider than some
    length; that, and atoms without neighbours that ``finite_outputs`` finds refused, are remarks.

    Where answers don't depend on earlier calls and a failure isn't there when the same is asked
    again, it says that answers scatter.

    Cost: nothing where no check fails; else the failure's own evaluations again, where they are no
    more than 150 (1000 of fresh models), and, for a model that takes batches, ``batch_invariance``
    at the worst configuration of each FAIL.

    Attributes
    ----------
    runner : Runner
        Its ``setup`` counts what is spent here.
    entries : sequence of PlanEntry
        The plan; only its entries of these two checks matter.
    finished : mapping of str to Record
        Records by name that an earlier run has made: theirs aren't made again.
    """

    runner: Runner
    entries: Sequence[PlanEntry] = ()
    finished: Mapping[str, Record] = field(default_factory=dict)
    _made: dict[str, Record] = field(default_factory=dict)
    _failed: dict[str, Record | None] = field(default_factory=dict)
    _alone: Runner | None = None
    _without_memory: Runner | None = None
    _asked_fresh: bool = False
    _refusals: dict[str, None] = field(default_factory=dict)
    _width_told: bool = False

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the report should say, once the first record was made."""
        said = [ASKED_ALONE] if self._failed.get(_BATCH) is not None else []
        if self._asked_fresh:
            said.append(ASKED_FRESH)
        return (*said, *self._refusals)

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
            if record.verdict is Outcome.FAIL and self._takes_batches and _shares_calls(entry):
                record = self._told_apart(entry, record)
        raised = _raised(record)
        if raised and entry.check.id in CHECKS_OF_COPIES:
            record = self._with_copies_tried(entry, record)
        self._tell_refusals(entry, record)
        if record.verdict is not Outcome.FAIL or record.check in (_BATCH, _MEMORY):
            return record
        if self._first_failed(_MEMORY) is None:
            # What was raised is raised again: that it is no FAIL then is no scatter.
            return record if raised else self._made_again(entry, record)
        record = self._without_its_memory(entry, record)
        return self._with_memory_named(record) if record.verdict is Outcome.FAIL else record

    @property
    def _takes_batches(self) -> bool:
        capabilities = self.runner.model.capabilities
        return capabilities.batched or capabilities.mixed_sizes

    def _first_failed(self, check: str) -> Record | None:
        """The first planned record of a check that fails; all of them are made now."""
        if check not in self._failed:
            planned = [e for e in self.entries if e.check.id == check and e.not_applicable is None]
            made = {e.name: self.finished.get(e.name) or self._made_now(e) for e in planned}
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
        control = self._runner_of(one_by_one(self.runner.model, as_batches=True), "control")
        found = control.run(entry)
        control.setup.charge(entry.name, found.force_evaluations or 0)
        if found.verdict in (Outcome.FAIL, Outcome.ERROR):
            return record
        if record.verdict is Outcome.ERROR:
            record = self._infinite(record, f"in a batch, not alone: {record.message}")
        return _with_line(record, _BATCH_LINE)

    def _without_its_memory(self, entry: PlanEntry, record: Record) -> Record:
        """The record of a model that remembers nothing, where that one doesn't fail."""
        own = record.family == "implementation" or record.check in _OF_ENERGIES
        again = self._first_look(entry)
        costs_much = bool(entry.shared) or again.allotment > _MOST_FRESH
        if own or costs_much or not self._can_be_fresh():
            return record
        assert self._without_memory is not None
        made = self._without_memory.run(again)
        self.runner.setup.charge(f"with memory: {entry.name}", record.force_evaluations or 0)
        if made.verdict in (Outcome.FAIL, Outcome.ERROR):
            return record
        self._asked_fresh = True
        evidence = {**made.evidence, "asked": "each configuration of a fresh model"}
        return replace(made, evidence=evidence)

    def _first_look(self, entry: PlanEntry) -> PlanEntry:
        """An entry's first look alone."""
        if len(entry.looks) == 1:
            return entry
        start, capabilities = entry.structure.configurations, self.runner.model.capabilities
        allotment = entry.check.evaluations(start, capabilities, entry.looks[0])
        return replace(entry, looks=entry.looks[:1], allotment=allotment, twin=0)

    def _can_be_fresh(self) -> bool:
        """Whether fresh models can be had at little cost; then there is a runner of them."""
        if self._without_memory is not None:
            return True
        model = fresh_each_time(self.runner.model)
        if model is None:
            return False
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            getattr(self.runner.model, "fresh")()  # noqa: B009
            seconds.append(time.perf_counter() - started)
        if min(seconds) > _FRESH_SECONDS:
            return False
        self._without_memory = self._runner_of(model, "without memory")
        return True

    def _made_again(self, entry: PlanEntry, record: Record) -> Record:
        """The record, with scatter named where it isn't a failure when all of it is made again."""
        spent = record.force_evaluations or 0
        if record.family == "implementation" or entry.shared or spent > _MOST_AGAIN:
            return record
        made = self.runner.run(entry)
        self.runner.setup.charge(f"again: {entry.name}", made.force_evaluations or 0)
        if made.verdict is Outcome.FAIL:
            return record
        said = f"made again with the same seed it says {made.verdict.upper()} ({made.message})"
        return replace(
            _with_line(record, f"{NOT_AGAIN}; {said}"),
            title=NOT_AGAIN,
            message=f"{record.message}; {said}",
            causes="uninitialised memory; a race between threads; random numbers in a branch that "
            "is rarely taken",
            advice="ask one configuration several hundred times and compare the answers",
        )

    def _with_memory_named(self, record: Record) -> Record:
        cause = self._first_failed(_MEMORY)
        if cause is None:
            return record
        where = cause.evidence.get("place", cause.message)
        return _with_line(
            record,
            f"{cause.name} fails, too ({where}): answers that depend on earlier calls can be all "
            "of this failure; mend that first",
        )

    def _tell_refusals(self, entry: PlanEntry, record: Record) -> None:
        """Remarks on structures that the model refuses, which no record says of all of them."""
        refused = record.evidence.get("quantities", {}).get("refused")
        if record.check == _FINITE and isinstance(refused, dict):
            said = lonely_atoms_refused(refused)
            self._refusals.update({} if said is None else {said: None})
        if _raised(record) and not self._width_told:
            self._width_told = True
            meter = Meter(self.runner.model)
            said = refused_width(meter, entry.structure.configurations, record.message)
            self.runner.setup.charge("width that is refused", meter.evaluations)
            self._refusals.update({} if said is None else {said: None})

    def _with_copies_tried(self, entry: PlanEntry, record: Record) -> Record:
        """A FAIL where the model raised at the structure and not at a copy, or the reverse."""
        meter = Meter(self.runner.model)
        found = unlike_copy(meter, entry.structure.configurations, entry.check.id)
        self.runner.setup.charge(f"copies for {entry.name}", meter.evaluations)
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
        if self._alone is None:
            self._alone = self._runner_of(one_by_one(self.runner.model), "one by one")
        record = self._alone.run(entry)
        return replace(record, evidence={**record.evidence, "asked": "one configuration at a time"})

    def _runner_of(self, model: Model, label: str) -> Runner:
        """A runner of another model with the settings of this one's."""
        runner = self.runner
        return Runner(
            model, runner.settings, runner.evidence_folder, runner.reference, runner.progress,
            setup=runner.setup.under(label),
        )  # fmt: skip

    def _told_apart(self, entry: PlanEntry, record: Record) -> Record:
        """A record that failed, with the batch to blame where it is right alone."""
        probe = self._probe(entry, record)
        if probe.verdict is not Outcome.FAIL:
            return record
        alone = self._run_alone(entry)
        if alone.verdict is Outcome.FAIL:
            return record
        self.runner.setup.charge(f"one by one: {entry.name}", alone.force_evaluations or 0)
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
        runner.setup.charge(f"batches at {structure.name}", probe.force_evaluations or 0)
        return probe


def _raised(record: Record) -> bool:
    """Whether the model raised: no fault of physcheck, and no lack of time."""
    if record.verdict is not Outcome.ERROR or "traceback" in record.evidence:
        return False
    return "--physcheck-timeout" not in record.message


def _shares_calls(entry: PlanEntry) -> bool:
    """Whether configurations of a check went into one call: none of so many atoms did.

    The checks of conservation ask for configurations of the structure itself only.
    """
    alone = 2 * entry.structure.configurations.n_atoms > MOST_ATOMS_PER_CALL
    return not (alone and entry.check.family == "conservation")


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
