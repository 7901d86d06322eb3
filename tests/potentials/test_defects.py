import pickle

import numpy as np
import pytest
from support.structures_for_tests import (
    FULL,
    STRUCTURES,
    numerical_forces,
    numerical_stress,
    water_box,
)

from physcheck.errors import NonFiniteOutput
from physcheck.model import Meter, Model
from physcheck.potentials import DEFECTS, Gupta, LennardJones, make_builtin
from physcheck.potentials.defects import (
    Curl,
    Float32,
    ForceDefect,
    LocalCurl,
    LostReaction,
    MissingSwitchDerivative,
    PairCurl,
)

ALL = frozenset({"energy", "forces", "stress"})
CONSERVATION = {"loop_work", "jacobian_asymmetry", "force_energy_gap"}
CHECK_IDS = CONSERVATION | set(
    [
        "stress_energy_gap",
        "strain_loop_work",
        "nve_drift",
        "nph_drift",
        "timestep_convergence",
        "mts_tandem",
        "equipartition",
        "kinetic_distribution",
        "species_heat",
        "thermostat_heat",
        "ensemble_consistency",
        "pressure_consistency",
        "relaxation_convergence",
        "relaxation_descent",
        "minimum_stability",
        "cell_relaxation",
        "translation_invariance",
        "rotation_equivariance",
        "inversion_equivariance",
        "permutation_equivariance",
        "periodic_wrap",
        "lattice_basis",
        "supercell_extensivity",
        "separated_additivity",
        "net_force",
        "net_torque",
        "cutoff_smoothness",
        "path_smoothness",
        "short_range_repulsion",
        "locality",
        "finite_outputs",
        "determinism",
        "history_independence",
        "batch_invariance",
        "input_untouched",
        "numerical_noise",
        "thread_safety",
        "memory_growth",
        "outputs_agree",
        "responsiveness",
        "size_consistency",
    ]
)
ADDITIVE = [name for name, kind in DEFECTS.items() if issubclass(kind, ForceDefect)]


def asymmetry(model, start, h=5e-4):
    """lambda = |J - J^T|/(2 |J|) from the full Jacobian, 4-point differences."""
    n = start.n_coordinates
    steps = np.concatenate([k * h * np.eye(n) for k in (1, -1, 2, -2)])
    p1, m1, p2, m2 = model.evaluate(start.displaced(steps)).forces.reshape(4, n, n)
    j = ((8 * (p1 - m1) - (p2 - m2)) / (12 * h)).T
    return np.linalg.norm(j - j.T) / (2 * np.linalg.norm(j))


def gap(model, start):
    return np.sqrt(np.mean((model.evaluate(start).forces[0] - numerical_forces(model, start)) ** 2))


@pytest.mark.parametrize("name", DEFECTS)
def test_defects_declare_existing_checks_and_are_models(name):
    kind = DEFECTS[name]
    assert kind.must_fail | kind.may_fail <= CHECK_IDS
    assert not kind.must_fail & kind.may_fail
    model = kind(LennardJones())
    assert isinstance(model, Model)
    start = STRUCTURES["ethanol"]
    # start[0] is a copy: one of them changes what it is given.
    expected = model.evaluate(start[0]).forces
    again = pickle.loads(pickle.dumps(kind(LennardJones())))
    assert np.array_equal(again.evaluate(start[0]).forces, expected)


@pytest.mark.parametrize("name", ADDITIVE)
def test_added_forces_are_linear_in_the_strength(name):
    start, kind = STRUCTURES["ethanol"], DEFECTS[name]
    clean = LennardJones().evaluate(start).forces
    unit = kind(LennardJones()).unit_forces(start)
    assert np.abs(unit).max() > 1e-3
    for s in (1e-6, 1.0, 1e3):
        assert np.array_equal(kind(LennardJones(), s).evaluate(start).forces, clean + s * unit)


