"""The scripts for clusters, without a cluster."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from physcheck.plugin.options import settings_of
from physcheck.sweep.sweep_file import load_sweep

FOLDER = Path(__file__).parents[2] / "examples/sweep"


def test_the_file_can_be_read():
    assert len(load_sweep(FOLDER / "sweep.toml").models) == 3


def test_the_job_of_a_worker_is_shown_without_being_submitted():
    # Not imported: it has interrupts end the process that imports it.
    if importlib.util.find_spec("dask_jobqueue") is None:
        pytest.skip("needs dask-jobqueue")
    words = [sys.executable, str(FOLDER / "slurm_cluster.py"), "sweep.toml", "--dry-run"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    for line in ("#SBATCH -t 02:00:00", "#SBATCH --gres=gpu:1", "--lifetime 110m"):
        assert line in done.stdout


def test_a_job_of_the_array_makes_its_shard(tmp_path):
    # A pytest that tells what it is asked to do.
    (tmp_path / "pytest").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "pytest").chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "SLURM_ARRAY_TASK_ID": "3", "MODEL": "m.py:f"}
    words = ["sh", str(FOLDER / "slurm_array.sh")]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    pairs = [line.partition("=") for line in done.stdout.splitlines() if "=" in line]
    given = {name.removeprefix("--physcheck-"): value for name, _, value in pairs}
    settings = settings_of(given, tmp_path)
    assert (settings.shard, settings.model, settings.budget) == ("3/4", "m.py:f", "standard")
    assert settings.json == settings.resume == str(tmp_path / "3.json")
