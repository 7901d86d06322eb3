"""Kinds of faults that people reported of calculators and models, each caught by its own check."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.geometry import complete_cell
from support.family_runs import structure

import physcheck
from physcheck.measurement import Outcome, judge
from physcheck.potentials import make_builtin
from physcheck.potentials.defects.implementation import StaleNeighbours
from physcheck.potentials.neighbours import find_pairs
from physcheck.registry import tolerance_of
from physcheck.structures import catalogue, load_structures
from physcheck.system import Configurations, Evaluation, as_configurations


def outcome(measured):
    return judge(measured, tolerance_of(measured.check, "md")).outcome


class Faulty:
    """A sound potential asked through ``answer(model, one, want)``, one configuration at a time."""

    def __init__(self, name="morse", **changes):
        self.inner = make_builtin(name)
        self.capabilities = replace(self.inner.capabilities, **changes)
        self.kept = None

    def fresh(self):
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, kept=None)
        return new

    def answer(self, one, want):
        return self.inner.evaluate(one, want=want)

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        return Evaluation.concatenate([self.answer(one, want) for one in configurations])


def scaled(answer, factor):
    parts = (answer.energy, answer.forces, answer.stress)
    return Evaluation(*(None if part is None else factor * part for part in parts))


class CellIsKept(Faulty):
    """The cell of the first call with these positions (a list made again only if atoms move)."""

    def answer(self, one, want):
        key = one.positions.tobytes()
        if self.kept is None or self.kept[0] != key:
            self.kept = key, one.cells
        return self.inner.evaluate(one.at(one.positions, self.kept[1]), want=want)


class AxesAreKept(Faulty):
    """The periodic axes of the first structure of a size."""

    def answer(self, one, want):
        system = one.system
        if self.kept is None or self.kept[0] != len(system):
            self.kept = len(system), system.pbc
        other = replace(system, pbc=self.kept[1])
        return self.inner.evaluate(Configurations(other, one.positions, one.cells), want=want)


class SpeciesAreKept(Faulty):
    """The species of the first structure of a size."""

    def answer(self, one, want):
        if self.kept is None or len(self.kept) != len(one.system):
            self.kept = one.system
        return self.inner.evaluate(Configurations(self.kept, one.positions, one.cells), want=want)


class LabelsAreKept(Faulty):
    """The spin and the tags of the first call with these positions."""

    def answer(self, one, want):
        info, arrays = one.system.info, one.system.arrays
        spin, tags = info.get("spin", 1), arrays.get("tags", np.zeros(1))
        if self.kept is None or self.kept[0] != one.positions.tobytes():
            self.kept = one.positions.tobytes(), 1 + 0.1 * (spin - 1 + np.mean(tags))
        return scaled(self.inner.evaluate(one, want=want), self.kept[1])


class StressIsKept(Faulty):
    """The stress of the first structure of a size."""

    def answer(self, one, want):
        found = self.inner.evaluate(one, want=want)
        if found.stress is None:
            return found
        if self.kept is None or self.kept[0] != one.n_atoms:
            self.kept = one.n_atoms, found.stress
        return Evaluation(found.energy, found.forces, self.kept[1])


class ShiftOfTheFirst(Faulty):
    """A reference energy made of the first structure's number of atoms."""

    def answer(self, one, want):
        found = self.inner.evaluate(one, want=want)
        self.kept = self.kept or -3.0 * one.n_atoms
        return replace(found, energy=None if found.energy is None else found.energy + self.kept)


class RoundedKey(Faulty):
    """Answers of positions that agree to 2 decimals are taken for the same."""

    def answer(self, one, want):
        key = one.positions.round(2).tobytes(), one.cells.tobytes(), one.system, want
        if self.kept is None or self.kept[0] != key:
            self.kept = key, self.inner.evaluate(one, want=want)
        return self.kept[1]


@pytest.mark.parametrize(
    ("model", "place", "words"),
    [
        (CellIsKept, "copper", "cell"),
        (AxesAreKept, "copper", "periodic axes"),
        (SpeciesAreKept, "ethanol", "species"),
        (LabelsAreKept, "ethanol", "spin"),
        (StressIsKept, "copper", "the structure"),
        (ShiftOfTheFirst, "ethanol", "two copies of it, first answer"),
        (RoundedKey, "ethanol", "moved by 1e-4"),
    ],
)
def test_an_input_that_is_kept_from_an_earlier_call_fails_history_independence(model, place, words):
    # One coordinate is moved, which may be on the edge of a rounded key.
    rng = np.random.default_rng(2)
    found = physcheck.measure_history_independence(model(), structure(place), rng=rng)
    assert outcome(found) is Outcome.FAIL
    differing = {
        k for k, v in found.evidence["quantities"]["rms_differences_eV_per_A"].items() if v
    }
    assert any(words in label for label in differing)


