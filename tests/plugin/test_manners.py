"""What people expect of any pytest plugin: selection, reruns, node ids, hints."""

import pytest

SUITE = ("--physcheck-structures=H2O", "--physcheck-checks=jacobian_asymmetry,net_force",
         "--physcheck-budget=quick")  # fmt: skip
HOST = """
import physcheck
from ase.build import molecule
from subject import Broken

@physcheck.parametrize_checks(atoms=[molecule("H2O")], checks="jacobian*,net_force")
def test_physics(physcheck_case):
    physcheck_case(Broken())

def test_red():
    assert 0

def test_green():
    pass
"""
RED = [
    "test_own.py::test_physics[jacobian_asymmetry-H2O]",
    "test_own.py::test_red",
    "physcheck/suite/laws.py::jacobian_asymmetry[H2O]",
]


@pytest.fixture
def ran(subject):
    """Runs host and suite, and gives the node ids in the order in which they ran."""
    subject.pytester.makepyfile(test_own=HOST)

    def run(*words, model="subject.py:broken"):
        names = []

        class Names:
            def pytest_runtest_logstart(self, nodeid):
                names.append(nodeid)

        given = [f"--physcheck-model={model}"] if model else []
        # The order is what is looked at, so nothing may shuffle it.
        given += ["-p", "no:randomly"]
        result = subject.pytester.runpytest_inprocess(*given, *SUITE, *words, plugins=[Names()])
        run.result = result
        return names

    return run


def test_last_failed_first_and_stepwise(ran):
    everything = ran()
    assert len(everything) == 6
    assert [name for name in everything if name in RED] == RED
    assert ran("--lf") == RED
    first_failed = ran("--ff")
    assert first_failed[:3] == RED
    assert sorted(first_failed) == sorted(everything)
    assert ran("--sw", "--pyargs", "physcheck.suite") == RED[2:]
    assert ran("--sw", "--sw-skip", "--pyargs", "physcheck.suite") == everything[-2:]


def test_the_suites_failures_alone_are_run_again(ran, subject):
    ran("--pyargs", "physcheck.suite")
    assert ran("--lf", "--pyargs", "physcheck.suite") == RED[2:]
    assert ran("--lf") == RED[2:]


def test_marks_and_deselection(ran):
    assert ran("-m", "physcheck and conservation", "--strict-markers") == [RED[0], RED[2]]
    assert ran("-m", "law and symmetry", "--strict-markers") == [
        RED[0].replace("jacobian_asymmetry", "net_force"),
        RED[2].replace("jacobian_asymmetry", "net_force"),
    ]
    assert ran("-m", "physcheck_conservation", "-k", "laws") == RED[2:]
    left = ran("--deselect=physcheck/suite/laws.py::jacobian_asymmetry", f"--deselect={RED[0]}")
    assert set(left) & {RED[0], RED[2]} == set()
    assert len(left) == 4
    ran("--durations=0", "-vv")
    ran.result.stdout.fnmatch_lines(["*s call *physcheck/suite/laws.py::net_force*"])


@pytest.mark.parametrize("printed", ["", "../"])
def test_a_printed_node_id_can_be_given_anywhere(ran, subject, printed, monkeypatch):
    folder = subject.pytester.mkdir("below")
    monkeypatch.chdir(folder)
    assert ran(f"{printed}{RED[2]}", model="../subject.py:broken") == RED[2:]
    assert ran.result.ret == 1
    assert ran(RED[2].replace("asymmetry", "asymetry"), model="../subject.py:broken") == []
    assert ran.result.ret == 4


def test_a_record_is_not_run_again_into_green(subject):
    """As plugins do that run failures again, for a model that breaks a law now and then."""
    subject.pytester.makepyfile(
        conftest="""
        from _pytest.runner import runtestprotocol

        def pytest_runtest_protocol(item, nextitem):
            for log in (False, True):
                item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
                runtestprotocol(item, nextitem=nextitem, log=log)
            return True
        """,
        sometimes="""
        import itertools
        from ase.calculators.emt import EMT
        from subject import Broken

        CALLS = itertools.count()

        class Sometimes(Broken):
            def calculate(self, *args, **kwargs):
                kind = Broken if next(CALLS) < 60 else EMT
                kind.calculate(self, *args, **kwargs)

        def model():
            return Sometimes()
        """,
        test_own="""
        import itertools
        import physcheck
        from ase.build import molecule
        import sometimes

        @physcheck.parametrize_checks(atoms=[molecule("H2O")], checks="jacobian*")
        def test_physics(physcheck_case):
            sometimes.CALLS = itertools.count(0 if test_physics.first else 60)
            test_physics.first = False
            physcheck_case(sometimes.model())

        test_physics.first = True
        """,
    )
    one = ("--physcheck-checks=jacobian_asymmetry", *SUITE[::2])
    result = subject.run("--physcheck-model=sometimes.py", *one, factory=None)
    assert result.ret == 1
    result.assert_outcomes(failed=1)
    result = subject.run("test_own.py", suite=False, factory=None)
    result.assert_outcomes(failed=1)
    assert [r["verdict"] for r in subject.report()["records"]] == ["fail"]


def test_without_a_model_the_suite_says_how_to_give_one(subject):
    result = subject.run(factory=None, json_name=None)
    assert result.ret == 5
    result.stdout.fnmatch_lines(["no model is given, so there is nothing to judge*", "*--model=*"])
    subject.pytester.makepyfile(test_own="def test_own():\n    pass\n")
    result = subject.run(suite=False, factory=None, json_name=None)
    result.stdout.no_fnmatch_line("*no model is given*")


@pytest.mark.parametrize(
    "words",
    [
        ("--model=a.py", "--model=b.py"),
        ("--model", "a.py", "--physcheck-model=b.py"),
        ("--physcheck-model=a.py", "--model", "b.py"),
    ],
)
def test_two_models_are_an_error(subject, words):
    subject.pytester.makepyfile(a="model = 1", b="model = 2")
    result = subject.pytester.runpytest_inprocess(*words)
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*two models are given, a.py and b.py: *--physcheck-reference=b.py*physcheck compare*"]
    )


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("--physcheck-chekcs=x", "did you mean --physcheck-checks?"),
        ("--modl=x.py", "did you mean --physcheck-model?"),
        ("--structure=Cu32", "did you mean --physcheck-structures?"),
        ("--physcheck-qqq", "known: --physcheck-model, --physcheck-reference"),
    ],
)
def test_options_that_nobody_knows(subject, word, meant):
    result = subject.pytester.runpytest_inprocess(word)
    assert result.ret == 4
    result.stderr.fnmatch_lines([f"*no option is called {word.partition('=')[0]}; {meant}*"])


def test_an_option_that_the_host_has_is_the_hosts(subject):
    subject.pytester.makeconftest(
        "def pytest_addoption(parser):\n    parser.addoption('--structure')\n"
    )
    subject.pytester.makepyfile(test_own="def test_own():\n    pass\n")
    assert subject.pytester.runpytest_inprocess("--structure=x").ret == 0
    result = subject.pytester.runpytest_inprocess("--foreign=x")
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*unrecognized arguments: --foreign=x*"])
