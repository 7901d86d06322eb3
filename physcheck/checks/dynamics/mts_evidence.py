"""What ``mts_tandem`` shows: the table of strides, the recommendation in words, and advice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from physcheck.checks.dynamics.mts_engine_input import lammps_speed_up, tandem_lines
from physcheck.checks.dynamics.mts_runs import Drift, Pair, Row, Temperature
from physcheck.checks.plotted import parity
from physcheck.measurement import LOOK_CLOSER
from physcheck.numerics.detection import factor_to_settle

__all__ = [
    "DRIFTS",
    "PERCENT",
    "RUNS_AWAY",
    "SAFE_SHARE",
    "Table",
    "advice",
    "evidence",
    "work_needed",
]

DRIFTS, RUNS_AWAY = "drifts", "runs away"
# Strides beyond this share of the fastest period aren't recommended whatever a short run saw: at a
# half lies the first resonance, and its width grows with the difference of the forces.
SAFE_SHARE = 0.35
# Below this speed-up the pair isn't worth its trouble.
_WORTH = 1.1
# A species is off if its temperature is, by so many standard errors and by so many percent.
_SIGMAS, PERCENT = 4.0, 1.0


@dataclass(frozen=True, slots=True)
class Table:
    """All rows and what follows from them.

    Attributes
    ----------
    rows : list of Row
        The model alone, the reference alone, then the strides.
    best : Row or None
        The recommended stride.
    period : float, fs
        Of the fastest vibration; infinite where nothing moves.
    sampled : mapping of "alone", "tandem" to temperatures by species
        Under a global bath, at the recommended stride.
    doubt : str
        Why nothing is recommended, whatever the rows say.
    """

    rows: list[Row]
    best: Row | None
    period: float
    sampled: Mapping[str, Mapping[str, Temperature]]
    doubt: str

    @property
    def resonant(self) -> list[Row]:
        """Strides that fail beyond the safe share of the fastest period."""
        strides = [row for row in self.rows if row.stride is not None and row.fault]
        return [row for row in strides if row.step_fs > SAFE_SHARE * self.period]


def _off(temperatures: Mapping[str, Temperature], temperature_K: float) -> list[str]:
    """Species whose temperature is wrong beyond doubt, in words."""
    return [
        f"{name} {t.mean:.0f} ± {t.error:.0f} K"
        for name, t in temperatures.items()
        if abs(t.mean - temperature_K) > max(_SIGMAS * t.error, PERCENT / 100 * temperature_K)
    ]


def advice(drift: Drift, target: float, table: Table, temperature_K: float) -> str:
    """What would resolve an INCONCLUSIVE; also which species are off in the pair."""
    if table.best is None:
        return "every stride has a drift or a likely one: take a different reference"
    off = _off(table.sampled.get("tandem", {}), temperature_K)
    hot = f"at {temperature_K:.0f} K in the pair: {', '.join(off)}; " if off else ""
    if drift.blow_up_fs is not None or not target > 0:
        return hot.removesuffix("; ")
    longer = work_needed(drift, target)
    if math.isinf(longer):
        return f"{hot}the drift is about as large as the tolerance: {LOOK_CLOSER}"
    return f"{hot}runs {longer:.2g} times as long would settle it: {LOOK_CLOSER}"


def work_needed(drift: Drift, target: float) -> float:
    """How many times as long runs would settle the verdict; infinite if none would."""
    if drift.blow_up_fs is not None or not target > 0:
        return math.inf
    # The error of a slope falls as the length to 3/2.
    return factor_to_settle(target, abs(drift.mean), drift.interval, 2 / 3)


def evidence(pair: Pair, table: Table) -> dict[str, Any]:
    """The evidence of a Measurement: place, scale, lines to copy, quantities."""
    best, ratio = table.best, pair.cost_ratio
    gain = "" if best is None or best.speed_up is None else _gain(best.speed_up)
    return {
        "place": _place(table),
        "scale": f"an evaluation of the reference takes {ratio:.2g} times as long as one of the "
        f"model{gain}",
        "lines": tandem_lines(
            table.rows, best, table.sampled, pair.timestep_fs, pair.temperature_K, ratio
        ),
        "quantities": {
            "recommended_stride": None if best is None else best.stride,
            "timestep_fs": pair.timestep_fs,
            "fastest_period_fs": table.period,
            "cost_ratio": ratio,
            "speed_up": None if best is None else best.speed_up,
            "speed_up_in_lammps": None
            if best is None or best.stride is None
            else lammps_speed_up(ratio, best.stride),
            "model_evaluations": pair.fast.evaluations,
            "reference_evaluations": pair.accurate.evaluations,
            "resonant_strides": [row.stride for row in table.resonant],
            "table": [_row_quantities(row) for row in table.rows],
            "sampled_temperatures_K": {
                who: {s: [t.mean, t.error] for s, t in found.items()}
                for who, found in table.sampled.items()
            },
        },
        "parity": _parity(pair),
        "configurations": pair.start[:1],
    }


def _parity(pair: Pair) -> dict[str, Any]:
    """Forces of the two models at the replicas' places."""
    replicas, n_atoms = len(pair.start), pair.start.n_atoms
    fast, accurate = pair.both_forces.reshape(2, replicas * n_atoms, 3)
    return parity(accurate, fast, list(pair.start.system.symbols) * replicas)


def _place(table: Table) -> str:
    best, first, resonant = table.best, table.rows[0], table.resonant
    place = table.doubt or "no stride is seen to keep the energy"
    if best is not None:
        place = f"recommended: {best.name}, a correction every {best.step_fs:.2g} fs"
        if best.speed_up is not None and best.speed_up < _WORTH:
            place += (
                f" (which saves nothing here: {best.speed_up:.2g} times the speed of the "
                "reference alone)"
            )
    if resonant:
        place += (
            f"; resonance: {resonant[0].name} ({resonant[0].step_fs:.2g} fs) fails "
            f"({resonant[0].fault}), not well below half of the fastest vibration's period of "
            f"{table.period:.2g} fs"
        )
    if first.fault:
        known = first.fault in (DRIFTS, RUNS_AWAY)
        place = f"{first.name} {first.fault if known else f'is off ({first.fault})'}; {place}"
        place = f"the {place}"
    return place


def _row_quantities(row: Row) -> dict[str, Any]:
    return {
        "name": row.name,
        "stride": row.stride,
        "step_fs": row.step_fs,
        "drift": row.drift.mean,
        "drift_error": math.hypot(row.drift.error, row.drift.allowance),
        "told_from_zero": row.drift.limit,
        "blow_up_fs": row.drift.blow_up_fs,
        "fault": row.fault,
        "temperatures_K": {s: t.mean for s, t in row.temperatures.items()},
        "temperature_errors_K": {s: t.error for s, t in row.temperatures.items()},
        "speed_up": row.speed_up,
    }


def _gain(speed_up: float) -> str:
    if speed_up < _WORTH:
        return f": the pair saves nothing ({speed_up:.2g} times the speed of the reference alone)"
    return f": the pair is {speed_up:.2g} times as fast as the reference alone"
