"""Bars of what a check compared: one a case, beside the tolerance."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from ase.units import GPa

from physcheck.report.pictures.drawing import BAD, BLUE, GOOD, SERIES, Panel, Picture, panel
from physcheck.report.pictures.numbers_of import array_of, entry, numbers_by_name, slug_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.run.record import Record
from physcheck.system import Floats
from physcheck.text.numbers import as_float

__all__ = [
    "both_sides",
    "cases",
    "changes_on_atoms",
    "forces_on_atoms",
    "forces_parity",
    "on_the_scale",
]

# Entries of ``quantities`` that are one number a case, with the words and unit of their axis.
_CASES = {
    "rms_differences_eV_per_A": "rms difference of forces (eV/Å)",
    "unlike_fragments_eV_per_A": "rms change of forces (eV/Å)",
    "changes_eV_per_A": "rms change of forces (eV/Å)",
    "gaps": "difference, share of the answer",
    "differences_an_atom": "difference an atom (eV, e or e Å)",
}
# What a symmetry compares: all of it is judged as a force.
_OUTPUTS = {
    "force_difference_eV_per_A": "difference of forces",
    "energy_difference_eV_per_atom": "difference of energies",
    "virial_difference_eV_per_atom": "difference of virials",
}
_MOST_ROWS = 16
# What happens to the force on an atom, and the caption.
_CHANGES = {
    "determinism": (
        "range of the force",
        "How far apart the forces of equal calls are on an atom, largest first; they should be "
        "equal.",
    ),
    "locality": (
        "change of the force",
        "How much the force on an atom changes though all that moves is beyond the declared range, "
        "largest first; it should not change.",
    ),
    "": (
        "difference of the force",
        "How much the force on an atom differs in the worst of the compared calls, largest first; "
        "it should not differ.",
    ),
}
# Below this share of the tolerance a difference is rounding, and its bar tells nothing.
_WORTH_A_BAR = 1e-6
_LABEL_WIDTH = 34
# Where no difference is larger than this share of the values, points of both sides lie on a line.
_SEEN = 0.1


def cases(record: Record, frames: Frames | None) -> list[Picture]:
    """The differences case by case; where they are one number, beside what it is judged by."""
    for key, words in _CASES.items():
        found = numbers_by_name(entry(record, "quantities", key))
        alone = key in ("gaps", "differences_an_atom")
        if (alone or len(found) > 1) and any(value > 0 for value in found.values()):
            return [_bars(record, found, words)]
    outputs = {words: as_float(entry(record, "quantities", key)) for key, words in _OUTPUTS.items()}
    least = _WORTH_A_BAR * as_float(record.tolerance)
    found = {words: size for words, size in outputs.items() if size > 0 and not size < least}
    if len(found) > 1 and record.unit == "eV/Å":
        return [_bars(record, found, "rms difference (eV/Å; energy and virial an atom over 1 Å)")]
    return [on_the_scale(record, words, size) for words, size in found.items()][:1]


def both_sides(record: Record, frames: Frames | None) -> list[Picture]:
    """What a symmetry says and what the model gave, of the atoms or components that differ most."""
    names = entry(record, "force_sides", "atoms")
    expected = array_of(entry(record, "force_sides", "expected_eV_per_A"))
    given = array_of(entry(record, "force_sides", "given_eV_per_A"))
    if expected is not None and given is not None and isinstance(names, list):
        return _force_sides(record, [str(name) for name in names], expected, given)
    stress = array_of(entry(record, "stress_sides_eV_per_A3"))
    if stress is not None and stress.shape == (2, 3, 3):
        order = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
        sides = [[float(side[i, j]) / GPa for i, j in order] for side in stress]
        return [_sides(record, ["xx", "yy", "zz", "yz", "xz", "xy"], sides, "stress (GPa)")]
    return []


def _force_sides(
    record: Record, names: Sequence[str], expected: Floats, given: Floats
) -> list[Picture]:
    """Components against each other, and the size of each atom's difference."""
    slug = slug_of(record)
    largest = max(float(np.abs(expected).max()), float(np.abs(given).max()), 1e-300)
    sizes = np.linalg.norm(given - expected, axis=1)
    bars = _atom_bars(record, names, sizes, "difference of the force (eV/Å)")
    most = bars.picture("How much the force on each of them changes, largest first.")
    if float(np.abs(given - expected).max()) < _SEEN * largest:
        return [_differences(record, expected, given - expected), most]
    with panel(
        f"{slug}-sides", "force that the law says (eV/Å)", "force that the model gave (eV/Å)",
        height=3.2,
    ) as made:  # fmt: skip
        line = [-1.1 * largest, 1.1 * largest]
        made.axes.plot(line, line, color=GOOD, linestyle="--", label="equal")
        for k, axis in enumerate("xyz"):
            made.axes.plot(
                expected[:, k], given[:, k], "o", ms=4, color=SERIES[k], label=f"F{axis}"
            )
        made.legend()
    parity = made.picture(
        "Forces on the atoms that differ most, before the change and after it (turned or moved "
        "back). Of a sound model all points lie on the dashed line."
    )
    return [parity, most]