class Skin(StaleNeighbours):
    """A list that is made again only where an atom moved by four times its skin, not half."""

    farthest = staticmethod(lambda moves, skin: moves.max() > 4 * skin)

    def _one(self, one, want):
        x = one.positions[0]
        if self._list is not None and self._list[0] == one.n_atoms:
            moved = np.linalg.norm(x - self.places, axis=1)
            if (
                self.farthest(moved, self.strength)
                or (one.cells != self.cells).any()
                or one.system is not self.system
            ):
                self._list = None
        else:
            self._list = None
        if self._list is None:
            self.places, self.cells, self.system = x, one.cells, one.system
            found = find_pairs(one, self._potential.cutoff + self.strength)
            self._list = one.n_atoms, (found.first, found.second, found.shifts)
        return super()._one(one, want)

    def fresh(self):
        return type(self)(self.model, self.strength)


class WholeSkin(Skin):
    """A list that is made again where an atom moved by its skin, and two by twice that."""

    farthest = staticmethod(lambda moves, skin: moves.max() > skin)


class MeanMove(Skin):
    """A list that is made again where atoms moved by half its skin in the mean."""

    farthest = staticmethod(lambda moves, skin: moves.mean() > skin / 2)


class SoundSkin(Skin):
    """A list that is made again in time."""

    farthest = staticmethod(lambda moves, skin: moves.max() > skin / 2)


@pytest.mark.parametrize(
    ("skin", "words"),
    [
        (WholeSkin(make_builtin("gupta"), 0.8), "eight steps"),
        (MeanMove(make_builtin("gupta"), 0.2), "one atom moved"),
        (SoundSkin(make_builtin("gupta"), 0.3), ""),
    ],
)
def test_a_list_of_which_the_skin_is_taken_wrongly_fails_history_independence(skin, words):
    (disordered,) = load_structures("Cu32-disordered")
    found = physcheck.measure_history_independence(
        skin, disordered.configurations, rng=np.random.default_rng(0)
    )
    assert outcome(found) is (Outcome.FAIL if words else Outcome.PASS)
    assert words in found.evidence["place"]


def test_a_list_that_is_made_again_too_late_fails_history_independence():
    found = physcheck.measure_history_independence(
        Skin(make_builtin("morse"), 0.3), bulk("Cu", cubic=True)
    )
    assert outcome(found) is Outcome.FAIL
    assert "eight steps" in found.evidence["place"]


def test_what_history_does_not_explain_is_said():
    class Blip(Faulty):
        calls = 0

        def answer(self, one, want):
            self.calls += 1
            factor = 1.3 if self.calls == 9 else 1.0
            return scaled(self.inner.evaluate(one, want=want), factor)

        fresh = property(doc="none can be made")

    found = physcheck.measure_history_independence(Blip(), structure("ethanol"))
    assert outcome(found) is Outcome.FAIL
    assert "not so when all was asked again" in found.evidence["place"]
    assert "uninitialised memory" in found.evidence["causes"]


def test_inputs_that_change_nothing_are_named():
    found = physcheck.measure_history_independence(make_builtin("morse"), structure("ethanol"))
    assert outcome(found) is Outcome.PASS
    ignored = found.evidence["quantities"]["changes_without_effect"]
    assert [label.rpartition(" ")[2] for label in ignored] == ["charge", "spin", "moments", "tags"]


class Poles(Faulty):
    """NaN where a bond is along z."""

    def answer(self, one, want):
        found = self.inner.evaluate(one, want=want)
        x = one.positions[0]
        flat = np.abs(x[:, None, :2] - x[None, :, :2]).max(axis=-1) == 0
        along = (flat & ~np.eye(len(x), dtype=bool)).any(axis=1)
        return replace(found, forces=np.where(along[:, None], np.nan, found.forces))


