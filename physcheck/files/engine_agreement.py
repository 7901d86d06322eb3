"""What a simulation program wrote, held against the model at the same positions.

A program that runs a model (an engine: LAMMPS, i-PI, an ASE script) writes positions with energies,
forces and stresses.  The model, asked at those positions, should say the same.  Where it doesn't,
the difference is looked at: a constant factor is a unit or a sign; forces of the frame before are a
matter of order; a few atoms that differ while the rest agree have lost neighbours; agreement that
ends after some frames is a list of neighbours, or a cache, that isn't made again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from ase.units import Bohr, GPa, Hartree, Rydberg, bar, eV, kcal, kJ, mol, nm

from physcheck.errors import ModelError, SpecError
from physcheck.model import Meter
from physcheck.system import Configurations, Floats

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["TOLERANCES", "Agreement", "EngineFrame", "engine_frames", "measure_agreement"]

#: The rms difference up to which two outputs agree, in eV/atom, eV/Å and eV/Å³.  Trajectories hold
#: positions to some 1e-5 Å, and stiff bonds have 50 eV/Å², so that forces can't agree better than
#: to half of 1 meV/Å, which is also md's tolerance of force_energy_gap; 0.01 GPa is that of
#: stress_energy_gap, and 0.1 meV/atom is small beside kT.
TOLERANCES: Mapping[str, float] = {"energy": 1e-4, "forces": 1e-3, "stress": 0.01 * GPa}
UNITS: Mapping[str, str] = {"energy": "eV/atom", "forces": "eV/Å", "stress": "eV/Å³"}

_ENERGIES = {"kcal/mol": kcal / mol, "kJ/mol": kJ / mol, "Hartree": Hartree, "Rydberg": Rydberg}
#: Units that programs write, as the model's value over the file's, beside sign.
FACTORS: Mapping[str, Mapping[str, float]] = {
    "energy": _ENERGIES,
    "forces": {
        **{f"{name}/Å": size for name, size in _ENERGIES.items()},
        **{f"{name}/Bohr": size / Bohr for name, size in _ENERGIES.items()},
        "kJ/mol/nm": kJ / mol / nm,
        "eV/Bohr": eV / Bohr,
        "eV/nm": eV / nm,
    },
    "stress": {
        "GPa": GPa, "bar": bar, "kbar": 1e3 * bar, "MPa": 1e-3 * GPa, "atm": 1.01325 * bar,
        "kcal/mol/Å³": kcal / mol, "Hartree/Bohr³": Hartree / Bohr**3,
    },
}  # fmt: skip
# Where the model's own values are small, no more than this share of their rms is allowed: as much
# as six digits of positions do to forces at 300 K, and less than a unit or a lost pair.
_SHARE = 0.01
# A factor is one if what it leaves is less than this share of the values, and is a unit's if it is
# as near to it: units are known to 1e-4, values have three digits at least.
_PROPORTIONAL, _NEAR = 1e-2, 2e-3
# Atoms that differ are few if they are at most this share of all.
_FEW = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class EngineFrame:
    """A frame with what the engine said: energy (), forces (N, 3), stress (3, 3) by name."""

    index: int
    configuration: Configurations
    outputs: Mapping[str, Floats]


def engine_frames(
    atoms: Sequence[Atoms], most: int, elements: Sequence[str] = ()
) -> list[EngineFrame]:
    """At most ``most`` of the frames, evenly, that have energies, forces or stresses.

    Parameters
    ----------
    elements : sequence of str
        Symbols of LAMMPS' atom types 1, 2, ..., where a dump has no column ``element``.

    Raises
    ------
    SpecError
        No frame has any, or there are more atom types than elements.
    """
    found = []
    said = [_outputs(one) for one in atoms]
    # ASE's reader of LAMMPS dumps puts 0 where there is no energy.
    nothing = {"energy"} if not any(outputs.get("energy") for outputs in said) else set()
    for index, (one, all_of_it) in enumerate(zip(atoms, said, strict=True)):
        outputs = {name: value for name, value in all_of_it.items() if name not in nothing}
        if outputs:
            found.append(EngineFrame(index, _configuration(one, elements), outputs))
    if not found:
        raise SpecError(
            "no frame has energies, forces or stresses: a LAMMPS dump needs the columns fx fy fz, "
            "an extxyz file forces, an ASE trajectory a calculator's results"
        )
    rows = np.unique(np.linspace(0, len(found) - 1, min(most, len(found))).round().astype(int))
    return [found[row] for row in rows]


def _outputs(atoms: Atoms) -> dict[str, Floats]:
    from ase.stress import voigt_6_to_full_3x3_stress

    results = {} if atoms.calc is None else dict(getattr(atoms.calc, "results", {}))
    outputs: dict[str, Floats] = {}
    for name, shapes in (
        ("energy", [()]), ("forces", [(len(atoms), 3)]), ("stress", [(6,), (3, 3)]),
    ):  # fmt: skip
        value = results.get("free_energy", results.get(name)) if name == "energy" else None
        value = results.get(name) if value is None else value
        if value is None:
            continue
        array = np.array(value, dtype=np.float64)
        if array.shape not in shapes or not np.isfinite(array).all():
            continue
        full = voigt_6_to_full_3x3_stress(array) if array.shape == (6,) else array  # type: ignore[no-untyped-call]
        outputs[name] = full
    return outputs


def _configuration(atoms: Atoms, elements: Sequence[str]) -> Configurations:
    if elements:
        # ASE takes the types of a dump without elements for atomic numbers.
        types = np.asarray(atoms.arrays.get("type", atoms.numbers))
        if types.max() > len(elements):
            raise SpecError(
                f"the trajectory has atom type {types.max()}, and --elements names {len(elements)}"
            )
        atoms = atoms.copy()
        atoms.set_chemical_symbols([elements[t - 1] for t in types])
    return Configurations.from_atoms(atoms)


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """How one output of the engine and the model's compare.

    Attributes
    ----------
    output : str
    difference, size : float
        rms, and rms of the model's own (of energies: about their mean), in ``UNITS``.
    slope : float
        Of the model's values over the engine's, least squares; NaN where the engine's are zero.
    offset : float
        Of energies, eV/atom: engine less model, mean; else 0.
    findings : list of str
        What is off and what it looks like; empty where the two agree.
    frames : list of int
        Compared.
    """

    output: str
    difference: float
    size: float
    slope: float
    offset: float
    findings: list[str] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)

    @property
    def allowed(self) -> float:
        """The tolerance, or a hundredth of the model's own values where that is less."""
        return min(TOLERANCES[self.output], _SHARE * self.size)

    @property
    def agrees(self) -> bool:
        """Whether the difference is as small as allowed."""
        return self.difference <= self.allowed


