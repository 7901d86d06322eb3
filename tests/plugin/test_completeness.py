"""A run never says more than it did: each record has a verdict, or the run is not complete."""

import json

import pytest
from jsonschema import validate

from physcheck.report.json_report import schema

MODELS = """
import ctypes, os, signal, sys
import numpy as np
import pytest
from ase.calculators.emt import EMT


class Sly(EMT):
    '''EMT that misbehaves where the whole structure was moved.'''

    first, kind, calls = None, "", 0

    def calculate(self, *args, **kwargs):
        super().calculate(*args, **kwargs)
        centre = self.atoms.positions.mean(axis=0)
        self.first = centre if self.first is None else self.first
        if np.linalg.norm(centre - self.first) > 0.5 or "always" in self.kind:
            getattr(self, self.kind)()

    def none(self):
        pass

    def skip(self):
        pytest.skip("not today")

    def sys_exit(self):
        sys.exit(0)

    def os_exit(self):
        os._exit(0)

    def c_exit(self):
        ctypes.CDLL(None).exit(0)

    def pytest_exit(self):
        pytest.exit("bye", returncode=0)

    def interrupt(self):
        raise KeyboardInterrupt

    def failure(self):
        from physcheck.errors import PhysicsFailure
        raise PhysicsFailure("a law")

    def capability(self):
        from physcheck.errors import CapabilityMissing
        raise CapabilityMissing("no such thing")

    def unspeakable(self):
        class Unspeakable(Exception):
            def __str__(self):
                raise RuntimeError
        raise Unspeakable

    def hostile_words(self):
        raise RuntimeError("\\x1b[2J\\ud800 | <b>`bold`</b>")

    def complex_forces(self):
        self.results["forces"] = self.results["forces"] + 1j

    def masked_forces(self):
        self.results["forces"] = np.ma.masked_invalid(self.results["forces"])

    def fork(self):
        child = os.fork()
        if child:
            os.waitpid(child, 0)

    def nan(self):
        # finite_outputs moves fewer atoms than these.
        if len(self.atoms) == 3:
            self.always_nan()

    def always_nan(self):
        self.results["forces"] = np.nan * self.results["forces"]

    def always_nan_stress(self):
        self.results["stress"] = np.full(6, np.nan)


def make(kind="none"):
    model = Sly()
    model.kind = kind
    return model


def exits_in_c():
    ctypes.CDLL(None).exit(0)


def skips():
    pytest.skip("no GPU")


def exits():
    sys.exit(0)


def exits_at_once():
    os._exit(0)


def ends_pytest():
    pytest.exit("bye", returncode=0)
"""
CHECKS = ("determinism", "net_force", "translation_invariance", "net_torque")
HIT = "translation_invariance"


@pytest.fixture
def sly(subject):
    subject.pytester.makepyfile(sly=MODELS)

    def run(kind, *args, checks=CHECKS, structures="H2O", process=False):
        return subject.run(
            f"--physcheck-checks={','.join(checks)}", f"--physcheck-structures={structures}",
            f"--physcheck-model=sly.py:make,kind={kind}", *args, factory=None, process=process,
        )  # fmt: skip

    subject.sly = run
    return subject


def by_check(subject):
    validate(subject.report(), schema())
    return {r["check"]: r for r in subject.report()["records"]}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("skip", "the model raised Skipped: not today"),
        ("sys_exit", "the model raised SystemExit: 0"),
        ("os_exit", "the model raised SystemExit: os._exit(0)"),
        ("pytest_exit", "the model raised Exit: bye"),
        ("interrupt", "the model raised KeyboardInterrupt"),
        ("failure", "the model raised PhysicsFailure: a law"),
        ("capability", "the model raised CapabilityMissing: no such thing"),
        ("unspeakable", "the model raised Unspeakable: (its text can't be read"),
        ("hostile_words", r"the model raised RuntimeError: \x1b[2J\ud800 | <b>"),
        ("complex_forces", "forces is a ndarray of complex numbers, should be real numbers"),
        ("masked_forces", "forces is a masked array"),
    ],
)
def test_what_a_model_does_is_one_records_failure(sly, kind, text):
    result = sly.sly(kind, "--physcheck-markdown=out.md", "--physcheck-html=out.html")
    assert result.ret == 1
    records = by_check(sly)
    assert {r["verdict"] for c, r in records.items() if c != HIT} == {"pass"}
    # That it is refused where it was moved is a fault of its own.
    assert records[HIT]["verdict"] == "fail"
    assert text in records[HIT]["message"]
    assert "fault of physcheck" not in records[HIT]["message"]
    assert sly.report()["complete"]
    written = result.stdout.str() + "".join(
        (sly.pytester.path / name).read_text() for name in ("out.md", "out.html", "out.json")
    )
    assert "\x1b[2J" not in written


def test_a_forked_child_is_no_second_run(sly):
    result = sly.sly("fork")
    assert result.ret == 0
    assert result.stdout.str().count("physcheck: PASS") == 1


