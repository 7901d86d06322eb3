from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from support.family_runs import catches, failed, run, structure, verdicts

from physcheck import (
    PhysicsFailure,
    assert_net_force,
    assert_rotation_equivariance,
    measure_net_torque,
    measure_separated_additivity,
    measure_supercell_extensivity,
    measure_translation_invariance,
)
from physcheck.adapters.ase import CalculatorModel
from physcheck.checks import find_checks
from physcheck.potentials import DEFECTS, make_builtin
from physcheck.probes.transformations import (
    far_pair,
    inversion,
    lattice_shifts,
    new_basis,
    relabelling,
    rigid_rotation,
    rigid_shift,
    supercell,
)
from physcheck.registry import tolerance_of
from physcheck.system import Evaluation, as_configurations

ALL = frozenset({"energy", "forces", "stress"})


def makers(start):
    rng = np.random.default_rng(0)
    made = [
        rigid_shift(start, 3.0, rng),
        rigid_rotation(start, rng),
        inversion(start),
        relabelling(start, rng),
    ]
    if start.system.is_periodic:
        made += [lattice_shifts(start, 2, rng), supercell(start, 0, 3), new_basis(start, rng)]
    return made


@pytest.mark.parametrize("name", ["ethanol", "copper", "salt", "slab"])
def test_transformations_are_exact_in_float64(name):
    start = as_configurations(structure(name))
    model = make_builtin("gupta")
    home = model.evaluate(start, want=ALL)
    for change in makers(start):
        place = change.apply(start)
        answer = model.evaluate(place, want=ALL)
        assert place.system.numbers.tolist() == start.system.numbers[change.order].tolist()
        expected = change.expected_forces(home.forces)
        assert np.abs(change.forces_back(answer.forces) - expected).max() < 1e-12, change.label
        assert abs(answer.energy[0] / change.copies - home.energy[0]) < 1e-11
        if home.stress is not None:
            assert np.abs(change.stress_back(answer.stress) - home.stress).max() < 1e-13
        # A change that changes nothing would test nothing.
        assert (
            place.n_atoms != start.n_atoms
            or np.abs(place.positions - start.positions).max() > 0.1
            or (np.abs(place.cells - start.cells).max() > 0.1)
        )


def test_the_change_of_basis_keeps_the_lattice_and_leaves_open_axes_alone():
    start = as_configurations(structure("slab"))
    for seed in range(10):
        change = new_basis(start, np.random.default_rng(seed))
        assert round(np.linalg.det(change.basis)) == 1
        place = change.apply(start)
        assert np.array_equal(place.cells[0, 2], start.cells[0, 2])
        fractions = place.positions[0] @ np.linalg.pinv(place.cells[0])
        assert fractions[:, :2].min() > -1e-9
        assert fractions[:, :2].max() < 1 + 1e-9


def test_far_fragments_are_as_far_as_said():
    one = as_configurations(structure("water"))
    pair = far_pair(one, one, 20.0)
    x = pair.positions[0]
    between = np.linalg.norm(x[:3, None] - x[None, 3:], axis=-1)
    assert 20.0 <= between.min() < 22.0
    assert np.abs(np.diff(x[:3], axis=0) - np.diff(one.positions[0], axis=0)).max() < 1e-12


@pytest.mark.parametrize("spec", ["lennard-jones", "gupta+float32", "morse+float32+offset=1e3"])
@pytest.mark.parametrize("name", ["water", "ethanol", "copper", "salt", "slab"])
def test_good_potentials_pass(spec, name):
    model = make_builtin(spec)
    for seed in range(3):
        found = run(model, structure(name), "symmetry", seed)
        # Without a twin in float64, rounding hides how much lambda grows.
        growth = found.pop("size_consistency", None)
        if growth is not None and "float32" in spec:
            assert verdicts({"growth": growth})["growth"] != "fail"
        assert set(verdicts(found).values()) == {"pass"}, verdicts(found)
        for check, (_, measured, _) in found.items():
            assert 0 < measured.noise_floor < 1e-3
            tolerance = tolerance_of(check, "md").value
            assert tolerance <= measured.detection_limit < 10 * tolerance
    applicable = set(found)
    periodic = {"periodic_wrap", "lattice_basis", "supercell_extensivity"}
    isolated = {"separated_additivity", "net_torque"}
    isolated_too = isolated | {"lattice_basis"}
    assert applicable & (periodic | isolated) == (
        periodic if name in ("copper", "salt", "slab") else isolated_too
    )


def test_a_real_calculator_passes():
    assert not failed(run(CalculatorModel(EMT()), structure("copper"), "symmetry"))


@pytest.mark.parametrize(
    ("defect", "name"),
    [
        ("lab-frame=2e-3", "ethanol"),
        ("lab-frame=2e-2", "copper"),
        ("chiral=1e-2", "ethanol"),
        ("order-dependent=1e-3", "ethanol"),
        ("order-dependent=1e-3", "copper"),
        ("not-extensive=1e-3", "ethanol"),
        ("not-extensive=1e-3", "copper"),
        ("lost-outside-cell", "copper"),
        ("lost-outside-cell", "slab"),
        ("net-force=1e-4", "ethanol"),
        ("net-force=1e-4", "copper"),
        ("net-torque=1e-4", "ethanol"),
    ],
)
def test_defects_are_caught_and_nothing_else_fails(defect, name):
    catches(make_builtin(f"morse+{defect}"), structure(name), DEFECTS[defect.split("=")[0]])


