"""Making the experiments, one after the other, so that what is finished stays."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from physcheck.paper.experiment import Experiment
from physcheck.paper.results import Findings, NotRun, PaperReport, Result, Status
from physcheck.paper.setting import Setting

__all__ = ["run_experiments"]

# What need not be made again: the same would come out.  What was not run may have what it lacked.
_FINAL = ("done",)


def run_experiments(
    report: PaperReport,
    settings: Sequence[tuple[str, Callable[[], Setting]]],
    experiments: Sequence[Experiment],
    after_each: Callable[[PaperReport], None],
) -> PaperReport:
    """All experiments at all structures.

    An experiment that raises is a result with the reason, and the next one begins.  An interrupt
    (Ctrl-C) ends the run: what was finished stays, the one in work and those that were left say so.

    Parameters
    ----------
    report : PaperReport
        Without results, or with those of an earlier run: what is done there isn't made again.
    settings : sequence of (str, callable)
        A structure's name, and what makes its Setting.
    experiments : sequence of Experiment
    after_each : callable
        Told the report so far after each result.
    """
    interrupted = False
    known = {(r.structure, r.experiment): r for r in report.results if r.status in _FINAL}
    report = replace(report, results=(), complete=False)
    for name, make in settings:
        setting: Setting | None = None
        for experiment in experiments:
            if (name, experiment.id) in known:
                result = known[name, experiment.id]
            elif interrupted:
                result = _without(experiment, name, "interrupted", "the run ended before it")
            else:
                try:
                    setting = setting or make()
                    result = _made(experiment, setting)
                except KeyboardInterrupt:
                    interrupted = True
                    result = _without(experiment, name, "interrupted", "interrupted by Ctrl-C")
                except NotRun as reason:
                    result = _without(experiment, name, "not run", str(reason))
                except Exception as error:
                    result = _without(
                        experiment, name, "failed", f"{type(error).__name__}: {error}"
                    )
            report = report.followed_by(result)
            after_each(report)
    report = replace(report, complete=not interrupted)
    after_each(report)
    return report


def _made(experiment: Experiment, setting: Setting) -> Result:
    """One experiment with what it cost; shared runs count where they were first needed."""
    meters = [meter for _, meter in setting.both]
    before = [meter.evaluations for meter in meters]
    started = time.perf_counter()
    status: Status = "done"
    reason, findings = "", Findings(rows=(), agreement="", said="")
    try:
        findings = experiment.run(setting)
    except NotRun as why:
        status, reason = "not run", str(why)
    except Exception as error:
        status, reason = "failed", f"{type(error).__name__}: {error}"
    spent = [meter.evaluations - n for meter, n in zip(meters, before, strict=True)]
    return Result(
        experiment=experiment.id,
        title=experiment.title,
        structure=setting.name,
        status=status,
        reason=reason,
        findings=findings,
        model_evaluations=spent[0] + findings.uncounted[0],
        reference_evaluations=sum(spent[1:]) + findings.uncounted[1],
        seconds=time.perf_counter() - started,
    )


def _without(experiment: Experiment, structure: str, status: Status, reason: str) -> Result:
    return Result(
        experiment=experiment.id,
        title=experiment.title,
        structure=structure,
        status=status,
        reason=reason,
    )
