"""Whatever one record's model does, all other records are there with their verdicts."""

import pytest
from jsonschema import validate

from physcheck.report.json_report import schema

FAULTS = """
import collections, ctypes, itertools, time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from ase.calculators.emt import EMT


class Faulty(EMT):
    '''EMT that does something terrible where the whole structure was moved.'''

    first_centre = None
    kind = ""

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        centre = self.atoms.positions.mean(axis=0)
        if self.first_centre is None:
            self.first_centre = centre
        if np.linalg.norm(centre - self.first_centre) > 0.5:
            getattr(self, self.kind, lambda: None)()

    def raises(self):
        raise RuntimeError("out of memory")

    def nan(self):
        self.results["forces"] = np.nan * self.results["forces"]

    def hangs(self):
        time.sleep(60)

    def hangs_in_threads(self):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(time.sleep, [6, 6]))

    def hangs_in_c(self):
        # No signal is looked at in here, and no other thread gets a turn.
        collections.deque(itertools.repeat(None), maxlen=0)

    def segfaults(self):
        ctypes.string_at(0)


def make(kind="none"):
    model = Faulty()
    model.kind = kind
    return model
"""
CHECKS = "determinism,force_energy_gap,net_force,numerical_noise,translation_invariance,net_torque"
HIT = ("translation_invariance", "H2O")


@pytest.fixture
def lossy(subject):
    subject.pytester.makepyfile(faults=FAULTS)

    def run(kind, *args):
        return subject.run(
            f"--physcheck-checks={CHECKS}", "--physcheck-structures=H2O",
            f"--physcheck-model=faults.py:make,kind={kind}", *args, factory=None,
        )  # fmt: skip

    subject.lose = run
    return subject


def others(subject):
    """All records but the one hit, which is checked to be there once."""
    validate(subject.report(), schema())
    keys = [(r["check"], r["structure"]) for r in subject.report()["records"]]
    assert keys.count(HIT) == 1
    assert len(keys) == len(set(keys)) == 6
    return {key: what for key, what in subject.verdicts().items() if key != HIT}


@pytest.mark.parametrize(
    ("kind", "verdict", "text"),
    [
        # Raising where everything was moved, and not at home, breaks the very law.
        ("raises", "fail", "the model raised RuntimeError: out of memory"),
        ("nan", "fail", "forces is nan"),
        ("hangs", "error", "took longer than the 1 s of --physcheck-timeout"),
        ("hangs_in_threads", "error", "took longer than the 1 s of --physcheck-timeout"),
    ],
)
def test_alone(lossy, kind, verdict, text):
    assert lossy.lose("none").ret == 0
    good = others(lossy)
    assert {v for v, _, _ in good.values()} == {"pass"}
    timeout = ("--physcheck-timeout=1",) if kind.startswith("hangs") else ()
    assert lossy.lose(kind, *timeout).ret == 1
    assert others(lossy) == good
    report = lossy.report()
    assert report["complete"]
    (hit,) = [r for r in report["records"] if (r["check"], r["structure"]) == HIT]
    assert hit["verdict"] == verdict
    assert text in hit["message"]
    spent = hit["evidence"].get("spent")
    assert spent is None or spent["seconds"] < 5


@pytest.mark.parametrize(("kind", "workers"), [("segfaults", "-n2"), ("hangs_in_c", "-n1")])
def test_among_workers(lossy, kind, workers):
    lossy.lose("none")
    good, order = others(lossy), list(lossy.verdicts())
    timeout = ("--physcheck-timeout=1",) if kind.startswith("hangs") else ()
    result = lossy.lose(
        f"{kind}", workers, *timeout, "--physcheck-checks", f"{CHECKS},loop_work", "-k", "not loop"
    )
    assert result.ret == 1
    assert others(lossy) == good
    report = lossy.report()
    assert report["complete"]
    # In the order of the plan, whoever made it when; what was deselected isn't planned.
    assert list(lossy.verdicts()) == order
    assert report["plan"]["records"] == len(order)
    (hit,) = [r for r in report["records"] if (r["check"], r["structure"]) == HIT]
    assert hit["verdict"] == "error"
    assert hit["message"].startswith("the process died: worker ")
    result.stdout.fnmatch_lines(["physcheck: ERROR: 1 record could not be made (translation_*"])


def test_among_a_hosts_own_tests(lossy):
    lossy.pytester.makepyfile(
        test_own=f"""
        import physcheck
        import pytest
        from ase.build import molecule
        from faults import make

        @pytest.fixture
        def physcheck_model(request):
            if request.node.callspec.params["physcheck_case"].check.id == "net_force":
                raise OSError("no weights")
            return make("segfaults")

        @physcheck.parametrize_checks(atoms={{"H2O": molecule("H2O")}}, checks="{CHECKS}")
        def test_physics(physcheck_model, physcheck_case):
            physcheck_case(physcheck_model)
        """
    )
    result = lossy.run("test_own.py", "-n1", suite=False, factory=None)
    assert result.ret == 1
    found = others(lossy)
    assert found["net_force", "H2O"] == ("error", None, None)
    assert {v for key, (v, _, _) in found.items() if key[0] != "net_force"} == {"pass"}
    messages = {r["check"]: r["message"] for r in lossy.report()["records"]}
    assert (
        "a fixture raised before the check was made: OSError: no weights" in messages["net_force"]
    )
    assert messages["translation_invariance"].startswith("the process died: worker ")
