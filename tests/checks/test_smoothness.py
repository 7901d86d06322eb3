from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from support.family_runs import catches, failed, run, structure, verdicts

import physcheck
from physcheck import (
    PhysicsFailure,
    assert_cutoff_smoothness,
    measure_locality,
    measure_short_range_repulsion,
)
from physcheck.adapters.ase import CalculatorModel
from physcheck.checks import find_checks
from physcheck.checks.smoothness.jumps import apparent_jumps, narrowed, suspects
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.model import Capabilities
from physcheck.potentials import DEFECTS, make_builtin
from physcheck.potentials.neighbours import find_pairs
from physcheck.registry import tolerance_of
from physcheck.resolution import measure_resolution
from physcheck.structures import catalogue
from physcheck.system import Evaluation, as_configurations


def jumping(places, at, size):
    """Two channels: a steep smooth one, and a flat one that jumps."""
    values = np.zeros((len(places), 2, 3))
    values[:, 0, 0] = 30 * np.exp(-4 * places)
    values[:, 1, 1] = np.sin(places) + size * (places > at)
    return values


def test_a_jump_is_found_beside_steep_smooth_forces_and_measured():
    places = 0.015 * np.arange(32)
    at, size = 0.2345678, 1e-5
    values = jumping(places, at, size)
    assert np.abs(apparent_jumps(values)[:, 0]).max() > 0
    found = suspects(values, np.full(2, 1e-13), 2)
    best = found[0]
    assert best.channel == 1
    assert places[best.interval] < at < places[best.interval + 1]
    asked = []

    def ask(place):
        asked.append(place)
        return jumping(np.array([place]), at, size)[0]

    bracket = narrowed(places, values, best, ask, 8)
    assert bracket.left < at < bracket.right
    assert bracket.jumps[1] == pytest.approx(size, rel=1e-3)
    assert bracket.jumps[0] < 1e-8
    assert len(asked) == 10


def test_smooth_and_noisy_lines_have_no_suspects():
    places = 0.015 * np.arange(32)
    noise = 1e-4 * np.random.default_rng(0).standard_normal((32, 2, 3))
    assert suspects(jumping(places, 0, 0) + noise, np.full(2, 1e-4), 2) == []


@pytest.mark.parametrize(
    "spec", ["lennard-jones", "gupta+float32", "morse+offset=1e4+float32", "harmonic"]
)
@pytest.mark.parametrize("name", ["water", "ethanol", "copper", "salt", "slab"])
def test_good_potentials_pass(spec, name):
    model = make_builtin(spec)
    for seed in range(2):
        found = run(model, structure(name), "smoothness", seed)
        assert not failed(found), verdicts(found)
        passed = {k for k, v in verdicts(found).items() if v == "pass"}
        assert {"path_smoothness", "short_range_repulsion", "locality"} <= passed


REDUCED = {}
ARGON = {"sigma": 3.4, "epsilon": 0.0104}


def argon(kind, scale):
    rng = np.random.default_rng(1)
    if kind == "crystal":
        atoms = bulk("Ar", "fcc", a=1.547 * scale, cubic=True)
    else:
        atoms = Atoms("Ar2", [[0, 0, 0], [0, 0, 1.1 * scale]])
    atoms.positions += 0.01 * scale * rng.standard_normal(atoms.positions.shape)
    return atoms


class Unshifted:
    """Lennard-Jones that is cut off as it is: each pair within 3 sigma adds its energy there."""

    def __init__(self, sigma=1.0, epsilon=1.0):
        self.model = CalculatorModel(LennardJones(sigma=sigma, epsilon=epsilon))
        self.cutoff, self.step = 3 * sigma, 4 * epsilon * (3.0**-12 - 3.0**-6)

    capabilities = property(lambda self: self.model.capabilities)

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.model.evaluate(configurations, want=want)
        if answer.energy is None:
            return answer
        pairs = find_pairs(configurations, self.cutoff).sum_configs
        within = pairs(np.ones(len(find_pairs(configurations, self.cutoff))))
        return Evaluation(answer.energy + self.step * within, answer.forces, answer.stress)


