"""``physcheck known-failures check``: lists that a run could not use are told from good ones."""

import pytest

from physcheck.cli import main

ENTRY = '[[known_failure]]\ncheck = "{}"\nstructure = "Cu32"\nreason = "known"\n'


@pytest.fixture
def file(tmp_path):
    return tmp_path / "known_failures.toml"


def test_a_good_list(file, capsys):
    file.write_text(ENTRY.format("loop_work") + "until = 2999-01-31\n")
    assert main(["known-failures", "check", str(file)]) == 0
    assert "1 known failure\n" in capsys.readouterr().out


def test_an_entry_that_has_expired(file, capsys):
    file.write_text(ENTRY.format("loop_work") + "until = 2020-01-31\n")
    assert main(["known-failures", "check", str(file)]) == 1
    assert "loop_work[Cu32] expired on 2020-01-31" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (ENTRY.format("loop_wrok"), "did you mean loop_work"),
        ('[[known_failure]]\ncheck = "loop_work"\n', "structure"),
        ("[[known_failure]\n", "known failures"),
    ],
)
def test_a_list_that_no_run_can_use(file, capsys, text, said):
    file.write_text(text)
    assert main(["known-failures", "check", str(file)]) == 4
    assert said in capsys.readouterr().err


def test_a_list_that_is_missing(file):
    assert main(["known-failures", "check", str(file)]) == 4
