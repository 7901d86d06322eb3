"""What a reader may want to copy.

The table of strides, and lines for the inputs of i-PI and LAMMPS.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ase.units import kB

from physcheck.text.columns import columns

if TYPE_CHECKING:
    from physcheck.checks.dynamics.mts_runs import Drift, Row, Temperature

__all__ = ["ipi_lines", "lammps_lines", "lammps_speed_up", "tandem_lines"]


def tandem_lines(
    rows: Sequence[Row],
    best: Row | None,
    sampled: Mapping[str, Mapping[str, Temperature]],
    timestep_fs: float,
    temperature_K: float,
    cost_ratio: float,
) -> list[str]:
    """The table, the temperatures under a bath, and inputs for the recommended stride.

    ``cost_ratio`` is F, the time of an evaluation of the reference over one of the model.
    """
    lines = [*_table(rows), "the reference alone ran a quarter of the others' time"]
    for who, name in (("alone", "model alone"), ("tandem", "" if best is None else best.name)):
        found = sampled.get(who)
        if found is None:
            continue
        text = ", ".join(f"{s} {t.mean:.1f} ± {t.error:.1f} K" for s, t in found.items())
        lines.append(f"{name} under a global bath at {temperature_K:g} K: {text or 'it runs away'}")
    if best is None or best.stride is None:
        return lines
    return [
        *lines,
        f"for i-PI (model and reference are names of your force fields; {best.step_fs:.3g} fs is "
        "the outer step):",
        *ipi_lines(best.stride, timestep_fs),
        "for LAMMPS, metal units (model.pt and reference.pt are yours; give pair_coeff for all "
        f"three; LAMMPS evaluates the model once more at each correction: "
        f"{lammps_speed_up(cost_ratio, best.stride):.2g} times the speed of the reference alone):",
        *lammps_lines(best.stride, timestep_fs),
    ]


def lammps_speed_up(cost_ratio: float, stride: int) -> float:
    """``F/(1 + (F + 1)/M)``: the correction's -model is a pair style of its own there.

    i-PI remembers the model's forces of the last inner step and has F/(1 + F/M).  Both as counted
    in the engines (tests/engines).
    """
    # Divided by F, so that an F without bounds, of a model that takes no time, gives M.
    share = 1.0 / cost_ratio if cost_ratio > 0 else math.inf
    return 1.0 / (share + (1.0 + share) / stride)


def ipi_lines(stride: int, timestep_fs: float) -> list[str]:
    """Forces and dynamics of an i-PI input: level 0 has reference - model, level 1 the model.

    Source: i-PI's documentation of ``mts_weights`` and ``nmts``.
    """
    return [
        "  <forces>",
        "    <force forcefield='reference'> <mts_weights> [1, 0] </mts_weights> </force>",
        "    <force forcefield='model'> <mts_weights> [-1, 1] </mts_weights> </force>",
        "  </forces>",
        f"  <timestep units='femtosecond'> {stride * timestep_fs:.4g} </timestep>",
        f"  <nmts> [1, {stride}] </nmts>",
    ]


def lammps_lines(stride: int, timestep_fs: float) -> list[str]:
    """Pair styles and r-RESPA levels of a LAMMPS input: level 1 the model, level 2 reference -
    model.

    Source: LAMMPS' documentation of ``run_style respa``, metatomic's of its pair styles.
    """
    return [
        "  pair_style hybrid/overlay metatomic_1 model.pt non_conservative on scale 1.0 &",
        "      metatomic_2 model.pt non_conservative on scale -1.0 &",
        "      metatomic_3 reference.pt non_conservative off scale 1.0",
        f"  timestep {1e-3 * stride * timestep_fs:.4g}",
        f"  run_style respa 2 {stride} hybrid 1 2 2",
    ]


def _table(rows: Sequence[Row]) -> list[str]:
    species = list(dict.fromkeys(s for row in rows for s in row.temperatures))
    head = [
        "",
        "step fs",
        "drift eV/atom/ps",
        "K/ps",
        "told from 0",
        *(f"T({s}) K" for s in species),
    ]
    head += ["speed-up", ""]
    cells = [head]
    for row in rows:
        heat = ["", "", ""]
        if row.drift.blow_up_fs is not None:
            heat[0] = f"runs away after {row.drift.blow_up_fs:.0f} fs"
        else:
            heat = [_drift(row.drift), f"{row.drift.mean / (3 * kB):.2g}", f"{row.drift.limit:.1e}"]
        temperatures = [
            f"{row.temperatures[s].mean:.0f} ± {row.temperatures[s].error:.0f}"
            if s in row.temperatures
            else ""
            for s in species
        ]
        gain = "" if row.speed_up is None else f"{row.speed_up:.2g}"
        cells.append([row.name, f"{row.step_fs:.2g}", *heat, *temperatures, gain, row.fault])
    return columns(cells)


def _drift(drift: Drift) -> str:
    return f"{drift.mean:.1e} ± {(drift.error**2 + drift.allowance**2) ** 0.5:.0e}"
