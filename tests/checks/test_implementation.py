from __future__ import annotations

import sys
import time
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.constraints import FixAtoms
from support.family_runs import catches, failed, run, structure, verdicts

from physcheck import (
    PhysicsFailure,
    assert_determinism,
    measure_batch_invariance,
    measure_determinism,
    measure_finite_outputs,
    measure_history_independence,
    measure_input_untouched,
    measure_memory_growth,
    measure_thread_safety,
)
from physcheck.adapters.ase import CalculatorModel
from physcheck.checks import all_checks, find_checks
from physcheck.checks.implementation.finite_outputs import situations
from physcheck.errors import ModelError
from physcheck.measurement import Outcome, judge
from physcheck.potentials import DEFECTS, make_builtin
from physcheck.registry import tolerance_of
from physcheck.system import Evaluation, as_configurations

FAMILIES = ("symmetry", "smoothness", "implementation")


@pytest.mark.parametrize("spec", ["lennard-jones", "gupta+float32", "harmonic+float32"])
@pytest.mark.parametrize("name", ["water", "ethanol", "copper", "salt", "slab"])
def test_good_potentials_pass(spec, name):
    found = run(make_builtin(spec), structure(name), "implementation")
    assert set(verdicts(found).values()) == {"pass"}, verdicts(found)
    assert len(found) == 9


def test_a_real_calculator_passes():
    found = run(CalculatorModel(EMT()), structure("copper"), "implementation")
    assert set(verdicts(found).values()) == {"pass"}, verdicts(found)
    assert {"batch_invariance", "thread_safety"}.isdisjoint(found)


def test_calculators_of_adapters_are_not_shared_by_threads():
    from physcheck.adapters.frameworks import calculator_model

    model = calculator_model("tblite", EMT)
    assert model.capabilities.one_thread
    reason = all_checks()["thread_safety"].missing(
        as_configurations(structure("copper")), model.capabilities
    )
    assert "called from several" in reason


@pytest.mark.parametrize("name", ["water", "ethanol", "copper", "salt", "slab"])
def test_three_families_cost_at_most_496_evaluations(name):
    start = as_configurations(structure(name))
    capabilities = make_builtin("morse").capabilities
    specs = [c for c in all_checks().values() if c.family in FAMILIES and not c.compares]
    # What supercells cost is bounded by its own test, in evaluations of their size.
    specs = [c for c in specs if c.id != "size_consistency"]
    assert len(specs) == 25
    total = sum(
        c.evaluations(start, capabilities, "quick")
        for c in specs
        if c.missing(start, capabilities) is None
    )
    assert 150 < total <= 496


@pytest.mark.parametrize(
    ("defect", "name"),
    [
        ("stale-neighbours", "copper"),
        ("stale-neighbours", "slab"),
        ("stateful=1e-3", "ethanol"),
        ("batch-index=1e-3", "copper"),
        ("batch-padding=1e-3", "ethanol"),
        ("mutates-input", "ethanol"),
        ("mutates-input", "copper"),
        ("nan-alone", "ethanol"),
        ("nan=0.35", "water"),
        ("nan=0.35", "copper"),
        ("thread-unsafe", "ethanol"),
        ("leaking=20", "copper"),
        ("noise=5e-4", "copper"),
    ],
)
def test_defects_are_caught_and_nothing_else_fails(defect, name):
    catches(make_builtin(f"morse+{defect}"), structure(name), DEFECTS[defect.split("=")[0]])


class Wrapped:
    def __init__(self, answer, **options):
        self.model, self.answer = make_builtin("morse"), answer

    capabilities = property(lambda self: self.model.capabilities)

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        return self.answer(self.model.evaluate(configurations, want=want), configurations)


def test_determinism_measures_the_scatter_and_keeps_bits_as_a_fact():
    rng = np.random.default_rng(0)

    def blurred(size):
        return Wrapped(
            lambda a, c: Evaluation(a.energy, a.forces + size * rng.standard_normal(a.forces.shape))
        )

    loud = measure_determinism(blurred(1e-3), structure("copper"), rng=rng)
    assert loud.value == pytest.approx(1e-3, rel=0.3)
    assert loud.interval[0] > 1e-4
    quiet = measure_determinism(blurred(1e-9), structure("copper"), rng=rng)
    assert quiet.evidence["quantities"]["bitwise_equal"] is False
    assert quiet.interval[1] < 1e-8
    still = measure_determinism(make_builtin("morse"), structure("copper"), rng=rng)
    assert still.evidence["quantities"]["bitwise_equal"] is True
    assert still.value == 0.0
    with pytest.raises(PhysicsFailure, match="equal calls give different forces"):
        assert_determinism(blurred(1e-2), structure("copper"))


