"""Kinds of faults that people reported in public, each caught by its own check and by no other."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from support.family_runs import structure

import physcheck
from physcheck.adapters.ase import CalculatorModel
from physcheck.checks.what_shows import cell_shear
from physcheck.errors import CapabilityMissing
from physcheck.measurement import Outcome, judge
from physcheck.model import Capabilities
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.run.plan import make_plan
from physcheck.run.settings import Settings
from physcheck.run.trial_calls import REFUSED
from physcheck.structures import catalogue
from physcheck.system import Evaluation


class Wrapped:
    """A sound built-in potential whose answers a function changes."""

    def __init__(self, change, name="gupta"):
        self.inner, self.change = make_builtin(name), change
        self.capabilities = self.inner.capabilities

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        return self.change(self.inner.evaluate(configurations, want=want), configurations)


def outcome(measured):
    return judge(measured, tolerance_of(measured.check, "md")).outcome


def signed_volume(answer, asked):
    sign = np.sign(np.linalg.det(asked.cells))[:, None, None]
    return Evaluation(
        answer.energy, answer.forces, None if answer.stress is None else sign * answer.stress
    )


def test_a_stress_over_the_signed_volume_fails_lattice_basis():
    found = physcheck.measure_lattice_basis(Wrapped(signed_volume), structure("copper"))
    assert outcome(found) is Outcome.FAIL
    assert "det < 0" in found.evidence["place"]
    sound = physcheck.measure_lattice_basis(make_builtin("gupta"), structure("copper"))
    assert outcome(sound) is Outcome.PASS
    assert sound.force_evaluations - 16 <= 15


def lost_between_cells(answer, asked):
    fractional = asked.positions @ np.linalg.inv(asked.cells)
    lost = (fractional - np.floor(fractional) >= 1.0).any(axis=-1)
    return Evaluation(answer.energy, np.where(lost[..., None], 0.0, answer.forces), answer.stress)


def test_an_atom_with_a_tiny_negative_coordinate_is_not_lost():
    found = physcheck.measure_periodic_wrap(Wrapped(lost_between_cells), structure("copper"))
    assert outcome(found) is Outcome.FAIL
    assert "e-52" in found.evidence["place"]
    sound = physcheck.measure_periodic_wrap(make_builtin("gupta"), structure("copper"))
    assert outcome(sound) is Outcome.PASS


def by_elements_present(answer, asked):
    factor = 1 + 0.1 * len(set(asked.system.numbers.tolist()))
    return Evaluation(
        None if answer.energy is None else factor * answer.energy, factor * answer.forces
    )


def test_parameters_that_depend_on_the_elements_present_fail_separated_additivity():
    found = physcheck.measure_separated_additivity(
        Wrapped(by_elements_present, "morse"), molecule("CH3CH2OH")
    )
    assert outcome(found) is Outcome.FAIL
    assert "atoms with" in found.evidence["place"]
    sound = physcheck.measure_separated_additivity(make_builtin("morse"), molecule("CH3CH2OH"))
    assert outcome(sound) is Outcome.PASS


class FirstCallDiffers(EMT):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.calls += 1
        if self.calls > 1:
            for name in ("energy", "free_energy", "forces"):
                self.results[name] = 1.02 * self.results[name]


class ChargeIsNotInTheCache(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["forces"] = self.results["forces"] * (1 + self.atoms.info.get("charge", 0))


class EnergyIsKept(EMT):
    kept = None

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.kept = self.kept or self.results["energy"]
        self.results["energy"] = self.results["free_energy"] = self.kept


@pytest.mark.parametrize(
    ("calculator", "place"),
    [
        (FirstCallDiffers, "the structure"),
        (ChargeIsNotInTheCache, "another charge"),
        (EnergyIsKept, "other species in its places"),
    ],
)
def test_stale_answers_fail_history_independence(calculator, place):
    model = CalculatorModel.from_factory(calculator)
    found = physcheck.measure_history_independence(model, structure("water"))
    assert outcome(found) is Outcome.FAIL
    apart = found.evidence["quantities"]["rms_differences_eV_per_A"]
    assert any(place in label for label, difference in apart.items() if difference > 0)


def test_a_sound_calculator_keeps_no_history():
    model = CalculatorModel.from_factory(EMT)
    found = physcheck.measure_history_independence(model, structure("copper"))
    assert outcome(found) is Outcome.PASS
    assert found.evidence["quantities"]["compared_with_fresh_model"]
    assert found.force_evaluations <= 60


@pytest.mark.parametrize("name", ["morse", "gupta", "lennard-jones", "morse+float32"])
@pytest.mark.parametrize("place", ["ethanol", "copper", "slab"])
def test_forces_respond_to_moves(name, place):
    sound = physcheck.measure_responsiveness(make_builtin(name), structure(place))
    dead = physcheck.measure_responsiveness(make_builtin(f"{name}+constant"), structure(place))
    assert (outcome(sound), outcome(dead)) == (Outcome.PASS, Outcome.FAIL)
    assert sound.force_evaluations <= 16 + 4


def test_a_response_that_noise_may_hide_is_not_called_absent():
    start = catalogue()["Ar13"].configurations
    for seed in range(3):
        found = physcheck.measure_responsiveness(
            make_builtin("lennard-jones+noise=1e-3"), start, rng=np.random.default_rng(seed)
        )
        assert found.value == 1.0
        verdict = judge(found, tolerance_of("responsiveness", "md"))
        assert verdict.outcome is Outcome.INCONCLUSIVE


def test_responsiveness_does_not_apply_where_nothing_interacts():
    apart = molecule("H2")
    apart.positions *= 10
    with pytest.raises(CapabilityMissing, match="no two atoms are closer"):
        physcheck.measure_responsiveness(make_builtin("morse"), apart)


def test_the_plan_gives_cutoff_smoothness_a_structure_that_can_show_its_fault():
    plan = make_plan(make_builtin("gupta"), Settings(model="builtin::gupta", budget="quick"))
    where = [e.structure for e in plan.entries if e.check.id == "cutoff_smoothness"]
    assert len(where) == 2
    assert where[1].configurations.system.is_fully_periodic
    assert plan.evaluations <= 2_500


@pytest.mark.parametrize("check", ["batch_invariance", "input_untouched"])
def test_what_a_cell_can_show_is_tried_in_the_most_sheared_cell(check):
    plan = make_plan(make_builtin("gupta"), Settings(model="builtin::gupta", budget="quick"))
    where = [e.structure.name for e in plan.entries if e.check.id == check]
    assert len(where) == 2
    assert cell_shear(catalogue()[where[1]].configurations) > 0.3


def test_a_kind_of_structures_that_is_refused_is_said_beside_the_verdict():
    class NeedsACell:
        capabilities = Capabilities("x", "y", frozenset({"forces"}))

        def evaluate(self, configurations, *, want=frozenset({"forces"})):
            np.linalg.inv(configurations.cells)
            return Evaluation(forces=np.zeros_like(configurations.positions))

    plan = make_plan(NeedsACell(), Settings(model="x.py", budget="quick"))
    assert [r for r in plan.remarks if r.startswith(REFUSED)] == [
        "refused: molecules (the model raised LinAlgError: Singular matrix)"
    ]


def test_the_metal_of_the_catalogue_is_preferred_to_a_molecule():
    from physcheck.checks.smoothness.cutoff_smoothness import pairs_within_reach
    from physcheck.system import as_configurations

    copper = as_configurations(bulk("Cu", cubic=True))
    assert pairs_within_reach(copper) > pairs_within_reach(as_configurations(molecule("C6H6")))
