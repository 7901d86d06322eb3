"""Names that don't exist: exit code 4 and the nearest ones, before anything runs."""

import pytest


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("--physcheck-checks=loop_wrk", "*did you mean loop_work*"),
        ("--physcheck-structures=H20", "*did you mean H2O?"),
        ("--physcheck-profile=mdd", "*no profile is called 'mdd'; did you mean md?"),
        ("--physcheck-budget=qick", "*did you mean quick?"),
        ("--physcheck-fail-on=laws", "*did you mean law?"),
        ("--physcheck-seed=many", "*--physcheck-seed is 'many', should be a whole number"),
        ("--physcheck-species=Qq", "*no species is called 'Qq'*"),
        ("--physcheck-model=subjct.py", "*no file subjct.py; did you mean subject.py?"),
        ("--physcheck-model=subject.py:modle", "*no 'modle' in subject.py; did you mean model?"),
        ("--physcheck-model=builtin::lenard-jones", "*did you mean lennard-jones?"),
        ("--physcheck-known-failures=none.toml", "*none.toml: No such file*"),
        ("--physcheck-json=.", "*is a folder*"),
        ("--model=", "*--physcheck-model is empty, should be SPEC"),
        ("--physcheck-model= ", "*--physcheck-model is empty, should be SPEC"),
        ("--physcheck-checks=", "*--physcheck-checks is empty, should be A,B*"),
    ],
)
def test_unknown_names(subject, argument, text):
    subject.pytester.makepyfile(test_own="def test_own():\n    print('ran')\n")
    model = [] if argument.startswith("--model") else ["--physcheck-model=subject.py"]
    result = subject.pytester.runpytest_inprocess(*model, argument, "-p", "no:cacheprovider")
    assert result.ret == 4
    result.stderr.fnmatch_lines([text])


def test_workers_are_not_even_started(subject):
    result = subject.run("--physcheck-checks=nothing", "-n2")
    assert result.ret == 4
    assert not (subject.pytester.path / "out.json").exists()


def test_checks_of_a_package_that_cannot_be_imported_are_named(subject):
    folder = subject.pytester.path / "theirs-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[physcheck.checks]\nmine = theirs.laws\n")
    result = subject.run("--physcheck-structures=H2O", process=True)
    assert result.ret == 4
    result.stderr.fnmatch_lines(
        ["*package theirs (entry point mine = theirs.laws) can't be imported: ModuleNotFoundError*"]
    )
