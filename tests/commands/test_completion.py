"""Completion in shells."""

import re

import pytest

from physcheck.cli import main


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(shell, capsys):
    assert main(["completion", shell]) == 0
    assert "_PHYSCHECK_COMPLETE" in capsys.readouterr().out


@pytest.fixture
def offered(monkeypatch, capsys):
    def ask(shell, words, number):
        monkeypatch.setenv("_PHYSCHECK_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", " ".join(words))
        monkeypatch.setenv("COMP_CWORD", str(number))
        with pytest.raises(SystemExit):
            main([])
        lines = capsys.readouterr().out.splitlines()
        return [one.partition(",")[2] for one in lines] if shell == "bash" else lines[1::3]

    return ask


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("physcheck expl", "explain"),
        ("physcheck explain loop", "loop_work"),
        ("physcheck run builtin::gup", "builtin::gupta"),
        ("physcheck run x.py --checks=net_force,loop", "net_force,loop_work"),
        ("physcheck run x.py --profile=t", "tight"),
        ("physcheck plan x.py --structures Cu32,H2O-", "Cu32,H2O-box32"),
    ],
)
def test_words_are_offered(line, expected, offered):
    words = line.split()
    assert any(w.endswith(expected) for w in offered("zsh", words, len(words) - 1))
    # bash takes words apart at = and : and puts what is offered behind the last of them.
    pieces = [piece for word in words for piece in re.findall(r"[=:]+|[^=:]+", word)]
    assert re.split("[=:]", expected)[-1] in offered("bash", pieces, len(pieces) - 1)
