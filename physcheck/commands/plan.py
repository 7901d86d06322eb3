"""``physcheck plan MODEL``: the plan of a run, without the run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from physcheck.commands.command_line import write_lines
from physcheck.commands.completion import complete_model
from physcheck.commands.settings_options import (
    REPORTS,
    SettingsCommand,
    settings_options,
    words_of,
)

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
    from physcheck.adapters.identity import model_identity
    from physcheck.adapters.spec_problems import find_reference_problem, find_spec_problem
    from physcheck.adapters.users_mistakes import as_users_mistake
    from physcheck.errors import ModelError
    from physcheck.plugin.options import settings_of
    from physcheck.report.plan_report import plan_json, plan_lines
    from physcheck.run.facts import ModelIdentity
    from physcheck.run.jsonable import to_jsonable
    from physcheck.run.preparation import load_models, prepare_run

    settings = settings_of({**words_of(given), "model": model}, Path.cwd())
    find_spec_problem(model)
    if settings.reference is not None:
        find_reference_problem(settings.reference, model)
    try:
        run = prepare_run(settings, load_models(settings))
    except ModelError as error:
        raise as_users_mistake(error, device=settings.device) from error
    tested = run.models.tested
    if as_json:
        identity = ModelIdentity.from_json(to_jsonable(model_identity(tested, model)))
        write_lines([json.dumps(plan_json(run.plan, identity, settings), indent=1)])
    else:
        write_lines(plan_lines(run.plan, tested, settings))
    return 0
