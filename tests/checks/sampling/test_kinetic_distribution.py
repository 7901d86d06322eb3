"""kinetic_distribution: gammas at one temperature, or not."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ase.build import bulk
from ase.units import kB
from support.springs import Springs, salt

from physcheck import measure_kinetic_distribution
from physcheck.checks.sampling.atom_groups import groups_of
from physcheck.checks.sampling.kinetic_distribution import width_deviation
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.dynamics import degrees_of_freedom
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.potentials import Gupta
from physcheck.registry import tolerance_of
from physcheck.system import Configurations

MD = tolerance_of("kinetic_distribution", "md")


def run(model, atoms, seed=0, **options):
    options = {"evaluations": 6000, "replicas": 16} | options
    found = measure_kinetic_distribution(model, atoms, rng=np.random.default_rng(seed), **options)
    return found, judge(found, MD).outcome


@pytest.mark.parametrize("pbc", [True, False])
def test_a_canonical_sample_is_one(pbc):
    atoms = salt(pbc)
    found, outcome = run(Springs(atoms, coupling=2.0, quartic=2.0), atoms)
    assert outcome is not Outcome.FAIL
    assert found.value < 4 * found.uncertainty
    assert found.force_evaluations <= 6000
    quantities = found.evidence["quantities"]
    assert set(quantities["deviations_percent"]) == {"H mean", "O mean", "H width", "O width"}
    for shape in quantities["shapes"].values():
        assert shape["kolmogorov_smirnov"] < 0.04
        assert shape["total_mean_over_expected"] == pytest.approx(1, abs=0.05)
        assert shape["total_width_over_expected"] == pytest.approx(1, abs=0.15)
    if outcome is Outcome.INCONCLUSIVE:
        assert "would settle it" in found.resolve


def test_a_species_that_gets_heat_is_found():
    atoms = salt()
    model = Springs(atoms, pumping=0.1, coupling=2.0, quartic=2.0)
    found, outcome = run(model, atoms, evaluations=12_000)
    assert outcome is Outcome.FAIL
    deviations = found.evidence["quantities"]["deviations_percent"]
    assert deviations["H mean"] > 1
    assert deviations["O mean"] < -1


def test_one_hot_atom_of_many_shows_in_the_width():
    rng = np.random.default_rng(0)
    energies = rng.gamma(1.5, size=(4000, 4, 8))
    calm = width_deviation(energies).mean()
    energies[:, :, 3] *= 1.5
    assert abs(calm) < 1.5
    # Mean variance over atoms: (7 + 1.5²)/8 times that of equal atoms, and the scatter of means.
    hot = width_deviation(energies).mean()
    expected = 100 * (np.sqrt((7 + 1.5**2) / 8 + 1.5 * (0.5**2) * 7 / 64) - 1)
    assert hot == pytest.approx(expected, abs=2)


def test_the_moments_agree_with_physical_validation(capsys):
    kinetic = pytest.importorskip("physical_validation.util.kinetic_energy")
    atoms = salt()
    model = Springs(atoms, coupling=2.0, quartic=2.0)
    one = Configurations.from_atoms(atoms)
    # So few replicas have no control variate, which they don't know either.
    made = make_trajectory(model, one, rng=np.random.default_rng(2), evaluations=4000, replicas=4)
    found = measure_kinetic_distribution(
        model, one, rng=np.random.default_rng(0), trajectory=made
    ).evidence["quantities"]
    for species, mask in groups_of(one.system, None).items():
        n_dof = degrees_of_freedom(one.system, mask)
        theirs = kinetic.check_mean_std(
            kin=made.kinetic[:, :, mask].sum(axis=2).ravel(), temp=300.0, ndof=n_dof, kb=kB,
            verbosity=1, bs_repetitions=5, bootstrap_seed=1, screen=False, filename=None,
            ene_unit=None, temp_unit=None, data_is_uncorrelated=True,
        )  # fmt: skip
        assert len(theirs) == 2
        said = re.findall(r"T\(\w+\) = ([\d.]+)", capsys.readouterr().out)
        mean, width = (float(number) for number in said)
        assert mean == pytest.approx(
            300 + 3 * found["deviations_percent"][f"{species} mean"], abs=0.02
        )
        # They give the species a gamma of n_dof/2; with the momentum removed its variance is a
        # little less.
        share = 1 - one.system.masses[mask].sum() / one.system.masses.sum()
        variance = 1.5 * (mask.sum() - 1 + share**2)
        ours = 300 * found["shapes"][species]["total_width_over_expected"]
        assert width == pytest.approx(ours * np.sqrt(variance / (n_dof / 2)), abs=0.02)


def test_what_does_not_apply():
    alone = bulk("Cu")
    with pytest.raises(CapabilityMissing, match="one atom"):
        run(Gupta(), alone)
