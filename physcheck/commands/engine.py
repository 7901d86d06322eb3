"""``physcheck engine``: a trajectory that a simulation program wrote, against its model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from physcheck.commands.command_line import write_lines
from physcheck.text.columns import columns

if TYPE_CHECKING:
    from physcheck.files.engine_agreement import Agreement

__all__ = ["engine"]


@click.command()
@click.argument("trajectory", metavar="TRAJECTORY")
@click.option("--model", required=True, metavar="SPEC", help="the model that the program ran")
@click.option("--frames", default=50, show_default=True, help="the most frames to compare")
@click.option(
    "--elements", default="", metavar="A,B", help="of LAMMPS' atom types 1, 2, ... in a dump"
)
@click.option("--dtype", default=None, help="of the model, as for `physcheck run`")
@click.pass_context
def engine(
    context: click.Context,
    trajectory: str,
    model: str,
    frames: int,
    elements: str,
    dtype: str | None,
) -> None:
    """Hold what a simulation program wrote against the model at the same positions.

    TRAJECTORY is any file of frames with energies, forces or stresses that ASE reads, as
    FILE, FILE@INDEX or FILE:FORMAT: a LAMMPS dump with fx fy fz, an extxyz file, an ASE
    trajectory. Exit code 1 where they differ.

    \b
    Examples:
      physcheck engine run.traj --model=model.py:factory
      physcheck engine out.dump:lammps-dump-text --model=m.pt --elements=O,H
    """
    from physcheck.adapters.loading import load_model
    from physcheck.errors import SpecError
    from physcheck.files.engine_agreement import engine_frames, measure_agreement
    from physcheck.files.structure_reading import parse_structure_file, read_frames

    if frames < 1:
        raise SpecError(f"--frames is {frames}, should be 1 or more")
    symbols = [name.strip() for name in elements.split(",") if name.strip()]
    _require_elements(symbols)
    read = read_frames(parse_structure_file(trajectory))
    chosen = engine_frames(read, frames, symbols)
    found = measure_agreement(load_model(model, dtype=dtype), chosen)
    write_lines(_lines(found, len(chosen), len(read)))
    if not all(agreement.agrees for agreement in found):
        context.exit(1)


def _require_elements(symbols: Sequence[str]) -> None:
    from ase.data import chemical_symbols

    from physcheck.errors import SpecError
    from physcheck.names import nearest

    for symbol in symbols:
        if symbol not in chemical_symbols[1:]:
            raise SpecError(
                f"--elements: {symbol!r} is no element; {nearest(symbol, chemical_symbols[1:])}"
            )


def _lines(found: Sequence[Agreement], compared: int, held: int) -> list[str]:
    from physcheck.files.engine_agreement import TOLERANCES, UNITS

    rows = [("output", "rms difference", "allowed", "rms of the model's", "model/engine", "")]
    for one in found:
        rows.append(
            (
                one.output,
                f"{one.difference:.3g} {UNITS[one.output]}",
                f"{one.allowed:.2g}",
                f"{one.size:.3g}",
                f"{one.slope:.4g}",
                "agrees" if one.agrees else "DIFFERS",
            )
        )
    lines = [f"{compared} of {held} frames compared", *columns(rows)]
    for one in found:
        lines += [f"{one.output}: {words}" for words in one.findings]
        if one.output == "energy" and abs(one.offset) > TOLERANCES["energy"]:
            lines.append(
                f"energy: the engine's zero is {one.offset:+.4g} eV/atom from the model's, which "
                "isn't counted"
            )
    return lines