def _differences(record: Record, expected: Floats, difference: Floats) -> Picture:
    """Components of a difference that is small beside them, against what the law says."""
    limit = as_float(record.tolerance)
    with panel(
        f"{slug_of(record)}-sides", "force that the law says (eV/Å)", "given minus that (eV/Å)"
    ) as made:
        if record.unit == "eV/Å" and limit > 0:
            made.axes.axhspan(-limit, limit, color=GOOD, alpha=0.3, lw=0, label="tolerance (rms)")
        made.axes.axhline(0, color=GOOD, linestyle="--", label="equal")
        for k, axis in enumerate("xyz"):
            made.axes.plot(
                expected[:, k], difference[:, k], "o", ms=4, color=SERIES[k], label=f"F{axis}"
            )
        made.legend()
    return made.picture(
        "Forces on the atoms that differ most: after the change (turned or moved back) minus "
        "before it. Of a sound model all points lie on the dashed line."
    )


def changes_on_atoms(record: Record, frames: Frames | None) -> list[Picture]:
    """How much the force on each atom changes, of those where it changes most; energies by call."""
    names = entry(record, "force_changes", "atoms")
    sizes = array_of(entry(record, "force_changes", "sizes_eV_per_A"))
    found = []
    if isinstance(names, list) and sizes is not None and len(sizes) == len(names):
        words, caption = _CHANGES.get(record.check, _CHANGES[""])
        bars = _atom_bars(record, [str(name) for name in names], sizes, f"{words} (eV/Å)")
        found.append(bars.picture(caption))
    energies = array_of(entry(record, "energy_by_call_eV"))
    if energies is not None:
        with panel(f"{slug_of(record)}-calls", "call", "energy less the first (eV)") as made:
            made.axes.axhline(0, color=GOOD, linestyle="--", label="equal")
            made.axes.plot(range(1, len(energies) + 1), energies, "o", color=BAD, label="energy")
            made.axes.locator_params(axis="x", integer=True)
            made.legend()
        found.append(made.picture("The energy of equal calls; all should be that of the first."))
    return found


def _atom_bars(record: Record, names: Sequence[str], sizes: Floats, words: str) -> Panel:
    sizes = sizes[:_MOST_ROWS]
    with panel(f"{slug_of(record)}-atoms", words, "", height=1.1 + 0.22 * len(sizes)) as made:
        made.axes.barh(range(len(sizes)), sizes, color=BAD, height=0.6)
        made.axes.set_yticks(range(len(sizes)), list(names[: len(sizes)]))
        shown = [float(size) for size in sizes if size > 0]
        if record.tolerance and record.unit == "eV/Å":
            made.axes.axvline(
                record.tolerance, color=GOOD, linestyle="--", label="tolerance (rms of a component)"
            )
            shown.append(record.tolerance)
        made.logarithmic("x", shown)
        made.axes.invert_yaxis()
        made.legend()
    return made


def _sides(
    record: Record, names: Sequence[str], sides: Sequence[Sequence[float]], words: str
) -> Picture:
    at = np.arange(len(names))
    with panel(f"{slug_of(record)}-sides", "", words) as made:
        for shift, values, colour, label in (
            (-0.2, sides[0], BLUE, "what the law says"),
            (0.2, sides[1], BAD, "what the model gave"),
        ):
            made.axes.bar(at + shift, values, 0.38, color=colour, label=label)
        made.axes.set_xticks(at, list(names))
        made.legend()
    return made.picture("Both sides of the comparison; they should be equal.")


def forces_parity(record: Record, frames: Frames | None) -> list[Picture]:
    """Components of two forces at the same places: of two models, or of a model and a file."""
    first = array_of(entry(record, "parity", "first_eV_per_A"))
    second = array_of(entry(record, "parity", "second_eV_per_A"))
    species = entry(record, "parity", "species")
    if first is None or second is None or first.shape != second.shape or first.ndim != 2:
        return []
    names = (
        ("the reference", "the model") if record.check == "mts_tandem" else ("the file", "model")
    )
    known = isinstance(species, list) and len(species) == len(first)
    kinds = [str(name) for name in species] if known else [""] * len(first)
    slug = slug_of(record)
    with panel(
        f"{slug}-parity", f"force of {names[0]} (eV/Å)", f"force of {names[1]} (eV/Å)", height=3.4
    ) as made:
        ends = [float(min(first.min(), second.min())), float(max(first.max(), second.max()))]
        made.axes.plot(ends, ends, color=GOOD, linestyle="--", label="equal")
        for k, kind in enumerate(sorted(set(kinds))):
            chosen = [i for i, name in enumerate(kinds) if name == kind]
            made.axes.plot(
                first[chosen].ravel(), second[chosen].ravel(), "o", ms=2.5, alpha=0.6,
                color=SERIES[k % len(SERIES)], label=kind or "components",
            )  # fmt: skip
        made.legend()
    rms = float(np.sqrt(np.mean((second - first) ** 2)))
    return [
        made.picture(
            f"Each force component of {names[1]} against that of {names[0]} at the same places; "
            f"they differ by {rms:.3g} eV/Å rms in what is drawn."
        )
    ]


