"""Tasks of a sweep in processes of their own, for real."""

import json
import subprocess
import sys

import pytest

from physcheck.cli import main
from physcheck.sweep import engines

FILE = """
structures = ["CH4"]
[settings]
checks = "net_force"
budget = 600
[[models]]
name = "good"
spec = "builtin::gupta"
[[models]]
name = "broken"
spec = "broken.py:make"
[[models]]
name = "elsewhere"
spec = "builtin::gupta"
python = "no/such/python"
"""


@pytest.fixture
def without_dask(monkeypatch):
    # A module that is None can't be imported.
    monkeypatch.setitem(sys.modules, "distributed", None)
    return engines


def test_a_sweep_by_the_command_without_dask(tmp_path, without_dask, capsys, monkeypatch):
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    (tmp_path / "sweep.toml").write_text(FILE)
    (tmp_path / "broken.py").write_text("def make():\n    raise RuntimeError('no weights')\n")
    words = ["sweep", str(tmp_path / "sweep.toml"), "-o", str(tmp_path / "out")]
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "good CH4: 1 pass" in said
    assert "broken can't be judged: calling broken.py:make raised RuntimeError: no weights" in said
    assert f"elsewhere can't be judged: {tmp_path}/no/such/python can't be run" in said
    merged = json.loads((tmp_path / "out/good.json").read_text())
    assert merged["complete"]
    assert [record["structure"] for record in merged["records"]] == ["CH4"]
    assert merged["settings"]["json"] is None


def test_a_scheduler_needs_dask(tmp_path, without_dask, capsys):
    (tmp_path / "sweep.toml").write_text(FILE)
    assert main(["sweep", str(tmp_path / "sweep.toml"), "--scheduler=tcp://localhost:1"]) == 4
    assert "--scheduler needs Dask: pip install 'physcheck[sweep]'" in capsys.readouterr().err


def test_a_process_ends_when_its_parent_does():
    code = (
        "import time; from physcheck.sweep.watched_process import end_with_parent; "
        "end_with_parent(); print('ready', flush=True); time.sleep(60)"
    )
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        process.stdin.close()
        assert process.wait(timeout=30) == 3
