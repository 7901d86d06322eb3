from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from physcheck import measure_strain_loop_work, measure_stress_energy_gap
from physcheck.checks.conservation import strain_loop_work
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.potentials import make_builtin
from physcheck.probes.strains import StrainLoop, commuting_strains, strained, symmetric_strains
from physcheck.registry import tolerance_of
from physcheck.system import Configurations

MEASURES = (measure_stress_energy_gap, measure_strain_loop_work)


def crystal(name, seed=0):
    atoms = {
        "cubic": lambda: bulk("Cu", cubic=True) * (2, 2, 2),
        "triclinic": lambda: bulk("Si") * (2, 2, 1),
        "salt": lambda: bulk("NaCl", "rocksalt", a=5.64, cubic=True),
    }[name]()
    rng = np.random.default_rng(seed)
    atoms.positions += 0.05 * rng.standard_normal(atoms.positions.shape)
    atoms.set_cell(atoms.cell @ (np.eye(3) + 0.02 * rng.standard_normal((3, 3))), scale_atoms=True)
    return atoms


def with_stress(answer, extra):
    return None if answer.stress is None else answer.stress + extra


def verdict(measure, spec, atoms, seed=0, profile="md"):
    check = measure.__name__.removeprefix("measure_")
    result = measure(make_builtin(spec), atoms, rng=np.random.default_rng(seed))
    return judge(result, tolerance_of(check, profile)).outcome


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("name", ["cubic", "triclinic", "salt"])
@pytest.mark.parametrize("spec", ["gupta", "morse", "gupta+float32", "lennard-jones+float32"])
def test_right_stresses_never_fail(measure, name, spec):
    for seed in range(4):
        outcome = verdict(measure, spec, crystal(name, seed), seed)
        assert outcome in (Outcome.PASS, Outcome.INCONCLUSIVE)
        if "float32" not in spec:
            assert outcome is Outcome.PASS


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("name", ["cubic", "triclinic"])
@pytest.mark.parametrize(
    "defect", ["stress-sign", "stress-half", "stress-swap", "direct-stress=0.01"]
)
def test_wrong_stresses_fail(measure, name, defect):
    for seed in range(3):
        assert verdict(measure, f"gupta+{defect}", crystal(name, seed), seed) is Outcome.FAIL


def test_a_gap_in_stress_is_measured_exactly():
    from ase.units import GPa

    from physcheck.system import Evaluation

    inner = make_builtin("gupta")
    extra = np.array([[0.3, 0.1, 0.0], [0.1, -0.2, 0.05], [0.0, 0.05, 0.1]]) * GPa

    class Shifted:
        capabilities = inner.capabilities

        def evaluate(self, configurations, *, want):
            answer = inner.evaluate(configurations, want=want)
            return Evaluation(answer.energy, answer.forces, with_stress(answer, extra))

    result = measure_stress_energy_gap(
        Shifted(), crystal("triclinic"), rng=np.random.default_rng(0)
    )
    truth = np.linalg.norm(extra) / 3 / GPa
    assert result.value == pytest.approx(truth, rel=1e-3)
    assert result.interval[0] <= truth * 1.0001
    assert result.interval[1] >= truth * 0.9999


def test_an_antisymmetric_stress_is_a_gap():
    from physcheck.system import Evaluation

    inner = make_builtin("gupta")
    twist = np.zeros((3, 3))
    twist[0, 1], twist[1, 0] = 1e-3, -1e-3

    class Twisted:
        capabilities = inner.capabilities

        def evaluate(self, configurations, *, want):
            answer = inner.evaluate(configurations, want=want)
            return Evaluation(answer.energy, answer.forces, with_stress(answer, twist))

    result = measure_stress_energy_gap(Twisted(), crystal("cubic"), rng=np.random.default_rng(0))
    assert judge(result, tolerance_of("stress_energy_gap", "md")).outcome is Outcome.FAIL


@pytest.mark.parametrize("measure", MEASURES)
def test_stress_checks_need_three_periodic_directions(measure):
    from ase.build import molecule

    with pytest.raises(CapabilityMissing, match="periodic in all three"):
        measure(make_builtin("gupta"), molecule("CH4"), rng=np.random.default_rng(0))


