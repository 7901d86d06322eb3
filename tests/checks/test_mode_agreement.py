"""Modes of one model that agree, and kernels that are off by a stated share."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from physcheck import measure_mode_agreement
from physcheck.adapters.loading import load_model
from physcheck.adapters.torch import TorchModel
from physcheck.checks import find_checks
from physcheck.checks.implementation.repeated_gaps import gap_of
from physcheck.errors import CapabilityMissing, SpecError
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.plugin.options import settings_of
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of

# Of a single answer of the public float32 kernels, so that both modes together have 2e-5.
FLOOR = 2e-5 / np.sqrt(2)


class Mode:
    """A built-in potential whose forces are rounded anew at every place, and off by a share."""

    def __init__(self, name, *, noise=0.0, seed=0, fault=lambda answer: answer, **details):
        self.model = make_builtin("gupta")
        self.noise, self.seed, self.fault = noise, seed, fault
        known = self.model.capabilities
        self.capabilities = replace(known, dtype="float32", details={"mode": name, **details})

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        answer = self.fault(self.model.evaluate(configurations, want=want))
        forces = answer.forces.copy()
        for row, place in zip(forces, configurations.positions.astype(np.float32), strict=True):
            digits = int(hashlib.sha256(place.tobytes()).hexdigest()[:8], 16)
            rng = np.random.default_rng([self.seed, digits])
            row += self.noise * np.sqrt(np.mean(row**2)) * rng.standard_normal(row.shape)
        return replace(answer, forces=forces)


def scaled(by, *, output="forces"):
    return lambda answer: replace(answer, **{output: (1 + by) * getattr(answer, output)})


def other_field(by):
    """A smooth field of the forces' size that has nothing to do with them."""

    def fault(answer):
        n = answer.forces[0].size
        wave = np.sqrt(2) * np.cos(np.arange(n)).reshape(answer.forces[0].shape)
        size = np.sqrt(np.mean(answer.forces**2, axis=(1, 2), keepdims=True))
        return replace(answer, forces=answer.forces + by * size * wave)

    return fault


def measured(fault, *, noise=FLOOR, structure="Cu32", rng=0, **options):
    plain = Mode("plain", noise=noise, seed=1)
    kernel = Mode("kernel:fused", noise=noise, seed=2, fault=fault)
    return measure_mode_agreement(plain, structure, reference=kernel, rng=rng, **options)


def outcome(found, profile="md"):
    return judge(found, tolerance_of("mode_agreement", profile)).outcome


@pytest.mark.parametrize("structure", ["Cu32", "Si8", "H2O"])
def test_modes_that_differ_by_rounding_agree(structure):
    for rng in range(10):
        found = measured(scaled(0.0), structure=structure, rng=rng)
        assert outcome(found) is Outcome.PASS
        assert found.value < 1e-5
        assert found.evidence["quantities"]["noises"]["forces"] == pytest.approx(2e-5, rel=0.3)


def test_equal_modes_agree_to_the_tightest_tolerance():
    found = measured(scaled(0.0), noise=0.0)
    assert found.value == 0.0
    assert outcome(found, "tight") is Outcome.PASS


@pytest.mark.parametrize("structure", ["Cu32", "Si8", "H2O"])
@pytest.mark.parametrize("fault", [scaled(5e-5), other_field(5e-5)])
def test_a_kernel_that_is_off_by_5e_5_above_a_floor_of_2e_5_fails(structure, fault):
    for rng in range(5):
        found = measured(fault, structure=structure, rng=rng)
        assert outcome(found) is Outcome.FAIL
        assert found.interval[0] <= 5e-5 <= found.interval[1] * 1.1
        assert found.detection_limit < 5e-5
        assert "forces of plain and kernel:fused" in found.evidence["place"]


def test_at_the_detection_limit_19_of_20_fail():
    limit = measured(scaled(0.0), structure="H2O").detection_limit
    found = [measured(scaled(limit), structure="H2O", rng=rng) for rng in range(40)]
    assert sum(outcome(one) is Outcome.FAIL for one in found) >= 35


def test_an_energy_or_stress_of_the_wrong_size_is_named():
    energy = measured(scaled(0.01, output="energy"))
    assert outcome(energy, "screening") is Outcome.FAIL
    assert energy.evidence["place"].startswith("energy of")
    stress = measured(scaled(0.01, output="stress"))
    assert outcome(stress) is Outcome.FAIL
    assert stress.evidence["place"].startswith("stress of")


def test_an_energy_that_rounding_hides_is_named_and_keeps_nothing_from_passing():
    def rounded(answer):
        return replace(answer, energy=np.float32(answer.energy + 1e6).astype(float))

    found = measured(rounded)
    # A constant of a million eV is a difference that no rounding hides.
    assert outcome(found) is Outcome.FAIL
    plain = Mode("plain", noise=FLOOR, seed=1, fault=rounded)

    def off(answer):
        return rounded(replace(answer, energy=answer.energy + 0.02))

    kernel = Mode("kernel", noise=FLOOR, seed=2, fault=off)
    both = measure_mode_agreement(plain, "Cu32", reference=kernel, rng=0)
    assert outcome(both) is Outcome.PASS
    assert "rounding hides energy below" in both.evidence["place"]


