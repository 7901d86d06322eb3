"""loop_work against works that are known; a failure is confirmed halfway between the points."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from support.linear import LinearModel

from physcheck import measure_loop_work
from physcheck.checks.conservation.loop_lambda import confirm_loop_lambda, estimate_loop_lambda
from physcheck.checks.conservation.subject import Subject
from physcheck.checks.conservation.walked_loops import walk_loops
from physcheck.errors import NonFiniteOutput
from physcheck.model import Capabilities, Meter
from physcheck.potentials import make_builtin
from physcheck.probes.loops import Circle
from physcheck.resolution import Resolution
from physcheck.structures import load_structures
from physcheck.system import Configurations, Evaluation

RADIUS = 0.05
POINTS = 16
RESOLUTION = Resolution(1e-9, None, 0.0, 0.0, 10.0, 1.0, 1.0, True, False, 0)


def test_loop_work_is_the_exact_work_of_the_saved_loop():
    model = LinearModel(10, 1e-2, seed=4)
    result = measure_loop_work(model, model.start, rng=np.random.default_rng(0))
    loop = result.evidence["worst_loop"]
    exact = 2 * np.pi * loop["radius"] ** 2 * loop["u"].ravel() @ model.a @ loop["v"].ravel()
    # F = J x: W = 2 pi a^2 (v.J u - u.J v)/2 = -2 pi a^2 u.A v
    assert loop["work_eV"] == pytest.approx(-exact, rel=1e-6)
    assert result.evidence["confirmed"] is True


def test_uniform_curl_does_the_work_of_its_area(rattled):
    omega = 1e-2
    model = make_builtin(f"morse+curl={omega}")
    result = measure_loop_work(model, rattled("ethanol"), rng=np.random.default_rng(0))
    loop = result.evidence["worst_loop"]
    area = 0.5 * loop["radius"] ** 2 * np.pi * 2 * np.cross(loop["u"], loop["v"]).sum(axis=0)
    # F is relative to the centroid, so rigid shifts do no work: their area is taken off.
    mean_u, mean_v = loop["u"].mean(axis=0), loop["v"].mean(axis=0)
    area -= 9 * np.pi * loop["radius"] ** 2 * np.cross(mean_u, mean_v)
    per_axis = loop["work_eV"] / np.linalg.norm(area)
    assert abs(per_axis) <= 2 * omega * 1.01


def test_nan_is_named_with_its_place():
    model = LinearModel(5, 0.0)

    class Broken:
        capabilities = model.capabilities

        def evaluate(self, configurations, *, want):
            answer = model.evaluate(configurations, want=want)
            answer.forces[:, 3, 1] = np.nan
            return answer

    with pytest.raises(NonFiniteOutput, match=r"forces is nan at configuration 0, atom 3 \(Cu\)"):
        measure_loop_work(Broken(), model.start, rng=np.random.default_rng(0))


class Planar:
    """One atom in the xy plane: a harmonic well, and a bump of 16-fold symmetry or a curl."""

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
    """The work around one loop, whether it is confirmed, and the low end of lambda after that."""
    start = Configurations.from_atoms(Atoms("Ar"))
    subject = Subject(Meter(model), start, np.random.default_rng(0), RESOLUTION)
    u, v = np.eye(3)[:2, None]
    loop = walk_loops(subject, [Circle(u, v, RADIUS, phase, "test")], POINTS)[0]
    found = estimate_loop_lambda(subject, [loop] * 4, np.full(4, 1e-12), 3e-5)
    after, _, verdict = confirm_loop_lambda(subject, found, loop, POINTS)
    return loop.work, verdict, after.estimate.interval[0]


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


class Kinked:
    """Springs, and many planes beyond which each one pushes back: the energy bends, no more.

    ``curl`` turns the forces about the start; ``steps`` lets the energy jump at each plane.
    """

    capabilities = Capabilities(name="kinked", adapter="test", outputs=frozenset({"forces"}))
    n_atoms, planes, push = 6, 300, 1.0

    def __init__(self, curl=0.0, steps=0.0):
        rng = np.random.default_rng(0)
        n = 3 * self.n_atoms
        self.start = Configurations.from_atoms(
            Atoms("Ar6", positions=3 * rng.standard_normal((self.n_atoms, 3)))
        )
        self.x0 = self.start.positions[0].ravel()
        normals = rng.standard_normal((self.planes, n))
        self.normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
        self.offsets = rng.uniform(-0.3, 0.3, self.planes)
        turned = rng.standard_normal((n, n))
        self.curl, self.steps = curl * (turned - turned.T), steps

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        moved = configurations.positions.reshape(len(configurations), -1) - self.x0
        beyond = moved @ self.normals.T - self.offsets
        forces = -5 * moved - self.push * np.maximum(beyond, 0.0) @ self.normals + moved @ self.curl
        # Beyond a plane the energy is higher by steps times the first coordinate.
        forces[:, 0] -= self.steps * (beyond > 0).sum(axis=1)
        return Evaluation(forces=forces.reshape(configurations.positions.shape))


@pytest.mark.parametrize("seed", range(5))
def test_among_kinks_circles_shrink_until_they_meet_none(seed):
    model = Kinked()
    result = measure_loop_work(model, model.start, rng=np.random.default_rng(seed))
    assert result.evidence["quantities"]["rms_displacement_A"] == pytest.approx(1e-5)
    assert result.interval[1] < 1e-6
    assert result.force_evaluations <= 16 + 2 * 16 + 6 * 8 + 24


@pytest.mark.parametrize("seed", range(5))
def test_a_curl_among_kinks_is_seen(seed):
    model = Kinked(curl=1e-3)
    result = measure_loop_work(model, model.start, rng=np.random.default_rng(seed))
    assert result.interval[0] > 3e-5
    assert result.evidence["confirmed"] is True


@pytest.mark.parametrize("seed", range(3))
def test_an_energy_that_jumps_is_no_kink(seed):
    """No small circle would meet the jumps: the loops stay wide, and nothing passes."""
    model = Kinked(steps=0.02)
    result = measure_loop_work(model, model.start, rng=np.random.default_rng(seed))
    assert result.evidence["quantities"]["rms_displacement_A"] >= 0.005
    assert result.interval[1] > 3e-5


@pytest.mark.parametrize("case", ["lennard-jones@Ar13", "gupta@NaCl8", "gupta@Cu32-disordered"])
def test_kinks_at_the_ends_of_switching_functions_are_no_work(case):
    """Pairs cross them on some loops only; the interval of a conservative potential holds zero."""
    name, _, structure = case.partition("@")
    model, start = make_builtin(name), load_structures(structure)[0].configurations
    found = [measure_loop_work(model, start, rng=np.random.default_rng(seed)) for seed in range(12)]
    # Of 300 seeds of each, zero lies outside in two at most.
    assert sum(one.interval[0] > 0 for one in found) <= 1
    assert np.median([one.interval[1] for one in found]) < 1e-5
    assert max(one.force_evaluations for one in found) <= 104
