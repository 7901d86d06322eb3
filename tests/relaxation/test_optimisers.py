"""ASE's optimisers on a Model: counted, stopped cleanly, silent, and the same as in ASE."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS

from physcheck.adapters.ase import CalculatorModel
from physcheck.errors import CapabilityMissing
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.probes.random_structures import closest_contact
from physcheck.relaxation import (
    NEEDS_ENERGY,
    OPTIMISERS,
    achievable_fmax,
    evaluations_needed,
    rattled,
    relax,
)
from physcheck.relaxation.coordinates import AtomsAndCell
from physcheck.resolution import measure_resolution
from physcheck.structures import catalogue
from physcheck.system import as_configurations


def copper(seed=1, rattle=0.1):
    atoms = bulk("Cu", cubic=True)
    atoms.positions += rattle * np.random.default_rng(seed).standard_normal(atoms.positions.shape)
    return atoms


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("spec", ["gupta", "gupta+forces-only"])
def test_each_converges_silently_with_every_evaluation_counted(
    optimiser, spec, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    meter = Meter(make_builtin(spec))
    atoms = copper()
    before = atoms.positions.copy()
    if optimiser in NEEDS_ENERGY and "forces-only" in spec:
        with pytest.raises(CapabilityMissing, match="needs an energy"):
            relax(meter, atoms, optimiser=optimiser, fmax=0.01, evaluations=100)
        return
    path = relax(meter, atoms, optimiser=optimiser, fmax=0.01, evaluations=100)
    assert path.converged
    assert path.fmax.min() <= 0.01 < path.fmax[0]
    assert len(path) == meter.evaluations
    assert (path.answer.energy is None) == ("forces-only" in spec)
    assert len(np.unique(path.places.positions.reshape(len(path), -1), axis=0)) == len(path)
    again = meter.evaluate(path.final).forces[0]
    assert np.sqrt((again**2).sum(axis=1).max()) == pytest.approx(path.fmax.min())
    assert np.array_equal(atoms.positions, before)
    assert capsys.readouterr().out == ""
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_it_stops_cleanly_at_its_allotment_and_at_the_meters(optimiser):
    path = relax(make_builtin("gupta"), copper(), optimiser=optimiser, fmax=1e-6, evaluations=5)
    assert (len(path), path.ended) == (5, "out of evaluations")
    meter = Meter(make_builtin("gupta"), allotment=4)
    path = relax(meter, copper(), optimiser=optimiser, fmax=1e-6, evaluations=50)
    assert (len(path), path.ended) == (4, "out of evaluations")
    with pytest.raises(ValueError, match="should be 1 or more"):
        relax(meter, copper(), optimiser=optimiser, fmax=1e-6, evaluations=50)


def test_the_path_is_that_of_ase():
    atoms = copper()
    path = relax(CalculatorModel(EMT()), atoms, optimiser="LBFGS", fmax=0.02, evaluations=60)
    atoms.calc = EMT()
    LBFGS(atoms, logfile=None).run(fmax=0.02)
    assert path.converged
    assert np.allclose(path.places.positions[-1], atoms.positions, atol=1e-12)


def test_cells_relax_as_with_ases_filter_and_its_forces_are_derivatives():
    atoms = copper(rattle=0.05)
    atoms.set_cell(atoms.cell @ np.array([[1.03, 0.01, 0], [0, 0.99, 0], [0, 0, 1.02]]), True)
    model = make_builtin("gupta")
    path = relax(model, atoms, fmax=0.01, evaluations=80, cell=True)
    assert path.converged
    assert path.q.shape == (len(path), len(atoms) + 3, 3)
    twin = atoms.copy()
    from physcheck.adapters.ase import ModelCalculator

    twin.calc = ModelCalculator(model)
    LBFGS(FrechetCellFilter(twin), logfile=None).run(fmax=0.01)
    assert np.allclose(path.places.cells[-1], twin.cell, atol=1e-9)

    from physcheck.relaxation.coordinates import AtomsAndCell

    coordinates = AtomsAndCell(as_configurations(atoms))
    q = path.q[5]
    direction = np.random.default_rng(0).standard_normal(q.shape)
    h = 1e-4
    energy = model.evaluate(
        coordinates.places(np.stack([q + h * direction, q - h * direction])),
        want=frozenset({"energy"}),
    ).energy
    slope = (energy[0] - energy[1]) / (2 * h)
    assert slope == pytest.approx(-np.vdot(path.q_forces[5], direction), rel=1e-5)


def test_a_cell_needs_a_stress_and_a_known_optimiser_is_asked_for():
    with pytest.raises(CapabilityMissing, match="cell"):
        relax(make_builtin("gupta+forces-only"), copper(), fmax=0.1, evaluations=5, cell=True)
    with pytest.raises(ValueError, match="one of LBFGS"):
        relax(make_builtin("gupta"), copper(), optimiser="lbfgs", fmax=0.1, evaluations=5)


def test_what_falls_apart_is_let_go():
    class Repulsive:
        capabilities = make_builtin("gupta").capabilities

        def evaluate(self, configurations, *, want=frozenset()):
            from physcheck.system import Evaluation

            x = configurations.positions
            return Evaluation(energy=-1e6 * (x**2).sum(axis=(1, 2)), forces=2e6 * x)

    start = catalogue()["Ar13"].configurations
    path = relax(Repulsive(), start, optimiser="FIRE", fmax=0.1, evaluations=2000)
    assert path.ended == "ran away"


def test_rattled_starts_keep_their_distances_and_seeds():
    start = catalogue()["ethanol"].configurations
    near = closest_contact(start)
    for displacement in (0.05, 0.5):
        a, b = (rattled(start, displacement, np.random.default_rng(3)) for _ in range(2))
        assert np.array_equal(a.positions, b.positions)
        moved = np.linalg.norm(a.positions - start.positions, axis=-1)
        assert 0 < moved.max() <= displacement
        assert closest_contact(a) >= 0.85 * min(1.0, near) - 1e-9


def test_the_achievable_fmax_is_what_noise_shows():
    rng = np.random.default_rng(0)
    start = catalogue()["Cu12-slab"].configurations
    resolution = measure_resolution(make_builtin("gupta+noise=0.01"), start, rng=rng)
    noise = 0.01 * rng.standard_normal((1000, start.n_atoms, 3))
    seen = np.sqrt((noise**2).sum(axis=-1).max(axis=-1))
    floor = achievable_fmax(resolution, start.n_atoms)
    assert np.quantile(seen, 0.9) < floor < 4 * np.quantile(seen, 0.975)


def test_the_evaluations_needed_follow_the_rate():
    path = relax(make_builtin("gupta"), copper(), optimiser="MDMin", fmax=1e-6, evaluations=24)
    needed = evaluations_needed(path, 1e-4)
    full = relax(make_builtin("gupta"), copper(), optimiser="MDMin", fmax=1e-4, evaluations=200)
    assert full.converged
    assert needed == pytest.approx(len(full), rel=0.5)
    assert evaluations_needed(full, 1e-4) == len(full)


def test_what_the_cell_filter_remembers_is_what_ase_works_out(monkeypatch):
    asked = []
    plain = FrechetCellFilter.get_forces
    monkeypatch.setattr(
        FrechetCellFilter, "get_forces", lambda self: asked.append(1) or plain(self)
    )
    coordinates = AtomsAndCell(as_configurations(copper()))
    moved = coordinates.moved(copper())
    moved.atoms.calc = EMT()
    for scale in (1.0, 1.02):
        moved.atoms.set_cell(copper().cell * scale, scale_atoms=True)
        moved.get_forces()[:] = np.nan
        moved.get_positions()[:] = np.nan
        assert np.array_equal(moved.get_forces(), plain(moved))
        assert np.array_equal(moved.get_positions(), FrechetCellFilter.get_positions(moved))
        stress = moved.stress
        plain(moved)
        assert np.array_equal(stress, moved.stress)
    assert len(asked) == 2
