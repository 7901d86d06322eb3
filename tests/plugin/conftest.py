import json
from importlib import import_module

import pytest

# Imported here, so that runs inside this process neither load them anew nor drop them afterwards
# (torch registers operators once a process).
for name in (
    "ase.calculators.emt", "hypothesis.internal.observability", "physcheck.adapters.ase",
    "physcheck.adapters.loading", "physcheck.checks", "physcheck.plugin.parametrize",
    "physcheck.potentials", "physcheck.resolution", "physcheck.run.runner", "scipy.optimize",
    "scipy.stats", "torch._inductor.test_operators",
):  # fmt: skip
    import_module(name)
import_module("physcheck.structures").catalogue()

MODELS = """
import numpy as np
from ase.calculators.emt import EMT

class Broken(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        x = self.atoms.positions - self.atoms.positions.mean(axis=0)
        self.results["forces"] = self.results["forces"] + 0.3 * np.cross([0.0, 0.0, 1.0], x)

class NotANumber(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["forces"] = np.nan * self.results["forces"]

class WrongShape(EMT):
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        self.results["forces"] = self.results["forces"][:-1]

class Raising(EMT):
    def calculate(self, *args, **kwargs):
        raise RuntimeError("no weights for this")

class Interrupted(EMT):
    calls = 0
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        type(self).calls += 1
        if self.calls > 80:
            import os, signal
            os.kill(os.getpid(), signal.SIGINT)

class Slow(EMT):
    calls = 0
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        type(self).calls += 1
        if self.calls > 30:
            import time
            time.sleep(30)

class Dying(EMT):
    calls = 0
    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        type(self).calls += 1
        if self.calls > 80:
            import os
            os._exit(3)

def model():
    return EMT()

def broken():
    return Broken()

def not_a_number():
    return NotANumber()

def wrong_shape():
    return WrongShape()

def raising():
    return Raising()

def interrupted():
    return Interrupted()

def slow():
    return Slow()

def dying():
    return Dying()

def heads(forces="conservative"):
    return Broken() if forces == "direct" else EMT()

def no_factory():
    raise OSError("weights are corrupt")
"""


# Its plugin imports all of it in each process, a second that no test here needs.
WITHOUT_HYPOTHESIS = ("-p", "no:hypothesispytest", "-p", "no:_hypothesis_pytestplugin")


class Subject:
    """A folder with models in it, where the suite is run as a user would."""

    def __init__(self, pytester):
        self.pytester = pytester
        pytester.makefile(".py", subject=MODELS)

    def run(self, *args, suite=True, factory="model", json_name="out.json", process=False):
        """A run, in a process of its own if ``process``."""
        before = ["--pyargs", "physcheck.suite"] if suite else []
        spec = [f"--physcheck-model=subject.py:{factory}"] if factory else []
        json_option = [f"--physcheck-json={json_name}"] if json_name else []
        # Generated cases have tests of their own.
        named = any("search" in str(arg) or "generated" in str(arg) for arg in args)
        search = ["--physcheck-search=0"] if factory and not named else []
        words = (*before, *spec, *json_option, *search, "-p", "no:cacheprovider", *args)
        if process or any(str(arg).startswith("-n") for arg in args):
            return self.pytester.runpytest_subprocess(*words, *WITHOUT_HYPOTHESIS, timeout=120)
        return self.pytester.runpytest_inprocess(*words)

    def report(self, name="out.json"):
        return json.loads((self.pytester.path / name).read_text())

    def verdicts(self, name="out.json"):
        return {
            (r["check"], r["structure"]): (r["verdict"], r["value"], r["interval"])
            for r in self.report(name)["records"]
        }


@pytest.fixture
def subject(pytester):
    return Subject(pytester)