class Tethered:
    """Atoms held to places in the laboratory: forces and energy depend on where the origin is."""

    def __init__(self, strength):
        self.model, self.strength = make_builtin("morse"), strength

    capabilities = property(lambda self: self.model.capabilities)

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.model.evaluate(configurations, want=want)
        x = configurations.positions
        energy = answer.energy + 0.5 * self.strength * (x**2).sum(axis=(1, 2))
        return Evaluation(energy, answer.forces - self.strength * x, answer.stress)


def test_absolute_positions_are_caught_at_their_strength():
    measured = measure_translation_invariance(
        Tethered(1e-3), structure("ethanol"), rng=np.random.default_rng(0)
    )
    # A shift by 10 Å changes each force by 1e-2 eV/Å in its direction, the energy by 0.05 eV an
    # atom or more.
    assert measured.evidence["quantities"]["force_difference_eV_per_A"] == pytest.approx(
        1e-2 / np.sqrt(3), rel=1e-6
    )
    assert measured.interval[0] > 5e-3
    assert measured.force_evaluations == 9 + 16


def test_an_energy_alone_that_is_not_extensive_is_caught():
    class Averaging(Tethered):
        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            answer = self.model.evaluate(configurations, want=want)
            return Evaluation(answer.energy / configurations.n_atoms, answer.forces, answer.stress)

    measured = measure_supercell_extensivity(
        Averaging(0.0), structure("copper"), rng=np.random.default_rng(0)
    )
    assert measured.interval[0] > 0.01
    assert "energy" in measured.evidence["place"]


@pytest.mark.parametrize("strength", [1e-4, 1e-2])
def test_net_force_and_torque_are_measured_right(strength):
    found = run(make_builtin(f"morse+net-force={strength}"), structure("ethanol"), "net_force")
    assert found["net_force"][1].value == pytest.approx(strength / np.sqrt(3), rel=1e-6)
    # M r has the torque sum of r x M r; the least forces that undo it are below |M r|.
    torque = measure_net_torque(
        make_builtin(f"morse+net-torque={strength}"),
        structure("ethanol"),
        rng=np.random.default_rng(0),
    )
    assert 0.1 * strength < torque.value < strength


def test_linear_molecules_have_no_torque_about_their_axis():
    atoms = molecule("CO2")
    measured = measure_net_torque(make_builtin("morse"), atoms, rng=np.random.default_rng(0))
    assert measured.interval[1] < 1e-12


def test_applicability():
    one = lambda atoms: as_configurations(atoms)  # noqa: E731
    capabilities = make_builtin("morse").capabilities
    checks = {c.id: c for c in find_checks("symmetry")}
    charged = molecule("H2O")
    charged.info["charge"] = 1
    radical = molecule("OH")
    radical.info["spin"] = 2
    iron = bulk("Fe", cubic=True)
    iron.set_initial_magnetic_moments([2.0, 2.0])
    wire = bulk("Cu", cubic=True)
    wire.pbc = (True, False, False)
    assert "charged" in checks["separated_additivity"].missing(one(charged), capabilities)
    assert "open shell" in checks["separated_additivity"].missing(one(radical), capabilities)
    assert "magnetic" in checks["supercell_extensivity"].missing(one(iron), capabilities)
    assert checks["lattice_basis"].missing(one(wire), capabilities) is None
    assert checks["lattice_basis"].missing(one(molecule("H2O")), capabilities) is None
    assert checks["periodic_wrap"].missing(one(wire), capabilities) is None
    assert checks["net_torque"].missing(one(wire), capabilities)
    for check in checks.values():
        assert check.missing(one(bulk("Cu")), capabilities)


def test_nothing_is_tested_where_forces_do_not_respond():
    found = run(make_builtin("morse+constant"), structure("ethanol"), "symmetry")
    assert set(verdicts(found).values()) == {"inconclusive"}


def test_asserts_name_law_number_and_place():
    with pytest.raises(PhysicsFailure, match=r"(?s)net_force.*eV/Å.*net force \("):
        assert_net_force(make_builtin("morse+net-force=1e-2"), structure("ethanol"))
    with pytest.raises(PhysicsFailure, match="turned by"):
        assert_rotation_equivariance(make_builtin("morse+lab-frame"), structure("ethanol"))
    assert_rotation_equivariance(make_builtin("morse"), structure("ethanol"))


def test_the_same_seed_gives_the_same_numbers():
    first, second = (
        run(make_builtin("gupta+float32"), structure("copper"), "symmetry", seed=3)
        for _ in range(2)
    )
    assert {k: v[1].value for k, v in first.items()} == {k: v[1].value for k, v in second.items()}


@pytest.mark.parametrize("offset", [-1e5, 3.0])
def test_a_constant_added_to_the_energy_is_no_violation(offset):
    class Shifted(Tethered):
        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            answer = self.model.evaluate(configurations, want=want)
            return Evaluation(answer.energy + offset, answer.forces, answer.stress)

    for measure, name in (
        (measure_supercell_extensivity, "copper"),
        (measure_separated_additivity, "ethanol"),
    ):
        measured = measure(Shifted(0.0), structure(name), rng=np.random.default_rng(0))
        assert measured.interval[0] == 0.0
        found = measured.evidence["quantities"]["energy_of_no_atoms_eV"]
        assert found == pytest.approx(offset, rel=1e-6)