@pytest.mark.parametrize("kind", ["crystal", "dimer"])
@pytest.mark.parametrize(("options", "scale"), [(REDUCED, 1.0), (ARGON, 3.4)])
def test_a_truncated_lennard_jones_is_judged_by_what_its_jumps_do(kind, options, scale):
    atoms = argon(kind, scale)
    # Shifted to zero at the cutoff, the force alone jumps, which heats far less than md accepts.
    shifted = run(CalculatorModel(LennardJones(**options)), atoms, "cutoff_smoothness")
    assert not failed(shifted)
    found = shifted["cutoff_smoothness"][1]
    # The force of a pair at 3 sigma, 24 epsilon/(3 sigma) (3^-6 - 2 3^-12).
    epsilon, sigma = options.get("epsilon", 1.0), options.get("sigma", 1.0)
    exact = 24 * epsilon / (3 * sigma) * (3.0**-6 - 2 * 3.0**-12)
    measured = found.evidence["quantities"]["force_jump_eV_per_A"]
    assert measured == pytest.approx(exact, rel=0.02)
    # Not shifted, the energy jumps by 0.0055 epsilon: of argon 0.06 meV, of reduced units 5 meV.
    hard = run(Unshifted(**options), atoms, "cutoff_smoothness")
    quantities = hard["cutoff_smoothness"][1].evidence["quantities"]
    step = 4 * epsilon * (3.0**-6 - 3.0**-12)
    if options == REDUCED:
        assert failed(hard) == {"cutoff_smoothness"}
        assert quantities["energy_jump_eV"] == pytest.approx(step, rel=0.02)
        assert quantities["energy_of_a_crossing_eV"] == pytest.approx(step, rel=0.02)
    smooth = CalculatorModel(LennardJones(smooth=True, **options))
    assert not failed(run(smooth, atoms, "smoothness"))


def test_a_real_calculator_passes():
    assert not failed(run(CalculatorModel(EMT()), structure("copper"), "smoothness"))


@pytest.mark.parametrize(
    ("defect", "name"),
    [
        ("hard-cutoff", "ethanol"),
        ("hard-cutoff", "copper"),
        ("hard-cutoff=0.6", "slab"),
        ("neighbour-cap=0.01", "copper"),
        ("hole", "ethanol"),
        ("hole", "copper"),
        ("non-local=0.02", "ethanol"),
        ("non-local=0.02", "copper"),
    ],
)
def test_defects_are_caught_and_nothing_else_fails(defect, name):
    catches(make_builtin(f"morse+{defect}"), structure(name), DEFECTS[defect.split("=")[0]])


class Kinked:
    """A spring between two atoms whose stiffness changes by a share at their distance in the
    structure.
    """

    def __init__(self, share):
        self.model, self.share = make_builtin("morse"), share

    capabilities = property(lambda self: self.model.capabilities)

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.model.evaluate(configurations, want=want)
        arm = configurations.positions[:, 1] - configurations.positions[:, 0]
        r = np.linalg.norm(arm, axis=1)
        pull = 20 * self.share * np.maximum(r - 1.5, 0)[:, None] * arm / r[:, None]
        forces = answer.forces.copy()
        forces[:, 0] += pull
        forces[:, 1] -= pull
        return Evaluation(answer.energy, forces, None)


def test_kinks_pass_the_law():
    atoms = structure("ethanol")
    atoms.positions[1] = atoms.positions[0] + [0, 0, 1.5]
    for share in (0.2, 2.0):
        assert not failed(run(Kinked(share), atoms, "cutoff_smoothness"))


def test_short_range_names_what_the_model_refuses():
    class Picky(Kinked):
        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            if configurations.n_atoms == 2:
                raise ValueError("three atoms or more")
            return self.model.evaluate(configurations, want=want)

    with pytest.raises(CapabilityMissing, match=r"refused every dimer: .*three atoms or more"):
        measure_short_range_repulsion(Picky(0.0), structure("water"))


