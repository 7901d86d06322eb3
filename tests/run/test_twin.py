"""What float32 leaves open is judged on the same weights in float64."""

import json
from dataclasses import replace

import pytest
from support.soft_pairs import SOFT_PAIRS

from physcheck.adapters.loading import load_model
from physcheck.adapters.precision import could_have_twin, load_float64_twin
from physcheck.checks import find_checks
from physcheck.measurement import Outcome
from physcheck.run.outcomes import unmeasured_record
from physcheck.run.plan import make_plan
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings
from physcheck.run.twin import hidden_by_numerics, judged_in_float64, wants_float64

MODEL = """
import torch

class Bonds(torch.nn.Module):
    '''Soft springs between all atoms; a curl about the origin where one is asked for.'''

    def __init__(self, curl=0.0, seeded=True):
        super().__init__()
        if seeded:
            torch.manual_seed(0)
        self.length = torch.nn.Parameter(1.5 + 0.5 * torch.rand(100))
        self.curl = curl

    def forward(self, positions, numbers, cells, pbc):
        x = positions.detach().requires_grad_()
        apart = x.unsqueeze(2) - x.unsqueeze(1)
        far = torch.sqrt((apart ** 2).sum(-1) + 1e-6)
        length = self.length[numbers.long()]
        rest = length.unsqueeze(-1) + length.unsqueeze(-2)
        energy = (5 * torch.exp(-far) * (far - rest) ** 2).sum((-1, -2)) + 1e4
        force = -torch.autograd.grad(energy.sum(), x)[0]
        turned = torch.stack([-x[..., 1], x[..., 0], 0 * x[..., 2]], -1)
        broken = self.curl if self.curl >= 0 or x.dtype == torch.float32 else 0.0
        return {"energy": energy.detach(), "forces": (force + broken * turned).detach()}

def good():
    return Bonds()

def broken():
    return Bonds(0.05)

def broken_in_float32():
    return Bonds(-0.05)

def drawn_anew():
    return Bonds(seeded=False)
"""


def records(
    tmp_path,
    factory,
    checks="force_energy_gap,jacobian_asymmetry,loop_work",
    reference=None,
    most=2500,
    module=MODEL,
):
    path = tmp_path / "m.py"
    path.write_text(module)
    spec = f"{path}:{factory}"
    settings = Settings(model=spec, checks=checks, structures="ethanol", budget=str(most))
    model = load_model(spec)
    assert model.capabilities.dtype == "float32"
    assert could_have_twin(spec, model)
    plan = make_plan(model, settings, has_twin=True)
    assert plan.evaluations <= most
    runner = Runner(model, settings, lambda: tmp_path)
    runner.load_twin = lambda: load_float64_twin(spec)
    runner.reference = reference
    made = {}
    for entry in plan.entries:
        made[entry.check.id] = runner.run(entry)
        assert made[entry.check.id].force_evaluations <= entry.allotment
    return made


def test_what_noise_hides_is_seen_in_float64(tmp_path):
    made = records(tmp_path, "good")
    assert {r.verdict.value for r in made.values()} == {"pass"}
    judged = [r for r in made.values() if "float64_value" in r.evidence["quantities"]]
    assert judged
    for record in judged:
        assert record.message.startswith("in float64: ")
        assert "float32 hides what is below" in record.message
        assert record.interval[1] <= record.tolerance
        quantities = record.evidence["quantities"]
        assert quantities["float32_noise_floor"] > record.noise_floor
        assert quantities["float32_detection_limit"] >= record.detection_limit >= record.tolerance


def test_a_fault_of_the_model_is_one_in_both(tmp_path):
    made = records(tmp_path, "broken")
    failed = [r for r in made.values() if r.verdict == "fail"]
    assert {r.check for r in failed} >= {"jacobian_asymmetry", "loop_work"}
    assert all("in float64" in r.message for r in failed)


def test_a_fault_of_the_precision_is_called_that(tmp_path):
    made = records(tmp_path, "broken_in_float32", "jacobian_asymmetry")
    record = made["jacobian_asymmetry"]
    assert record.verdict == "fail"
    assert "the same weights in float64 pass" in record.message


def test_other_weights_are_no_twin(tmp_path):
    made = records(tmp_path, "drawn_anew")
    for record in made.values():
        assert "float64_value" not in record.evidence["quantities"]


def test_a_reference_has_its_own_evaluations(tmp_path):
    """What is set aside for the model's twin is not taken from the reference."""
    made = records(tmp_path, "broken", reference=load_model("builtin::lennard-jones"))
    verdicts = {check: record.reference.verdict for check, record in made.items()}
    assert set(verdicts.values()) == {"pass"}, verdicts