def test_nan_at_symmetric_places_fails_finite_outputs():
    atoms = structure("ethanol")
    rattled = as_configurations(atoms).displaced(
        0.05 * np.random.default_rng(0).standard_normal((1, len(atoms), 3))
    )
    found = physcheck.measure_finite_outputs(Poles(), rattled)
    assert outcome(found) is Outcome.FAIL
    sound = physcheck.measure_finite_outputs(make_builtin("morse"), rattled)
    assert outcome(sound) is Outcome.PASS


class NoFluorine(Faulty):
    """Claims fluorine; what it does with it is ``what``."""

    what = ""

    def answer(self, one, want):
        found = self.inner.evaluate(one, want=want)
        if 9 not in one.system.numbers:
            return found
        if self.what == "raises":
            raise KeyError(9)
        return scaled(found, np.nan if self.what == "nan" else 0.0)


@pytest.mark.parametrize(
    ("what", "check"),
    [("raises", "finite_outputs"), ("nan", "finite_outputs"), ("zero", "responsiveness")],
)
def test_a_species_that_is_claimed_and_has_no_parameters_fails(what, check):
    model = NoFluorine(species=frozenset({1, 6, 8, 9}))
    model.what = what
    measure = getattr(physcheck, f"measure_{check}")
    found = measure(model, structure("ethanol"))
    assert outcome(found) is Outcome.FAIL
    assert " F" in found.evidence["place"]
    sound = Faulty(species=frozenset({1, 6, 8, 9}))
    assert outcome(measure(sound, structure("ethanol"))) is Outcome.PASS


class Flat(Faulty):
    """No forces in structures without any extent along an axis (bins of no width)."""

    def answer(self, one, want):
        found = self.inner.evaluate(one, want=want)
        extent = np.ptp(one.positions[0], axis=0).min()
        isolated = not one.system.is_periodic and one.n_atoms > 1
        return scaled(found, 0.0) if isolated and extent == 0 else found


class Ties(Faulty):
    """An energy that is lost where two atoms are exactly half a cell apart."""

    def answer(self, one, want):
        found = self.inner.evaluate(one, want=want)
        if not one.system.is_fully_periodic or found.energy is None:
            return found
        s = one.positions[0] @ np.linalg.inv(one.cells[0])
        tied = np.abs(np.abs(s[:, None] - s[None]) - 0.5) < 1e-9
        return replace(found, energy=found.energy + 0.1 * tied.sum())


class Lonely(Faulty):
    """Atoms without neighbours lack their own energy."""

    def answer(self, one, want):
        found = self.inner.evaluate(one, want=want)
        x = one.positions[0]
        near = np.linalg.norm(x[:, None] - x[None], axis=-1) < self.inner.cutoff
        if one.system.is_periodic or found.energy is None:
            return found
        return replace(found, energy=found.energy - 2.0 * (near.sum(axis=1) > 1).sum())


@pytest.mark.parametrize(
    ("model", "place", "words"),
    [
        (Flat, "ethanol", "plane z = 0"),
        (Ties, "copper", "lattice"),
        (Lonely, "water", "an atom at"),
    ],
)
def test_jumps_at_symmetric_places_and_of_lonely_atoms_fail_cutoff_smoothness(model, place, words):
    found = physcheck.measure_cutoff_smoothness(model(), structure(place))
    assert outcome(found) is Outcome.FAIL
    assert words in found.evidence["place"] or "axis" in found.evidence["place"]
    if model is not Lonely:
        assert "tie of images" in found.evidence["causes"]
    sound = physcheck.measure_cutoff_smoothness(make_builtin("morse"), structure(place))
    assert outcome(sound) is Outcome.PASS


class CellForPbc(Faulty):
    """Images along every axis that has a cell vector."""

    def answer(self, one, want):
        pbc = one.cells[0].any(axis=1)
        other = Configurations(replace(one.system, pbc=pbc), one.positions, one.cells)
        return self.inner.evaluate(other, want=want - {"stress"})


class FirstAxes(Faulty):
    """Two periodic axes are taken for the first two."""

    def answer(self, one, want):
        pbc = np.arange(3) < one.system.pbc.sum()
        cells = one.cells.copy()
        vacuum = ~one.cells[0].any(axis=1)
        cells[0][vacuum] = 50 * complete_cell(one.cells[0])[vacuum]
        other = Configurations(replace(one.system, pbc=pbc), one.positions, cells)
        return self.inner.evaluate(other, want=want)


