"""Each family's pictures on a model that fails: they are there, and hold the numbers judged."""

import json
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest

from physcheck.checks import find_checks
from physcheck.measurement import Outcome
from physcheck.potentials import make_builtin
from physcheck.report.pictures.of_records import pictures_of
from physcheck.run.runner import Runner
from physcheck.run.schedule import PlanEntry, record_seed
from physcheck.run.settings import Settings
from physcheck.structures import catalogue

# Model, check, structure, and words of captions that must be there.
CASES = [
    ("gupta+force-scale=0.1", "force_energy_gap", "NaCl8", ["Energy along the worst direction"]),
    ("gupta+stress-half=1", "stress_energy_gap", "NaCl8", ["Energy along the worst strain"]),
    ("gupta+direct-stress=0.1", "strain_loop_work", "NaCl8", ["Work of the forces and stress"]),
    (
        "gupta+pair-curl=0.1", "jacobian_asymmetry", "CH4",
        ["Each point compares the force along u", "one point a pair of atoms", "Map of the same"],
    ),
    (
        "gupta+hard-cutoff=0.3", "cutoff_smoothness", "NaCl8",
        ["along the jump", "Energy, as atoms"],
    ),
    ("gupta+hard-cutoff=0.3", "cutoff_smoothness", "CH4", ["Force on the atom that jumps"]),
    (
        "gupta+lab-frame=0.05", "rotation_equivariance", "CH4",
        ["before the change and after it", "How much the force on each", "the force on an atom ch"],
    ),
    ("gupta+lost-outside-cell=0.1", "periodic_wrap", "NaCl8", ["What was compared"]),
    ("gupta+hole=5000", "short_range_repulsion", "H2O", ["Work of pushing two atoms together"]),
    (
        "gupta+pair-curl=0.1", "nve_drift", "CH4",
        ["from the start", "Heat that each run makes", "Kinetic temperature"],
    ),
    (
        "gupta+pair-curl=0.1", "relaxation_convergence", "ethanol",
        ["Largest force as the optimisers"],
    ),
    ("gupta+curl=30", "nve_drift", "CH4", ["up to where a replica ran away"]),
]  # fmt: skip
#: A run has some hundred records: together they stay below a megabyte.
LARGEST_RECORD = 25_000


@cache
def _record(model, check, structure):
    (spec,) = find_checks(check)
    one, found = catalogue()[structure], make_builtin(model)
    allotment = spec.evaluations(one.configurations, found.capabilities, "quick")
    runner = Runner(found, Settings(model="x.py"))
    return runner.run(PlanEntry(spec, one, allotment, record_seed(0, check, structure)))


@pytest.mark.parametrize(("model", "check", "structure", "captions"), CASES)
def test_a_violation_has_its_pictures(model, check, structure, captions):
    record = _record(model, check, structure)
    assert record.verdict is not Outcome.PASS
    assert len(json.dumps(record.to_json())) < LARGEST_RECORD
    pictures = pictures_of(record)
    for words in captions:
        assert any(words in picture.caption for picture in pictures), words
    for picture in pictures:
        ElementTree.fromstring(picture.svg)
        # A bitmap within a page would be lost in print and in other readers.
        assert "<image" not in picture.svg


@pytest.mark.parametrize(("model", "check"), [(c[0], c[1]) for c in CASES[:2]])
def test_the_energies_on_the_line_are_those_of_the_largest_gap(model, check):
    record = _record(model, check, "NaCl8")
    line = {name: np.array(values) for name, values in record.evidence["line"].items()}
    length, energy, slope = line["place"][2], line["energy_eV"], line["slope_eV"]
    gap = (energy[2] - energy[0]) / (2 * length) - (slope[0] + 4 * slope[1] + slope[2]) / 6
    if check == "force_energy_gap":
        gaps = record.evidence["quantities"]["gaps_meV_per_A"]
        assert 1e3 * abs(gap) == pytest.approx(max(map(abs, gaps)), rel=1e-3)
    else:
        # Half of the stress is missing: as much as there is.
        assert gap == pytest.approx(slope[1], rel=1e-2)


def test_cross_terms_are_the_antisymmetry_that_is_judged():
    record = _record("gupta+pair-curl=0.1", "jacobian_asymmetry", "CH4")
    elements = np.array(record.evidence["elements_eV_per_A2"])
    half = ((elements - elements.T) / 2)[np.triu_indices(len(elements), 1)]
    unit = record.evidence["quantities"]["element_per_lambda"]
    assert np.sqrt(np.mean(half**2)) / unit == pytest.approx(record.value, rel=1e-3)
    # The directions span the molecule, so that each pair of atoms is known.
    pairs = np.array(record.evidence["full"]["pair_lambda"])
    assert pairs.shape == (5, 5)
    assert np.linalg.norm(pairs) == pytest.approx(record.value, rel=1e-3)


def test_the_path_through_a_cutoff_has_the_jump_where_it_was_put():
    record = _record("gupta+hard-cutoff=0.3", "cutoff_smoothness", "NaCl8")
    series = record.evidence["series"]
    at, force = np.array(series["distance_A"]), np.array(series["force_eV_per_A"])
    jump_at = record.evidence["quantities"]["jump_at_A"]
    right = int(np.searchsorted(at, jump_at - 2e-6))
    assert (np.diff(at) > -1e-9).all()
    assert force[right] - force[right - 1] == pytest.approx(0.3, rel=0.1)


def test_runs_are_kept_from_their_start():
    series = _record("gupta+pair-curl=0.1", "nve_drift", "CH4").evidence["series"]
    assert series["time_ps"][0] == 0
    assert series["total_change_eV_per_atom"][0] == 0
    # The shadow energy needs moments on both sides.
    assert series["shadow_change_eV_per_atom"][0] == "nan"
    assert len({len(values) for values in series.values()}) == 1


def test_both_sides_of_a_symmetry_differ_by_what_is_judged():
    record = _record("gupta+lab-frame=0.05", "rotation_equivariance", "CH4")
    sides = record.evidence["force_sides"]
    expected, given = (np.array(sides[f"{n}_eV_per_A"]) for n in ("expected", "given"))
    difference = record.evidence["quantities"]["force_difference_eV_per_A"]
    assert np.sqrt(np.mean((given - expected) ** 2)) == pytest.approx(difference, rel=1e-2)
    assert sorted(sides["indices"]) == [0, 1, 2, 3, 4]
    passed = _record("gupta", "rotation_equivariance", "CH4")
    assert "force_sides" not in passed.evidence
