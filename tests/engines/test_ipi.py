"""i-PI with the lines that ``mts_tandem`` prints, on the trained pair for ethanol: ``make
test-engines``.
"""

from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from physcheck import measure_mts_tandem
from physcheck.adapters.loading import load_model
from physcheck.checks.dynamics.replicas import slopes_of

pytest.importorskip("ipi", reason="i-PI runs under make test-engines only")

from engines.ipi_runs import run_ipi
from engines.predictions import (
    PER_PS,
    assert_drift_is_predicted,
    assert_temperature_is_predicted,
    assert_total_energy_is_ours,
    energies_along,
    equilibrated_pair,
    printed_lines,
    recommended_stride,
    replica_of,
    row_of,
)

# ASE's client leaves its socket open where nobody listened yet.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FIXTURES = Path(__file__).parents[2] / "fixtures" / "trained"
REPLICAS, INNER_STEPS = 6, 192
MODEL_ALONE = ["<forces>", "<force forcefield='model'> </force>", "</forces>"]


@pytest.fixture(scope="module")
def models():
    return {
        name: load_model(f"{FIXTURES}/ethanol_{file}.pt", dtype="float64")
        for name, file in (("model", "direct"), ("reference", "conservative"))
    }


@pytest.fixture(scope="module")
def atoms():
    start = read(FIXTURES / "ethanol_test.extxyz", 0)
    start.calc = None
    return start


@pytest.fixture(scope="module")
def predicted(models, atoms):
    """What mts_tandem says of the pair."""
    return measure_mts_tandem(
        models["model"], atoms, reference=models["reference"], rng=np.random.default_rng(1),
        strides=(2, 4), steps=INNER_STEPS,
    )  # fmt: skip


@pytest.fixture(scope="module")
def pair(models, atoms, predicted):
    return equilibrated_pair(
        models["model"], models["reference"], atoms, predicted,
        temperature_K=300.0, replicas=REPLICAS, steps=160,
    )  # fmt: skip


def run_replica(folder, pair, atoms, replica, fields, lines, steps):
    return run_ipi(folder, fields, *replica_of(pair, atoms, replica), lines, steps)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, pair, atoms, models, predicted):
    """i-PI's runs with the printed lines, one a replica, and the stride."""
    stride = recommended_stride(predicted)
    folder = tmp_path_factory.mktemp("ipi")
    lines = [line for line in printed_lines(predicted)[0] if line.startswith("<")]
    return stride, [
        run_replica(folder / f"tandem{r}", pair, atoms, r, models, lines, INNER_STEPS // stride)
        for r in range(REPLICAS)
    ]


def test_the_trajectory_is_the_one_of_our_integrator(runs, pair):
    stride, found = runs
    # Units of the two programs differ by 1e-8; energies of the network by nothing.
    trace = assert_total_energy_is_ours(found, pair, stride, steps=20, within=1e-7).trace()
    for replica, run in enumerate(found):
        assert run.kinetic[:21] == pytest.approx(trace.kinetic[:, replica], abs=1e-5)


def test_energy_drifts_no_more_than_predicted(runs, pair, predicted):
    stride, found = runs
    assert_drift_is_predicted("i-PI", found, pair, stride, predicted)


def test_the_temperature_is_the_predicted_one(runs, pair, predicted):
    stride, found = runs
    assert_temperature_is_predicted("i-PI", found, pair, stride, predicted)


def test_the_model_alone_drifts_as_predicted(tmp_path, pair, atoms, models, predicted):
    """The energy of the reference along i-PI's run of the direct forces alone."""
    lines = [*MODEL_ALONE, f"<timestep units='femtosecond'> {pair.timestep_fs} </timestep>"]
    rates, time_ps = [], PER_PS * pair.timestep_fs * np.arange(INNER_STEPS + 1)
    for replica in range(REPLICAS):
        fields = {"model": models["model"]}
        run = run_replica(
            tmp_path / f"alone{replica}", pair, atoms, replica, fields, lines, INNER_STEPS
        )
        assert run.calls == {"model": INNER_STEPS + 1}
        energy = energies_along(models["reference"], pair, run) + run.kinetic
        rates.append(slopes_of(time_ps, energy[:, None] / len(atoms))[0])
    row = row_of(predicted, "model alone")
    mean, error = np.mean(rates), np.std(rates, ddof=1) / np.sqrt(len(rates))
    print(f"i-PI, model alone {mean:.3f} ± {error:.3f} eV/atom/ps, predicted "
          f"{row['drift']:.3f} ± {row['drift_error']:.3f}")  # fmt: skip
    assert abs(mean - row["drift"]) < 4 * np.hypot(error, row["drift_error"])
    # Forces without a potential: single runs gain or lose, far more than the pair does.
    tandem = row_of(predicted, "stride 2")["drift_error"]
    assert np.sqrt(np.mean(np.square(rates))) > 10 * tandem


def test_each_force_field_is_asked_as_often_as_the_speed_up_says(runs):
    """F/(1 + F/M): M evaluations of the model and one of the reference an outer step."""
    stride, found = runs
    outer = INNER_STEPS // stride
    for run in found:
        assert run.calls == {"model": stride * outer + 1, "reference": outer + 1}


def test_conserved_of_ipi_counts_what_the_centre_of_mass_loses(runs):
    """A direct model has a net force; its work is in ``conserved``, not in potential + kinetic."""
    _, found = runs
    taken = [run.conserved - run.potential - run.kinetic for run in found]
    assert all(t[0] == pytest.approx(0, abs=1e-9) and t[-1] > 1e-5 for t in taken)
    assert all((np.diff(t) > -1e-9).all() for t in taken)
