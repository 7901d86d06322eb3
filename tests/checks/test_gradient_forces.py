"""Laws of sampling that follow where forces are the gradient of the energy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from ase.io import read

from physcheck.checks import find_checks
from physcheck.checks.dynamics.gradient_forces import (
    GRADIENT_EVALUATIONS,
    GradientForces,
    measure_by_gradient,
    measure_gradient_forces,
)
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import DEFECTS, LennardJones, Morse, make_builtin
from physcheck.registry import tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.structures import load_structures
from physcheck.system import as_configurations

FOLLOWS = [spec for spec in find_checks(None) if spec.by_gradient is not None]
# They have no potential, or another one than the energy that they report.
NOT_GRADIENTS = [
    name
    for name, defect in DEFECTS.items()
    if {"force_energy_gap", "jacobian_asymmetry"} & set(defect.must_fail)
]


def start_of(name):
    return load_structures(name)[0].configurations


def gradient_of(model, start, seed=0):
    meter, rng = Meter(model), np.random.default_rng(seed)
    resolution = measure_resolution(meter, start, rng=rng)
    before = meter.evaluations
    found = measure_gradient_forces(meter, start, rng=rng, resolution=resolution)
    assert meter.evaluations - before <= GRADIENT_EVALUATIONS
    return found


def outcomes(model, start, profile="md", seed=0):
    found, made = gradient_of(model, start, seed), {}
    for spec in FOLLOWS:
        if spec.missing(start, model.capabilities) is None:
            rng = np.random.default_rng(seed)
            measured = spec.measure(model, start, rng=rng, gradient=found)
            assert measured.force_evaluations <= spec.by_gradient
            made[spec.id] = judge(measured, tolerance_of(spec.id, profile))
    return made


def test_the_laws_that_follow():
    assert {spec.id for spec in FOLLOWS} == {
        "equipartition",
        "kinetic_distribution",
        "thermostat_heat",
        "ensemble_consistency",
        "pressure_consistency",
        "nve_drift",
        "nph_drift",
    }


@pytest.mark.parametrize("profile", ["md", "tight"])
@pytest.mark.parametrize(("model", "structure"), [(Morse(), "ethanol"), (LennardJones(), "NaCl8")])
def test_a_gradient_passes_even_the_tight_profile(model, structure, profile):
    made = outcomes(model, start_of(structure), profile)
    assert len(made) >= 4
    assert {verdict.outcome for verdict in made.values()} == {Outcome.PASS}
    assert "forces are the gradient of the energy within" in made["equipartition"].message
    assert made["equipartition"].message.startswith("at most ")


@pytest.mark.parametrize("name", NOT_GRADIENTS)
def test_no_law_of_temperatures_passes_where_forces_are_not_the_gradient(name):
    # Curls about a point need a molecule.
    spec, structure = ("morse", "ethanol") if "curl" in name else ("lennard-jones", "NaCl8")
    made = outcomes(make_builtin(f"{spec}+{name}"), start_of(structure))
    temperatures = set(made) - {"pressure_consistency"}
    assert {made[check].outcome for check in temperatures} == {Outcome.INCONCLUSIVE}


def test_the_bound_is_far_above_the_temperatures_that_such_forces_make():
    # These forces make argon and krypton differ by 5.2 % (docs/sampling.md).  All of the gap along
    # the velocities, and heat that stays for 100 ps, would be some thousand times as much: where
    # the bound is within a tolerance, the temperatures are.
    start = as_configurations(read("fixtures/ArKr108.extxyz"))
    bad = gradient_of(make_builtin("lennard-jones+species-direct=0.0012"), start)
    masses = np.unique(start.system.masses)
    assert bad.hotter_by(np.repeat(masses[0], 54)) > 1000 * 5.2
    good = gradient_of(LennardJones(), start)
    assert good.hotter_by(np.repeat(masses[0], 54)) < 0.1
    # The gap is what was added: 0.0012 of the rms force, to a factor of order one.
    assert bad.gap == pytest.approx(bad.most, rel=1.0)


def test_rounding_is_told_from_a_gap():
    found = gradient_of(make_builtin("lennard-jones+float32"), start_of("NaCl8"))
    assert found.by_noise
    assert found.most < 1e-4
    assert not gradient_of(make_builtin("morse+curl=0.01"), start_of("ethanol")).by_noise


def test_heat_is_bounded_by_masses():
    found = gradient_of(LennardJones(), start_of("NaCl8"))
    light, heavy = found.power(np.array([1.0])), found.power(np.array([16.0]))
    assert light == pytest.approx(4 * heavy)
    assert found.power(np.ones(4)) == pytest.approx(light / math.sqrt(4))


@pytest.mark.parametrize(
    ("error", "noise", "cause"),
    [(0.0, 0.0, "sampling"), (8e-3, 0.0, "truncation"), (8e-3, 8e-3, "rounding")],
)
def test_what_limits_the_bound_is_named(error, noise, cause):
    """Kinks and rounding ask for float64; a gap that is there does not."""
    start = start_of("ethanol")
    found = GradientForces(start, start, 1e-2, 1.5e-2, error, noise, 300.0)
    assert measure_by_gradient(found, 1.0).uncertainty_components == {cause: 1.0}


def test_pieces_are_as_short_as_the_water_box_asks_for():
    """All heat may go to one hydrogen of 96 atoms, and stay there: still within the tolerance."""
    start = start_of("H2O-box32")
    found = gradient_of(make_builtin("water"), start)
    assert found.most < 1e-9
    assert found.hotter_by(start.system.masses.min(keepdims=True)) < 0.1
