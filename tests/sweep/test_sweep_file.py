"""The TOML file of a sweep: what it says, and what is wrong with it."""

import re

import pytest

from physcheck.cli import main
from physcheck.sweep.sweep_file import load_sweep

WHOLE = """
structures = ["Cu32", "some.xyz", "generated"]

[settings]
checks = "net_force"
budget = 8000
seed = 3

[[models]]
name = "plain"
spec = "model.py:make"
python = "envs/x/bin/python"

[[models]]
spec = "builtin::gupta+curl=0.01"
dtype = "float64"
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "some.xyz").write_text("2\n\nH 0 0 0\nH 0 0 0.75\n")
        path = tmp_path / "sweep.toml"
        path.write_text(text)
        return path

    return write


def test_a_file_is_read_relative_to_its_folder(write, tmp_path):
    sweep = load_sweep(write(WHOLE))
    plain, curl = sweep.models
    assert plain.python == str(tmp_path / "envs/x/bin/python")
    assert dict(plain.settings) == {"checks": "net_force", "budget": "8000", "seed": "3"}
    assert (curl.name, curl.python) == ("builtin-gupta+curl-0.01", None)
    assert curl.settings["dtype"] == "float64"
    assert list(sweep.structures) == ["Cu32", "some.xyz", "generated"]
    assert len(sweep.structures["some.xyz"]) == 1
    assert sweep.folder == tmp_path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("structures = [", "structures = ", "is no TOML"),
        ("structures", "structure", "structure is no key of a sweep; did you mean structures?"),
        ('["Cu32", "some.xyz", "generated"]', '"Cu32"', "structures should be a list of names"),
        ('"Cu32"', '"Cu33"', "Cu33"),
        ('"Cu32"', '"Cu32,Si8"', "has a comma"),
        ('"Cu32"', '"some.xyz"', "some.xyz is named twice"),
        ("net_force", "net_forces", "did you mean net_force"),
        ("8000", '"5min"', "the budget 5min depends on how fast a model runs"),
        ("seed = 3", "seed = true", "settings.seed is True, should be a whole number"),
        ("seed = 3", "seed = -3", "the seed is -3"),
        ("seed = 3", "search = 100", "name generated among the structures instead"),
        ("seed = 3", 'html = "x"', "settings.html is no key of a sweep"),
        ('spec = "model.py:make"', "", r"each of \[\[models\]\] needs a spec"),
        ('name = "plain"', 'name = "a/b"', "the model name 'a/b' should be letters"),
        ('name = "plain"', 'name = "builtin-Gupta+curl-0.01"', "two models are called"),
        ("dtype", "modes", "modes of the model builtin-gupta.* should be a list"),
        ("dtype", "dtypes", "did you mean dtype"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(write, capsys, old, new, said):
    assert old in WHOLE
    assert main(["sweep", str(write(WHOLE.replace(old, new)))]) == 4
    told = capsys.readouterr().err
    assert re.search(said, told)
    assert len(told.splitlines()) == 1
    assert "sweep.toml" in told


def test_a_file_that_is_not_there_is_told(tmp_path, capsys):
    assert main(["sweep", str(tmp_path / "none.toml")]) == 4
    assert "can't be read: No such file" in capsys.readouterr().err


def test_each_mode_is_a_model_and_the_first_their_reference(write):
    text = WHOLE.replace('name = "plain"', 'name = "net"\nmodes = ["plain", "kernel:cueq"]')
    plain, kernel, _ = load_sweep(write(text)).models
    assert (plain.name, kernel.name) == ("net-plain", "net-kernel-cueq")
    assert kernel.spec == "model.py:make,mode=kernel:cueq"
    assert kernel.settings["reference"] == plain.spec == "model.py:make,mode=plain"
    assert "reference" not in plain.settings