def test_a_scatter_that_was_seen_fails_and_history_is_not_blamed_for_it():
    """2e-4 eV/Å against 1e-4: not "inconclusive", whatever the error of a scatter of five."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        model = Wrapped(
            lambda a, c, rng=rng: Evaluation(
                a.energy, a.forces + 2e-4 * rng.standard_normal(a.forces.shape), a.stress
            )
        )
        found = measure_determinism(model, structure("copper"), rng=rng)
        assert judge(found, tolerance_of("determinism", "md")).outcome is Outcome.FAIL
        history = measure_history_independence(model, structure("copper"), rng=rng)
        verdict = judge(history, tolerance_of("history_independence", "md"))
        assert verdict.outcome is not Outcome.FAIL


def test_energies_that_scatter_are_no_history():
    rng = np.random.default_rng(0)
    model = Wrapped(lambda a, c: Evaluation(a.energy + 0.3 * rng.standard_normal(), a.forces))
    found = measure_determinism(model, structure("ethanol"), rng=rng)
    assert judge(found, tolerance_of("determinism", "md")).outcome is Outcome.FAIL
    failed = 0
    for seed in range(12):
        history = measure_history_independence(
            model, structure("ethanol"), rng=np.random.default_rng(seed)
        )
        verdict = judge(history, tolerance_of("history_independence", "md"))
        failed += verdict.outcome is Outcome.FAIL
    # Five steps tell a scatter so badly that one in 150 is taken for a history.
    assert failed <= 1


def test_more_calls_settle_a_scatter_just_below_the_tolerance():
    rng = np.random.default_rng(0)
    model = Wrapped(
        lambda a, c: Evaluation(a.energy, a.forces + 5e-5 * rng.standard_normal(a.forces.shape))
    )
    found = measure_determinism(model, structure("copper"), rng=rng)
    assert found.force_evaluations == 25
    assert judge(found, tolerance_of("determinism", "md")).outcome is Outcome.PASS


def test_situations_cover_what_the_model_takes():
    start = as_configurations(structure("ethanol"))
    capabilities = make_builtin("morse").capabilities
    found = dict(situations(start, capabilities))
    assert any("alone" in label for label in found)
    assert {tuple(c.system.pbc.tolist()) for c in found.values()} >= {
        (False, False, False), (True, True, True), (True, True, False), (False, False, True),
    }  # fmt: skip
    x = next(c for label, c in found.items() if "0.3 Å" in label).positions[0]
    d = np.linalg.norm(x[:, None] - x[None], axis=-1) + 9 * np.eye(len(x))
    assert d.min() == pytest.approx(0.3)
    alone = dict(situations(start, replace(capabilities, periodicity="none")))
    assert all(not c.system.is_periodic for c in alone.values())


def test_a_model_that_refuses_situations_is_not_at_fault_but_raising_at_the_structure_is():
    def picky(answer, configurations):
        if configurations.n_atoms != 9:
            raise ValueError("nine atoms, please")
        return answer

    measured = measure_finite_outputs(
        Wrapped(picky), structure("ethanol"), rng=np.random.default_rng(0)
    )
    assert measured.value == 0
    assert "nine atoms" in next(iter(measured.evidence["quantities"]["refused"].values()))
    with pytest.raises(ModelError, match="nine atoms"):
        measure_finite_outputs(Wrapped(picky), structure("water"), rng=np.random.default_rng(0))


class TwoEnergies(EMT):
    """EMT whose ``energy`` is its ``free_energy`` and something more."""

    more = 0.0

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["energy"] = self.results["free_energy"] + self.more * len(self.atoms)


@pytest.mark.parametrize(
    ("more", "count", "text"),
    [
        (0.0, 0, "situations answered with numbers"),
        (0.05, 0, "situations answered with numbers"),
        (-7.0, 0, "differ by -7 eV/atom, more than an entropy of electrons"),
        (np.nan, 9, "the structure: energy is nan, though free_energy is a number"),
    ],
)
def test_the_energy_that_is_reported_beside_the_free_energy(more, count, text):
    calculator = TwoEnergies()
    calculator.more = more
    measured = measure_finite_outputs(calculator, structure("water"))
    assert measured.value >= count
    assert (measured.value == 0) == (count == 0)
    assert text in measured.evidence["place"]
    noted = measured.evidence["quantities"]["energy_minus_free_energy_eV_per_atom"]
    assert noted.get("the structure", np.nan) == pytest.approx(more, nan_ok=True)
    # Forces belong to free_energy: nothing else is wrong.
    found = run(CalculatorModel(calculator), structure("water"), "force_energy_gap,finite_outputs")
    assert failed(found) == ({"finite_outputs"} if count else set())


def test_an_input_changed_is_named_and_the_callers_atoms_are_not_touched():
    def careless(answer, configurations):
        configurations.positions.flags.writeable = True
        configurations.positions[:] += 1.0
        return answer

    atoms = structure("water")
    before = atoms.positions.copy()
    measured = measure_input_untouched(Wrapped(careless), atoms, rng=np.random.default_rng(0))
    assert measured.value == 1
    assert "positions" in measured.evidence["place"]
    assert np.array_equal(atoms.positions, before)


class InPlace(EMT):
    """EMT that changes the Atoms that it is handed, as a function says."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def get_property(self, name, atoms=None, allow_calculation=True):
        value = super().get_property(name, atoms, allow_calculation)
        self.change(atoms)
        return value