@pytest.mark.parametrize("name", ADDITIVE)
def test_the_declared_laws_are_broken_and_no_other_of_the_family(name):
    kind = DEFECTS[name]
    start = STRUCTURES["ethanol"]
    model = kind(LennardJones(), 0.3)
    assert gap(model, start) > 1e-3
    breaks = asymmetry(model, start) > 1e-5
    assert breaks == ("jacobian_asymmetry" in kind.must_fail)
    assert asymmetry(LennardJones(), start) < 1e-6


@pytest.mark.parametrize("name", [n for n in ADDITIVE if "curl" not in n or n == "pair-curl"])
@pytest.mark.parametrize("structure", STRUCTURES)
def test_net_force_and_permutation_are_as_declared(name, structure):
    kind, start = DEFECTS[name], STRUCTURES[structure]
    unit = kind(LennardJones()).unit_forces(start)[0]
    if "net_force" not in kind.may_fail:
        assert np.abs(unit.sum(axis=0)).max() < 1e-12
    order = np.random.default_rng(2).permutation(start.n_atoms)
    from physcheck.system import Configurations

    other = Configurations(start.system.take(order), start.positions[:, order], start.cells)
    assert np.abs(kind(LennardJones()).unit_forces(other)[0] - unit[order]).max() < 1e-12


def test_curl_does_the_exact_work_on_a_circle():
    start, s, a = STRUCTURES["ethanol"], 0.37, 0.05
    t = np.arange(32) * 2 * np.pi / 32
    steps = np.zeros((32, start.n_atoms, 3))
    steps[:, 3, 0], steps[:, 3, 2] = a * np.cos(t), a * np.sin(t)
    velocity = np.zeros_like(steps)
    velocity[:, 3, 0], velocity[:, 3, 2] = -a * np.sin(t), a * np.cos(t)
    forces = Curl(LennardJones(), s).evaluate(start.displaced(steps)).forces
    work = (forces * velocity).sum() * 2 * np.pi / 32
    # x to z is a turn about -y.
    axis_on_area = np.array([2, 3, 6]) / 7 @ np.array([0, -np.pi * a**2, 0])
    assert work == pytest.approx(2 * s * (1 - 1 / start.n_atoms) * axis_on_area, rel=1e-9)
    with pytest.raises(ValueError, match="periodic"):
        Curl(LennardJones()).unit_forces(STRUCTURES["cubic"])
    assert Curl(LennardJones()).capabilities.periodicity == "none"


def test_pair_curl_keeps_the_torque():
    start = STRUCTURES["ethanol"]
    unit = PairCurl(LennardJones()).unit_forces(start)[0]
    assert np.abs(np.cross(start.positions[0], unit).sum(axis=0)).max() < 1e-12


def test_lost_reaction_is_the_embedding_without_the_neighbours_share():
    start = STRUCTURES["ethanol"]
    defect = LostReaction(LennardJones(), 1.0)
    h = 1e-5
    for i in (0, 4):
        steps = np.zeros((2, start.n_atoms, 3))
        steps[:, i, 1] = h, -h
        moved = start.displaced(steps)
        from physcheck.potentials.defects.density import shell

        own = -np.sqrt(shell(moved, decay=4.0).density[:, i] + 0.1)
        assert defect.unit_forces(start)[0, i, 1] == pytest.approx(
            -(own[0] - own[1]) / (2 * h), rel=1e-6
        )


@pytest.mark.parametrize("name", DEFECTS)
def test_energies_do_not_depend_on_what_was_wanted(name):
    start, model = STRUCTURES["ethanol"], DEFECTS[name](LennardJones())
    asked = model.evaluate(start, want=ALL).energy
    unasked = model.evaluate(start, want=frozenset({"forces"})).energy
    assert unasked is None or np.array_equal(unasked, asked)


@pytest.mark.parametrize("name", ["lost-reaction", "detached"])
@pytest.mark.parametrize("structure", FULL)
def test_stress_stays_right_where_an_energy_is_added(name, structure):
    start = STRUCTURES[structure]
    model = DEFECTS[name](LennardJones(), 0.5)
    stress = model.evaluate(start, want=ALL).stress[0]
    assert np.abs(numerical_stress(model, start) - stress).max() < 1e-6 * np.abs(stress).max()


