"""A gap that a factor, a unit, a sign or a constant energy explains is called by that name."""

from __future__ import annotations

import numpy as np
import pytest
from support.family_runs import structure

from physcheck import (
    PhysicsFailure,
    assert_stress_energy_gap,
    measure_force_energy_gap,
    measure_stress_energy_gap,
)
from physcheck.potentials import make_builtin
from physcheck.system import Evaluation
from physcheck.text.gap_causes import force_cause, stress_cause, stress_factors


class Changed:
    """A sound potential whose answers a function changes."""

    def __init__(self, change, name="gupta"):
        self.inner, self.change = make_builtin(name), change
        self.capabilities = self.inner.capabilities

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.inner.evaluate(configurations, want=want)
        changed = self.change(answer, configurations)
        return Evaluation(
            changed.get("energy", answer.energy),
            changed.get("forces", answer.forces),
            changed.get("stress", answer.stress),
        )


def scaled(output, factor):
    def change(answer, asked):
        value = getattr(answer, output)
        return {} if value is None else {output: factor * value}

    return Changed(change)


def line(measured):
    (text,) = measured.evidence["lines"]
    return text


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (-1.0, "-1 times the energy's negative gradient"),
        (2.0, "each pair is counted twice"),
        (0.5, "each pair is counted half"),
        (51.422067, "Hartree/Bohr in eV/Å"),
        (1 / 51.422067, "eV/Å in Hartree/Bohr"),
        (23.0605, "kcal/mol/Å"),
        (0.0433641, "the energy is in kcal/mol"),
        (0.529177, "per Bohr"),
        (4.0, "the number of atoms"),
        (1.234, "are 1.234 times the energy's negative gradient"),
    ],
)
def test_forces_times_a_factor_are_called_by_its_name(factor, words):
    measured = measure_force_energy_gap(scaled("forces", factor), structure("copper"))
    assert words in line(measured)
    assert "predicted directly" not in measured.evidence["causes"]


@pytest.mark.parametrize(("symbol", "factor"), [("H", 0.5), ("O", -1.0), ("C", 1.3)])
def test_a_factor_on_one_species_is_named(symbol, factor):
    def change(answer, asked):
        scale = np.where(np.array(asked.system.symbols) == symbol, factor, 1.0)
        return {"forces": scale[:, None] * answer.forces}

    measured = measure_force_energy_gap(Changed(change, "morse"), structure("ethanol"))
    assert f"the forces on {symbol} are {factor:.3g} times" in line(measured)


@pytest.mark.parametrize("spec", ["morse+lost-reaction=0.1", "morse+detached=0.5"])
def test_forces_that_no_factor_explains_are_not_called_a_unit(spec):
    measured = measure_force_energy_gap(make_builtin(spec), structure("ethanol"))
    assert "no sign, unit or factor" in line(measured)
    assert "predicted directly" in measured.evidence["causes"]


def test_no_output_is_called_a_multiple_of_a_far_larger_derivative():
    stress = np.diag([1.0, -2.0, 3.0]) + 0.5
    derived = 50.0 * np.diag([3.0, 1.0, 1.0])
    assert (
        "no sign, unit or factor explains the gap" in stress_cause(stress, derived, 100.0, 8).line
    )
    assert "0.02 times" in stress_cause(stress, 50.0 * stress, 100.0, 8).line


def test_an_energy_that_does_not_change_is_called_constant_or_stale():
    def constant(answer, asked):
        return {"energy": np.full(len(asked), -3.0)}

    measured = measure_force_energy_gap(Changed(constant), structure("copper"))
    assert "constant, or stale" in line(measured)
    assert "history_independence" in measured.evidence["causes"]
    of_stress = measure_stress_energy_gap(Changed(constant), structure("copper"))
    assert "constant, or stale" in line(of_stress)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (-1.0, "the sign: a stress that is positive under pressure"),
        (160.21766, "the stress is in GPa"),
        (-160.21766, "the stress is in GPa (and the sign)"),
        (0.5, "each pair is counted half"),
        ("V", "a virial is given for a stress"),
        ("-V", "a virial is given for a stress (and the sign)"),
        (1.5, "the stress is 1.5 times"),
    ],
)
def test_a_stress_times_a_factor_is_called_by_its_name(factor, words):
    def change(answer, asked):
        if answer.stress is None:
            return {}
        volumes = asked.volumes()[:, None, None]
        known = {"V": volumes, "-V": -volumes}
        return {"stress": known.get(factor, factor) * answer.stress}

    measured = measure_stress_energy_gap(Changed(change), structure("copper"))
    assert words in line(measured)


def test_an_order_of_components_and_a_lack_of_symmetry_are_told():
    sigma = np.array([[1.0, 0.3, -0.2], [0.3, 2.0, 0.5], [-0.2, 0.5, -1.0]])
    swapped = sigma.copy()
    swapped[1, 2] = swapped[2, 1] = sigma[0, 1]
    swapped[0, 1] = swapped[1, 0] = sigma[1, 2]
    assert "xy, xz, yz" in stress_cause(swapped, sigma, 80.0, 8).line
    turning = sigma + np.array([[0, 0.4, 0], [-0.4, 0, 0], [0, 0, 0]])
    assert "isn't symmetric" in stress_cause(turning, sigma, 80.0, 8).line
    other = sigma + np.diag([0.5, -0.5, 0.1])
    assert "nor does another order" in stress_cause(other, sigma, 80.0, 8).line
    assert "vanishes" in stress_cause(0 * sigma, sigma, 80.0, 8).line


def test_no_two_names_are_confused_beyond_the_ambiguous():
    for volume in (57.3, 4321.0):
        for name, factor in stress_factors(volume).items():
            sigma = np.array([[1.0, 0.3, -0.2], [0.3, 2.0, 0.5], [-0.2, 0.5, -1.0]])
            assert name in stress_cause(factor * sigma, sigma, volume, 8).causes
    derived = np.array([1.0, -2.0, 0.5, 0.3])
    assert "vanish" in force_cause(0 * derived[:, None], -derived, ["H"]).line
    # Two numbers are always nearly proportional to something.
    assert "no sign" in force_cause(2 * derived[:2, None], derived[:2], ["H"]).line


def test_a_pass_names_nothing_and_an_assertion_names_the_cause():
    sound = measure_force_energy_gap(make_builtin("gupta"), structure("copper"))
    assert "lines" not in sound.evidence
    assert "causes" not in sound.evidence
    with pytest.raises(PhysicsFailure, match=r"usual causes: the sign: a stress") as raised:
        assert_stress_energy_gap(scaled("stress", -1.0), structure("copper"))
    assert "Voigt" not in str(raised.value).split("usual causes:")[1].splitlines()[0]


@pytest.mark.parametrize(
    ("scale", "words"),
    [
        (lambda s: np.array([1, 1, 1, 0.5, 0.5, 0.5]) * s, "shear components are 0.5 times"),
        (lambda s: np.array([1, 1, 1, 2.0, 2.0, 2.0]) * s, "shear components are 2 times"),
        (lambda s: np.array([1, 1, 1, 0, 0, 0]) * s, "shear components are 0 times"),
        (lambda s: np.r_[np.full(3, s[:3].mean()), np.zeros(3)], "the stress is a pressure"),
    ],
)
def test_shear_alone_that_is_wrong_is_named(scale, words):
    derived = np.array([0.02, -0.01, 0.03, 0.008, -0.012, 0.017])
    tensors = [full_stress(six) for six in (scale(derived), derived)]
    assert words in stress_cause(*tensors, 100.0, 4).title


def full_stress(six):
    xx, yy, zz, yz, xz, xy = six
    return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])
