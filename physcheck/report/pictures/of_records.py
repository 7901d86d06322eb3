"""Which pictures a check has, and the pictures of the records of a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from physcheck.measurement import Outcome
from physcheck.names import GENERATED
from physcheck.report.order_of_failures import excess
from physcheck.report.pictures import (
    conservation,
    cutoffs,
    dynamics,
    growth,
    jacobians,
    lines,
    relaxation,
    sampling,
    smoothness,
)
from physcheck.report.pictures.comparisons import (
    both_sides,
    cases,
    changes_on_atoms,
    forces_on_atoms,
    forces_parity,
)
from physcheck.report.pictures.domain import domain_pictures
from physcheck.report.pictures.drawing import Picture
from physcheck.report.pictures.saved_frames import Frames, saved_frames
from physcheck.report.pictures.structure_view import structure_view
from physcheck.run.record import Record

__all__ = ["pictures_of", "pictures_of_all"]

Drawer = Callable[[Record, Frames | None], list[Picture]]
_DRAWERS: Mapping[str, tuple[Drawer, ...]] = {
    "loop_work": (conservation.around_the_loop, conservation.loop_works),
    "strain_loop_work": (conservation.around_the_strain_loop, conservation.loop_works),
    "force_energy_gap": (lines.energy_along_direction, conservation.force_gaps),
    "stress_energy_gap": (lines.energy_along_strain, conservation.stress_gap),
    "jacobian_asymmetry": (
        jacobians.cross_terms,
        jacobians.jacobian_blocks,
        conservation.around_the_loop,
    ),
    "nve_drift": (dynamics.energy_drift,),
    "nph_drift": (dynamics.enthalpy_drift,),
    "timestep_convergence": (dynamics.energy_fluctuation,),
    "mts_tandem": (dynamics.stride_table, forces_parity),
    "reference_error": (forces_parity,),
    "species_heat": (sampling.power_into_species,),
    "equipartition": (sampling.temperatures,),
    "kinetic_distribution": (sampling.kinetic_moments,),
    "thermostat_heat": (sampling.bath_heat,),
    "ensemble_consistency": (sampling.energy_slope,),
    "pressure_consistency": (sampling.snapshot_pressures,),
    "relaxation_convergence": (relaxation.relaxation_traces,),
    "relaxation_descent": (relaxation.descent,),
    "cell_relaxation": (relaxation.descent,),
    "minimum_stability": (relaxation.modes,),
    "size_consistency": (growth.lambda_by_size,),
    "path_smoothness": (smoothness.path_spectrum,),
    "short_range_repulsion": (smoothness.dimer_curves,),
}
_OF_VIOLATIONS: Mapping[str, tuple[Drawer, ...]] = {
    "cutoff_smoothness": (cutoffs.cutoff_path,),
    "net_force": (forces_on_atoms,),
    "net_torque": (forces_on_atoms,),
    "memory_growth": (growth.memory_by_block,),
}
# Of checks that have no pictures of their own.
_OF_OTHER_VIOLATIONS: tuple[Drawer, ...] = (both_sides, cases, changes_on_atoms)
# What these violate has no place among the atoms.
_NOT_OF_ATOMS = ("memory_growth", "outputs_agree", "size_consistency", "mode_agreement")
# A page stays below 5 MB with the rest of it: what is left of that for pictures, characters.
_MOST_CHARACTERS = 3_600_000
# Drawing takes some 0.05 s a picture: a page is made within seconds after a run.
_MOST_RECORDS = 120
_ORDER = (Outcome.FAIL, Outcome.KNOWN_FAILURE, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.PASS)


def pictures_of(record: Record, folders: Iterable[Path] = ()) -> list[Picture]:
    """The pictures of one record: of its numbers, and where it isn't a pass of its structure.

    Evidence that a picture can't be made of, as of another version, gives none.
    """
    if record.value is None and record.verdict is not Outcome.ERROR:
        return []
    frames = saved_frames(record, folders)
    found: list[Picture] = []
    for draw in _drawers_of(record):
        try:
            found += draw(record, frames)
        # Evidence of another version or of somebody else's check may have any shape.
        except (TypeError, ValueError, KeyError, IndexError, AttributeError, ArithmeticError):
            continue
    return found


def _drawers_of(record: Record) -> list[Drawer]:
    """What is drawn of a record, if its evidence has it."""
    drawers = [*_DRAWERS.get(record.check, ())]
    if record.verdict is not Outcome.PASS:
        # Of a pass these show rounding.
        otherwise = () if drawers else _OF_OTHER_VIOLATIONS
        drawers += _OF_VIOLATIONS.get(record.check, otherwise)
        if record.check not in _NOT_OF_ATOMS:
            drawers.append(structure_view)
    if record.structure == GENERATED:
        drawers.append(domain_pictures)
    return drawers


def pictures_of_all(
    records: Sequence[Record], folders: Iterable[Path] = ()
) -> dict[str, list[Picture]]:
    """Pictures by name of record: of all that is no pass, and of one pass a check.

    Stops where the page would get larger than a browser opens at once; what is violated is drawn
    first.
    """
    folders = tuple(folders)
    chosen, seen = [], set()
    for record in sorted(records, key=_rank):
        # Of generated cases all passes show the same: what was looked at.
        kind = GENERATED if record.structure == GENERATED else record.check
        if record.verdict is Outcome.PASS and kind in seen:
            continue
        seen.add(kind)
        chosen.append(record)
    found: dict[str, list[Picture]] = {}
    size = 0
    for record in chosen[:_MOST_RECORDS]:
        pictures = pictures_of(record, folders)
        size += sum(len(picture.svg) for picture in pictures)
        if size > _MOST_CHARACTERS:
            break
        found[record.name] = pictures
    return found


def _rank(record: Record) -> tuple[int, float]:
    """What is violated first, and of that the worst."""
    place = _ORDER.index(record.verdict) if record.verdict in _ORDER else len(_ORDER)
    return place, -excess(record)