def test_a_reference_is_asked_what_it_gives_before_it_is_judged(tmp_path):
    (tmp_path / "m.py").write_text(MODEL)
    reference, model = load_model(f"{tmp_path / 'm.py'}:good"), load_model("builtin::lennard-jones")
    assert "energy" not in reference.capabilities.outputs
    settings = Settings(model="builtin::lennard-jones", checks="force_energy_gap",
                        structures="ethanol", budget="quick")  # fmt: skip
    (entry,) = make_plan(model, settings).entries
    record = Runner(model, settings, lambda: tmp_path, reference).run(entry)
    assert record.reference.verdict != "not_applicable"
    assert record.reference.value is not None


@pytest.mark.parametrize("spec", ["builtin::gupta", "builtin::gupta+float32"])
def test_models_that_are_or_can_be_no_float64_have_none(spec):
    model = load_model(spec)
    if model.capabilities.dtype == "float64":
        assert not could_have_twin(spec, model)
    else:
        assert load_float64_twin(spec) is None


@pytest.mark.parametrize(
    ("parts", "floor", "wanted"),
    [
        ({"rounding": 1.0, "sampling": 2.0}, None, True),
        ({"truncation": 1.0, "sampling": 2.0}, None, True),
        ({"rounding": 1.0, "sampling": 4.0}, 1e-5, False),
        ({"truncation": 1.0, "sampling": 6.0}, 1e-2, True),
        ({"sampling": 1.0}, None, False),
        ({}, None, False),
    ],
)
def test_numerics_hide_a_law_where_they_are_a_good_part_of_its_error(parts, floor, wanted):
    record = open_record(1e-4, parts, floor)
    assert wants_float64(record)
    assert hidden_by_numerics(record) is wanted


def open_record(value, parts, floor, verdict=Outcome.INCONCLUSIVE):
    blank = unmeasured_record(
        find_checks("loop_work")[0], "Si8", (0,), Settings(),
        verdict=verdict, message="", budget="quick", search=None,
    )  # fmt: skip
    return replace(
        blank, value=value, tolerance=3e-5, uncertainty=max(parts.values(), default=None),
        uncertainty_components=parts, noise_floor=floor,
    )  # fmt: skip


@pytest.mark.parametrize(("value", "taken"), [(1e-4, True), (4e-4, False)])
def test_scatter_is_settled_by_float64_unless_it_is_far_above_the_tolerance(value, taken):
    scattered = open_record(value, {"sampling": 5e-5}, 1e-6)
    passes = open_record(1e-9, {"rounding": 1e-9}, 1e-9, Outcome.PASS)
    assert (judged_in_float64(scattered, passes).verdict is Outcome.PASS) is taken
    fails = replace(passes, verdict=Outcome.FAIL)
    assert judged_in_float64(scattered, fails).verdict is Outcome.INCONCLUSIVE


def test_a_drift_that_coarse_energies_hide_is_bounded_by_the_work_of_rounding(tmp_path):
    found = records(tmp_path, "good", "nve_drift", most=4000)["nve_drift"]
    assert found.verdict.value == "pass"
    assert found.message.startswith("at most ")
    assert "in float64 forces are the gradient of the energy within" in found.message
    assert "rounding does work of at most" in found.message
    figures = found.evidence["quantities"]
    assert figures["rounding_work_at_most_eV_per_atom_per_ps"] < 2.6e-6


def test_forces_that_only_float32_has_wrong_do_work_that_passes_nothing(tmp_path):
    found = records(tmp_path, "broken_in_float32", "nve_drift", most=4000)["nve_drift"]
    assert found.verdict.value in ("fail", "inconclusive")


@pytest.mark.parametrize("most", [2500, 8000])
def test_vibrations_that_rounding_hides_are_judged_in_float64(tmp_path, most):
    """The eigenvalues of J are the model's own; a first look comes to no minimum in either."""
    found = records(tmp_path, "sound", "minimum_stability", most=most, module=SOFT_PAIRS)
    record = found["minimum_stability"]
    if most == 2500:
        assert record.verdict.value == "inconclusive"
        assert "no minimum was reached" in record.message
        return
    assert record.verdict.value == "pass"
    assert record.message.startswith("in float64: ")
    figures = record.evidence["quantities"]
    assert record.noise_floor < record.tolerance < figures["float32_noise_floor"]


def test_a_twin_that_was_not_looked_at_closely_enough_changes_nothing():
    hidden = open_record(1e-4, {"rounding": 1e-4}, 1e-3)
    lost = replace(hidden, value=0.0, reason="nothing tested", message="nothing tested")
    assert judged_in_float64(hidden, lost).message == hidden.message


def test_numbers_of_a_twin_that_are_not_finite_can_be_written():
    fails = open_record(1.0, {"sampling": 1e-9}, 1e-6, Outcome.FAIL)
    lost = replace(fails, value=float("inf"))
    quantities = judged_in_float64(fails, lost).evidence["quantities"]
    assert json.dumps(quantities, allow_nan=False)
    assert quantities["float64_value"] == "inf"