def measure_agreement(model: Any, frames: Sequence[EngineFrame]) -> list[Agreement]:
    """One for each output that the engine wrote and the model gives.

    Raises
    ------
    ModelError
        The model refuses a frame, or gives none of what the engine wrote.
    NonFiniteOutput

    Cost: one evaluation a frame.
    """
    meter = Meter(model)
    answers = []
    for frame in frames:
        if (refusal := meter.capabilities.refuses(frame.configuration)) is not None:
            raise ModelError(f"frame {frame.index}: {refusal}")
        meter.ask(frame.configuration)
        want = meter.capabilities.outputs & set(frame.outputs)
        answers.append(meter.evaluate(frame.configuration, want=want))
    made = []
    for output in ("energy", "forces", "stress"):
        both = [
            (frame, np.asarray(getattr(answer, output)[0]))
            for frame, answer in zip(frames, answers, strict=True)
            if output in frame.outputs and getattr(answer, output) is not None
        ]
        if both:
            made.append(_compared(output, both))
    if not made:
        raise ModelError("the model gives none of the outputs that the trajectory holds")
    return made


def _compared(output: str, both: Sequence[tuple[EngineFrame, Floats]]) -> Agreement:
    engine = [np.asarray(frame.outputs[output]) for frame, _ in both]
    model, offset = [own for _, own in both], 0.0
    if output == "energy":
        sizes = np.array([frame.configuration.n_atoms for frame, _ in both])
        theirs, own = np.array(engine) / sizes, np.array(model) / sizes
        offset = float((theirs - own).mean())
        # The zero of an energy is a convention.
        engine, model = list(theirs - theirs.mean()), list(own - own.mean())
    flat = [np.concatenate([np.ravel(a) for a in values]) for values in (engine, model)]
    squares = float(flat[0] @ flat[0])
    slope = float(flat[0] @ flat[1]) / squares if squares > 0 else math.nan
    difference = math.sqrt(float(np.mean((flat[0] - flat[1]) ** 2)))
    size = math.sqrt(float(np.mean(flat[1] ** 2)))
    indices = [frame.index for frame, _ in both]
    made = Agreement(output, difference, size, slope, offset, [], indices)
    if not made.agrees:
        rest = math.sqrt(float(np.mean((slope * flat[0] - flat[1]) ** 2))) if squares > 0 else size
        if rest <= _PROPORTIONAL * size:
            made.findings.append(_factor(output, slope))
        else:
            made.findings.extend(_places(output, engine, model, indices, made.allowed))
    return made


