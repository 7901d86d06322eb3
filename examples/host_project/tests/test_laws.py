"""Our check: a good model passes, a defect is caught down to the limit, at the stated cost."""

import pytest
from silica import Silica
from silica.laws import assert_isotope_independence, measure_isotope_independence
from structures import quartz

from physcheck import PhysicsFailure


class ByMass(Silica):
    """Forces grow with an atom's mass beyond that of its element: by 1e-3 of themselves an amu."""

    strength = 1e-3

    def calculate(self, atoms=None, *args, **kwargs):
        super().calculate(atoms, *args, **kwargs)
        extra = self.atoms.get_masses() - quartz().get_masses()
        self.results["forces"] = self.results["forces"] * (1 + self.strength * extra[:, None])


def test_isotopes_have_the_same_forces():
    measured = assert_isotope_independence(Silica(), quartz(), profile="tight")
    assert measured.value == 0.0
    # 2 of its own, 16 for the resolution that a run would have measured already.
    assert measured.force_evaluations == 2 + 16


def test_elements_told_by_mass_are_caught():
    measured = measure_isotope_independence(ByMass(), quartz())
    rms_force = float((Silica().get_forces(quartz()) ** 2).mean() ** 0.5)
    assert measured.value == pytest.approx(1e-3 * rms_force, rel=1e-6)
    with pytest.raises(PhysicsFailure, match="forces depend on the masses of the atoms"):
        assert_isotope_independence(ByMass(), quartz())


def test_the_smallest_defect_that_is_seen():
    model = ByMass()
    measured = measure_isotope_independence(Silica(), quartz())
    assert 0 < measured.noise_floor < 1e-9
    assert measured.detection_limit == pytest.approx(1e-4)
    rms_force = float((Silica().get_forces(quartz()) ** 2).mean() ** 0.5)
    model.strength = measured.detection_limit / rms_force
    with pytest.raises(PhysicsFailure):
        assert_isotope_independence(model, quartz())


def test_it_is_among_physchecks():
    from physcheck.checks import all_checks

    assert all_checks()["isotope_independence"].law == "Isotopes have the same forces."
