"""What was chosen is what is planned; what the host expects fails no run."""

import subprocess
import sys

from jsonschema import validate

from physcheck.report.json_report import schema


def test_deselected_records_are_not_planned(subject):
    everything = ("--physcheck-structures=H2O", "--physcheck-checks=conservation")
    result = subject.run(*everything, "-k", "jacobian")
    plan = subject.report()["plan"]
    assert plan["records"] == 1
    spent = subject.report()["summary"]["force_evaluations"]
    assert spent <= plan["evaluations"] < 100
    result.stdout.fnmatch_lines(
        [
            "physcheck: EMT*: 1 record planned, at most * evaluations*",
            f"cost: {spent} evaluations *",
        ]
    )
    subject.pytester.runpytest_inprocess(
        "--pyargs", "physcheck.suite.laws::jacobian_asymmetry[H2O]", "--model=subject.py",
        "--physcheck-structures=H2O", "--physcheck-json=out.json",
    )  # fmt: skip
    assert subject.report()["plan"]["records"] == 1


def test_what_the_host_marks_xfail_is_known(subject):
    subject.pytester.makepyfile(
        test_own="""
        import physcheck
        import pytest
        from ase.build import molecule
        from ase.calculators.emt import EMT
        from subject import Broken, Raising

        cases = physcheck.parametrize_checks(atoms={"water": molecule("H2O")}, checks="jacobian*")

        @pytest.mark.xfail(reason="a curl by design")
        @cases
        def test_broken(physcheck_case):
            physcheck_case(Broken())

        @pytest.mark.xfail(reason="no weights yet")
        @cases
        def test_raising(physcheck_case):
            physcheck_case(Raising())

        @pytest.mark.xfail(reason="was broken once")
        @cases
        def test_mended(physcheck_case):
            physcheck_case(EMT())
        """
    )
    args = ("test_own.py", "--junitxml=junit.xml")
    result = subject.run(*args, suite=False, factory=None)
    result.assert_outcomes(xfailed=2, xpassed=1)
    assert result.ret == 0
    report = subject.report()
    validate(report, schema())
    assert [(r["verdict"], r["reason"]) for r in report["records"]] == [
        ("known_failure", "marked xfail (a curl by design)"),
        ("error", "marked xfail (no weights yet)"),
        ("pass", None),
    ]
    result.stdout.fnmatch_lines(["physcheck: KNOWN FAILURES: 2 known failures, nothing new"])
    assert 'type="pytest.xfail"' in (subject.pytester.path / "junit.xml").read_text()
    subject.pytester.makeini("[pytest]\nxfail_strict = true\n")
    result = subject.run(*args, suite=False, factory=None)
    assert result.ret == 1
    assert [r["verdict"] for r in subject.report()["records"]] == ["known_failure", "error", "fail"]
    result.stdout.fnmatch_lines(["physcheck: FAIL: 1 known failure passes now: remove it*"])


def test_evidence_is_beside_whatever_report_there_is(subject):
    for option in ("html", "markdown"):
        subject.pytester.mkdir(option)
        subject.run(
            "--physcheck-structures=H2O", "--physcheck-checks=jacobian_asymmetry",
            f"--physcheck-{option}={option}/out.x", factory="broken", json_name=None,
        )  # fmt: skip
        folder = subject.pytester.path / option / "out-evidence"
        assert (folder / "jacobian_asymmetry-H2O.extxyz").is_file()


def test_a_call_that_only_succeeds_when_repeated_is_named(subject):
    subject.pytester.makepyfile(
        flaky="""
        from ase.calculators.emt import EMT

        class ColdStart(EMT):
            calls = 0
            def calculate(self, *args, **kwargs):
                type(self).calls += 1
                if self.calls == 1:
                    raise RuntimeError("the kernel is not compiled yet")
                super().calculate(*args, **kwargs)

        def factory():
            return ColdStart()
        """
    )
    for chosen in (("--physcheck-structures=H2O",), ()):
        result = subject.run(
            "--physcheck-checks=jacobian_asymmetry", *chosen, "--physcheck-markdown=out.md",
            "--physcheck-model=flaky.py:factory", factory=None,
        )  # fmt: skip
        (remark,) = subject.report()["plan"]["remarks"]
        assert "raised at its first call" in remark
        assert "the kernel is not compiled yet" in remark
        result.stdout.fnmatch_lines(["note: the model raised at its first call*"])
        assert "- note: the model raised" in (subject.pytester.path / "out.md").read_text()
        assert subject.report()["records"][0]["verdict"] == "pass"


def test_the_noise_is_held_against_nothing(subject):
    words = ("--physcheck-structures=H2O", "--physcheck-checks=numerical_noise", "-v")
    result = subject.run(*words)
    # Nothing was judged.
    assert result.ret == 5
    row = next(line for line in result.stdout.lines if line.startswith("numerical_noise"))
    # check, structure, verdict, value ± uncertainty unit, evaluations: no limits.
    assert row.split()[-2:] == ["eV/Å", "0"]


def test_the_module_is_the_command_and_shows_its_public_names_only():
    words = [sys.executable, "-W", "error", "-m", "physcheck", "checks"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "loop_work" in done.stdout
    import physcheck

    assert set(physcheck.__all__) <= set(dir(physcheck))
    private = {name for name in dir(physcheck) if name.startswith("_") and not name.endswith("__")}
    assert private == set()
    assert not {"TYPE_CHECKING", "Any", "annotations"} & set(dir(physcheck))
