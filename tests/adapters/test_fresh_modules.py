"""A torch module of a factory is held against one that the factory makes again."""

import numpy as np
import torch
from ase.build import bulk, molecule
from ase.calculators.emt import EMT

import physcheck
from physcheck.adapters.ase import CalculatorModel
from physcheck.adapters.fresh_modules import FactoryTorchModel
from physcheck.measurement import Outcome, judge
from physcheck.registry import tolerance_of


class Springs(torch.nn.Module):
    """Springs to the centre; all calls after the second have other forces, as fused code may."""

    def __init__(self, changes, weight=1.0):
        super().__init__()
        self.changes, self.calls = changes, 0
        self.weight = torch.nn.Parameter(torch.tensor(weight, dtype=torch.float64))

    def forward(self, positions, numbers, cells, pbc):
        self.calls += 1
        x = positions.detach()
        apart = x.mean(1, keepdim=True) - x
        k = self.weight.detach() * (1.02 if self.changes and self.calls > 2 else 1.0)
        return {"energy": 0.5 * k * (apart**2).sum((1, 2)), "forces": k * apart}


def outcome_of(make):
    model = FactoryTorchModel(make(), make)
    model.evaluate(physcheck.system.as_configurations(molecule("H2O")))
    found = physcheck.measure_history_independence(model, molecule("H2O"), rng=0)
    return judge(found, tolerance_of("history_independence", "md")).outcome


def test_a_module_that_is_fused_after_its_first_calls_fails_history_independence():
    assert outcome_of(lambda: Springs(True)) is Outcome.FAIL
    assert outcome_of(lambda: Springs(False)) is Outcome.PASS


def test_random_weights_are_no_memory():
    def make():
        return Springs(False, weight=float(torch.rand(())))

    assert FactoryTorchModel(make(), make).fresh is None
    assert outcome_of(make) is Outcome.PASS


def test_random_numbers_beside_the_weights_are_no_memory():
    def make():
        module = Springs(False)
        module.register_buffer("k", torch.rand((), dtype=torch.float64), persistent=False)
        module.register_forward_hook(lambda m, _, out: {k: m.k * v for k, v in out.items()})
        return module

    assert outcome_of(make) is Outcome.PASS
    # Of calculators nothing is known of their weights at all.
    model = CalculatorModel.from_factory(lambda: Scaled(np.random.default_rng().random()))
    found = physcheck.measure_history_independence(model, bulk("Cu", cubic=True), rng=0)
    assert judge(found, tolerance_of("history_independence", "md")).outcome is Outcome.PASS
    assert not found.evidence["quantities"]["compared_with_fresh_model"]


def test_nothing_is_made_again_until_a_check_asks_for_it():
    made = []

    def make():
        made.append(Springs(False))
        return made[-1]

    model = FactoryTorchModel(make(), make)
    physcheck.measure_determinism(model, molecule("H2O"), rng=0)
    physcheck.measure_net_force(model, molecule("H2O"), rng=0)
    assert len(made) == 1
    assert model.fresh is not None
    assert len(made) == 2


class Scaled(EMT):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results = {
            name: self.factor * self.results[name]
            for name in ("energy", "forces", "stress")
            if name in self.results
        }