class Holed:
    """Dimers that attract within ``inside`` Å, behind a wall of ``height`` eV."""

    capabilities = Capabilities("holed", "test", frozenset({"energy", "forces"}))

    def __init__(self, height, inside=0.85):
        self.height, self.inside = height, inside

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        """A well of 0.3 eV at 1.5 Å and a wall, both Gaussian in distance."""
        x = configurations.positions
        apart = x[:, :, None] - x[:, None]
        r = np.sqrt((apart**2).sum(-1) + np.eye(x.shape[1]))
        well, wall = (np.exp(-(((r - at) / 0.15) ** 2)) for at in (1.5, self.inside))
        slope = 2 * (0.3 * well * (r - 1.5) - self.height * wall * (r - self.inside)) / 0.15**2
        pairs = 1 - np.eye(x.shape[1])
        energy = 0.5 * (pairs * (self.height * wall - 0.3 * well)).sum((1, 2))
        forces = -(pairs * slope / r)[..., None] * apart
        return Evaluation(energy, forces.sum(2), None)


@pytest.mark.parametrize(
    ("height", "fails", "passes"),
    [(0.7, "screening md tight", ""), (3.5, "md tight", "screening"),
     (13.0, "tight", "screening md"),
     (40.0, "", "screening md tight")],
)  # fmt: skip
def test_a_hole_is_judged_by_the_barrier_before_it(height, fails, passes):
    atoms = molecule("N2")
    for options in ({}, {"points": 16}):
        found = measure_short_range_repulsion(
            Holed(height), atoms, rng=np.random.default_rng(0), **options
        )
        outcomes = {
            p: judge(found, tolerance_of("short_range_repulsion", p)).outcome
            for p in ("screening", "md", "tight")
        }
        assert all(outcomes[p] is Outcome.FAIL for p in fails.split())
        assert all(outcomes[p] is Outcome.PASS for p in passes.split())
        (barrier,) = found.evidence["quantities"]["barriers_eV"].values()
        assert barrier == pytest.approx(height + 0.3, rel=0.15)
        assert "behind a barrier" in found.evidence["place"]


def test_locality_applies_to_declared_ranges_only():
    check = find_checks("locality")[0]
    start = as_configurations(structure("copper"))
    assert "interaction_range" in check.missing(start, CalculatorModel(EMT()).capabilities)
    measured = measure_locality(make_builtin("gupta"), start, rng=np.random.default_rng(0))
    assert measured.interval[1] < 1e-10
    assert measured.evidence["quantities"]["atoms_watched"] > 0


def test_asserts_name_the_place():
    with pytest.raises(PhysicsFailure, match="jumps by"):
        assert_cutoff_smoothness(make_builtin("morse+hard-cutoff"), structure("copper"))


@pytest.mark.parametrize(("name", "seed"), [("NaCl8", (2, 1)), ("Cu32", (0, 7))])
def test_rounding_of_positions_at_steep_places_is_no_jump(name, seed):
    """Moved atoms meet others nearer than at rest, where float32 positions round to more force."""
    model, start = make_builtin("lennard-jones+float32"), catalogue()[name].configurations
    resolution = measure_resolution(model, start, rng=np.random.default_rng(seed[0]))
    found = physcheck.measure_cutoff_smoothness(
        model, start, rng=np.random.default_rng(seed), resolution=resolution
    )
    assert judge(found, tolerance_of("cutoff_smoothness", "md")).outcome is not Outcome.FAIL


def test_a_jump_says_what_a_crossing_of_it_costs():
    from ase.units import fs, kB

    start = catalogue()["Cu32-disordered"].configurations
    strength = 0.05
    found = physcheck.measure_cutoff_smoothness(
        make_builtin(f"gupta+hard-cutoff={strength}"), start, rng=np.random.default_rng(0)
    )
    lost = found.evidence["quantities"]["energy_of_a_crossing_eV"]
    # The forces on two copper atoms jump by the strength, in steps of 1 fs that begin anywhere;
    # what crosses goes twice as fast in its square.
    mass = start.system.masses[0]
    expected = strength * np.sqrt(2 * 2 * kB * 300 / mass) * fs / np.sqrt(12)
    assert lost == pytest.approx(expected, rel=0.05)
    assert "each crossing adds or takes 0.0" in found.evidence["scale"]
    # The heat that it is judged by.
    heat = lost**2 / (2 * kB * 300)
    rate = found.evidence["quantities"]["crossings_per_atom_per_ps"]
    assert found.value == pytest.approx(rate * heat, rel=1e-3)
    good = physcheck.measure_cutoff_smoothness(
        make_builtin("gupta"), start, rng=np.random.default_rng(0)
    )
    assert "each crossing" not in good.evidence["scale"]
