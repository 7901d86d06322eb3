"""A failure of loop_work is confirmed by points halfway between the first."""

import numpy as np
import pytest
from ase import Atoms

from physcheck.checks.conservation import loop_work
from physcheck.model import Capabilities, Meter
from physcheck.probes.loops import Circle
from physcheck.resolution import Resolution
from physcheck.system import Configurations, Evaluation

RADIUS = 0.05
RESOLUTION = Resolution(1e-9, None, 0.0, 0.0, 10.0, 1.0, 1.0, True, False, 0)


class Planar:
    """One atom in the xy plane: a harmonic well, and either a bump of 16-fold symmetry or a curl."""

    capabilities = Capabilities(name="planar", adapter="test", outputs=frozenset({"forces"}))

    def __init__(self, bump=0.0, curl=0.0):
        self.bump, self.curl = bump, curl

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        x = configurations.positions[:, 0]
        z = (x[:, 0] + 1j * x[:, 1]) / RADIUS
        # The gradient of Re z^16 is 16 (Re z^15, -Im z^15).
        slope = 16 * self.bump / RADIUS * z**15
        forces = -x.copy()
        forces[:, 0] += -slope.real - self.curl * x[:, 1]
        forces[:, 1] += slope.imag + self.curl * x[:, 0]
        return Evaluation(forces=forces[:, None])


def confirmed(model, phase):
    meter = Meter(model)
    rng = np.random.default_rng(0)
    start = Configurations.from_atoms(Atoms("Ar"))
    u, v = np.eye(3)[:2, None]
    circle = Circle(u, v, RADIUS, phase, "test")
    tour = loop_work._tour(meter, start, [circle], 16, rng, RESOLUTION)[0]
    judged = loop_work._Judged([tour] * 4, np.full(4, 1e-12), RESOLUTION, 3)
    after, _, verdict = loop_work._confirm(meter, start, judged, tour, rng)
    return tour.work, verdict, after.interval[0]


@pytest.mark.parametrize("phase", np.pi / 16 * np.array([0.1, 0.3, 0.5, 0.8]))
def test_what_the_points_alias_is_never_work(phase):
    work, verdict, low = confirmed(Planar(bump=1e-6), phase)
    assert abs(work) > 1e-6
    assert not verdict
    assert low == 0.0


def test_work_is_confirmed_at_any_phase():
    for phase in np.linspace(0, 1, 7):
        work, verdict, low = confirmed(Planar(curl=1e-3), phase)
        assert work == pytest.approx(2 * np.pi * RADIUS**2 * 1e-3, rel=1e-6)
        assert verdict
        assert low > 0


def test_assertions_say_what_does_not_apply_and_take_calculators():
    from ase.build import bulk
    from ase.calculators.emt import EMT

    import physcheck
    from physcheck.errors import CapabilityMissing

    copper = bulk("Cu", cubic=True)
    copper.rattle(0.05, seed=1)
    with pytest.raises(
        CapabilityMissing, match="net_torque doesn't apply: the structure is periodic"
    ):
        physcheck.assert_net_torque(EMT(), copper)
    physcheck.assert_force_energy_gap(EMT(), copper)
