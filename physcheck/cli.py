"""The ``physcheck`` command: lists what there is, runs the suite, and works on its reports."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from physcheck.errors import PhyscheckError
from physcheck.registry import FAMILIES

__all__ = ["checks_as_markdown", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    The exit code is pytest's for ``run``, 4 for a wrong name or file, else 0.
    """
    parser = _parser()
    known, rest = parser.parse_known_args(arguments)
    if rest and known.command != "run":
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    try:
        if known.command == "run":
            return _run(known.spec, rest)
        lines = _MAKERS[known.command](known)
    except PhyscheckError as error:
        print(f"physcheck: {error}", file=sys.stderr)
        return 4
    try:
        print("\n".join(lines))
    except BrokenPipeError:
        sys.stderr.close()
    return 0


def _parser() -> argparse.ArgumentParser:
    from physcheck import __version__

    parser = argparse.ArgumentParser(
        prog="physcheck",
        description="Physical validation of machine-learned interatomic potentials.",
    )
    parser.add_argument("--version", action="version", version=f"physcheck {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("checks", help="list the checks")
    checks.add_argument("--markdown", action="store_true", help="as the table of the README")
    commands.add_parser("models", help="list built-in models, their defects, and the adapters")
    commands.add_parser("structures", help="list the structures of the catalogue")
    run = commands.add_parser(
        "run", help="run the suite on a model", description="Further options are passed to pytest."
    )
    run.add_argument("spec", help="FILE.py:FACTORY, MODULE:FACTORY, ADAPTER::ARGUMENT or a path")
    _add_commands_on_reports(commands)
    return parser


def _add_commands_on_reports(commands: Any) -> None:
    report = commands.add_parser("report", help="show a JSON report, or write it in another form")
    report.add_argument("source", metavar="IN.json")
    report.add_argument("-o", "--output", metavar="OUT", help="by its suffix: .html, .md or .svg")
    compare = commands.add_parser("compare", help="lay JSON reports beside each other")
    compare.add_argument("sources", metavar="IN.json", nargs="+")
    compare.add_argument("-o", "--output", metavar="OUT", help="by its suffix: .html, .md or .csv")
    merge = commands.add_parser(
        "merge", help="put the JSON reports of the shards of a run together"
    )
    merge.add_argument("sources", metavar="IN.json", nargs="+")
    merge.add_argument("-o", "--output", metavar="OUT.json", required=True)
    methods = commands.add_parser("methods", help="a paragraph for the methods of a paper")
    methods.add_argument("source", metavar="IN.json")
    baseline = commands.add_parser("baseline", help="change the baseline of a project")
    actions = baseline.add_subparsers(dest="action", required=True)
    update = actions.add_parser("update", help="take one record of a new report over")
    update.add_argument("old", metavar="OLD.json", help="the baseline, which is changed in place")
    update.add_argument("new", metavar="NEW.json")
    update.add_argument("--only", metavar="CHECK[STRUCTURE]", required=True)
    update.add_argument(
        "--reason", default="none given", help="why it is accepted: kept in the file"
    )


def _run(spec: str, rest: Sequence[str]) -> int:
    import pytest

    return int(pytest.main(["--pyargs", "physcheck.suite", f"--physcheck-model={spec}", *rest]))


def _methods(known: argparse.Namespace) -> list[str]:
    from physcheck.report.loading import load_report
    from physcheck.report.methods import methods_paragraph

    return [methods_paragraph(load_report(known.source))]


def _report(known: argparse.Namespace) -> list[str]:
    from physcheck.report.commands import convert_report

    return convert_report(known.source, known.output)


def _compare(known: argparse.Namespace) -> list[str]:
    from physcheck.report.commands import compare_files

    return compare_files(known.sources, known.output)


def _merge(known: argparse.Namespace) -> list[str]:
    from physcheck.report.commands import merge_files

    return merge_files(known.sources, known.output)


def _baseline(known: argparse.Namespace) -> list[str]:
    from physcheck.report.commands import update_baseline

    return update_baseline(known.old, known.new, known.only, known.reason)


def checks_as_markdown() -> list[str]:
    """The table of checks that stands in the README; a test holds the two together."""
    from physcheck.checks import all_checks
    from physcheck.registry import tolerance_of
    from physcheck.text.numbers import figure
    from physcheck.tolerances import PROFILES

    lines = [
        f"| check | kind | the law | tolerance ({' / '.join(PROFILES)}) |",
        "|---|---|---|---|",
    ]
    family = ""
    for spec in sorted(all_checks().values(), key=lambda spec: FAMILIES.index(spec.family)):
        if spec.family != family:
            family = spec.family
            lines.append(f"| **{family}** | | | |")
        found = [tolerance_of(spec.id, profile) for profile in PROFILES]
        limits = " / ".join("-" if t is None else figure(t.value) for t in found)
        law = spec.law.replace("|", "\\|")
        lines.append(f"| `{spec.id}` | {spec.kind} | {law} | {limits} {spec.unit}".rstrip() + " |")
    return lines


def _checks() -> list[str]:
    from physcheck.checks import all_checks
    from physcheck.registry import tolerance_of
    from physcheck.text.numbers import figure
    from physcheck.tolerances import PROFILES

    rows = [("check", "family", "kind", "needs", " / ".join(PROFILES), "law")]
    for spec in all_checks().values():
        found = [tolerance_of(spec.id, profile) for profile in PROFILES]
        limits = " / ".join("-" if t is None else figure(t.value) for t in found)
        needs = "+".join(sorted(spec.needs))
        rows.append(
            (spec.id, spec.family, spec.kind, needs, f"{limits} {spec.unit}".rstrip(), spec.law)
        )
    return _columns(rows)


def _models() -> list[str]:
    from physcheck.potentials import BUILTINS, DEFECTS

    rows = [("spec", "what it is")]
    rows += [(f"builtin::{name}", _first_line(kind)) for name, kind in BUILTINS.items()]
    rows += [
        (f"  +{name}={kind.default_strength:g}", _first_line(kind))
        for name, kind in DEFECTS.items()
    ]
    return [*_columns(rows), "", *_adapters()]


def _adapters() -> list[str]:
    """Every framework's adapter: a spec that works, and how to get what is missing for it."""
    from physcheck.adapters.frameworks import FRAMEWORKS

    rows = [("spec", "here", "what it is; how to get it")]
    for framework in FRAMEWORKS.values():
        missing = framework.missing()
        rows.append((framework.spec, "no" if missing else "yes", framework.about))
        if missing:
            rows.append(("", "", f"needs {', '.join(missing)}: {framework.install}"))
    rows.append(("torch::FILE", "yes", "a torch module, TorchScript or exported program"))
    rows.append(
        ("FILE.py:factory", "yes", "an ASE calculator, a torch or torch-sim model: docs/recipes.md")
    )
    return _columns(rows)


def _first_line(thing: object) -> str:
    import inspect

    return (inspect.getdoc(thing) or "").split("\n", 1)[0]


def _structures() -> list[str]:
    from physcheck.structures import catalogue

    rows = [("structure", "formula", "atoms", "periodic", "provenance")]
    for structure in catalogue().values():
        system = structure.configurations.system
        rows.append(
            (
                structure.name,
                system.formula,
                str(len(system)),
                "".join("xyz"[i] for i in range(3) if system.pbc[i]) or "-",
                str(structure.provenance),
            )
        )
    return _columns(rows)


def _columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


_MAKERS: dict[str, Callable[[argparse.Namespace], list[str]]] = {
    "checks": lambda known: checks_as_markdown() if known.markdown else _checks(),
    "models": lambda known: _models(),
    "structures": lambda known: _structures(),
    "report": _report,
    "compare": _compare,
    "merge": _merge,
    "methods": _methods,
    "baseline": _baseline,
}
