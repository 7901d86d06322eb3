"""``physcheck run``: pytest's form with short names."""

import sys

import pytest

from physcheck.cli import main
from physcheck.plugin.options import OPTIONS


@pytest.fixture
def words(monkeypatch):
    seen = []
    monkeypatch.setattr("pytest.main", lambda words, plugins: seen.append(words) or 1)
    return seen


def test_everything_else_is_handed_to_pytest(words):
    options = ["--physcheck-seed=3", "--checks", "net_force", "--annotate"]
    assert main(["run", "x.py", *options, "-n2", "-k", "a or b"]) == 1
    (given,) = words
    assert given[:2] == ["--pyargs", "physcheck.suite"]
    assert given[3:] == [
        "--physcheck-model=x.py", "--physcheck-checks=net_force", "--physcheck-seed=3",
        "--physcheck-annotate", "-n2", "-k", "a or b",
    ]  # fmt: skip


def test_both_names_of_an_option(words, capsys):
    assert main(["run", "x.py", "--seed=3", "--physcheck-seed=3"]) == 1
    assert words[0][-1] == "--physcheck-seed=3"
    assert main(["run", "x.py", "--seed=3", "--physcheck-seed=4"]) == 4
    assert "--seed and --physcheck-seed are one option" in capsys.readouterr().err
    assert len(words) == 1


def test_two_models_are_a_mistake(words, capsys):
    assert main(["run", "x.py", "ase::emt"]) == 4
    assert "physcheck run x.py --reference=ase::emt" in capsys.readouterr().err
    assert not words
    assert main(["run", "x.py", "-k", "net_force::x"]) == 1


def test_help_has_every_option(capsys):
    assert main(["run", "--help"]) == 0
    told = capsys.readouterr().out
    assert [o.name for o in OPTIONS if o.name != "model" and f"--{o.name} " not in told] == []
    assert "Example: --species=H,O" in " ".join(told.split())


@pytest.mark.parametrize(("model", "code"), [("builtin::gupta+net-force=0.01", 1), ("x.py", 4)])
def test_the_verdict_and_exit_code_are_those_of_pytest(subject, model, code):
    options = ["--checks=net_force", "--structures=Cu32", "--budget=quick", "--json=out.json"]
    result = subject.pytester.run(sys.executable, "-m", "physcheck", "run", model, *options)
    assert result.ret == code
    text = result.stdout.str() + result.stderr.str()
    assert "PytestAssertRewriteWarning" not in text
    if code != 4:
        assert [r["verdict"] for r in subject.report()["records"]] == ["fail"]


@pytest.mark.parametrize(
    ("word", "meant"), [("--cheks=x", "--checks"), ("--modl=x", "--physcheck-model")]
)
def test_an_option_that_nobody_knows_is_told_by_its_short_name(capsys, word, meant):
    assert main(["run", "builtin::gupta", word]) == 4
    said = f"no option is called {word.partition('=')[0]}; did you mean {meant}?"
    assert said in capsys.readouterr().err
