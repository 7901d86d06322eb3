"""The progress of long records: on a terminal, and nowhere else."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest

from physcheck.plugin.progress import Progress, progress_of

SLOW = """
import time

from physcheck.potentials import Morse


class Slow(Morse):
    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        time.sleep(0.012 * len(configurations))
        return super().evaluate(configurations, want=want)


model = Slow()
"""


def screen(text):
    """What a terminal shows of one line."""
    line, place = [], 0
    for letter in text:
        if letter == "\b":
            place -= 1
            continue
        line[place : place + 1] = [letter]
        place += 1
    return "".join(line)


def test_what_is_shown_goes_away_again():
    stream, now = io.StringIO(), [0.0]
    shown = Progress(stream, lambda: 70, clock=lambda: now[0])
    with shown.watch("equipartition[H2O]", 24_000) as observe:
        observe(100)
        assert stream.getvalue() == ""
        now[0] = 4.0
        observe(12_000)
        assert screen(stream.getvalue()).endswith(
            "equipartition[H2O]: 12,000 of 24,000 evaluations, 4 s left"
        )
        now[0] = 4.1
        observe(12_100)
        assert "12,100" not in stream.getvalue()
        now[0] = 400.0
        observe(12_200)
        assert "6 min left" in screen(stream.getvalue())
    assert screen(stream.getvalue()).strip() == ""
    assert stream.getvalue().endswith("\b")


def test_a_full_line_and_a_short_record_show_nothing():
    stream, now = io.StringIO(), [0.0]
    for room, end in ((10, 100.0), (70, 1.0)):
        with Progress(stream, lambda room=room: room, clock=lambda: now[0]).watch("x", 10) as tell:
            now[0] += end
            tell(5)
    assert stream.getvalue() == ""


def test_a_stage_is_shown_at_once_and_goes_away_again():
    stream = io.StringIO()
    shown = Progress(stream, lambda: 30)
    with shown.stage("timing the model at a\x1bvery-long-name.extxyz"):
        assert screen(stream.getvalue()) == " timing the model at a\\x1bver"
        with shown.stage("trial call at H2O"):
            assert screen(stream.getvalue()).strip() == "trial call at H2O ..."
    assert screen(stream.getvalue()).strip() == ""
    narrow = io.StringIO()
    with Progress(narrow, lambda: 5).stage("loading"):
        assert narrow.getvalue() == ""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a pseudo-terminal")
@pytest.mark.parametrize("ci", [False, True])
def test_only_a_terminal_shows_it(tmp_path, ci):
    (tmp_path / "slow.py").write_text(SLOW)
    command = [
        sys.executable, "-m", "pytest", "--pyargs", "physcheck.suite", "--model=slow.py:model",
        "-p", "no:cacheprovider",
        "--physcheck-checks=timestep_convergence", "--physcheck-structures=NH3",
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k not in ("CI", "PYTEST_ADDOPTS")}
    environment |= {"COLUMNS": "100"} | ({"CI": "1"} if ci else {})
    near, far = os.openpty()
    running = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, stdout=far, stderr=far
    )
    os.close(far)
    text = _everything(near)
    os.close(near)
    running.wait()
    assert "pass: dynamics: 1 record of 1 check on NH3" in text
    assert (" of 274 evaluations, " in text) == (not ci), text
    for stage in ("loading slow.py:model ...", "trial call at NH3 ...", "timing the model at NH3"):
        assert (stage in text) == (not ci)


@pytest.mark.parametrize(
    ("verbosity", "tty", "worker", "shown"),
    [
        (0, True, False, True),
        (-1, True, False, False),
        (0, False, False, False),
        (0, True, True, False),
    ],
)
def test_where_nobody_looks_there_is_none(monkeypatch, verbosity, tty, worker, shown):
    monkeypatch.delenv("CI", raising=False)
    writer = SimpleNamespace(_file=io.StringIO(), fullwidth=80, width_of_current_line=0)
    plugins = {"terminalreporter": SimpleNamespace(isatty=tty, _tw=writer)}
    config = SimpleNamespace(
        pluginmanager=SimpleNamespace(getplugin=plugins.get), get_verbosity=lambda: verbosity
    )
    if worker:
        config.workerinput = {}
    assert (progress_of(config) is not None) == shown


def _everything(descriptor):
    parts, end = [], time.monotonic() + 120
    while time.monotonic() < end:
        try:
            part = os.read(descriptor, 4096)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()