def _factor(output: str, slope: float) -> str:
    """What a constant factor looks like."""
    what = _named(output)
    if abs(slope + 1) <= _NEAR:
        return f"{what} of the opposite sign"
    sign = " and of the opposite sign" if slope < 0 else ""
    for unit, factor in FACTORS[output].items():
        if abs(abs(slope) / factor - 1) <= _NEAR:
            return f"{what} in {unit}{sign}, read as {UNITS[output]}"
    return f"the model's {output} / the engine's is {slope:.4g}: a unit, or a scale factor"


def _named(output: str) -> str:
    return f"the engine's {output} {'are' if output == 'forces' else 'is'}"


def _places(
    output: str,
    engine: Sequence[Floats],
    model: Sequence[Floats],
    indices: Sequence[int],
    tolerance: float,
) -> list[str]:
    """Where differences are that are no factor: of order, of time, of single atoms."""
    errors = np.array(
        [math.sqrt(float(np.mean((a - b) ** 2))) for a, b in zip(engine, model, strict=True)]
    )
    same = {np.shape(a) for a in engine} == {np.shape(engine[0])}
    if same and len(engine) > 2 and output != "energy":
        late = [float(np.abs(a - b).max()) for a, b in zip(engine[1:], model[:-1], strict=True)]
        if max(late) <= 3 * tolerance:
            return [f"{_named(output)} of the frame before"]
    found = []
    wrong = errors > tolerance
    if output == "forces":
        gaps = [np.abs(a - b).max(axis=1) for a, b in zip(engine, model, strict=True)]
        share = float(np.mean(np.concatenate(gaps) > 3 * tolerance))
        if 0 < share <= _FEW:
            worst = int(np.argmax(errors))
            atom = int(np.argmax(gaps[worst]))
            found.append(
                f"{100 * share:.2g} % of the atoms differ and the others agree: neighbours that "
                f"the engine or the model misses, such as across the cell's faces (worst: atom "
                f"{atom} of frame {indices[worst]})"
            )
    if wrong.any() and not wrong.all():
        first = int(np.argmax(wrong))
        if first > 0 and wrong[first:].mean() > _FEW:
            found.append(
                f"the first {first} compared frames agree, frame {indices[first]} and most later "
                "ones don't: a list of neighbours or a cache that isn't made again as atoms move"
            )
    worst = int(np.argmax(errors))
    found.append(f"the worst frame is {indices[worst]}: rms {errors[worst]:.3g} {UNITS[output]}")
    return found
