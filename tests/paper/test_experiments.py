"""Each experiment on built-in models: figures, errors, and the direction where it is certain."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from support.paper_runs import setting

from physcheck.dynamics import injected_friction
from physcheck.errors import CapabilityMissing
from physcheck.paper import runs
from physcheck.paper.experiment import apart, in_direction
from physcheck.paper.experiments import constant_pressure
from physcheck.paper.experiments.asymmetry_by_distance import blocks_by_distance
from physcheck.paper.experiments.constant_pressure import ForcesWithStressOf
from physcheck.paper.experiments.diffusion import diffusion_of
from physcheck.paper.experiments.relaxation import share_and_error
from physcheck.paper.registry import EXPERIMENTS, chosen_experiments
from physcheck.paper.results import NotRun
from physcheck.paper.runs import BATHS, Followed, under_bath

INDEPENDENT = math.sqrt(0.5)


@pytest.fixture(scope="module")
def shared():
    return setting()


def findings(name, of):
    return EXPERIMENTS[name].run(of)


def values(found, quantity):
    return {row.of: (row.value, row.error) for row in found.rows if row.quantity == quantity}


def test_the_model_is_asymmetric_and_the_reference_is_not(shared):
    found = findings("lambda", shared)
    (model, error), (reference, _) = values(found, "lambda").values()
    assert model > 3 * error
    assert reference < 1e-6 < model
    assert found.agreement == "as in the paper"


def test_two_equal_models_are_not_told_to_differ():
    found = findings("lambda", setting(model="builtin::water"))
    assert found.agreement == "otherwise"
    assert "not above" in found.said


def test_blocks_of_known_asymmetry_by_distance():
    rng = np.random.default_rng(0)
    count = 12
    places = rng.uniform(0, 4, (count, 3))
    distances = np.linalg.norm(places[:, None] - places, axis=2)
    random = rng.standard_normal((3 * count, 3 * count))
    even, odd = random + random.T, random - random.T
    for jacobian, expected in ((even, 0.0), (odd, 1.0), (random, INDEPENDENT)):
        where, share, error = blocks_by_distance(jacobian, distances, 0.0)
        assert (np.diff(where) > 0).all()
        assert np.abs(share - expected).max() < max(0.15, 3 * error.max())
    # A signal lost in the noise says nothing.
    assert len(blocks_by_distance(random, distances, 1.0)[0]) == 0


def test_blocks_of_models_by_distance():
    found = findings(
        "lambda_distance",
        setting("builtin::lennard-jones+curl=0.01", "builtin::lennard-jones", "Ar13"),
    )
    near = values(found, "lambda_ij, nearest pairs")
    far = values(found, "lambda_ij, farthest pairs")
    assert near["reference"][0] < 1e-3 < near["model"][0] < far["model"][0]
    assert found.agreement == "as in the paper"
    assert found.plots[0].curves[0].label == "model"


def test_a_system_that_is_too_large_says_so():
    with pytest.raises(NotRun, match="whole Jacobian of 9 coordinates"):
        findings("lambda_distance", setting(jacobian_coordinates=8))


def test_work_is_that_of_the_curl(shared):
    found = findings("loop", shared)
    works = values(found, "work around the first loop")
    assert abs(works["model"][0]) > 1.0
    assert abs(works["reference"][0]) < 1e-6
    model, reference = found.plots[0].curves
    assert model.y[-1] == pytest.approx(works["model"][0])
    assert abs(reference.y[-1]) < 1e-6 < max(map(abs, reference.y))


def test_a_known_heating_is_found_at_constant_energy():
    """dE/dt = 2 r K: of a crystal half goes to the kinetic energy, so that T grows by r T."""
    rate, crystal = 1.0, ("builtin::gupta", None, "Cu32")
    quiet = findings("nve", setting(*crystal))
    with injected_friction(-rate):
        hot = findings("nve", setting(*crystal))
    before, after = (values(found, "heating, dT/dt")["model"][0] for found in (quiet, hot))
    assert after - before == pytest.approx(rate * 300, rel=0.4)


def test_a_conservative_reference_keeps_its_energy(shared):
    drift = values(findings("nve", shared), "drift of the shadow energy")
    assert abs(drift["reference"][0]) < 0.1
    assert abs(drift["pair, stride 4"][0]) < 10.0


def test_temperatures_under_all_baths_with_errors(shared):
    found = findings("thermostats", shared)
    for bath in BATHS:
        assert "model" in values(found, f"T_H - 300 K, {bath}")
    assert set(values(found, "T_H - T_O, SVR 10 fs")) == {"model", "reference", "pair, stride 4"}
    assert all(row.error is not None and row.error > 0 for row in found.rows)
    longest = next(row for row in found.rows if "Langevin 1000 fs" in row.quantity)
    assert "the end isn't reached" in longest.note
    assert found.plots[0].curves[0].x == [1000.0, 100.0, 10.0]


def test_runs_are_made_once_and_repeat(shared):
    before = shared.model.evaluations
    run = under_bath(shared, "model", "Langevin 10 fs")
    assert run is under_bath(shared, "model", "Langevin 10 fs")
    findings("thermostats", shared)
    findings("diffusion", shared)
    assert shared.model.evaluations - before <= 4 * 2 * 81
    again = under_bath(setting(), "model", "Langevin 10 fs")
    assert np.array_equal(run.temperatures["all"], again.temperatures["all"])


def test_a_long_run_is_made_of_blocks(monkeypatch):
    monkeypatch.setattr(runs, "_BLOCK_STEPS", 24)
    run = under_bath(setting(reference=None), "model", "SVR 10 fs")
    assert len(run.temperatures["all"]) == len(run.time_ps) == 80
    assert run.ran_away_fs is None


def test_diffusion_of_known_velocities():
    """Velocities that never change: D = <v²> t, half of the last interval left out."""
    speed = np.random.default_rng(1).standard_normal((1, 3, 2, 3))
    run = Followed(
        np.zeros(0), {}, np.repeat(speed, 40, axis=0).astype(np.float32), 2.0, np.zeros(0),
        np.zeros((0, 0)), None,
    )  # fmt: skip
    each, shape, times = diffusion_of(run, np.array([True, True]), 20.0)
    assert shape == pytest.approx(np.ones(10), abs=1e-4)
    assert times[-1] == 18.0
    from ase.units import fs

    expected = 1e3 * (speed[0] ** 2).mean(axis=(1, 2)) * fs**2 * 18.0
    assert each == pytest.approx(expected, rel=1e-3)


def test_too_few_velocities_are_said():
    with pytest.raises(NotRun, match="too few"):
        findings("diffusion", setting(bath_steps=20, nve_steps=20))


def test_a_run_that_heats_without_end_ends():
    found = findings("nve", setting("builtin::water+curl=3", nve_steps=200))
    heating = next(row for row in found.rows if row.quantity == "heating, dT/dt")
    assert "ran away after" in heating.note
    assert "it runs away" in found.said


def test_relaxations_of_direct_forces_fail():
    found = findings("relaxation", setting(relaxation_steps=90))
    success = values(found, "success, LBFGS, float64")
    assert success["model"][0] == 0
    assert success["reference"][0] == 100
    assert all(0 < error < 50 for _, error in success.values())
    # Two starts alone tell nothing beyond doubt.
    assert found.agreement in ("as in the paper", "not told apart")


def test_wilson_error_of_a_share():
    assert share_and_error(0, 10) == (0.0, pytest.approx(1 / 22))
    assert share_and_error(50, 100)[1] == pytest.approx(0.05, rel=0.01)


def test_strides_against_drift(shared):
    found = findings("mts", shared)
    drifts = values(found, "drift of the reference's energy")
    assert {"model", "reference", "pair, stride 2"} <= set(drifts)
    assert abs(drifts["pair, stride 2"][0]) < abs(drifts["model"][0])
    assert found.uncounted[0] > found.uncounted[1] > 0


@pytest.mark.parametrize("name", ["mts", "nve", "relaxation", "loop", "cost"])
def test_without_a_reference(name):
    alone = setting(reference=None)
    if name == "mts":
        with pytest.raises(NotRun, match="pass --reference"):
            findings(name, alone)
    else:
        assert {row.of for row in findings(name, alone).rows} == {"model"}


def test_an_average_over_rotations_keeps_forces_that_turn():
    found = findings("rotation", setting("builtin::water+species-direct=0.1"))
    own, average = values(found, "lambda").values()
    assert average[0] == pytest.approx(own[0], rel=0.5)
    assert found.agreement == "as in the paper"
    assert "turns with its atoms by itself" in found.said


def crystal_at_constant_pressure(monkeypatch, measured, refusing=()):
    """Copper and a check that gives each of ``measured``, by ``of``, and raises for others."""
    crystal = setting("builtin::gupta", "builtin::gupta", "Cu32")
    names = {id(crystal.model): "model", id(crystal.reference): "reference"}

    def measure(meter, start, rng):
        name = names.get(id(meter), "mixed")
        if name in refusing:
            raise CapabilityMissing("no stress")
        return SimpleNamespace(value=measured[name], uncertainty=1e-6)

    fake = SimpleNamespace(measure=measure)
    monkeypatch.setattr(constant_pressure, "all_checks", lambda: {"nph_drift": fake})
    return crystal


def test_constant_pressure_is_told_by_the_check(monkeypatch):
    crystal = crystal_at_constant_pressure(monkeypatch, {"model": 2.6e-2, "reference": 1e-6})
    found = findings("npt", crystal)
    drift = values(found, "size of the drift of the enthalpy")
    assert drift["model"][0] == pytest.approx(100, rel=0.01)
    assert found.agreement == "as in the paper"
    assert "model: a drift; of the reference: no drift seen" in found.said


def test_a_model_without_stress_is_run_with_the_references_and_not_compared(monkeypatch):
    measured = {"reference": 1e-6, "mixed": 2.6e-2}
    crystal = crystal_at_constant_pressure(monkeypatch, measured, refusing=("model",))
    found = findings("npt", crystal)
    assert [row.of for row in found.rows] == ["reference", "model, stress of the reference"]
    assert found.agreement == ""
    assert "model: not measured, no stress" in found.said
    crystal = crystal_at_constant_pressure(monkeypatch, {}, refusing=("model", "reference"))
    with pytest.raises(NotRun, match="model: no stress; reference: no stress"):
        findings("npt", crystal)


def test_forces_of_one_model_with_the_stress_of_another():
    crystal = setting("builtin::gupta+pair-curl=0.01", "builtin::gupta", "Cu32")
    mixed = ForcesWithStressOf(crystal.model, crystal.reference)
    want = frozenset({"energy", "forces", "stress"})
    found, own = mixed.evaluate(crystal.one, want=want), crystal.model.evaluate(crystal.one)
    other = crystal.reference.evaluate(crystal.one, want=want)
    assert np.array_equal(found.require_forces(), own.require_forces())
    assert np.array_equal(found.require_stress(), other.require_stress())
    assert np.array_equal(found.require_energy(), other.require_energy())
    assert mixed.capabilities.outputs == want
    assert (crystal.model.evaluations, crystal.reference.evaluations) == (2, 2)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("accuracy", "pass --labels"),
        ("npt", "has no pressure"),
        ("further", "no figures"),
    ],
)
def test_what_is_not_run_says_why(shared, name, reason):
    with pytest.raises(NotRun, match=reason):
        findings(name, shared)


def test_times_are_positive(shared):
    rows = findings("cost", shared).rows
    assert all(row.value > 0 for row in rows)
    assert rows[-1].paper == "2.3 to 2.7"


def test_directions_need_three_standard_errors():
    assert apart(1.0, 0.3) == 1
    assert apart(1.0, 0.4) == 0
    assert apart(-1.0, 0.3) == -1
    assert apart(1.0, None) == 0
    assert apart(5.0, 1.0, 1.0, 1.0) == 0
    assert in_direction(1) == "as in the paper"


def test_every_experiment_says_what_the_paper_found_and_what_differs():
    for experiment in chosen_experiments(None):
        assert experiment.paper
        assert experiment.how
        assert experiment.source
        assert experiment.differs or experiment.id == "further"


def test_a_share_that_is_lost_in_noise_has_the_noise_for_an_error():
    rng = np.random.default_rng(3)
    count, noise = 16, 1e-3
    distances = np.linalg.norm(
        rng.uniform(0, 4, (count, 1, 3)) - rng.uniform(0, 4, (count, 3)), axis=2
    )
    random = rng.standard_normal((3 * count, 3 * count))
    # An antisymmetric element has the noise of an element over sqrt(2).
    noisy = random + random.T + math.sqrt(2) * noise * rng.standard_normal(random.shape)
    _, share, error = blocks_by_distance(noisy, distances, noise)
    assert (error > 1e-5).all()
    assert (share < 5 * error).all()
