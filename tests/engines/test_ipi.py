"""i-PI with the lines that ``mts_tandem`` prints, on the trained pair for ethanol: ``make
test-engines``.
"""

from pathlib import Path

import numpy as np
import pytest
from ase.io import read

from physcheck import measure_mts_tandem
from physcheck.adapters.loading import load_model
from physcheck.checks.dynamics.mts_runs import Pair, drift_of
from physcheck.checks.dynamics.replicas import slopes_of
from physcheck.model import Meter
from physcheck.system import Configurations

pytest.importorskip("ipi", reason="i-PI runs under make test-engines only")

from engines.ipi_runs import run_ipi

# ASE's client leaves its socket open where nobody listened yet.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

FIXTURES = Path(__file__).parents[2] / "fixtures" / "trained"
REPLICAS, INNER_STEPS = 6, 192
PER_PS = 1e-3
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
    """Replicas of their own, at the timestep that mts_tandem chose."""
    return Pair.equilibrated(
        Meter(models["model"]), Meter(models["reference"]), Configurations.from_atoms(atoms),
        np.random.default_rng(2), temperature_K=300.0, replicas=REPLICAS, steps=160,
        timestep_fs=predicted.evidence["quantities"]["timestep_fs"],
    )  # fmt: skip


def lines_for_ipi(found):
    lines = [line.strip() for line in found.evidence["lines"]]
    begin = next(n for n, line in enumerate(lines) if line.startswith("for i-PI"))
    end = next(n for n, line in enumerate(lines) if line.startswith("for LAMMPS"))
    return [line for line in lines[begin:end] if line.startswith("<")]


def run_replica(folder, pair, atoms, replica, fields, lines, steps):
    there = atoms.copy()
    there.positions = pair.start.positions[replica]
    return run_ipi(folder, fields, there, pair.velocities[replica], lines, steps)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, pair, atoms, models, predicted):
    """i-PI's runs with the printed lines, one a replica, and the stride."""
    stride = predicted.evidence["quantities"]["recommended_stride"]
    folder = tmp_path_factory.mktemp("ipi")
    lines = lines_for_ipi(predicted)
    return stride, [
        run_replica(folder / f"tandem{r}", pair, atoms, r, models, lines, INNER_STEPS // stride)
        for r in range(REPLICAS)
    ]


def row_of(found, name):
    return next(r for r in found.evidence["quantities"]["table"] if r["name"] == name)


def test_the_trajectory_is_the_one_of_our_integrator(runs, pair):
    stride, found = runs
    ours = pair._pair(stride)
    ours.run(20)
    trace = ours.trace()
    for replica, run in enumerate(found):
        total = (run.potential + run.kinetic)[:21]
        # Units of the two programs differ by 1e-8; energies of the network by nothing.
        assert total - total[0] == pytest.approx(
            trace.total[:, replica] - trace.total[0, replica], abs=1e-7
        )
        assert run.kinetic[:21] == pytest.approx(trace.kinetic[:, replica], abs=1e-5)


def test_energy_drifts_no_more_than_predicted(runs, pair, predicted):
    stride, found = runs
    total = np.array([run.potential + run.kinetic for run in found]).T / len(pair.start.system)
    time_ps = PER_PS * stride * pair.timestep_fs * np.arange(len(total))
    drift, row = drift_of(time_ps, total), row_of(predicted, f"stride {stride}")
    # Ours has the integrator's swings taken off; i-PI's hasn't: they are in its error.
    error = np.hypot(np.hypot(drift.error, drift.allowance), row["drift_error"])
    print(f"i-PI {drift.mean:.2e} ± {np.hypot(drift.error, drift.allowance):.0e} eV/atom/ps, "
          f"predicted {row['drift']:.2e} ± {row['drift_error']:.0e}")  # fmt: skip
    assert abs(drift.mean - row["drift"]) < 4 * error


def test_the_temperature_is_the_predicted_one(runs, pair, predicted):
    stride, found = runs
    row = row_of(predicted, f"stride {stride}")
    each = [2 * run.kinetic.mean() / (8.617333e-5 * (3 * len(pair.start.system) - 3))
            for run in found]  # fmt: skip
    mean, error = np.mean(each), np.std(each, ddof=1) / np.sqrt(len(each))
    weights = np.array([6.0, 2.0, 1.0])
    species = [row["temperatures_K"][s] for s in "HCO"]
    errors = [row["temperature_errors_K"][s] for s in "HCO"]
    expected = weights @ species / weights.sum()
    spread = np.hypot(error, weights @ errors / weights.sum())
    print(f"i-PI {mean:.0f} ± {error:.0f} K, predicted {expected:.0f} K")
    assert abs(mean - expected) < 4 * spread


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
        places = Configurations(
            pair.start.system, run.positions, np.zeros((len(run.positions), 3, 3))
        )
        energy = models["reference"].evaluate(places, want={"energy"}).energy + run.kinetic
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