@pytest.mark.parametrize("measure", MEASURES)
def test_costs_are_within_the_allotment(measure):
    from physcheck.checks import all_checks
    from physcheck.model import Meter
    from physcheck.resolution import measure_resolution

    spec = all_checks()[measure.__name__.removeprefix("measure_")]
    for defect in ("", "+stress-half", "+float32"):
        model = make_builtin(f"gupta{defect}")
        start = Configurations.from_atoms(crystal("cubic"))
        allotted = spec.evaluations(start, model.capabilities, "quick")
        measure(
            Meter(model, allotment=allotted),
            start,
            rng=np.random.default_rng(0),
            resolution=measure_resolution(model, start, rng=np.random.default_rng(0)),
        )


def test_strain_loops_close_and_their_tangents_are_right():
    rng = np.random.default_rng(1)
    start = Configurations.from_atoms(crystal("triclinic"))
    first, second = symmetric_strains(rng, 2)
    direction = rng.standard_normal((start.n_atoms, 3))
    loop = StrainLoop(first, second, direction, 0.01, 0.1, 0.3)
    n = 64
    path, tangents, gradients = loop.path(start, n)
    # Total velocity of the atoms: h s' + L x, by spectral differentiation of the closed path.
    k = np.fft.fftfreq(n, 1 / n)[:, None, None] * 1j
    velocity = np.fft.ifft(k * np.fft.fft(path.positions, axis=0), axis=0).real
    expected = tangents + path.positions @ np.swapaxes(gradients, 1, 2)
    assert np.abs(velocity - expected).max() < 1e-10


def test_symmetric_strains_are_an_orthonormal_frame():
    frame = symmetric_strains(np.random.default_rng(0))
    assert np.abs(np.einsum("aij,bij->ab", frame, frame) - np.eye(6)).max() < 1e-12
    assert np.abs(frame - np.swapaxes(frame, 1, 2)).max() == 0
    with pytest.raises(ValueError, match="there are 6"):
        symmetric_strains(np.random.default_rng(0), 7)


def test_commuting_strains_share_their_axes_and_never_turn_the_cell():
    rng = np.random.default_rng(0)
    strains = commuting_strains(rng)
    assert np.abs(np.einsum("aij,bij->ab", strains, strains) - np.eye(3)).max() < 1e-12
    start = Configurations.from_atoms(crystal("triclinic"))
    loop = StrainLoop(strains[0], strains[1], np.zeros((start.n_atoms, 3)), 0.1, 0.0, 0.3)
    _, _, gradients = loop.path(start, 16)
    assert np.abs(gradients - np.swapaxes(gradients, 1, 2)).max() < 1e-14
    with pytest.raises(ValueError, match="there are 3"):
        commuting_strains(rng, 4)


class Squinting:
    """Gupta's energy of what it sees through a lens: an energy that knows the lab frame, its stress symmetrised."""

    lens = np.eye(3) + np.array([[0.05, 0.02, 0.0], [0.02, -0.03, 0.01], [0.0, 0.01, 0.0]])
    inner = make_builtin("gupta")
    capabilities = inner.capabilities

    def evaluate(self, configurations, *, want):
        from physcheck.system import Evaluation

        seen = configurations.at(
            configurations.positions @ self.lens, configurations.cells @ self.lens
        )
        answer = self.inner.evaluate(seen, want=want)
        stress = answer.stress
        if stress is not None:
            # Symmetric as all lenses here are; times a volume it is the derivative by the strain.
            stress = np.linalg.det(self.lens) * self.lens @ stress @ np.linalg.inv(self.lens)
            stress = (stress + np.swapaxes(stress, 1, 2)) / 2
        return Evaluation(answer.energy, answer.forces @ self.lens, stress)


@pytest.mark.parametrize("seed", range(3))
def test_a_symmetric_stress_of_an_energy_that_knows_the_lab_frame_does_no_work(seed, monkeypatch):

    def outcome(measure):
        atoms = crystal("triclinic", seed)
        result = measure(Squinting(), atoms, rng=np.random.default_rng(seed))
        return judge(result, tolerance_of(result.check, "md")).outcome

    assert outcome(measure_stress_energy_gap) is Outcome.PASS
    assert outcome(measure_strain_loop_work) is Outcome.PASS
    # On a path that turns the cell, what such a stress lacks is work.
    monkeypatch.setattr(strain_loop_work, "commuting_strains", symmetric_strains)
    assert outcome(measure_strain_loop_work) is Outcome.FAIL


def test_strained_keeps_fractional_positions():
    start = Configurations.from_atoms(crystal("triclinic"))
    moved = strained(start, 0.01 * symmetric_strains(np.random.default_rng(0), 1))
    before = start.positions[0] @ np.linalg.inv(start.cells[0])
    after = moved.positions[0] @ np.linalg.inv(moved.cells[0])
    assert np.abs(before - after).max() < 1e-12
