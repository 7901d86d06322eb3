"""torch-sim both ways, against the real package."""

import numpy as np
import pytest

from physcheck import (
    measure_force_energy_gap,
    measure_input_untouched,
    measure_jacobian_asymmetry,
    measure_loop_work,
)
from physcheck.adapters.instances import as_model
from physcheck.adapters.loading import load_model
from physcheck.errors import SpecError
from physcheck.measurement import Outcome, judge
from physcheck.model import Meter
from physcheck.potentials import make_builtin
from physcheck.registry import tolerance_of
from physcheck.structures import catalogue

REASON = "the package is not installed"
ALL = frozenset({"energy", "forces", "stress"})
FACTORY = """
import torch
from torch_sim.models.lennard_jones import LennardJonesModel

# Truncated, not shifted: the energy jumps where a pair crosses it.
CUTOFF = 14.0

def factory(dtype="float64"):
    return LennardJonesModel(
        sigma=2.0, epsilon=0.1, cutoff=CUTOFF, dtype=getattr(torch, dtype),
        device=torch.device("cpu"), compute_forces=True, compute_stress=True,
    )

def forceless():
    return LennardJonesModel(compute_forces=False)
"""

pytestmark = pytest.mark.filterwarnings("ignore")


def test_without_the_package_it_is_named(monkeypatch):
    import sys

    from physcheck.adapters.torchsim import as_torch_sim

    monkeypatch.setitem(sys.modules, "torch_sim", None)
    monkeypatch.setitem(sys.modules, "torch_sim.models", None)
    monkeypatch.setitem(sys.modules, "torch_sim.models.interface", None)
    with pytest.raises(SpecError, match="pip install torch-sim-atomistic"):
        as_torch_sim(make_builtin("gupta"))


@pytest.fixture
def factory(tmp_path):
    pytest.importorskip("torch_sim", reason=REASON)
    path = tmp_path / "lj.py"
    path.write_text(FACTORY)
    return path


def test_an_interface_is_a_batched_model(factory):
    model = load_model(f"{factory}:factory")
    assert model.capabilities.adapter == "torch-sim"
    assert model.capabilities.outputs == ALL
    assert model.capabilities.mixed_sizes
    assert model.capabilities.dtype == "float64"
    rng = np.random.default_rng(0)
    batches = []
    for name, count in (("Cu32", 2), ("Si8", 3), ("Ar13", 2)):
        start = catalogue()[name].configurations
        batches.append(start.displaced(0.05 * rng.standard_normal((count, start.n_atoms, 3))))
    good = make_builtin("lennard-jones")
    for batch, answer in zip(batches, model.evaluate_many(batches, want=ALL)):
        assert answer.forces.shape == good.evaluate(batch).forces.shape
        for k, one in enumerate(batch):
            alone = model.evaluate(one, want=ALL)
            assert np.abs(alone.forces[0] - answer.forces[k]).max() < 1e-11
            if batch.system.is_periodic:
                assert np.abs(alone.stress[0] - answer.stress[k]).max() < 1e-12


def test_it_is_judged(factory):
    model = load_model(f"{factory}:factory", dtype="float64")
    start = catalogue()["Ar13"].configurations
    for measure in (measure_loop_work, measure_jacobian_asymmetry):
        result = measure(model, start, rng=np.random.default_rng(0))
        assert judge(result, tolerance_of(result.check, "md")).outcome is Outcome.PASS
    # In 0.3.0 this model's forces are twice what its energy gives: the gap is the true force.
    answer = model.evaluate(start, want=ALL)
    gap = measure_force_energy_gap(model, start, rng=np.random.default_rng(0)).value
    rms = 1e3 * np.sqrt(np.mean(answer.forces**2))
    assert gap < 1 or gap == pytest.approx(rms / 2, rel=0.5)


def test_what_it_can_t_is_said(factory):
    with pytest.raises(SpecError, match="without forces"):
        load_model(f"{factory}:forceless")
    with pytest.raises(SpecError, match="takes no dtype"):
        load_model(f"{factory}:forceless", dtype="float32")
    slab = catalogue()["Cu12-slab"].configurations
    assert "partly periodic" in load_model(f"{factory}:factory").capabilities.refuses(slab)


def test_a_model_runs_in_torch_sim_s_integrator():
    ts = pytest.importorskip("torch_sim", reason=REASON)
    import torch
    from torch_sim.models.interface import validate_model_outputs

    from physcheck.adapters.torchsim import as_torch_sim, from_torch_sim

    inner = make_builtin("stillinger-weber")
    meter = Meter(inner)
    interface = as_torch_sim(meter)
    starts = [catalogue()[n].configurations for n in ("Si8", "Si8", "Si8-triclinic")]
    atoms = [start.to_atoms() for start in starts]
    state = ts.io.atoms_to_state(atoms, interface.device, interface.dtype)
    answer = interface(state)
    for k, one in enumerate(atoms):
        expected = inner.evaluate(starts[k], want=ALL)
        forces = answer["forces"][8 * k : 8 * k + 8].numpy()
        assert np.abs(forces - expected.forces[0]).max() < 1e-12
        assert np.abs(answer["stress"][k].numpy() - expected.stress[0]).max() < 1e-12
        assert len(one) == 8
    # Round trip.
    assert as_model(interface).capabilities.adapter == "torch-sim"
    again = from_torch_sim(interface).evaluate(catalogue()["Si8"].configurations, want=ALL)
    assert np.abs(again.forces[0] - answer["forces"][:8].numpy()).max() < 1e-12
    validate_model_outputs(as_torch_sim(make_builtin("gupta")), torch.device("cpu"), torch.float64)

    used = meter.evaluations
    n_steps = 20
    final = ts.integrate(
        system=atoms,
        model=interface,
        integrator=ts.integrators.nve,
        n_steps=n_steps,
        timestep=0.001,
        temperature=300,
    )
    assert meter.evaluations - used >= 3 * n_steps
    assert torch.isfinite(final.positions).all()
    assert (final.positions - state.positions).abs().max() > 1e-3


def test_a_state_that_an_interface_changes_is_named(factory, monkeypatch):
    model = load_model(f"{factory}:factory")
    start = catalogue()["Si8"].configurations
    sound = measure_input_untouched(model, start, rng=np.random.default_rng(0))
    assert sound.value == 0
    kind = type(model.call._interface)
    forward = kind.forward

    def wrapping(self, state, **more):
        answer = forward(self, state, **more)
        state.positions.add_(1.0)
        return answer

    monkeypatch.setattr(kind, "forward", wrapping)
    found = measure_input_untouched(model, start, rng=np.random.default_rng(0))
    assert found.evidence["quantities"]["changed"] == ["SimState.positions"]