def test_its_cost_is_its_allotment():
    spec = find_checks("mode_agreement")[0]
    for level, cost in (("quick", 24), ("standard", 64), ("full", 256)):
        found = measured(scaled(0.0), structure="H2O", **spec.options[level])
        assert found.force_evaluations == cost == spec.evaluations(None, None, level)


def test_other_models_are_no_modes():
    plain = Mode("plain")
    unknown = Mode(None)
    with pytest.raises(CapabilityMissing, match="it isn't known whether"):
        measure_mode_agreement(plain, "H2O", reference=unknown)
    one, same = (Mode(None, weights_sha256="a", compiled=kind) for kind in ("no", "torch.compile"))
    assert outcome(measure_mode_agreement(one, "H2O", reference=same)) is Outcome.PASS
    for details, why in (
        ({"weights_sha256": "b"}, "the reference has other weights"),
        (
            {"weights_sha256": "a", "compiled": "no", "head": "pbe"},
            "the reference has another head",
        ),
    ):
        with pytest.raises(CapabilityMissing, match=why):
            measure_mode_agreement(one, "H2O", reference=Mode(None, **details))


def test_the_chance_of_a_false_fail_is_small():
    rng = np.random.default_rng(5)
    zeros = np.zeros((8, 3))
    over = 0
    for _ in range(2000):
        answers = rng.standard_normal((8, 3)), zeros
        over += gap_of("x", answers, (2, 4, -1), 1.0, 3, "float64").low > 0
    # 2.5e-5 is the chance of each.
    assert over <= 1


class Springs(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stiffness = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, positions, numbers, cells, pbc):
        apart = positions.unsqueeze(2) - positions.unsqueeze(1)
        squares = (apart * apart).sum(-1)
        energy = self.stiffness * torch.exp(-squares).sum((1, 2))
        (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=True)
        return {"energy": energy, "forces": -gradient}


def test_a_compiled_module_agrees_with_itself_and_its_products():
    models = [TorchModel(Springs(), mode=mode) for mode in ("plain", "compiled:eager")]
    start = load_start()
    for model in models:
        Meter(model).ask(start)
    found = measure_mode_agreement(models[0], start, reference=models[1], places=2, copies=2)
    assert outcome(found) is Outcome.PASS
    assert set(found.evidence["quantities"]["gaps"]) == {"forces", "energy", "J v"}
    assert found.jacobian_products == 8


def load_start():
    from physcheck.structures import catalogue

    return catalogue()["H2O"].configurations


def test_a_user_s_own_compiled_module_has_the_weights_of_the_plain_one():
    plain = Springs()
    compiled = torch.compile(Springs(), backend="eager")
    found = measure_mode_agreement(plain, "H2O", reference=compiled, places=2, copies=2)
    assert outcome(found) is Outcome.PASS
    assert found.evidence["quantities"]["modes"] == ["plain", "torch.compile"]


SPRINGS = """
import torch

class Module(torch.nn.Module):
    def forward(self, positions, numbers, cells, pbc):
        return {"forces": -positions}

def make():
    return Module()

def own(mode="plain"):
    return Module()
"""


def test_a_mode_of_a_spec_is_told_and_an_unknown_one_refused(tmp_path):
    (tmp_path / "springs.py").write_text(SPRINGS)
    for spec, told in (
        ("make,mode=plain", "plain"),
        ("make,mode=compiled:eager", "compiled:eager"),
        # The factory's own affair.
        ("own,mode=fused", "fused"),
    ):
        model = load_model(f"{tmp_path}/springs.py:{spec}")
        assert model.capabilities.details["mode"] == told
    for mode, said in (
        ("compield", "did you mean compiled"),
        ("compiled:eagr", "no backend 'eagr'; did you mean"),
        ("tf32", "needs a CUDA device"),
    ):
        with pytest.raises(SpecError, match=said):
            load_model(f"{tmp_path}/springs.py:make,mode={mode}")
    with pytest.raises(SpecError, match="takes no option 'mode'"):
        load_model("builtin::gupta,mode=compiled")


def test_the_option_makes_a_model_and_a_reference_of_two_modes(tmp_path):
    settings = settings_of({"model": "x.py:f,k=1", "modes": "plain,compiled"}, tmp_path)
    assert settings.model == "x.py:f,k=1,mode=plain"
    assert settings.reference == "x.py:f,k=1,mode=compiled"
    for given, said in (
        ({"modes": "plain,plain"}, "should be two or more different ones"),
        ({"modes": "plain,a,b"}, "a run compares two modes"),
        ({"modes": "plain,a", "reference": "y.py"}, "beside the reference y.py"),
        ({"modes": "plain,a", "model": "x.py:f,mode=a"}, "has a mode"),
    ):
        with pytest.raises(SpecError, match=said):
            settings_of({"model": "x.py:f", **given}, tmp_path)
