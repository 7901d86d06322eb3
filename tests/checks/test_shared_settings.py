"""What the whole process shares, and calls of a model that change it: input_untouched fails."""

import os
import random
import subprocess
import sys
import threading

import numpy as np
import pytest
from ase.calculators.emt import EMT
from support.family_runs import structure

import physcheck
from physcheck.adapters.ase import CalculatorModel
from physcheck.model import Meter
from physcheck.system import as_configurations
from physcheck.text.process_settings import changed_settings

torch = pytest.importorskip("torch")


class Shared(EMT):
    """A sound calculator that does something to the process at each call."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def calculate(self, *args, **kwargs):
        self.act()
        super().calculate(*args, **kwargs)


@pytest.fixture
def _put_back(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = np.geterr(), torch.get_default_dtype(), torch.get_num_threads()
    yield
    np.seterr(**kept[0])
    torch.set_default_dtype(kept[1])
    torch.set_num_threads(kept[2])
    torch.set_grad_enabled(True)


def measured(act):
    found = physcheck.measure_input_untouched(
        Shared(act), structure("water"), rng=np.random.default_rng(0)
    )
    return found.value, found.evidence["place"], found.evidence.get("title", "")


@pytest.mark.usefixtures("_put_back")
@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: np.random.seed(0), "seed of numpy.random"),  # noqa: NPY002
        (lambda: random.seed(0), "seed of random"),
        (lambda: torch.manual_seed(0), "seed of torch"),
        (lambda: np.seterr(all="ignore"), "numpy's handling of errors"),
        (lambda: torch.set_default_dtype(torch.float64), "default dtype"),
        (lambda: torch.set_num_threads(torch.get_num_threads() + 1), "number of threads"),
        (lambda: torch.set_grad_enabled(False), "records gradients"),
        (lambda: os.chdir("/"), "working folder"),
    ],
)
def test_a_call_that_changes_what_the_process_shares_fails(act, words):
    value, place, title = measured(act)
    assert value == 1
    assert words in place
    assert "whole process" in title


@pytest.mark.parametrize(
    "act",
    [
        lambda: None,
        lambda: np.random.random(1000),  # noqa: NPY002
        lambda: torch.rand(5),
        lambda: np.errstate(all="ignore").__enter__ and None,
    ],
)
def test_random_numbers_that_are_drawn_are_no_change(act):
    assert measured(act)[0] == 0


@pytest.mark.usefixtures("_put_back")
def test_other_threads_are_not_blamed():
    model = CalculatorModel(Shared(lambda: torch.set_default_dtype(torch.float64)))
    start = as_configurations(structure("water"))
    thread = threading.Thread(target=lambda: Meter(model).evaluate(start))
    thread.start()
    thread.join()
    assert changed_settings(model) == {}


def test_generators_are_as_they_were_after_the_check():
    np.random.seed(5)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    measured(lambda: np.random.seed(0))  # noqa: NPY002
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_a_call_that_is_the_first_to_import_torch_is_seen():
    program = """
import numpy as np, physcheck
from ase.build import molecule
from ase.calculators.emt import EMT

class Late(EMT):
    def calculate(self, *args, **kwargs):
        import torch
        torch.set_default_dtype(torch.float64)
        super().calculate(*args, **kwargs)

rng = np.random.default_rng(0)
found = physcheck.measure_input_untouched(Late(), molecule("H2O"), rng=rng)
print(found.evidence["place"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "default dtype" in done.stdout
