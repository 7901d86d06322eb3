import numpy as np
import pytest
from ase import Atoms
from ase.neighborlist import primitive_neighbor_list

from physcheck.potentials import neighbours
from physcheck.potentials.neighbours import find_pairs
from physcheck.system import Configurations, System


def reference(configuration, cutoff):
    c = configuration
    i, j, d = primitive_neighbor_list(
        "ijd", c.system.pbc, c.cells[0], c.positions[0], cutoff, max_nbins=1000
    )
    return sorted((min(a, b), max(a, b), round(x, 9)) for a, b, x in zip(i, j, d))


def found(pairs, b=0):
    out = []
    for c, i, j, d in zip(pairs.config, pairs.first, pairs.second, pairs.distances):
        if c == b:
            out += 2 * [(min(i, j), max(i, j), round(float(d), 9))]
    return sorted(out)


@pytest.mark.parametrize("pbc", [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)])
@pytest.mark.parametrize("kind", ["small", "skewed", "big"])
def test_agrees_with_ase_for_any_cell_and_position(pbc, kind):
    rng = np.random.default_rng(3)
    cell = {
        "small": np.diag([2.0, 2.5, 3.0]) + rng.normal(0, 0.2, (3, 3)),
        "skewed": np.array([[3.0, 0, 0], [4.0, 3.0, 0], [-5.0, 2.0, 4.0]]),
        "big": np.diag([14.0, 15.0, 16.0]) + rng.normal(0, 1, (3, 3)),
    }[kind]
    n = 30 if kind == "big" else 4
    positions = rng.uniform(-1.5, 2.5, (n, 3)) @ cell
    c = Configurations.from_atoms(Atoms(f"Ar{n}", positions, cell=cell, pbc=pbc))
    pairs = find_pairs(c, 4.5)
    assert found(pairs) == reference(c, 4.5)
    expected = (
        c.positions[0][pairs.second] + pairs.shifts @ c.cells[0] - c.positions[0][pairs.first]
    )
    assert np.abs(pairs.vectors - expected).max(initial=0) < 1e-12


@pytest.mark.parametrize("moves", ["small", "large", "strain", "swaps"])
def test_a_batch_has_the_pairs_of_its_configurations(moves):
    rng = np.random.default_rng(5)
    cell = np.array([[4.0, 0, 0], [1.0, 5.0, 0], [0.5, -1.0, 4.5]])
    c = Configurations.from_atoms(
        Atoms("Ar5", rng.uniform(0, 1, (5, 3)) @ cell, cell=cell, pbc=True)
    )
    if moves == "strain":
        f = np.eye(3) + rng.normal(0, 0.03, (6, 3, 3))
        batch = c.at(c.positions[0] @ f + rng.normal(0, 0.1, (6, 5, 3)), cell @ f)
    elif moves == "swaps":
        batch = c.displaced(rng.integers(-2, 3, (6, 5, 3)) @ cell)
    else:
        batch = c.displaced(rng.normal(0, {"small": 0.1, "large": 2.0}[moves], (6, 5, 3)))
    pairs = find_pairs(batch, 5.0)
    assert (np.diff(pairs.config) >= 0).all()
    for b in range(6):
        assert found(pairs, b) == reference(batch[b], 5.0)


def test_degenerate_periodic_cell_is_refused():
    c = Configurations.from_atoms(
        Atoms("Ar2", [[0, 0, 0], [1, 0, 0]], cell=[[3, 0, 0], [6, 0, 0], [0, 0, 3]], pbc=True)
    )
    with pytest.raises(ValueError, match="linearly dependent"):
        find_pairs(c, 3.0)


@pytest.mark.parametrize("pbc", [True, False, (True, False, True)])
def test_many_atoms_have_the_same_pairs_in_the_same_order_as_few(pbc, monkeypatch):
    rng = np.random.default_rng(4)
    cell = np.array([[22.0, 0.0, 0.0], [7.0, 24.0, 0.0], [-3.0, 5.0, 21.0]])
    # Some atoms are outside the cell.
    places = rng.uniform(-0.7, 1.6, (2, 600, 3)) @ cell
    places[1] = places[0] + 0.05 * rng.standard_normal((600, 3))
    system = System(np.full(600, 29), np.full(600, 63.5), np.broadcast_to(pbc, 3).copy())
    both = Configurations(system, places, np.stack([cell, cell]))
    quick = find_pairs(both, 6.0)
    monkeypatch.setattr(neighbours, "_MANY", 10**9)
    slow = find_pairs(both, 6.0)
    assert len(quick) > 1000
    for name in ("config", "first", "second", "shifts", "vectors"):
        assert np.array_equal(getattr(quick, name), getattr(slow, name))
