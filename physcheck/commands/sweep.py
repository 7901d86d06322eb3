"""``physcheck sweep SWEEP.toml``: many models on many structures."""

from __future__ import annotations

import click

from physcheck.commands.command_line import write_lines

__all__ = ["sweep"]

_EPILOG = """\b
Examples:
  physcheck sweep sweep.toml --workers=4
  physcheck sweep sweep.toml --dry-run
  physcheck sweep sweep.toml -o results --scheduler=tcp://node1:8786

The same command goes on where an earlier one ended: what is finished isn't computed again.

Exit codes: 0 every task is finished, whatever its verdict; 1 some aren't; 2 interrupted; 4 a wrong
option, name or file.
"""


@click.command(epilog=_EPILOG)
@click.argument("source", metavar="SWEEP.toml", type=click.Path(dir_okay=False))
@click.option("-o", "--output", metavar="DIR", help="Folder of the reports (default: SWEEP).")
@click.option("--scheduler", metavar="ADDRESS", help="A Dask scheduler, such as tcp://node1:8786.")
@click.option(
    "--workers", metavar="N", type=click.IntRange(min=1), default=2, show_default=True,
    help="Tasks at one time on this machine.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Load each model, and say what would be done.")
def sweep(
    source: str, output: str | None, scheduler: str | None, workers: int, dry_run: bool
) -> int:
    """Judge the models of SWEEP.toml on its structures, and compare them.

    The folder gets a JSON report for each model and structure, a merged one for each model, and
    the comparison of all.
    """
    from physcheck.sweep.engines import engine_for
    from physcheck.sweep.sweep_file import load_sweep
    from physcheck.sweep.sweeping import Sweep, prepared_folder

    file = load_sweep(source)
    folder = prepared_folder(file, output)
    with engine_for(scheduler, workers) as engine:
        swept = Sweep(file, folder, engine, lambda line: write_lines([line]))
        if dry_run:
            write_lines(swept.plan())
            return 0
        names = f"{len(file.models)} models, {len(file.structures)} structures"
        write_lines([f"physcheck: {names}, {engine.about}"])
        return 0 if swept.run() else 1