def test_missing_switch_derivative_is_a_gap_and_in_many_body_terms_a_curl():
    start = STRUCTURES["cubic"]
    pair = MissingSwitchDerivative(LennardJones(cutoff=4.5, switch_width=2.5))
    many = MissingSwitchDerivative(Gupta(cutoff=4.5, switch_width=2.5))
    assert gap(pair, start) > 1e-3
    assert asymmetry(pair, start) < 1e-6
    assert gap(many, start) > 1e-3
    assert asymmetry(many, start) > 1e-4


def test_force_scale_and_other_energy_stay_gradients():
    for spec in ("gupta+force-scale=0.1", "gupta+other-energy=0.1"):
        model = make_builtin(spec)
        assert gap(model, STRUCTURES["cubic"]) > 1e-3
        assert asymmetry(model, STRUCTURES["cubic"]) < 1e-6


def test_float32_rounds_like_a_float32_model():
    start = STRUCTURES["ethanol"]
    exact = LennardJones().evaluate(start)
    model = Float32(LennardJones())
    answer = model.evaluate(start)
    assert model.capabilities.dtype == "float32"
    assert np.array_equal(answer.forces, answer.forces.astype(np.float32))
    error = np.abs(answer.forces - exact.forces).max()
    assert 1e-9 < error < 1e-4
    coarse = make_builtin("lennard-jones+offset=1e4+float32").evaluate(start)
    assert coarse.energy[0] % 2**-7 == 0
    assert np.array_equal(coarse.forces, answer.forces)


def test_outputs_can_be_missing_random_or_not_finite():
    start = STRUCTURES["ethanol"]
    only = make_builtin("morse+forces-only")
    assert only.capabilities.outputs == {"forces"}
    assert only.evaluate(start, want=ALL).energy is None
    noisy = make_builtin("morse+noise=1e-3")
    first = noisy.evaluate(start).forces
    assert 2e-4 < np.std(noisy.evaluate(start).forces - first) < 4e-3
    assert np.array_equal(noisy.fresh().evaluate(start).forces, first)
    with pytest.raises(NonFiniteOutput, match="atom"):
        Meter(make_builtin("morse+nan=1.2")).evaluate(start)
    Meter(make_builtin("morse+nan=0.5")).evaluate(start)
    constant = make_builtin("morse+constant=0.1").evaluate(start.displaced(np.ones((2, 9, 3))))
    assert np.array_equal(constant.forces[0], constant.forces[1])
    assert np.abs(constant.forces.sum(axis=1)).max() < 1e-12


@pytest.mark.parametrize("strength", [1.0, 0.25])
def test_stress_defects_alter_the_stress_alone_and_linearly(strength):
    start = STRUCTURES["triclinic-small"]
    clean = LennardJones().evaluate(start, want=ALL)
    s = clean.stress[0]
    swapped = s.copy()
    swapped[0, 1] = swapped[1, 0] = s[1, 2]
    swapped[1, 2] = swapped[2, 1] = s[0, 1]
    extreme = {"stress-sign": -s, "stress-half": s / 2, "stress-swap": swapped}
    for name in (*extreme, "direct-stress"):
        answer = DEFECTS[name](LennardJones(), strength).evaluate(start, want=ALL)
        assert np.array_equal(answer.energy, clean.energy)
        assert np.array_equal(answer.forces, clean.forces)
        change = answer.stress[0] - s
        assert np.abs(change).max() > 1e-4
        assert np.array_equal(change, change.T)
        if name in extreme:
            assert change == pytest.approx(strength * (extreme[name] - s), abs=1e-14)
        partial = DEFECTS[name](LennardJones()).evaluate(STRUCTURES["wire"], want=ALL)
        assert partial.stress is None


