"""Each family's pictures on a model that fails: they are there, and hold the numbers judged."""

import json
from dataclasses import replace
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest

from physcheck.checks import find_checks
from physcheck.measurement import Outcome
from physcheck.potentials import make_builtin
from physcheck.report.pictures.comparisons import cases
from physcheck.report.pictures.of_records import pictures_of
from physcheck.report.pictures.saved_frames import Frames
from physcheck.report.pictures.structure_view import structure_view
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
    ("gupta+atomic-energies=1", "outputs_agree", "NaCl8", ["the difference an atom"]),
    ("gupta+constant", "responsiveness", "NaCl8", ["moved in 3 ways", "changed by 0 eV/Å"]),
    ("gupta+noise=0.001", "determinism", "NaCl8", ["equal calls are on an atom", "Coloured by"]),
    ("gupta+non-local=0.1", "locality", "CH4", ["beyond the declared range", "that are moved"]),
    ("gupta+batch-index=0.01", "batch_invariance", "NaCl8", ["worst of the compared calls"]),
    ("gupta+leaking=50", "memory_growth", "CH4", ["after each block"]),
    ("gupta+not-extensive=0.01", "supercell_extensivity", "NaCl8", ["back) minus before"]),
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
    assert "force_changes" not in _record("gupta", "determinism", "NaCl8").evidence
    assert "force_sides" not in passed.evidence


def test_changes_are_of_the_atoms_that_must_not_notice():
    record = _record("gupta+non-local=0.1", "locality", "CH4")
    changes = record.evidence["force_changes"]
    # The copy of CH4 is moved: atoms 5 to 9 of the pair.
    assert sorted(changes["indices"]) == [0, 1, 2, 3, 4]
    assert sorted(changes["sizes_eV_per_A"], reverse=True) == changes["sizes_eV_per_A"]
    place = record.evidence["place"]
    assert f"feels {changes['sizes_eV_per_A'][0]:.3g} eV/Å" in place


def test_frames_with_nothing_between_them_are_no_move():
    record = _record("gupta+pair-curl=0.1", "nve_drift", "CH4")
    frames = Frames(
        ("H",) * 2, np.arange(12.0).reshape(2, 2, 3) ** 2, np.eye(3), (False,) * 3, None
    )
    (picture,) = structure_view(record, frames)
    assert "moved" not in picture.caption
    assert "the first of 2 that are saved" in picture.caption
    (picture,) = structure_view(replace(record, check="relaxation_descent"), frames)
    assert "how far an atom is moved" in picture.caption


def test_long_names_are_told_apart_in_rows():
    names = [f"the same long beginning of two names that end in {end}" for end in ("one", "two")]
    quantities = {"rms_differences_eV_per_A": dict.fromkeys(names, 1.0)}
    record = replace(
        _record("gupta+noise=0.001", "determinism", "NaCl8"), evidence={"quantities": quantities}
    )
    (picture,) = cases(record, None)
    text = " ".join(ElementTree.fromstring(picture.svg).itertext())
    assert "one" in text
    assert "two" in text
    assert "…" not in text


def test_the_growth_with_size_is_drawn_for_each_cell():
    rows = [{"atoms": n, "lambda": x, "lambda_interval": [x / 2, 2 * x]} for n, x in
            ((32, 1e-4), (128, 2e-4), (256, 8e-4))]  # fmt: skip
    record = replace(
        _record("gupta+noise=0.001", "determinism", "NaCl8"),
        check="size_consistency", unit="", tolerance=3e-5, evidence={"quantities": {"sizes": rows}},
    )  # fmt: skip
    (picture,) = pictures_of(record)
    assert "cell by cell" in picture.caption
    assert all(f">{n}<" in picture.svg for n in (32, 128, 256))
