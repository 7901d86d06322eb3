"""``physcheck plan MODEL``: the plan of a run, without the run."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from physcheck.commands.command_line import write_lines
from physcheck.commands.completion import complete_model
from physcheck.commands.settings_options import (
    REPORTS,
    SettingsCommand,
    settings_options,
    words_of,
)

if TYPE_CHECKING:
    from physcheck.model import Model
    from physcheck.run.settings import Settings

__all__ = ["plan"]

_EPILOG = """\b
Examples:
  physcheck plan model.py:factory
  physcheck plan builtin::gupta --budget=quick
  physcheck plan model.py:factory --checks=dynamics --json > plan.json

The model is loaded, tried on a few structures, and timed.  Where sampling is asked for, a few
records are made to see whether it needs a trajectory; nothing is reported.
"""


@click.command(cls=SettingsCommand, epilog=_EPILOG)
@click.argument("model", metavar="MODEL", shell_complete=complete_model)
@settings_options(leave_out=REPORTS | {"resume"})
@click.option("--json", "as_json", is_flag=True, help="As JSON, for scripts.")
def plan(model: str, as_json: bool, **given: Any) -> int:
    """What a run on MODEL would do: where and why, at what cost, and what it can't test."""
    import warnings

    from physcheck.adapters.identity import model_identity
    from physcheck.adapters.loading import load_model
    from physcheck.adapters.precision import float64_twin_loader
    from physcheck.adapters.spec_problems import find_reference_problem, find_spec_problem
    from physcheck.adapters.users_mistakes import as_users_mistake
    from physcheck.errors import ModelError
    from physcheck.plugin.options import settings_of
    from physcheck.report.plan_report import plan_json, plan_lines
    from physcheck.run.facts import ModelIdentity
    from physcheck.run.jsonable import to_jsonable
    from physcheck.run.no_gradient import has_no_gradient
    from physcheck.run.plan import make_plan
    from physcheck.run.runner import Runner

    settings = settings_of({**words_of(given), "model": model}, Path.cwd())
    find_spec_problem(model)
    if settings.reference is not None:
        find_reference_problem(settings.reference, model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            loaded = load_model(model, device=settings.device, dtype=settings.dtype)
            runner = Runner(loaded, settings, reference=_reference(settings))
            runner.load_twin = float64_twin_loader(
                model, loaded, device=settings.device, dtype=settings.dtype
            )
            has_twin = runner.load_twin is not None
            made = make_plan(
                loaded,
                settings,
                has_twin=has_twin,
                settles=runner.settles,
                has_no_gradient=partial(has_no_gradient, runner),
            )
    except ModelError as error:
        raise as_users_mistake(error, device=settings.device) from error
    if as_json:
        identity = ModelIdentity.from_json(to_jsonable(model_identity(loaded, model)))
        write_lines([json.dumps(plan_json(made, identity, settings), indent=1)])
    else:
        write_lines(plan_lines(made, loaded, settings))
    return 0


def _reference(settings: Settings) -> Model | None:
    from physcheck.adapters.loading import load_reference

    if settings.reference is None:
        return None
    return load_reference(
        settings.reference, settings.model or "", device=settings.device, dtype=settings.dtype
    )