def test_direct_stress_turns_with_the_cell_and_is_no_virial_of_an_energy():
    start = STRUCTURES["triclinic-small"]
    defect = DEFECTS["direct-stress"](LennardJones())
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    turned = start.at(start.positions[0] @ q, start.cells[0] @ q)
    assert defect.unit_virials(turned)[0] == pytest.approx(
        q.T @ defect.unit_virials(start)[0] @ q, abs=1e-12
    )
    # Of an energy, W_ab(strain) = dE/d(strain_ab) along diagonal strains: dW_xx/dyy = dW_yy/dxx.
    h = 1e-4
    w = {}
    for axis in (0, 1):
        for sign in (1, -1):
            f = np.eye(3)
            f[axis, axis] += sign * h
            w[axis, sign] = defect.unit_virials(
                start.at(start.positions[0] @ f, start.cells[0] @ f)
            )[0]
    mixed = ((w[1, 1] - w[1, -1])[0, 0] - (w[0, 1] - w[0, -1])[1, 1]) / (2 * h)
    assert abs(mixed) > 1e-2


def test_local_curl_swirls_one_molecule_with_the_stated_norm():
    start = water_box(per_side=2)
    for molecule in (0, 5):
        defect = LocalCurl(make_builtin("water"), 0.2, molecule)
        unit = defect.unit_forces(start)[0]
        moved = np.flatnonzero(np.abs(unit).max(axis=1) > 0)
        assert moved.tolist() == [3 * molecule, 3 * molecule + 1, 3 * molecule + 2]
        assert np.flatnonzero(defect.members(start)[0]).tolist() == moved.tolist()
        assert np.abs(unit.sum(axis=0)).max() < 1e-12
        n, h = start.n_coordinates, 1e-3
        f = defect.unit_forces(start.displaced(np.concatenate([h * np.eye(n), -h * np.eye(n)])))
        j = (f[:n] - f[n:]).reshape(n, n).T / (2 * h)
        assert np.linalg.norm(j - j.T) / 2 == pytest.approx(2.0, rel=1e-9)
        assert np.linalg.norm(j + j.T) < 1e-9
    shifted = start.displaced((np.arange(24) % 3)[:, None] * start.cells[0][0][None])
    assert defect.unit_forces(shifted)[0] == pytest.approx(unit, abs=1e-12)


def test_local_curl_says_when_there_is_no_such_molecule():
    with pytest.raises(ValueError, match="no molecule 8 among the 8"):
        LocalCurl(LennardJones(), 1.0, 8).unit_forces(water_box())
    with pytest.raises(ValueError, match="no separate molecule"):
        LocalCurl(LennardJones()).unit_forces(STRUCTURES["cubic"])


def test_species_direct_touches_one_element_only():
    start = STRUCTURES["ethanol"]
    numbers = start.system.numbers
    for species, chosen in ((None, 1), (6, 6)):
        unit = DEFECTS["species-direct"](LennardJones(), 1.0, species).unit_forces(start)[0]
        assert (np.abs(unit[numbers == chosen]).max(axis=1) > 1e-3).all()
        assert np.abs(unit[numbers != chosen]).max() == 0.0


# Stress and output defects leave these three checks alone; nothing of ethanol is inside a switch.
CAUGHT_HERE = [n for n, k in DEFECTS.items() if n != "missing-switch-derivative"]


@pytest.mark.parametrize("name", CAUGHT_HERE)
def test_the_conservation_checks_fail_as_declared_at_the_default_strength(name):
    import physcheck
    from physcheck.errors import CapabilityMissing
    from physcheck.measurement import judge
    from physcheck.registry import tolerance_of

    kind, start = DEFECTS[name], STRUCTURES["ethanol"]
    failed = set()
    for check in CONSERVATION:
        measure = getattr(physcheck, f"measure_{check}")
        try:
            measured = measure(kind(LennardJones()), start, rng=np.random.default_rng(1))
        except CapabilityMissing:
            continue
        if judge(measured, tolerance_of(check, "md")).outcome.name.lower() == "fail":
            failed.add(check)
    assert kind.must_fail & CONSERVATION <= failed <= kind.must_fail | kind.may_fail