@pytest.mark.parametrize("factory", ["skips", "exits", "exits_at_once", "ends_pytest"])
def test_death_while_loading(sly, factory):
    result = sly.run("--physcheck-model=sly.py:" + factory, factory=None)
    assert result.ret == 4
    report = sly.report()
    validate(report, schema())
    assert (report["complete"], report["exit_code"], report["records"]) == (False, 4, [])
    result.stdout.fnmatch_lines(["physcheck: ERROR: NOT COMPLETE, no plan was made: calling sly*"])


def test_an_exit_in_c_is_heard(sly):
    result = sly.sly("c_exit", process=True)
    assert result.ret == 1
    records = by_check(sly)
    assert {r["verdict"] for c, r in records.items() if c != HIT} == {"pass"}
    assert records[HIT]["verdict"] == "error"
    assert records[HIT]["message"].startswith("the process died: the model ended it, by exit() in")
    result.stdout.fnmatch_lines(["physcheck: ERROR: 1 record could not be made (translation_*"])
    result = sly.run("--physcheck-model=sly.py:exits_in_c", factory=None, process=True)
    assert result.ret == 1
    assert not sly.report()["complete"]
    result.stdout.fnmatch_lines(["physcheck: ERROR: NOT COMPLETE, no plan was made: the process*"])


def test_a_host_that_skips_a_record_leaves_the_run_incomplete(sly):
    sly.pytester.makeconftest(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            items[0].add_marker(pytest.mark.skip(reason="the host says so"))
        """
    )
    result = sly.sly("none", "-p", "conftest")
    assert result.ret == 1
    assert not sly.report()["complete"]
    assert len(sly.report()["records"]) == 3
    result.stdout.fnmatch_lines(
        ["physcheck: NOT COMPLETE: 3 of 4 records made, none of them failed"]
    )


def test_a_run_that_stops_at_its_first_failure_is_incomplete(sly):
    result = sly.sly("always_nan", "-x")
    assert result.ret == 1
    assert not sly.report()["complete"]
    result.stdout.fnmatch_lines(
        ["physcheck: FAIL: 1 law violated *; NOT COMPLETE: 1 of 4 records made"]
    )
    deselected = sly.sly("none", "-k", "net_force")
    assert deselected.ret == 0
    assert sly.report()["complete"]
    assert sly.report()["plan"]["names"] == ["net_force[H2O]"]


def test_the_plan_is_in_the_json_before_the_first_record(sly):
    sly.pytester.makeconftest(
        """
        import json, shutil

        def pytest_runtest_setup(item):
            shutil.copy("out.json", "early.json")
            raise KeyboardInterrupt
        """
    )
    assert sly.sly("none", "-p", "conftest", process=True).ret == 2
    early = sly.report("early.json")
    validate(early, schema())
    assert (early["complete"], early["records"], early["exit_code"]) == (False, [], None)
    assert early["plan"]["names"] == [f"{check}[H2O]" for check in sorted(CHECKS)]
    assert not sly.report()["complete"]


def test_a_measurement_without_a_tolerance_is_no_pass(sly):
    result = sly.sly("none", checks=("numerical_noise",))
    assert result.ret == 5
    assert by_check(sly)["numerical_noise"]["verdict"] == "pass"
    result.stdout.fnmatch_lines(["physcheck: NOTHING JUDGED: numerical_noise measured*"])


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_one_nan_is_one_failure_of_finite_outputs(sly, workers):
    result = sly.sly("always_nan", *workers, checks=(*CHECKS, "finite_outputs"))
    assert result.ret == 1
    records = by_check(sly)
    failed = records.pop("finite_outputs")
    assert failed["verdict"] == "fail"
    assert {(r["verdict"], r["reason"]) for r in records.values()} == {
        ("inconclusive", "not judged: forces are NaN (finite_outputs[H2O] fails)")
    }
    result.stdout.fnmatch_lines(["physcheck: FAIL: 1 law violated (finite_outputs) in 1 of 5 *"])


def test_nan_without_finite_outputs_in_the_plan_fails_each(sly):
    assert sly.sly("always_nan").ret == 1
    assert {r["verdict"] for r in by_check(sly).values()} == {"fail"}
    checks = (*CHECKS, "finite_outputs")
    assert sly.sly("always_nan", "-k", "not finite", checks=checks).ret == 1
    assert {r["verdict"] for r in by_check(sly).values()} == {"fail"}


def test_nan_of_one_output_leaves_the_others_judged(sly):
    checks = ("finite_outputs", "net_force", "stress_energy_gap")
    assert sly.sly("always_nan_stress", checks=checks, structures="Cu32").ret == 1
    verdicts = {check: r["verdict"] for check, r in by_check(sly).items()}
    assert verdicts == {
        "finite_outputs": "fail", "net_force": "pass", "stress_energy_gap": "inconclusive",
    }  # fmt: skip


def test_nan_where_finite_outputs_did_not_look_is_added_to_it(sly):
    result = sly.sly("nan", checks=(*CHECKS, "finite_outputs"))
    assert result.ret == 1
    records = by_check(sly)
    failed = records["finite_outputs"]
    assert (failed["verdict"], failed["value"]) == ("fail", 1.0)
    assert f"met by {HIT}[H2O]" in failed["evidence"]["place"]
    assert records[HIT]["reason"].startswith("not judged: forces are NaN")
    json.dumps(failed, allow_nan=False)
