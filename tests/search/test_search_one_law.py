"""What a search finds in faulty potentials, what it makes of it, and that sound ones pass."""

import numpy as np
import pytest
from support.search_faults import (
    Collinear,
    Faulty,
    LastNeighbourOnly,
    LeftHanded,
    ManyKinks,
    OutsideCell,
    SpeciesDirect,
)

from physcheck.checks import all_checks
from physcheck.errors import CapabilityMissing
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.search.laws import SEARCH_LAWS
from physcheck.search.search_one_law import least_allotment, search
from physcheck.search.searching_check import searching_spec
from physcheck.search.structures_drawn import pool_of
from physcheck.structures import catalogue

all_checks()
SEEDS = [catalogue()[name].configurations for name in ("H2O", "Si8", "Ar13")]


def found(model, check, *, seed=0, evaluations=None, seeds=SEEDS, **more):
    law, meter = SEARCH_LAWS[check], Meter(model)
    species = {int(z) for start in seeds for z in start.system.numbers}
    allotment = evaluations or least_allotment(law)
    result = search(
        law,
        meter,
        pool_of(seeds, species, model.capabilities.periodicity),
        allotment=allotment,
        tolerance=tolerance_of(check, "md").value,
        rng=np.random.default_rng(seed),
        **more,
    )
    assert meter.evaluations <= allotment
    return result


@pytest.mark.parametrize("check", SEARCH_LAWS)
def test_a_sound_potential_fails_no_law(check):
    result = found(Faulty(), check)
    assert result.asked >= 15
    assert result.failing is None
    assert result.judged is None


def test_a_force_on_one_element_shrinks_to_a_pair_of_free_atoms():
    result = found(SpeciesDirect(), "force_energy_gap", evaluations=600)
    case, asked = result.smallest
    assert case.start.n_atoms <= 3
    assert not case.start.system.is_periodic
    assert 8 in case.start.system.numbers
    assert np.count_nonzero(np.any(case.numbers_of("move"), axis=1)) == 1
    # Not the violation is made small: half of the largest is left of it.
    assert asked.value >= 0.5 * result.failing[1].value
    assert result.judged_smallest.interval[0] > 1.0


def test_a_fault_of_left_handed_cells_shrinks_to_a_few_atoms_in_one():
    result = found(LeftHanded(), "lattice_basis", evaluations=500)
    case, _ = result.smallest
    assert case.start.n_atoms <= 2
    assert np.abs(case.start.cells[0][~np.eye(3, dtype=bool)]).max() < 1e-12
    assert case.action["basis"] == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]


def test_nan_at_straight_angles_shrinks_to_three_atoms_on_a_line():
    case, _ = found(Collinear(), "finite_outputs", evaluations=300).smallest
    assert case.start.n_atoms == 3
    assert np.linalg.matrix_rank(np.diff(case.start.positions[0], axis=0)) == 1


def test_a_fault_of_atoms_outside_the_cell_shrinks_to_one_that_is_moved():
    case, _ = found(OutsideCell(), "periodic_wrap", evaluations=400).smallest
    assert case.start.n_atoms <= 2
    assert np.count_nonzero(np.any(case.numbers_of("offsets"), axis=1)) == 1


def test_a_jump_of_the_energy_is_told_from_kinks_and_shrinks_to_those_that_make_it():
    result = found(LastNeighbourOnly(), "force_energy_gap", evaluations=1200, seed=1)
    assert result.smallest[0].start.n_atoms <= 4
    assert "jumps" in result.judged_smallest.evidence["place"]


def test_the_same_seed_finds_the_same_and_another_one_does_not():
    first, again, other = (
        found(SpeciesDirect(), "net_force", seed=seed).worst for seed in (3, 3, 4)
    )
    assert first[0].key == again[0].key
    assert first[0].key != other[0].key


def test_a_kept_case_is_asked_first():
    kept = found(SpeciesDirect(), "net_force").smallest[0]
    result = found(Faulty(), "net_force", kept=[kept])
    assert result.failing is None
    # With no room for others it is all that is asked.
    law = SEARCH_LAWS["net_force"]
    alone = found(SpeciesDirect(), "net_force", kept=[kept], evaluations=3 * law.judging + 12)
    assert alone.failing is not None


def test_what_a_model_refuses_or_does_not_know_is_not_judged():
    class Wild(Faulty):
        def broken(self, c, answer):
            if c.n_atoms == 2:
                raise KeyError("no pairs")
            forces = answer.forces + 100.0 * (c.n_atoms == 3)
            return type(answer)(answer.energy, forces, answer.stress)

    result = found(Wild(), "force_energy_gap", seeds=SEEDS[1:])
    assert result.refused > 0
    assert result.outside > 0
    assert result.failing is None


class Molecular(Faulty):
    """Takes no periodic structure, and declares nothing of it."""

    def broken(self, c, answer):
        if c.system.is_periodic:
            raise RuntimeError("made for single molecules")
        return answer


@pytest.mark.parametrize(("named", "refused"), [(SEEDS[:1], True), (SEEDS[:2], False)])
def test_periodic_laws_do_not_apply_to_a_model_of_molecules_alone(named, refused):
    law = SEARCH_LAWS["periodic_wrap"]
    pool = pool_of(named, [1, 8], "partial")
    spec = searching_spec(all_checks()["periodic_wrap"], law, pool, allotment=least_allotment(law))

    def measured():
        return spec.measure(
            Meter(Molecular()), named[0], rng=np.random.default_rng(0), tolerance=1e-4
        )

    if refused:
        with pytest.raises(CapabilityMissing, match="made for single molecules"):
            measured()
    else:
        # A structure of the run that it refuses is no matter of what it takes.
        assert "0 generated cases answered" in measured().nothing_tested


def test_noise_of_a_model_is_no_violation():
    model = make_builtin("lennard-jones+noise=1e-3")
    results = [found(model, "net_force", seed=seed) for seed in range(4)]
    # Whether a case looks suspicious is the noise's choice.
    assert any(result.judged is not None for result in results)
    assert all(result.failing is None for result in results)


def test_forces_that_jump_at_many_distances_are_no_violation():
    # Pieces of a sixteenth of the line had kinks each, and called this seed a failure.
    result = found(ManyKinks(), "force_energy_gap", seed=3, evaluations=700)
    assert result.judged is not None
    assert result.failing is None
