import subprocess
import sys

import pytest

from physcheck import __version__
from physcheck.cli import _COMMANDS, main


@pytest.mark.parametrize(
    ("command", "text"),
    [("checks", "jacobian_asymmetry"), ("models", "+curl="), ("structures", "H2O")],
)
def test_lists(command, text, capsys):
    assert main([command]) == 0
    assert text in capsys.readouterr().out


def test_version_and_help(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == f"physcheck {__version__}"
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(f"  {name}  " in told for name in _COMMANDS)
    for name in _COMMANDS:
        assert main([name, "--help"]) == 0
        assert "Usage: physcheck" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["chekcs"], "no command is called 'chekcs'; did you mean checks?"),
        (["checks", "consrvation"], "no check or family is called 'consrvation'; did you mean con"),
        (["checks", "x"], "families: conservation, dynamics"),
        (["explain", "net_fource"], "did you mean net_force"),
        (["explain"], "missing argument"),
        (["structures", "H20"], "no structure matches 'H20'; did you mean H2O"),
        (["checks", "--markdwn"], "Did you mean '--markdown'?"),
        (["run", "--checks=net_force"], "missing argument 'MODEL'"),
        (["run", "-v", "model.py"], "MODEL comes first"),
        (["plan", "builtin::guptta"], "did you mean gupta?"),
        (["plan", "builtin::gupta", "--profile=mdd"], "did you mean md?"),
        (["report", "none.json"], "none.json"),
        (["badge", "none.json", "-o", "x.png"], "x.png should end in .svg"),
    ],
)
def test_mistakes_are_a_line_and_exit_code_4(words, said, capsys):
    assert main(words) == 4
    told = capsys.readouterr()
    assert told.out == ""
    first, *more = told.err.splitlines()
    assert said in first
    assert first.startswith("physcheck: ")
    assert len(more) <= 1


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom physcheck.cli import main\nmain(['--help'])\n"
        "heavy = {'numpy', 'ase', 'torch', 'scipy', 'pytest', 'hypothesis'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)\n"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
