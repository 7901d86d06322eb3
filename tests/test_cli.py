import pytest

from physcheck import __version__
from physcheck.cli import main


@pytest.mark.parametrize(
    ("command", "text"),
    [("checks", "jacobian_asymmetry"), ("models", "+curl="), ("structures", "H2O")],
)
def test_lists(command, text, capsys):
    assert main([command]) == 0
    assert text in capsys.readouterr().out


def test_version_and_unknown_words(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--version"])
    assert stopped.value.code == 0
    assert capsys.readouterr().out.strip() == f"physcheck {__version__}"
    with pytest.raises(SystemExit) as stopped:
        main(["checks", "more"])
    assert stopped.value.code == 2


def test_run_hands_everything_else_to_pytest(monkeypatch):
    seen = []
    monkeypatch.setattr("pytest.main", lambda words: seen.append(words) or 1)
    assert main(["run", "x.py", "--physcheck-seed=3", "-n2"]) == 1
    assert seen == [
        ["--pyargs", "physcheck.suite", "--physcheck-model=x.py", "--physcheck-seed=3", "-n2"]
    ]
