"""What the whole process shares, and calls of a model that change it: input_untouched fails."""

import os
import random
import subprocess
import sys
import threading
from contextlib import contextmanager

import numpy as np
import pytest
from ase.calculators.emt import EMT
from support.family_runs import structure

import physcheck
from physcheck.adapters.ase import CalculatorModel
from physcheck.model import Meter
from physcheck.process_settings import changed_settings
from physcheck.system import as_configurations

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


def once(act):
    """Something that code which is loaded at the first call does."""
    calls = iter([act])
    return lambda: next(calls, lambda: None)()


@pytest.mark.usefixtures("_put_back")
@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: np.seterr(all="ignore"), "numpy's handling of errors"),
        (lambda: torch.set_default_dtype(torch.float64), "default dtype"),
        (lambda: torch.set_num_threads(torch.get_num_threads() + 1), "number of threads"),
        (lambda: os.chdir("/"), "working folder"),
    ],
)
def test_what_only_the_first_call_sets_is_loading_and_is_told(act, words):
    value, place, _ = measured(once(act))
    assert value == 0
    assert "changed once" in place
    assert words in place


@pytest.mark.usefixtures("_put_back")
def test_a_model_that_needs_what_it_set_at_its_first_call_passes():
    weights = []

    def act():
        if not weights:
            torch.set_default_dtype(torch.float64)
            weights.append(torch.ones(3))
        torch.dot(torch.ones(3), weights[0])

    assert measured(act)[0] == 0
    assert torch.get_default_dtype() == torch.float64


@contextmanager
def in_float64():
    was = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(was)


@contextmanager
def in_another_folder():
    was = os.getcwd()
    os.chdir("/")
    try:
        yield
    finally:
        os.chdir(was)


@contextmanager
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = np.random.get_state()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        yield
        np.random.set_state(state)  # noqa: NPY002


@pytest.mark.parametrize(
    "around",
    [in_float64, in_another_folder, seeded, torch.no_grad, lambda: np.errstate(all="raise")],
)
def test_settings_that_are_put_back_before_the_call_returns_are_no_change(around):
    def act():
        with around():
            pass

    assert measured(act)[0] == 0


def test_another_kind_of_shared_generator_stops_nothing():
    try:
        np.random.set_bit_generator(np.random.PCG64(0))
        assert measured(lambda: None)[0] == 0
    finally:
        np.random.set_bit_generator(np.random.MT19937(0))


class RacingInThreads(CalculatorModel):
    """Two threads' contexts end in the order in which they began, so that one leaves float64."""

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        if threading.current_thread() is not threading.main_thread():
            torch.set_default_dtype(torch.float64)
        return super().evaluate(configurations, want=want)


@pytest.mark.usefixtures("_put_back")
def test_threads_leave_no_setting_changed():
    model = RacingInThreads(EMT())
    physcheck.measure_thread_safety.__wrapped__(
        model, as_configurations(structure("water")), rng=np.random.default_rng(0)
    )
    assert torch.get_default_dtype() == torch.float32
    assert changed_settings(model) == {}


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
