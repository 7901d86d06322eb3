"""Searches on potentials with one fault each: whether the smallest case shows the fault alone.

    python benchmarks/search_acceptance.py [--seeds 20] [FAULT...]

A line a fault: in how many seeds the smallest case is as small as it can be, the numbers of atoms
that came out, the most evaluations, and whether ``repro_<check>.py`` printed the number of the
search in a fresh process (one seed in five).  Takes about five seconds a fault and seed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

from physcheck.checks import all_checks
from physcheck.model import Meter
from physcheck.registry import tolerance_of
from physcheck.search.case import Case
from physcheck.search.laws import SEARCH_LAWS
from physcheck.search.repro_script import repro_script
from physcheck.search.search_one_law import SearchResult, search
from physcheck.search.structures_drawn import pool_of
from physcheck.structures import catalogue

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
search_faults = import_module("support.search_faults")

SEEDS = ("H2O", "Si8", "Ar13")
MODEL = """
import sys
sys.path[:0] = [{tests!r}, {root!r}]
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress
from physcheck.system import Configurations
from support import search_faults

class Plain(Calculator):
    model = search_faults.{fault}()
    implemented_properties = sorted(model.capabilities.outputs)

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        wanted = self.model.capabilities.outputs
        answer = self.model.evaluate(Configurations.from_atoms(self.atoms), want=wanted)
        self.results = {{"energy": float(answer.energy[0]), "forces": answer.forces[0]}}
        if answer.stress is not None:
            self.results["stress"] = full_3x3_to_voigt_6_stress(answer.stress[0])

def factory():
    return Plain()
"""


@dataclass(frozen=True)
class Wanted:
    """A fault, the law that it breaks, and what the smallest case should be."""

    check: str
    evaluations: int
    said: str
    holds: Callable[[Case], bool]


def is_left_handed(case: Case) -> bool:
    """Whether the cell of the case, or the one that it becomes, has a negative determinant."""
    return case.start.system.is_fully_periodic


WANTED = {
    "SpeciesDirect": Wanted(
        "force_energy_gap", 1_000, "3 free atoms or fewer, an oxygen among them",
        lambda c: c.start.n_atoms <= 3 and 8 in c.start.system.numbers,
    ),
    "LastNeighbourOnly": Wanted(
        "force_energy_gap", 1_000, "one atom and the two that cross; one moves",
        lambda c: c.start.n_atoms <= 3 and c.moved_atoms == 1,
    ),
    "NeighbourCap": Wanted(
        "force_energy_gap", 2_000, "one atom and two, or an image, that cross; one moves",
        lambda c: c.start.n_atoms <= 3 and c.moved_atoms == 1,
    ),
    "LeftHanded": Wanted(
        "lattice_basis", 1_000, "2 atoms or fewer, two vectors exchanged",
        lambda c: c.start.n_atoms <= 2 and is_left_handed(c),
    ),
    "Collinear": Wanted(
        "finite_outputs", 400, "three atoms on a line",
        lambda c: c.start.n_atoms == 3
        and np.linalg.matrix_rank(np.diff(c.start.positions[0], axis=0)) == 1,
    ),
    "OutsideCell": Wanted(
        "periodic_wrap", 600, "one atom moved, 2 atoms or fewer",
        lambda c: c.start.n_atoms <= 2 and c.moved_atoms == 1,
    ),
}  # fmt: skip


def found(fault: str, seed: int) -> tuple[SearchResult, int]:
    """The result of one search, and the evaluations that it took."""
    wanted, model = WANTED[fault], getattr(search_faults, fault)()
    seeds = [catalogue()[name].configurations for name in SEEDS]
    species = {int(z) for start in seeds for z in start.system.numbers}
    meter = Meter(model)
    result = search(
        SEARCH_LAWS[wanted.check],
        meter,
        pool_of(seeds, species, model.capabilities.periodicity),
        allotment=wanted.evaluations,
        tolerance=tolerance_of(wanted.check, "md").value,
        rng=np.random.default_rng(seed),
    )
    return result, meter.evaluations


def script_agrees(fault: str, result: SearchResult) -> bool:
    """Whether the script of the smallest case prints the number of the search, in a process of
    its own.
    """
    case, asked = result.smallest
    outputs = getattr(search_faults, fault)().capabilities.outputs
    unit = all_checks()[case.check].unit
    texts = {"title": "t", "said": "s", "number": "n", "tolerance": "1", "unit": unit}
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model.py")
        model.write_text(MODEL.format(tests=str(ROOT / "tests"), root=str(ROOT), fault=fault))
        text = repro_script(
            case, asked.part, spec=f"{model}:factory", adapter="ase", dtype="float64",
            outputs=outputs, texts=texts,
        )  # fmt: skip
        Path(folder, "repro.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "repro.py"], cwd=folder, capture_output=True, text=True, check=False
        )
    expected = f"{asked.value:.6g} {unit}".strip()
    if done.stdout.strip() == expected:
        return True
    print(f"  the script says {done.stdout.strip()!r}, not {expected!r}\n{done.stderr[-500:]}")
    return False


def main() -> None:
    """Search each fault with each seed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("faults", nargs="*", default=list(WANTED))
    given = parser.parse_args()
    all_checks()
    for fault in given.faults:
        wanted, small, scripts, most = WANTED[fault], 0, [], 0
        atoms: Counter[str] = Counter()
        for seed in range(given.seeds):
            result, spent = found(fault, seed)
            most = max(most, spent)
            if result.smallest is None:
                atoms["no failure"] += 1
                print(f"  {fault}, seed {seed}: no failure, {result.asked} cases asked")
                continue
            case, asked = result.smallest
            kept = asked.value / result.failing[1].value
            small += wanted.holds(case)
            atoms[f"{case.start.n_atoms}"] += 1
            if not wanted.holds(case):
                done = SEARCH_LAWS[wanted.check].described(case)
                print(
                    f"  {fault}, seed {seed}: {case.start.system.formula}, {done}; kept {kept:.2g}"
                )
            if seed % 5 == 0:
                scripts.append(script_agrees(fault, result))
        print(
            f"{fault} ({wanted.check}): {small} of {given.seeds}: {wanted.said}; atoms "
            f"{dict(sorted(atoms.items()))}; at most {most} evaluations; {sum(scripts)} of "
            f"{len(scripts)} scripts agree",
            flush=True,
        )


if __name__ == "__main__":
    main()
