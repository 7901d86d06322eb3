"""What each check says of a model that breaks its law: ``make failures``.

Real runs of the suite on built-in potentials with a built-in defect.  For each check that fails in
one of them, ``failures/<check>.txt`` holds the text of the failure and ``failures/<check>.svg`` its
first picture, where there is one; the pages of the documentation show both.  Minutes on one core.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from physcheck.checks import all_checks
from physcheck.report.loading import load_report
from physcheck.report.pictures.of_records import pictures_of
from physcheck.run.record import Record
from physcheck.text.failure import failure_text

HERE = Path(__file__).parent / "failures"
# Model, structures, checks, budget.  Defects of a known strength, on structures that show them; a
# check that fails in two runs is shown by the first.
RUNS = (
    ("builtin::gupta+pair-curl=0.1", "Cu32-disordered", "loop_work,jacobian_asymmetry,"
     "force_energy_gap,strain_loop_work,nve_drift,relaxation_descent", "25000"),
    ("builtin::gupta+stress-half=1", "Cu32", "stress_energy_gap,cell_relaxation", "2500"),
    ("builtin::lennard-jones+species-direct=0.01", "NaCl8", "equipartition,"
     "kinetic_distribution,thermostat_heat,species_heat", "40000"),
    ("builtin::morse+local-curl=0.1", "ethanol", "relaxation_convergence,"
     "timestep_convergence", "8000"),
    ("builtin::water+local-curl=0.01", "H2O", "minimum_stability", "8000"),
    ("builtin::gupta+direct-stress=0.1", "NaCl8", "nph_drift", "8000"),
    ("builtin::gupta+growing-curl=0.01", "Cu32", "size_consistency", "40000"),
    ("builtin::morse+lab-frame=0.05", "ethanol", "rotation_equivariance", "2500"),
    ("builtin::morse+chiral=1", "ethanol", "inversion_equivariance", "2500"),
    ("builtin::morse+order-dependent=0.01", "ethanol", "permutation_equivariance", "2500"),
    ("builtin::gupta+not-extensive=0.01", "Cu32,Cu12-slab", "supercell_extensivity,"
     "translation_invariance,lattice_basis", "2500"),
    ("builtin::morse+not-extensive=0.01", "ethanol", "separated_additivity", "2500"),
    ("builtin::gupta+lost-outside-cell=0.1", "Cu32", "periodic_wrap,translation_invariance,"
     "lattice_basis", "2500"),
    ("builtin::gupta+net-force=0.001", "Cu32", "net_force", "2500"),
    ("builtin::morse+net-torque=0.01", "ethanol", "net_torque", "2500"),
    ("builtin::gupta+hard-cutoff=0.3", "Cu32", "cutoff_smoothness,path_smoothness", "8000"),
    ("builtin::morse+hole=5000", "ethanol", "short_range_repulsion", "2500"),
    ("builtin::gupta+non-local=0.01", "Cu32", "locality", "2500"),
    ("builtin::gupta+stale-neighbours=0.5", "Cu32", "history_independence", "2500"),
    ("builtin::gupta+batch-index=0.01", "Cu32", "batch_invariance", "2500"),
    ("builtin::gupta+mutates-input=0.1", "Cu32", "input_untouched", "2500"),
    ("builtin::gupta+nan-alone=1", "Cu32", "finite_outputs", "2500"),
    ("builtin::gupta+thread-unsafe=0.001", "Cu32", "thread_safety", "2500"),
    ("builtin::gupta+leaking=50", "Cu32", "memory_growth", "2500"),
    ("builtin::gupta+atomic-energies=1", "Cu32", "outputs_agree", "2500"),
    ("builtin::gupta+noise=0.001", "Cu32", "determinism", "2500"),
    ("builtin::gupta+constant", "Cu32", "responsiveness", "2500"),
)  # fmt: skip
# What a page of the report replaces by its own colours; here the picture stands alone.
INK, LINE, PAPER = "#1b1f24", "#d8dee4", "#ffffff"


def main(chosen: Iterable[str]) -> None:
    """Make the runs that show the ``chosen`` checks, or all of them."""
    HERE.mkdir(exist_ok=True)
    wanted = set(chosen) or set(all_checks())
    shown: set[str] = set()
    for spec, structures, checks, budget in RUNS:
        asked = [name for name in checks.split(",") if name in wanted - shown]
        if not asked:
            continue
        with tempfile.TemporaryDirectory() as name:
            for record in failures(spec, structures, asked, budget, Path(name)):
                if record.check in asked and record.check not in shown:
                    shown.add(record.check)
                    keep(record, Path(name))
        missing = ", ".join(set(asked) - shown)
        print(f"{spec}: {', '.join(asked)}{f'; no failure of {missing}' if missing else ''}")
    print("no failure is shown of:", ", ".join(sorted(wanted - shown)) or "none")


def failures(
    spec: str, structures: str, checks: list[str], budget: str, folder: Path
) -> list[Record]:
    """The failed records of a run of the suite."""
    report = folder / "report.json"
    subprocess.run(
        [
            sys.executable, "-m", "pytest", "--pyargs", "physcheck.suite", f"--model={spec}",
            f"--physcheck-structures={structures}", f"--physcheck-checks={','.join(checks)}",
            f"--physcheck-budget={budget}", "--physcheck-seed=0", f"--physcheck-json={report}",
            "-p", "no:cacheprovider", "-q",
        ],
        cwd=folder, capture_output=True, check=False,
    )  # fmt: skip
    document = json.loads(report.read_text(encoding="utf8"))
    assert document["complete"], f"{spec}: {document['error']}"
    return [record for record in load_report(report).records if record.verdict == "fail"]


def keep(record: Record, folder: Path) -> None:
    """Write the text of a failure, and its picture."""
    text = failure_text(record, profile="md").replace(f"{folder}/", "")
    (HERE / f"{record.check}.txt").write_text(text.rstrip() + "\n", encoding="utf8")
    pictures = pictures_of(record, [folder])
    target = HERE / f"{record.check}.svg"
    target.unlink(missing_ok=True)
    target.with_suffix(".caption").unlink(missing_ok=True)
    if pictures and "view3d" not in pictures[0].svg:
        target.write_text(alone(pictures[0].svg) + "\n", encoding="utf8")
        target.with_suffix(".caption").write_text(pictures[0].caption + "\n", encoding="utf8")


def alone(svg: str) -> str:
    """A picture of a page as a file of its own: with its namespaces, colours and background."""
    space = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    paper = f'style="background:{PAPER}" font-family="sans-serif"'
    svg = svg.replace("<svg ", f"<svg {space} {paper} ", 1)
    return svg.replace("var(--ink)", INK).replace("var(--line)", LINE)


if __name__ == "__main__":
    main(sys.argv[1:])
