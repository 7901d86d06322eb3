"""What a model's code gets is compared before and after, and only where somebody watches."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from ase.build import bulk

from physcheck.adapters.handed_over import handed_over, watching


@dataclass
class State:
    """Like torch-sim's SimState: tensors as attributes, and a cache."""

    positions: torch.Tensor
    pbc: bool = True
    extras: dict = field(default_factory=dict)
    _cache: object = None


def changes(thing, change):
    with watching() as found, handed_over(thing=thing):
        change(thing)
    return found


def test_nothing_is_compared_where_nobody_watches():
    with handed_over(thing=object()), watching() as found:
        pass
    assert found == {}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda s: s.positions.add_(1), "thing.positions"),
        (lambda s: setattr(s, "positions", s.positions.float()), "thing.positions"),
        (lambda s: setattr(s, "pbc", False), "thing.pbc"),
        (lambda s: s.extras.update(charge=torch.ones(1)), "thing.extras['charge']"),
    ],
)
def test_a_change_of_an_object_is_named(change, name):
    assert list(changes(State(torch.zeros(2, 3, dtype=torch.float64)), change)) == [name]


def test_what_is_no_change_is_not_said():
    state = State(torch.zeros(2, 3))
    assert changes(state, lambda s: setattr(s, "_cache", 1)) == {}
    assert changes(state, lambda s: setattr(s, "positions", s.positions.clone())) == {}
    assert changes({"x": np.array([np.nan])}, lambda d: d.update(x=d["x"].copy())) == {}
    assert changes(bulk("Cu"), lambda atoms: atoms.get_masses()) == {}


def test_the_largest_change_of_several_calls_is_said():
    atoms = bulk("Cu", cubic=True)
    with watching() as found:
        for step in (1e-17, 2.0, 1e-3):
            with handed_over(Atoms=atoms):
                atoms.positions[0, 0] += step
                atoms.positions[3, 2] -= step / 2
    assert "at index [0, 0], is 2.0" in found["Atoms.positions"]


def test_the_first_change_is_said_with_its_place_also_where_the_model_raises():
    atoms = bulk("Cu", cubic=True)

    def move(atoms):
        atoms.positions[2, 1] = 7.0
        raise RuntimeError("later")

    with watching() as found, pytest.raises(RuntimeError), handed_over(Atoms=atoms):
        move(atoms)
    assert found == {"Atoms.positions": "Atoms.positions was 0.0 at index [2, 1], is 7.0"}
    assert "is gone" in changes({"a": 1}, lambda d: d.pop("a"))["thing['a']"]
