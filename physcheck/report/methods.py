"""A paragraph for the methods section of a paper: what was tested, with what, and how."""

from __future__ import annotations

from physcheck.measurement import Outcome
from physcheck.report.answer import answer
from physcheck.run.record import Report
from physcheck.text.phrases import count, printable

__all__ = ["methods_paragraph"]

_PACKAGES = ("python", "numpy", "scipy", "ase", "torch")
_CITE = (
    "The conservation tests follow F. Bigi, M. Langer and M. Ceriotti, The dark side of the "
    "forces, arXiv 2412.11569; the sources of the other checks stand in their documentation."
)


def methods_paragraph(report: Report) -> str:
    """Plain text with versions, the weights' hash, settings, what was judged, and what to cite."""
    model, settings = report.model, report.settings
    judged = [r for r in report.records if r.verdict is not Outcome.NOT_APPLICABLE]
    checks = sorted({r.check for r in judged})
    structures = list(dict.fromkeys(r.structure for r in judged))
    versions = [
        f"{name} {version}" for name in _PACKAGES if (version := report.facts.environment.get(name))
    ]
    lines = [
        f"The interatomic potential {model.spec or model.name} "
        f"({', '.join(filter(None, (model.adapter, model.dtype, model.device)))}) was tested with "
        f"physcheck {report.physcheck} ({', '.join(versions)}) on {report.created[:10]}."
    ]
    if model.fingerprint:
        lines.append(f"The sha256 of its weights or spec is {model.fingerprint}.")
    if report.facts.reference is not None:
        lines.append(f"It was compared with {report.facts.reference.spec}.")
    summary = report.summary
    lines.append(
        f"With the tolerances of the profile {settings.profile}, the budget {settings.budget} and "
        f"the seed {settings.seed}, {count(len(checks), 'check')} ({', '.join(checks)}) were made "
        f"on {count(len(structures), 'structure')} ({', '.join(structures)}), with "
        f"{summary.force_evaluations + summary.setup_evaluations:,} force evaluations."
    )
    lines.append(f"The outcome was: {answer(report)}.")
    lines.append(
        "A FAIL means that the lower end of the interval of the violation exceeds the tolerance; "
        "its false-alarm probability is 1e-4 a record. A PASS means that the upper end (97.5 %) is "
        "within the tolerance."
    )
    lines.append(_CITE)
    return printable(" ".join(lines))
