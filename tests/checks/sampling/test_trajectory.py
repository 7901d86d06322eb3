"""The shared trajectory: its temperatures, its timestep, its place in the plan."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from support.springs import Springs, salt

from physcheck.checks.sampling.atom_groups import groups_of
from physcheck.checks.sampling.trajectory_making import make_trajectory
from physcheck.dynamics.preparation import thermal_timestep_fs
from physcheck.model import Meter
from physcheck.numerics.series import replica_mean
from physcheck.potentials import Gupta, make_builtin
from physcheck.run.plan import make_plan
from physcheck.run.runner import Runner
from physcheck.run.settings import Settings
from physcheck.structures import load_structures
from physcheck.system import Configurations


def test_temperatures_of_the_fast_and_the_slow_have_no_bias_of_the_timestep():
    atoms = salt(pbc=False)
    one = Configurations.from_atoms(atoms)
    rng = np.random.default_rng(1)
    made = make_trajectory(Springs(atoms), one, rng=rng, evaluations=30_000, replicas=40)
    # Velocities at the end of a step would read 7 % low for the fastest mode, whose phase is 0.55.
    for mask in (atoms.numbers == 1, atoms.numbers == 8):
        mean = replica_mean(made.temperatures(mask))
        assert mean.error < 4.5
        assert mean.value == pytest.approx(300, abs=4 * mean.error)
    # The same of the configurations: <F²>/<-tr J> is the temperature of harmonic wells.
    squares = (made.snapshot_forces**2).mean() / 4.0 / 8.617e-5
    assert squares == pytest.approx(300, rel=0.15)


@pytest.mark.parametrize("pbc", [True, False])
def test_the_timestep_may_raise_temperatures_under_a_global_bath(pbc):
    atoms = salt(pbc)
    one = Configurations.from_atoms(atoms)
    rng = np.random.default_rng(2)
    made = make_trajectory(Springs(atoms), one, rng=rng, evaluations=4000, replicas=10)
    light, heavy = (made.timestep_bias(atoms.numbers == z) for z in (1, 8))
    if pbc:
        # (omega dt)²/4 is 7.6 % for the light atoms, whose phase is 0.55, and hardly anything for
        # the heavy ones.
        assert light - heavy == pytest.approx(7.2, abs=1.0)
    else:
        assert light == heavy == 0.0


def test_half_of_what_the_timestep_adds_is_taken_off_a_liquids_temperatures():
    one = load_structures("H2O-box32")[0].configurations
    rng = np.random.default_rng(0)
    made = make_trajectory(
        make_builtin("water"), one, rng=rng, evaluations=240, replicas=4, timestep_fs=0.5
    )
    assert made.mixing == 0.5
    for mask in groups_of(one.system, None).values():
        taken = (made.temperatures(mask) - made.corrected_temperatures(mask)).mean()
        assert taken == pytest.approx(1.5 * made.timestep_bias(mask))


def test_light_atoms_without_modes_get_a_timestep_for_their_speed():
    system = Configurations.from_atoms(Atoms("HU", positions=[[0, 0, 0], [0, 0, 4.0]])).system
    assert thermal_timestep_fs(system, 300.0) == pytest.approx(2.94, abs=0.05)
    assert thermal_timestep_fs(system, 3000.0) == pytest.approx(0.93, abs=0.02)


def test_the_trajectory_is_planned_at_standard_and_shared(tmp_path):
    atoms = salt()
    model = Springs(atoms, pumping=0.1, coupling=2.0, quartic=2.0)
    quick = make_plan(model, Settings(model="springs", budget="quick", checks="sampling"))
    asked = [e for e in quick.entries if e.check.id == "equipartition"]
    # Without a trajectory it is asked only whether forces are the gradient of the energy.
    assert [(e.shared, e.allotment) for e in asked] == [(0, 0)]
    assert all(e.bound for e in asked)
    settings = Settings(model="springs", budget="standard", checks="sampling")
    plan = make_plan(model, settings)
    assert plan.evaluations <= 25_000
    shared = {e.shared for e in plan.entries if e.check.shared and (e.allotment or e.shared)}
    assert len(shared) == 1
    runner = Runner(model, settings, lambda: tmp_path)
    records = [runner.run(entry) for entry in plan.entries]
    spent = runner.setup_evaluations
    assert 15_000 < spent + sum(r.force_evaluations or 0 for r in records) <= 25_000
    alone = Runner(model, settings, lambda: tmp_path)
    again = alone.run(plan.entries[-1])
    for key in ("verdict", "value", "interval", "force_evaluations"):
        assert getattr(again, key) == getattr(records[-1], key)
    verdicts = {r.check: r.verdict for r in records}
    assert verdicts["equipartition"] == "fail"


def test_the_whole_plan_of_a_catalogue_keeps_to_standard():
    plan = make_plan(Gupta(), Settings(model="builtin::gupta", budget="standard"))
    assert plan.evaluations <= 25_000
    served = {entry.structure.name for entry in plan.entries if entry.shared}
    assert len(served) == 1
    one = load_structures(served.pop())[0].configurations
    assert len(set(one.system.numbers.tolist())) > 1
    assert Meter(Gupta()).capabilities.refuses(one) is None
