"""The work along a path: the energy's fall for a gradient, within its own error estimate."""

from __future__ import annotations

import numpy as np
import pytest

from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.relaxation import rattled, relax
from physcheck.relaxation.coordinates import AtomsOnly
from physcheck.relaxation.path_work import PathIntegral
from physcheck.resolution import measure_resolution
from physcheck.structures import catalogue


def along(spec, structure, accuracy, evaluations, seed=0, optimiser="LBFGS"):
    model = Meter(make_builtin(spec))
    start = catalogue()[structure].configurations
    rng = np.random.default_rng(seed)
    resolution = measure_resolution(model, start, rng=rng)
    begin = rattled(start, 0.2, rng)
    path = relax(model, begin, optimiser=optimiser, fmax=0.01, evaluations=30)
    before = model.evaluations
    integral = PathIntegral(
        model, AtomsOnly(begin), path, last=len(path) - 1, rng=rng, resolution=resolution
    )
    integral.refine(accuracy, evaluations)
    work = integral.work()
    assert model.evaluations - before == work.evaluations <= evaluations
    return work, path.answer.energy


@pytest.mark.parametrize("optimiser", ["LBFGS", "FIRE", "BFGSLineSearch", "SciPyFminCG"])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("evaluations", [0, 30, 200])
def test_the_error_is_within_its_estimate(optimiser, seed, evaluations):
    work, released = along("gupta", "Cu12-slab", 1e-4, evaluations, seed, optimiser)
    assert np.all(np.abs(work.work - (released[0] - released)) <= work.truncation + 1e-12)
    assert np.all(work.travelled >= np.abs(work.work))
    assert work.length[-1] > 0


def test_it_stops_when_it_is_as_accurate_as_asked():
    cheap, released = along("gupta", "Cu12-slab", 1e-2, 500)
    dear, _ = along("gupta", "Cu12-slab", 1e-4, 500)
    assert cheap.evaluations < dear.evaluations < 500
    assert cheap.truncation[-1] <= 1e-2 * cheap.travelled[-1]
    assert dear.truncation[-1] <= 1e-4 * dear.travelled[-1]
    assert dear.work[-1] == pytest.approx(released[0] - released[-1], rel=1e-5)


def test_forces_alone_are_enough():
    work, _ = along("gupta", "Cu12-slab", 1e-3, 100)
    start = catalogue()["Cu12-slab"].configurations
    model = make_builtin("gupta+forces-only")
    rng = np.random.default_rng(0)
    resolution = measure_resolution(make_builtin("gupta"), start, rng=rng)
    begin = rattled(start, 0.2, rng)
    path = relax(model, begin, fmax=0.01, evaluations=30)
    integral = PathIntegral(
        Meter(model), AtomsOnly(begin), path, last=len(path) - 1, rng=rng, resolution=resolution
    )
    integral.refine(1e-3, 100)
    same = integral.work()
    assert same.work[-1] == pytest.approx(work.work[-1], rel=1e-9)
