"""Other people's pytest plugins in a host project, green and red, in processes of their own.

`make test-plugins` has them all; the others run where they are installed.
"""

import importlib.util
import json
import re
from html import unescape

import pytest

HOST = """
import physcheck
from ase.build import molecule
from subject import Broken, EMT

@physcheck.parametrize_checks(atoms=[molecule("H2O")], checks="jacobian*,net_force")
def test_physics(physcheck_case):
    physcheck_case(%s())

def test_of_the_host():
    pass
"""
IDS = [
    f"{of}{check}{end}"
    for of, end in (("test_own.py::test_physics[", "-H2O]"), ("physcheck/suite/laws.py::", "[H2O]"))
    for check in ("jacobian_asymmetry", "net_force")
]


def needs(module):
    here = importlib.util.find_spec(module) is not None
    return pytest.mark.skipif(not here, reason=f"{module} isn't installed: make test-plugins")


@pytest.fixture
def host(subject):
    """Runs a host's tests and the suite beside them on a good or a broken model."""

    def run(*words, good=False, test=HOST):
        name = "EMT" if good else "Broken"
        subject.pytester.makepyfile(test_own=test % name if "%s" in test else test)
        return subject.run(
            "test_own.py", "--physcheck-checks=jacobian_asymmetry,net_force",
            "--physcheck-structures=H2O", "--physcheck-budget=quick", "--strict-markers", "-v",
            "-W", "error", *words,
            factory="model" if good else "broken", process=True,
        )  # fmt: skip

    return run


def verdicts(subject):
    return sorted(record["verdict"] for record in subject.report()["records"])


def assert_red(result, subject):
    assert result.ret == 1
    assert verdicts(subject) == ["fail", "fail", "pass", "pass"]


def assert_green(result, subject):
    assert result.ret == 0, result.stdout.str()
    assert verdicts(subject) == ["pass"] * 4


@needs("pytest_html")
@pytest.mark.parametrize("good", [True, False])
def test_html(host, subject, good):
    result = host("--html=page.html", "--self-contained-html", good=good)
    (assert_green if good else assert_red)(result, subject)
    page = (subject.pytester.path / "page.html").read_text(encoding="utf8")
    found = json.loads(unescape(re.search('data-jsonblob="([^"]*)"', page)[1]))["tests"]
    results = {name: tests[0] for name, tests in found.items()}
    assert {name: results[name]["result"] for name in IDS} == {
        name: "Passed" if good or "net_force" in name else "Failed" for name in IDS
    }
    if not good:
        assert "the force Jacobian is not symmetric" in results[IDS[2]]["log"]


@needs("pytest_cov")
@pytest.mark.parametrize("good", [True, False])
def test_cov(host, subject, good):
    result = host("--cov=subject", good=good)
    (assert_green if good else assert_red)(result, subject)
    result.stdout.fnmatch_lines(["subject.py*%"])


@needs("pytest_randomly")
@pytest.mark.parametrize("good", [True, False])
def test_randomly(host, subject, good):
    figures = []
    for seed in (1, 2):
        result = host(f"--randomly-seed={seed}", good=good)
        (assert_green if good else assert_red)(result, subject)
        figures.append(subject.verdicts())
    assert figures[0] == figures[1]


@needs("pytest_rerunfailures")
@pytest.mark.parametrize("good", [True, False])
def test_rerunfailures(host, subject, good):
    result = host("--reruns=2", good=good)
    (assert_green if good else assert_red)(result, subject)
    result.assert_outcomes(passed=5 if good else 3, failed=0 if good else 2)
    text = result.stdout.str()
    assert text.count("RERUN") == (0 if good else 4)
    assert "not counted" not in text


@needs("pytest_timeout")
def test_timeout(host, subject):
    assert_green(host("--timeout=100", good=True), subject)
    subject.pytester.makepyfile(
        slow="""
        import time
        from ase.calculators.emt import EMT

        class Slow(EMT):
            calls = 0
            def calculate(self, *args, **kwargs):
                super().calculate(*args, **kwargs)
                type(self).calls += 1
                if self.calls == 40:
                    time.sleep(60)

        def model():
            return Slow()
        """
    )
    result = subject.run(
        "--physcheck-model=slow.py", "--timeout=4", "--physcheck-structures=H2O",
        "--physcheck-checks=jacobian_asymmetry,net_force,determinism", factory=None, process=True,
    )  # fmt: skip
    assert result.ret == 1
    records = subject.report()["records"]
    assert [r["verdict"] for r in records].count("error") == 1
    assert "Timeout" in next(r["message"] for r in records if r["verdict"] == "error")


SUBTESTS = """
import physcheck
from ase.build import molecule
from subject import Broken, EMT

@physcheck.parametrize_checks(atoms=[molecule("H2O")], checks="jacobian*,net_force")
def test_physics(physcheck_case, subtests):
    with subtests.test("physics"):
        physcheck_case(%s())
    with subtests.test("more"):
        pass
"""


@pytest.mark.parametrize("good", [True, False])
def test_subtests(host, subject, good):
    if importlib.util.find_spec("_pytest.subtests") is None:
        pytest.importorskip("pytest_subtests")
    result = host(test=SUBTESTS, good=good)
    (assert_green if good else assert_red)(result, subject)


@needs("xdist")
@pytest.mark.parametrize("good", [True, False])
def test_xdist(host, subject, good):
    result = host("-n2", good=good)
    (assert_green if good else assert_red)(result, subject)