def _tagged(atoms):
    atoms.arrays["tags"] = np.ones(len(atoms), int)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda atoms: atoms.wrap(), "Atoms.positions"),
        (lambda atoms: atoms.set_pbc(False), "Atoms.pbc"),
        (lambda atoms: atoms.cell.__imul__(1.01), "Atoms.cell"),
        (lambda atoms: atoms.info.update(charge=1), "Atoms.info['charge']"),
        (lambda atoms: atoms.set_constraint(FixAtoms([0])), "Atoms.constraints"),
        (_tagged, "Atoms.arrays['tags']"),
    ],
)
def test_a_calculator_that_changes_the_atoms_in_its_hands_is_named(change, named):
    start = structure("copper")
    rng = np.random.default_rng(0)
    measured = measure_input_untouched(CalculatorModel(InPlace(change)), start, rng=rng)
    assert measured.evidence["quantities"]["changed"] == [named]
    assert measured.value == 1
    sound = measure_input_untouched(CalculatorModel(InPlace(lambda _: None)), start, rng=rng)
    assert sound.value == 0


def test_a_torch_module_that_changes_its_tensors_is_named():
    import torch

    from physcheck.adapters.torch import TorchModel

    class Springs(torch.nn.Module):
        def __init__(self, *changes):
            super().__init__()
            self.changes = changes

        def forward(self, positions, numbers, cells, pbc):
            energy = 0.5 * (positions**2).sum((1, 2))
            (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=True)
            with torch.no_grad():
                for tensor in (positions, numbers, cells, pbc):
                    if tensor.dtype in self.changes:
                        tensor.add_(1)
            return {"energy": energy, "forces": -gradient}

    for changes, named in (
        ((), []),
        ((torch.float32,), ["cells", "positions"]),
        ((torch.int64,), ["numbers"]),
    ):
        model = TorchModel(Springs(*changes), dtype="float32")
        found = measure_input_untouched(model, structure("water"), rng=np.random.default_rng(0))
        assert found.evidence["quantities"]["changed"] == named


class Lazy(Calculator):
    """Pairs are found at the first call and kept.

    The bug of a neighbour list that is never rebuilt.
    """

    implemented_properties = ("energy", "forces")

    def __init__(self):
        super().__init__()
        self.pairs = None

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        x = self.atoms.positions
        if self.pairs is None or self.pairs[0] != len(x):
            d = np.linalg.norm(x[:, None] - x[None], axis=-1)
            self.pairs = len(x), np.argwhere((d < 4.0) & (d > 0))
        i, j = self.pairs[1].T
        arm = x[j] - x[i]
        r = np.linalg.norm(arm, axis=1)
        near = r < 4.0
        pull = np.where(near, (1 - r / 4.0) ** 3, 0.0)[:, None] * arm / r[:, None]
        forces = np.zeros_like(x)
        np.add.at(forces, i, -pull)
        self.results = {
            "energy": float(np.where(near, 0.5 * (1 - r / 4.0) ** 4, 0.0).sum()),
            "forces": forces,
        }


