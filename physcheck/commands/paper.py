"""``physcheck paper``: the experiments of arXiv 2412.11569 on a user's models."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from physcheck.commands.command_line import write_lines
from physcheck.commands.completion import complete_model, complete_structures

if TYPE_CHECKING:
    from physcheck.paper.results import PaperReport
    from physcheck.paper.setting import Setting

__all__ = ["paper"]

_EPILOG = """\b
Examples:
  physcheck paper --model=m.pt,forces=direct --reference=auto
  physcheck paper --model=direct.py:make --reference=cons.py:make --structures=H2O-box32
  physcheck paper --model=m.py:make --only=lambda,loop,nve --html=paper.html

MODEL is the one with direct forces, REFERENCE the conservative one. Figures are told, not judged:
`physcheck run` gives verdicts. Exit codes: 0 done, 1 an experiment failed, 2 interrupted.
"""


@click.command(epilog=_EPILOG)
@click.option(
    "--model", required=True, metavar="SPEC", shell_complete=complete_model,
    help="The model, as for `physcheck run`.",
)  # fmt: skip
@click.option(
    "--reference", metavar="SPEC", shell_complete=complete_model,
    help="The conservative one; auto for the other head of the same file.",
)  # fmt: skip
@click.option(
    "--structures", metavar="NAMES", shell_complete=complete_structures,
    help="Names of the catalogue or files; those that the model names if left out, or H2O-box32.",
)  # fmt: skip
@click.option("--labels", metavar="FILE", help="A structure file with forces, for `accuracy`.")
@click.option(
    "--scale", type=click.Choice(["small", "paper"]), default="small", show_default=True,
    help="Lengths: some ten minutes for a small network, or those of the paper.",
)  # fmt: skip
@click.option("--only", metavar="NAMES", help="Some experiments, separated by commas; see --list.")
@click.option(
    "--list", "list_them", is_flag=True, is_eager=True, expose_value=False,
    callback=lambda ctx, _, wanted: _list(ctx, wanted), help="List the experiments.",
)  # fmt: skip
@click.option("--seed", type=int, default=0, show_default=True, help="Of all random numbers.")
@click.option("--device", metavar="NAME", help="As for `physcheck run`.")
@click.option("--dtype", metavar="NAME", help="As for `physcheck run`.")
@click.option("--json", "json_path", metavar="FILE", help="Results as JSON, after each experiment.")
@click.option("--resume", is_flag=True, help="Go on with the run that left the file of --json.")
@click.option("--html", "html_path", metavar="FILE", help="A page with figures, likewise.")
@click.option("--markdown", "markdown_path", metavar="FILE", help="Tables, likewise.")
def paper(
    model: str,
    reference: str | None,
    structures: str | None,
    labels: str | None,
    scale: str,
    only: str | None,
    seed: int,
    device: str | None,
    dtype: str | None,
    json_path: str | None,
    resume: bool,
    html_path: str | None,
    markdown_path: str | None,
) -> int:
    """Repeat the experiments of "The dark side of the forces" (arXiv 2412.11569) on a model."""
    from physcheck import __version__
    from physcheck.adapters.heads import reference_spec
    from physcheck.adapters.spec_problems import find_reference_problem, find_spec_problem
    from physcheck.paper.registry import chosen_experiments
    from physcheck.paper.results import PaperReport
    from physcheck.paper.running import run_experiments
    from physcheck.paper.tables import last_line

    experiments = chosen_experiments(only)
    find_spec_problem(model)
    if reference is not None:
        find_reference_problem(reference, model)
    settings = _settings(
        model, reference, structures, labels, scale=scale, seed=seed, device=device, dtype=dtype
    )
    report = PaperReport(
        physcheck=__version__,
        model=model,
        reference="" if reference is None else reference_spec(reference, model),
        scale=scale,
        seed=seed,
    )
    writer = _Writer(json_path, html_path, markdown_path)
    if resume:
        report = _resumed(report, json_path)
    report = run_experiments(report, settings, experiments, writer.write)
    write_lines([last_line(report)])
    if not report.complete:
        return 2
    return 1 if report.failed else 0


def _resumed(report: PaperReport, path: str | None) -> PaperReport:
    """The report of an earlier run; the new one where there is no file yet."""
    from physcheck.errors import SpecError
    from physcheck.paper.results import PaperReport

    if path is None:
        raise SpecError("--resume goes on with the run that left the file of --json: give it, too")
    file = Path(path)
    if not file.is_file():
        return report
    try:
        earlier = PaperReport.from_json(json.loads(file.read_text(encoding="utf8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SpecError(f"{path} is no report of physcheck paper ({error})") from error
    if not earlier.is_of_same_run(report):
        raise SpecError(f"{path} is of another model, reference, scale, seed or version")
    return earlier


def _list(context: click.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from physcheck.paper.registry import EXPERIMENTS
        from physcheck.text.columns import columns

        write_lines(columns([(one.id, one.title) for one in EXPERIMENTS.values()]))
        context.exit()


def _settings(
    model: str,
    reference: str | None,
    structures: str | None,
    labels: str | None,
    *,
    scale: str,
    seed: int,
    device: str | None,
    dtype: str | None,
) -> Sequence[tuple[str, Callable[[], Setting]]]:
    """What makes each structure's Setting; models are loaded once."""
    from physcheck.adapters.heads import reference_spec
    from physcheck.adapters.loading import load_model, load_reference
    from physcheck.adapters.precision import float64_twin_loader
    from physcheck.paper.scale import SCALES
    from physcheck.paper.setting import Setting
    from physcheck.structures import load_structures, named_structures

    loaded = load_model(model, device=device, dtype=dtype)
    other = None
    twins = [float64_twin_loader(model, loaded, device=device, dtype=dtype), None]
    if reference is not None:
        other = load_reference(reference, model, device=device, dtype=dtype)
        spec = reference_spec(reference, model)
        twins[1] = float64_twin_loader(spec, other, device=device, dtype=dtype)
    named = (
        named_structures(structures.split(","))
        if structures
        else named_structures(loaded.capabilities.structures or ("H2O-box32",))
    )
    labelled = None if labels is None else load_structures(labels)[0].configurations
    return [
        (
            name,
            partial(
                Setting,
                name,
                one,
                loaded,
                other,
                scale=SCALES[scale],
                seed=seed,
                labelled=labelled,
                load_twins=(twins[0], twins[1]),
            ),
        )
        for name, one in named.items()
    ]


class _Writer:
    """Prints each result when it is there, and rewrites the files."""

    def __init__(
        self, json_path: str | None, html_path: str | None, markdown_path: str | None
    ) -> None:
        self._json, self._html, self._markdown = json_path, html_path, markdown_path
        self._printed = 0

    def write(self, report: PaperReport) -> None:
        """What is new on the terminal; all of it in the files."""
        from physcheck.paper.page import page
        from physcheck.paper.tables import markdown, result_lines
        from physcheck.report.writing import write_text

        for result in report.results[self._printed :]:
            write_lines(result_lines(result))
        self._printed = len(report.results)
        if self._json:
            write_text(Path(self._json), json.dumps(report.as_json(), indent=1))
        if self._html:
            write_text(Path(self._html), page(report))
        if self._markdown:
            write_text(Path(self._markdown), markdown(report))
