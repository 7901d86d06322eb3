"""Each output's own grain: energies on a coarse grid under exact forces are noise, not a gap."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from physcheck.adapters.ase import CalculatorModel
from physcheck.checks.conservation.force_energy_gap import measure_force_energy_gap
from physcheck.checks.smoothness.cutoff_smoothness import measure_cutoff_smoothness
from physcheck.measurement import Outcome, judge
from physcheck.model import Capabilities, Meter
from physcheck.potentials import Morse
from physcheck.registry import tolerance_of
from physcheck.resolution import RESOLUTION_EVALUATIONS, measure_resolution
from physcheck.structures import catalogue
from physcheck.system import Configurations, Evaluation

HARTREE = 27.211386
GRAINS = {
    "float32": lambda e: float(np.float32(e + 2e4)),
    "float32 in hartree": lambda e: float(np.float32((e + 2e4) / HARTREE)) * HARTREE,
    "three decimals": lambda e: round(e, 3),
}


class Rounded(EMT):
    """EMT whose energies went through ``cast``; its forces are exact."""

    def __init__(self, cast, forces=lambda forces: forces):
        super().__init__()
        self.cast, self.cast_forces = cast, forces

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        energy = self.cast(self.results["energy"])
        self.results["energy"] = self.results["free_energy"] = energy
        self.results["forces"] = self.cast_forces(self.results["forces"])


def resolution_of(cast, name="ethanol"):
    model = CalculatorModel(Rounded(cast))
    start = catalogue()[name].configurations
    return measure_resolution(model, start, rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    ("grain", "spacing"),
    [("float32", 2.0**-9), ("float32 in hartree", HARTREE * 2.0**-14), ("three decimals", 1e-3)],
)
def test_the_grain_of_energies_is_measured_whatever_the_forces_are(grain, spacing):
    found = resolution_of(GRAINS[grain])
    assert found.energy_grain == pytest.approx(spacing, rel=1e-6)
    assert found.energy_noise >= spacing / np.sqrt(12) * 0.999
    assert found.energy_rounding(3 * found.energy_size) >= 2 * spacing / np.sqrt(12)
    assert found.force_noise < 1e-12


def test_energies_of_float64_have_no_grain_on_symmetric_and_other_structures():
    for name in ("ethanol", "Cu32"):
        found = resolution_of(lambda e: e, name)
        assert found.energy_grain == 0.0
        assert found.energy_noise < 1e-11


@pytest.mark.parametrize("grain", GRAINS)
@pytest.mark.parametrize("measure", [measure_force_energy_gap, measure_cutoff_smoothness])
def test_coarse_energies_fail_nothing(measure, grain):
    model = CalculatorModel(Rounded(GRAINS[grain]))
    measured = measure(model, catalogue()["ethanol"].configurations)
    assert judge(measured, tolerance_of(measured.check, "md")).outcome is not Outcome.FAIL


@pytest.mark.parametrize("offset", [0.0, 1.0, 123.456])
def test_an_energy_that_never_changes_still_fails(offset):
    model = CalculatorModel(Rounded(lambda e: offset))
    measured = measure_force_energy_gap(model, catalogue()["ethanol"].configurations)
    assert judge(measured, tolerance_of("force_energy_gap", "md")).outcome is Outcome.FAIL


def test_the_dtype_of_a_symmetric_structure_is_told_from_a_displaced_one():
    start = Configurations.from_atoms(bulk("Cu", cubic=True))
    single = lambda forces: forces.astype(np.float32).astype(float)  # noqa: E731
    for cast, dtype in ((lambda forces: forces, "float64"), (single, "float32")):
        model = CalculatorModel(Rounded(lambda e: e, cast))
        Meter(model).ask(start)
        assert model.capabilities.dtype == dtype
        # Forces that are zero by symmetry tell nothing.
        never_asked = CalculatorModel(Rounded(lambda e: e, single))
        never_asked.evaluate(start)
        assert never_asked.capabilities.dtype == "unknown"


class FindsOutAtTheFirstCall:
    """Morse that says it gives energies after its first answer, which differs in the last digit."""

    def __init__(self):
        self.potential, self.calls = Morse(), 0
        self.capabilities = replace(self.potential.capabilities, outputs=frozenset({"forces"}))

    def evaluate(self, configurations, *, want):
        answer = self.potential.evaluate(configurations, want=frozenset({"energy", "forces"}))
        outputs = frozenset({"energy", "forces"})
        self.capabilities, self.calls = replace(self.capabilities, outputs=outputs), self.calls + 1
        forces = answer.forces * (1 + 1e-15) if self.calls == 1 else answer.forces
        return Evaluation(answer.energy if "energy" in want else None, forces)


def test_a_missing_first_energy_is_no_memory():
    start = catalogue()["ethanol"].configurations
    found = measure_resolution(FindsOutAtTheFirstCall(), start, rng=np.random.default_rng(0))
    assert found.energy_history < 1e-12
    assert found.energy_noise < 1e-9


class Bent:
    """A spring for each coordinate, and ``walls`` that push from 5e-5 Å on."""

    capabilities = Capabilities(
        name="bent", adapter="test", outputs=frozenset({"energy", "forces"})
    )

    def __init__(self, start, push, wall=2e-4):
        self.x0, self.push, self.wall = start.positions[0], push, 0.1 + wall

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        moved = configurations.positions - self.x0 + 0.1
        beyond = np.maximum(moved - self.wall, 0.0)
        energy = (2.5 * moved**2 + 0.5 * self.push * beyond**2).sum(axis=(1, 2)) + 4000.0
        return Evaluation(energy=energy, forces=-5 * moved - self.push * beyond)


@pytest.mark.parametrize("push", [0.0, 50.0])
def test_kinks_of_the_energy_are_no_noise_of_it(push):
    """A difference table reads bends as noise, on its longer line alone."""
    start = catalogue()["ethanol"].configurations
    found = measure_resolution(Bent(start, push), start, rng=np.random.default_rng(0))
    assert 1e-14 < found.energy_noise < 1e-11


def test_a_kink_at_the_structure_is_no_noise_of_the_forces():
    start = catalogue()["ethanol"].configurations
    model = Bent(start, 50.0, wall=0.0)
    found = measure_resolution(model, start, rng=np.random.default_rng(0))
    assert found.force_noise < 1e-12
    assert found.evaluations == 28


class Noisy:
    """Springs to the origin with noise that a fresh copy has, too."""

    def __init__(self, *, size=1e-3, copies=True):
        self.capabilities = Capabilities("noisy", "test", frozenset({"energy", "forces"}))
        self.rng, self.size = np.random.default_rng(0), size
        if copies:
            self.fresh = lambda: self

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        x = configurations.positions
        noise = self.size * self.rng.standard_normal(x.shape)
        return Evaluation(0.5 * (x**2).sum((1, 2)), noise - x, None)


def test_the_cost_of_a_resolution_is_16_evaluations_and_39_at_most():
    start = catalogue()["ethanol"].configurations
    costs = []
    for model in (Noisy(size=0.0), Noisy(copies=False), Noisy()):
        meter = Meter(model)
        measure_resolution(meter, start, rng=np.random.default_rng(0))
        costs.append(meter.evaluations)
    assert costs == [16, 36, 39]
    assert max(costs) == RESOLUTION_EVALUATIONS
