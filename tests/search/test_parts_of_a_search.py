"""Tapes, structures, simpler cases, files: what a search is made of."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hypothesis_settings import FEW

from physcheck.checks import all_checks
from physcheck.errors import SpecError
from physcheck.potentials.lennard_jones import LennardJones
from physcheck.probes.random_structures import closest_contact
from physcheck.search.case import Case
from physcheck.search.case_files import case_as_json, case_from_json, keep_case, kept_cases
from physcheck.search.hypothesis_runs import explore, smallest_failing
from physcheck.search.laws import SEARCH_LAWS
from physcheck.search.simpler_cases import choices_of, simpler
from physcheck.search.structures_drawn import drawn_structure, pool_of
from physcheck.search.tape import TAPE_BYTES, Tape
from physcheck.structures import catalogue

all_checks()
SEEDS = [catalogue()[name].configurations for name in ("H2O", "Si8", "Ar13", "Cu12-slab")]
POOL = pool_of(SEEDS, {1, 8, 14, 18}, "partial")
LJ = LennardJones().capabilities
TAPES = st.binary(min_size=TAPE_BYTES, max_size=TAPE_BYTES)


@given(TAPES, st.sampled_from(["any", "none", "periodic", "two axes"]))
def test_structures_are_apart_and_of_the_kind_that_a_law_wants(tape, wanted):
    start, made_from = drawn_structure(Tape(tape), POOL, wanted)
    assert made_from
    axes = int(start.system.pbc.sum())
    assert {"any": True, "none": axes == 0, "periodic": axes >= 1, "two axes": axes >= 2}[wanted]
    least = min(closest_contact(seed) for seed in SEEDS)
    # A strained seed may be a little closer than its own smallest contact.
    assert closest_contact(start) > 0.75 * least


@given(TAPES)
def test_practices_are_asked_at_the_runs_own_structures_only(tape):
    start, _ = drawn_structure(Tape(tape), POOL, "any", known_only=True)
    formulas = {seed.system.formula for seed in SEEDS}
    assert start.system.formula in formulas


def test_a_pool_without_the_wanted_kind_says_so():
    molecules = pool_of(SEEDS[:1], {1, 8}, "none")
    with pytest.raises(ValueError, match="no structure of this kind"):
        drawn_structure(Tape(bytes(TAPE_BYTES)), molecules, "periodic")


def visited(seed):
    tapes = []
    explore(lambda tape: tapes.append(tape) or 0.0, lambda: False, seed=seed, most=30)
    return tapes


def test_exploring_depends_on_the_seed_and_on_nothing_in_the_folder(tmp_path, monkeypatch):
    first = visited(5)
    # hypothesis mixes constants that it finds in local modules into other kinds of draws.
    (tmp_path / "of_this_folder.py").write_text("A = [1, 2, 3, b'0' * 8, 'text', 77, 2.5]\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    __import__("of_this_folder")
    assert visited(5) == first
    assert visited(6) != first


def test_what_exploring_raises_ends_it_and_comes_out_as_it_is():
    calls = []

    def visit(tape):
        calls.append(tape)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explore(visit, lambda: False, seed=0, most=20)
    assert len(calls) == 1


def test_the_smallest_failing_choices_keep_what_matters_and_nothing_else():
    asked = []

    def fails(taken):
        asked.append(tuple(taken))
        return taken[3] == 1 and taken[7] >= 1

    assert (
        smallest_failing([2] * 7 + [3] + [2] * 12, fails, seed=0)
        == [0, 0, 0, 1] + [0] * 3 + [1] + [0] * 12
    )
    assert len(asked) == len(set(asked))
    unchanged = smallest_failing([2, 3], lambda taken: False, seed=0)
    assert unchanged == [1, 2]


def crystal_case(check="periodic_wrap"):
    start = SEEDS[1]
    offsets = np.zeros((8, 3), int)
    offsets[2] = [1, -1, 0]
    return Case(check, start, {"offsets": offsets.tolist()}, "a test")


def test_a_case_is_as_it_was_where_every_choice_is_the_last():
    case = crystal_case()
    choices = choices_of(case)
    unchanged = simpler(case, choices, [count - 1 for count in choices.counts])
    assert unchanged.key == case.key
    # Nothing is left of it where every choice is the first.
    assert simpler(case, choices, [0] * len(choices.counts)) is None


def test_a_simpler_case_has_the_atoms_that_were_kept_and_a_straight_cell():
    case = crystal_case()
    choices = choices_of(case)
    taken = [count - 1 for count in choices.counts]
    taken[0] = 1
    taken[1:9] = [1, 0, 1, 0, 0, 0, 0, 0]
    small = simpler(case, choices, taken)
    assert small.start.n_atoms == 2
    assert small.action["offsets"] == [[0, 0, 0], [1, -1, 0]]
    cell = small.start.cells[0]
    assert np.count_nonzero(cell) == 3


def test_files_of_cases_are_read_as_they_were_written(tmp_path):
    case = crystal_case()
    path = keep_case(case, str(tmp_path / "kept"), {"violation": 1.0})
    (read,) = kept_cases(str(tmp_path / "kept"))
    assert read.key == case.key
    assert keep_case(case, str(tmp_path / "kept"), {"violation": 2.0}) == path
    assert max(len(line) for line in path.read_text().splitlines()) < 200
    assert kept_cases(str(tmp_path / "none")) == ()


@pytest.mark.parametrize(
    "change",
    [{"format": "x"}, {"symbols": ["Xy"]}, {"action": {"offsets": [[1, 2, 3]]}},
     {"action": {"push": 1}}, {"positions": [[0.0, 0.0]]}],
)  # fmt: skip
def test_files_that_are_no_cases_are_refused_by_name(change):
    document = case_as_json(crystal_case()) | change
    with pytest.raises(SpecError, match=r"x\.json is no case"):
        case_from_json(document, "x.json")


def test_a_file_that_is_no_json_is_refused(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(SpecError, match=r"broken\.json can't be read"):
        kept_cases(str(tmp_path))


def test_the_room_loads_hypothesis_only_when_a_search_runs():
    rooms = "physcheck.search.laws, physcheck.run.searching"
    code = f"import sys, {rooms}; print('hypothesis' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@given(TAPES, st.sampled_from(["periodic_wrap", "lattice_basis", "loop_work", "force_energy_gap"]),
       st.lists(st.integers(0, 255), min_size=40, max_size=40))  # fmt: skip
@settings(FEW)
def test_whatever_is_made_simpler_is_a_case_of_fewer_atoms_that_files_hold(tape, check, picks):
    law = SEARCH_LAWS[check]
    case = law.drawn(Tape(tape), POOL, LJ)
    if case is None:
        return
    choices = choices_of(case)
    taken = [pick % count for pick, count in zip(picks * 3, choices.counts)]
    try:
        small = simpler(case, choices, taken)
    except ValueError:
        return
    if small is None:
        return
    assert small.start.n_atoms == sum(taken[1 : choices.atoms + 1])
    assert set(small.start.system.numbers) <= set(case.start.system.numbers)
    assert small.moved_atoms <= small.start.n_atoms
    document = json.loads(json.dumps(case_as_json(small)))
    assert case_from_json(document, "x.json").key == small.key