def test_a_calculator_with_a_stale_list_is_caught():
    x = 3.2 * np.array(list(np.ndindex(3, 3, 2)), dtype=float)
    atoms = Atoms("Ar18", x + 0.1 * np.random.default_rng(0).standard_normal(x.shape))
    found = run(CalculatorModel(Lazy()), atoms, "implementation")
    assert failed(found) == {"history_independence"}


def test_a_model_that_answers_at_some_visits_only_depends_on_its_history():
    sizes = []

    def cold(answer, configurations):
        sizes.append(configurations.n_atoms)
        if configurations.n_atoms == 6 and sizes.count(6) == 1:
            raise RuntimeError("buffer too small")
        return answer

    found = run(Wrapped(cold), structure("water"), "history_independence")
    assert failed(found) == {"history_independence"}
    place = found["history_independence"][1].evidence["place"]
    assert "two copies of it: answered at one visit, not at another" in place
    assert "buffer too small" in place

    def never(answer, configurations):
        if configurations.n_atoms == 6:
            raise RuntimeError("three atoms, please")
        return answer

    assert failed(run(Wrapped(never), structure("water"), "history_independence")) == set()


def test_batches_and_threads_leave_no_trace_in_the_process():
    filters, interval = list(warnings.filters), sys.getswitchinterval()
    measured = measure_thread_safety(
        make_builtin("morse"), structure("water"), rng=np.random.default_rng(0)
    )
    assert measured.value == 0
    assert list(warnings.filters) == filters
    assert sys.getswitchinterval() == interval
    assert not tracemalloc.is_tracing()


def test_an_exception_in_threads_only_is_a_failure():
    busy = []

    def single(answer, configurations):
        busy.append(1)
        if len(busy) > 1:
            raise RuntimeError("busy")
        time.sleep(0.05)
        busy.pop()
        return answer

    found = run(Wrapped(single), structure("water"), "thread_safety")
    assert failed(found) == {"thread_safety"}
    assert "busy" in found["thread_safety"][1].evidence["place"]


def test_batch_invariance_needs_batches():
    check = find_checks("batch_invariance")[0]
    start = as_configurations(structure("water"))
    assert "one configuration at a time" in check.missing(
        start, CalculatorModel(EMT()).capabilities
    )
    measured = measure_batch_invariance(
        make_builtin("morse+batch-index=1e-2"), structure("ethanol"), rng=np.random.default_rng(0)
    )
    assert "in a batch of 37: atom" in measured.evidence["place"]
    # Beside the resolution, which looks at more lines where noise is far above rounding.
    assert measured.force_evaluations - 28 <= 54


@pytest.mark.parametrize("size", [20.0, 200.0])
def test_memory_growth_is_measured_right(size):
    measured = measure_memory_growth(
        make_builtin(f"morse+leaking={size}"), structure("water"), rng=np.random.default_rng(0)
    )
    assert measured.value == pytest.approx(size, rel=0.2)
    assert measured.interval[0] > 0.8 * size


def test_memory_that_is_given_back_in_turns_is_no_growth(monkeypatch):
    readings = iter([0.0, 0.0, 240.0, 0.0, 240.0])
    monkeypatch.setattr(
        "physcheck.checks.implementation.memory_growth._resident_kb", lambda: next(readings)
    )
    measured = measure_memory_growth(make_builtin("morse"), structure("water"))
    assert measured.interval[1] < 10
    readings = iter([0.0, 300.0, 540.0, 840.0, 1140.0])
    measured = measure_memory_growth(make_builtin("morse"), structure("water"))
    assert measured.value == pytest.approx(100.0)
    assert measured.interval[0] > 70


def test_noise_is_reported_and_never_fails():
    found = run(make_builtin("gupta+float32"), structure("copper"), "numerical_noise")
    outcome, measured, evaluations = found["numerical_noise"]
    assert outcome == "pass"
    assert 1e-8 < measured.value < 1e-5
    assert evaluations == 0