@pytest.mark.parametrize(
    ("model", "place", "words"),
    [
        (CellForPbc, "water", "aren't periodic"),
        (CellForPbc, "slab", "aren't periodic"),
        (FirstAxes, "slab", "c, a, b"),
    ],
)
def test_cells_of_axes_that_are_not_periodic_mean_nothing(model, place, words):
    found = physcheck.measure_lattice_basis(model(), structure(place))
    assert outcome(found) is Outcome.FAIL
    assert words in found.evidence["place"]
    sound = physcheck.measure_lattice_basis(make_builtin("morse"), structure(place))
    assert outcome(sound) is Outcome.PASS


def test_a_model_that_takes_no_box_is_not_at_fault():
    class NoBox(Faulty):
        def answer(self, one, want):
            if not one.system.is_periodic and one.cells.any():
                raise ValueError("a cell without pbc")
            return self.inner.evaluate(one, want=want)

    with pytest.raises(physcheck.errors.CapabilityMissing, match="a cell without pbc"):
        physcheck.measure_lattice_basis(NoBox(), structure("water"))


@pytest.mark.parametrize("lost", [lambda s: s == 1.0, lambda s: np.abs(s - 1) < 1e-12])
def test_atoms_at_the_far_corner_are_not_lost(lost):
    class Corner(Faulty):
        def answer(self, one, want):
            found = self.inner.evaluate(one, want=want)
            s = one.positions[0] @ np.linalg.inv(one.cells[0])
            return replace(found, forces=np.where(lost(s).any(axis=1)[:, None], 0.0, found.forces))

    found = physcheck.measure_periodic_wrap(Corner(), structure("copper"))
    assert outcome(found) is Outcome.FAIL
    assert "opposite corner" in found.evidence["place"]


def test_an_atom_that_does_not_see_its_own_images_fails_supercell_extensivity():
    class NoSelf(Faulty):
        def answer(self, one, want):
            found = self.inner.evaluate(one, want=want)
            return scaled(found, 0.0) if one.n_atoms == 1 else found

    found = physcheck.measure_supercell_extensivity(NoSelf(), structure("copper"))
    assert outcome(found) is Outcome.FAIL
    assert "among its images" in found.evidence["place"]


def in_a_batch(answer, change):
    """The answer with other forces."""
    return replace(answer, forces=change(answer.forces.copy()))


def left_over(forces):
    """Chunks of 8: what is left over isn't computed."""
    if len(forces) > 8:
        forces[len(forces) - len(forces) % 8 :] = 0.0
    return forces


def overflow(forces):
    """Rows beyond 32 are those of the first ones."""
    forces[32:] = forces[: max(0, len(forces) - 32)]
    return forces


@pytest.mark.parametrize("change", [left_over, overflow])
@pytest.mark.parametrize("place", ["water", "copper"])
def test_large_batches_are_asked_for_too(change, place):
    class Batched(Faulty):
        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            return in_a_batch(self.inner.evaluate(configurations, want=want), change)

    found = physcheck.measure_batch_invariance(Batched(), structure(place))
    assert outcome(found) is Outcome.FAIL
    assert "batch of 37" in found.evidence["place"]


def test_the_memory_of_a_warm_start_is_no_fault_where_atoms_are_far_from_rest():
    atoms = structure("ethanol")
    model = make_builtin("morse+stateful=2e-5")
    found = physcheck.measure_history_independence(model, atoms)
    differing = found.evidence["quantities"]["rms_differences_eV_per_A"]
    assert 0 < differing["the structure"] <= 1e-4
    assert outcome(found) is Outcome.PASS
    strong = physcheck.measure_history_independence(make_builtin("morse+stateful=1e-2"), atoms)
    assert outcome(strong) is Outcome.FAIL


@pytest.mark.parametrize(
    ("name", "place"), [("water", "H2O"), ("morse+float32+offset=1e4", "Ar13")]
)
def test_cusps_of_angles_and_coarse_energies_are_no_jumps(name, place):
    """An angle of 180 degrees rounds coarsely; an onset that noise hides isn't at the cutoff."""
    for seed in range(2):
        found = physcheck.measure_cutoff_smoothness(
            make_builtin(name), catalogue()[place].configurations, rng=np.random.default_rng(seed)
        )
        assert outcome(found) is not Outcome.FAIL