def on_the_scale(record: Record, words: str, size: float) -> Picture:
    """A force beside its tolerance and, where it is judged relative to them, thermal forces.

    ``size`` is in eV/Å; the record's value is either the same, or its share of thermal forces.
    """
    value, limit = as_float(record.value), as_float(record.tolerance)
    relative = not record.unit and value > 0
    scale = size / value if relative else math.nan
    rows = [
        (words, size, BAD),
        ("tolerance", limit * scale if relative else limit, GOOD),
        ("thermal forces", scale, BLUE),
    ]
    rows = [row for row in rows if math.isfinite(row[1]) and row[1] > 0]
    with panel(f"{slug_of(record)}-scale", "force (eV/Å)", "", height=1.7) as made:
        made.axes.barh([r[0] for r in rows], [r[1] for r in rows], color=[r[2] for r in rows])
        made.logarithmic("x", [r[1] for r in rows])
        made.axes.invert_yaxis()
    beside = "the tolerance and thermal forces" if relative else "the tolerance"
    return made.picture(f"The {words} (rms {size:.3g} eV/Å) beside {beside}; it should be zero.")


def _bars(record: Record, found: Mapping[str, float], words: str) -> Picture:
    """What was compared, a bar each, beside the tolerance where that has the same unit."""
    # Beside a violation what is only rounded would fill the picture, over many powers of ten.
    least = _WORTH_A_BAR * as_float(record.tolerance)
    worth = {name: size for name, size in found.items() if not size < least} or found
    ranked = dict(sorted(worth.items(), key=lambda item: -item[1])[:_MOST_ROWS])
    labels = [textwrap.fill(name, _LABEL_WIDTH) for name in ranked]
    lines = max(label.count("\n") + 1 for label in labels)
    height = 1.1 + (0.08 + 0.14 * lines) * len(ranked)
    same_unit = record.unit in words if record.unit else "share" in words
    limit = record.tolerance if same_unit else None
    needed = as_float(entry(record, "quantities", "needed_eV_per_A"))
    with panel(f"{slug_of(record)}-cases", words, "", height=height) as made:
        _draw_bars(made, labels, list(ranked.values()), limit)
        if limit:
            made.axes.axvline(limit, color=GOOD, linestyle="--", label="tolerance")
        if math.isfinite(needed) and needed > 0:
            made.axes.axvline(needed, color=GOOD, linestyle="--", label="least that is needed")
        made.axes.invert_yaxis()
        made.legend()
    told = "" if limit is None else " Orange bars are over the tolerance."
    if left_out := len(found) - len(ranked):
        told += f" Not drawn: {left_out} smaller {'one' if left_out == 1 else 'ones'}."
    return made.picture(f"What was compared, largest first: the {words.split(' (')[0]}.{told}")


def _draw_bars(
    made: Panel, labels: Sequence[str], sizes: Sequence[float], limit: float | None
) -> None:
    """Bars on a logarithmic axis; those of nothing are a tenth of the smallest."""
    smallest = min((size for size in sizes if size > 0), default=1e-16)
    lengths = [max(size, smallest / 10) for size in sizes]
    over = [limit is not None and not (length <= limit) for length in lengths]
    colours = [BAD if is_over else BLUE for is_over in over]
    places = range(len(labels))
    made.axes.barh(places, lengths, color=colours, height=0.6)
    made.axes.set_yticks(places, labels)
    made.logarithmic("x", [*lengths, *([limit] if limit else [])])


def forces_on_atoms(record: Record, frames: Frames | None) -> list[Picture]:
    """The sum of forces (or torques) by component."""
    for kind in ("net_force", "net_torque"):
        net = entry(record, "quantities", kind)
        if isinstance(net, list) and len(net) == 3:
            values = [as_float(one) for one in net]
            unit = str(entry(record, "quantities", "unit") or "")
            word = kind.replace("_", " ")
            with panel(f"{slug_of(record)}-net", "component", f"{word} ({unit})") as made:
                made.axes.bar(["x", "y", "z"], values, color=BAD, width=0.5)
                made.axes.axhline(0, color=GOOD, linestyle="--", label="of a sound model")
                made.legend()
            return [made.picture(f"The {word} of the structure; it should be zero.")]
    return []
