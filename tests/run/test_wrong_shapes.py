"""A module that gives another shape for some structures only: an ERROR there, nothing else lost."""

import pytest

from physcheck.adapters.instances import as_model
from physcheck.errors import ForwardError
from physcheck.names import GENERATED
from physcheck.run.preparation import Models, prepare_run
from physcheck.run.settings import Settings

torch = pytest.importorskip("torch")


class Pairs(torch.nn.Module):
    """Soft pairs; forces without the axis of batches where ``wrong`` says so."""

    def __init__(self, wrong):
        super().__init__()
        self.depth = torch.nn.Parameter(torch.tensor(0.1, dtype=torch.float64))
        self.wrong = wrong

    def forward(self, positions, numbers, cells, pbc):
        x = positions.detach().requires_grad_()
        far = torch.sqrt(((x.unsqueeze(2) - x.unsqueeze(1)) ** 2).sum(-1) + 1e-6)
        well = torch.exp(-2 * (far - 1.5))
        energy = (self.depth * (well * well - 2 * well)).sum((-1, -2)) / 2
        force = -torch.autograd.grad(energy.sum(), x)[0].detach()
        return {"energy": energy.detach(), "forces": force[0] if self.wrong(x, pbc) else force}


def records_of(wrong, **settings):
    chosen = Settings(**{"checks": "net_force,loop_work", "budget": "quick", **settings})
    run = prepare_run(chosen, Models(as_model(Pairs(wrong))))
    return {e.name: run.judge(e) for e in run.plan.entries}, run


def molecules_of_nine(x, pbc):
    return x.shape[1] == 9 and not pbc.any()


def test_of_named_structures_one_is_an_error_and_the_others_are_judged():
    made, _ = records_of(molecules_of_nine, structures="ethanol,NH3,CH4,H2O,Si8")
    wrong = {name for name, record in made.items() if record.verdict == "error"}
    assert wrong == {"net_force[ethanol]", "loop_work[ethanol]"}
    assert "should be (1, 9, 3)" in made["net_force[ethanol]"].message
    assert {r.verdict.value for n, r in made.items() if n not in wrong} == {"pass"}


def test_the_first_three_may_be_wrong_while_later_ones_are_not():
    made, _ = records_of(lambda x, pbc: pbc.any(), structures="Si8,NaCl8,Mg8,NH3")
    assert made["net_force[NH3]"].verdict == "pass"
    assert made["net_force[Si8]"].verdict == "error"


def test_of_the_catalogue_two_structures_at_most_are_an_error_of_one_record():
    made, run = records_of(lambda x, pbc: pbc.any())
    wrong = [record for record in made.values() if record.verdict == "error"]
    assert len(wrong) == 2
    assert all("should be (1, " in record.message for record in wrong)
    assert sum(record.verdict == "pass" for record in made.values()) >= 4
    assert any("should be (1, " in left.reason for left in run.plan.not_scheduled)


def test_where_each_structure_that_is_tried_is_wrong_there_is_no_model():
    with pytest.raises(ForwardError):
        records_of(lambda x, pbc: True)


def test_a_wrong_shape_of_generated_cases_is_the_error_of_one_law():
    made, _ = records_of(
        lambda x, pbc: x.shape[1] in (2, 3),
        checks="finite_outputs,net_force", structures=f"ethanol,{GENERATED}", search=600,
    )  # fmt: skip
    assert made[f"finite_outputs[{GENERATED}]"].verdict == "error"
    assert made[f"net_force[{GENERATED}]"].verdict == "pass"
    assert made["net_force[ethanol]"].verdict == "pass"
