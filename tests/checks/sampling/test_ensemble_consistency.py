"""ensemble_consistency: two temperatures, one energy."""

from __future__ import annotations

import numpy as np
import pytest
from ase.units import kB
from support.springs import Springs, salt

from physcheck import measure_ensemble_consistency
from physcheck.checks.sampling.ensemble_consistency import slope_error, two_ensemble_slope
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.numerics.series import replica_mean
from physcheck.potentials import DEFECTS, Morse
from physcheck.registry import tolerance_of


def run(model, atoms, seed=0, profile="md", **options):
    options = {"evaluations": 12_000, "second_evaluations": 12_000, "replicas": 12} | options
    rng = np.random.default_rng(seed)
    found = measure_ensemble_consistency(model, atoms, rng=rng, **options)
    return found, judge(found, tolerance_of("ensemble_consistency", profile)).outcome


def test_the_slope_of_two_known_ensembles():
    rng = np.random.default_rng(0)
    # Harmonic energies are gamma distributed: the slope is the difference of the inverse
    # temperatures.
    first, second = (kT * rng.gamma(20, size=(4000, 4)) for kT in (0.025, 0.03))
    assert two_ensemble_slope(first, second) == pytest.approx(1 / 0.025 - 1 / 0.03, rel=0.05)
    assert two_ensemble_slope(np.ones((3, 2)), np.ones((3, 2))) == 0.0


def test_slope_and_error_agree_with_physical_validation():
    ensemble = pytest.importorskip("physical_validation.util.ensemble")
    rng = np.random.default_rng(3)
    temperatures = 300.0, 330.0
    first, second = (kB * t * rng.gamma(60, size=(250, 32)) for t in temperatures)
    expected = 1 / (kB * temperatures[0]) - 1 / (kB * temperatures[1])
    guess = np.array([-expected * 0.5 * (first.mean() + second.mean()), expected])
    theirs, errors = ensemble.do_max_likelihood_fit(
        first.ravel(), second.ravel(), 1.0, 1.0, init_params=guess, verbose=False
    )
    slope = two_ensemble_slope(first, second)
    assert slope == pytest.approx(theirs[1], rel=1e-4)
    # Theirs comes from the curvature of the likelihood, ours from the errors of both means and of
    # the width.
    means = replica_mean(first), replica_mean(second)
    ours = slope_error(first, second, means, expected)
    assert ours == pytest.approx(errors[1], rel=0.15)


@pytest.mark.parametrize("pbc", [True, False])
def test_one_energy_at_two_temperatures(pbc):
    atoms = salt(pbc)
    found, outcome = run(Springs(atoms, coupling=2.0, quartic=2.0), atoms)
    assert outcome is not Outcome.FAIL
    assert found.value < 4 * found.uncertainty
    quantities = found.evidence["quantities"]
    low, high = quantities["temperatures_K"]
    assert quantities["expected_per_eV"] == pytest.approx(1 / (kB * low) - 1 / (kB * high))
    assert found.force_evaluations <= 24_000
    if outcome is Outcome.INCONCLUSIVE:
        assert "would settle it" in found.resolve


def test_the_ensemble_of_another_energy_is_found():
    atoms = salt(pbc=False)
    # Forces of the same shape at twice the size sample energies at half the temperature.
    model = DEFECTS["force-scale"](Springs(atoms, coupling=2.0, quartic=2.0), 1.0)
    found, outcome = run(model, atoms)
    assert outcome is Outcome.FAIL
    assert found.evidence["quantities"]["slope_per_eV"] == pytest.approx(
        2 * found.evidence["quantities"]["expected_per_eV"], rel=0.3
    )


def test_it_needs_an_energy():
    with pytest.raises(CapabilityMissing, match="no energy"):
        run(DEFECTS["forces-only"](Morse()), salt(pbc=False))
