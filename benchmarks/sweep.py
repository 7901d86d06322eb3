"""``python benchmarks/sweep.py``: a sweep that loses a worker and its client.

Three models on eight structures with two workers of Dask.  A worker gets SIGKILL in the middle,
later the client does, and the same command is run again.  Said are whether the merged reports are
those of a serial sweep but for times, and how many records and evaluations were made twice: each
call of a model is counted in a file.  Minutes.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil

STRUCTURES = ("Cu32", "Si8", "H2O", "CH4", "NH3", "Ar13", "NaCl8", "Fe16")
MODELS = ("gupta", "lennard_jones", "morse")
CHECKS = "force_energy_gap,net_force,determinism,rotation_equivariance,loop_work"
# What differs between two sweeps that do the same, and where their reports are.
LEFT_OUT = ("seconds", "model_seconds", "estimated_seconds", "created", "json", "resume",
            "configurations")  # fmt: skip
# A call takes a moment, so that a signal meets a task in the middle.
COUNTED = """
import os
import time
from pathlib import Path

from physcheck.adapters.loading import load_model

CALLS = Path(__file__).with_suffix(".calls")


class Counted:
    def __init__(self, name):
        self.model = load_model(f"builtin::{name}")

    @property
    def capabilities(self):
        return self.model.capabilities

    def evaluate(self, configurations, *, want=frozenset({"forces"})):
        with CALLS.open("ab", buffering=0) as file:
            file.write(b"." * len(configurations))
        time.sleep(0.02)
        return self.model.evaluate(configurations, want=want)


def gupta():
    return Counted("gupta")


def lennard_jones():
    return Counted("lennard-jones")


def morse():
    return Counted("morse")
"""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", nargs="?", default="out/sweep", type=Path)
    folder = arguments.parse_args().folder.absolute()
    serial, broken = (_prepared(folder / name) for name in ("serial", "broken"))
    _start(serial, workers=1).wait()
    told = [_kill_a_worker(client := _start(broken, workers=2))]
    told.append(_kill_client(client, broken))
    again = _start(broken, workers=2)
    again.wait()
    print(*told, f"the third command ended with exit code {again.returncode}", sep="\n")
    _compare(serial, broken)


def _prepared(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "counted.py").write_text(COUNTED)
    models = [f'[[models]]\nname = "{name}"\nspec = "counted.py:{name}"\n' for name in MODELS]
    lines = [
        f"structures = {json.dumps(STRUCTURES)}",
        f'[settings]\nchecks = "{CHECKS}"\nbudget = 600',
        *models,
    ]
    (folder / "sweep.toml").write_text("\n".join(lines))
    return folder


def _start(folder: Path, *, workers: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "physcheck", "sweep", "sweep.toml", f"--workers={workers}"]
    with (folder / "said.txt").open("ab") as said:
        return subprocess.Popen(words, cwd=folder, stdout=said, stderr=said)


def _kill_a_worker(client: subprocess.Popen[bytes]) -> str:
    """SIGKILL to a worker that has made some records of a task."""
    while client.poll() is None:
        for worker in psutil.Process(client.pid).children():
            for task in worker.children():
                report = _report_of(_words(task))
                made = 0 if report is None else len(_read(report)["records"])
                if 2 <= made < CHECKS.count(",") + 1:
                    worker.send_signal(signal.SIGKILL)
                    _, alive = psutil.wait_procs([task], timeout=10)
                    gone = "GOES ON" if alive else "ended with it"
                    return f"a worker was killed after {made} records; its task's process {gone}"
        time.sleep(0.05)
    return "the client ended before a worker could be killed"


def _report_of(words: str) -> Path | None:
    found = re.search(r"--physcheck-json=(\S+)", words)
    return Path(found[1]) if found and Path(found[1]).exists() else None


def _kill_client(client: subprocess.Popen[bytes], folder: Path) -> str:
    """SIGKILL to the client when a third of the tasks are done."""
    while client.poll() is None:
        done = (folder / "said.txt").read_text().count("\n[")
        if done >= len(STRUCTURES):
            family = psutil.Process(client.pid).children(recursive=True)
            client.send_signal(signal.SIGKILL)
            client.wait()
            _, alive = psutil.wait_procs(family, timeout=30)
            return f"the client was killed after {done} tasks; {len(alive)} processes are left"
        time.sleep(0.2)
    return "the client ended before it could be killed"


def _words(process: Any) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _compare(serial: Path, broken: Path) -> None:
    for name in MODELS:
        one, other = (_without_times(_read(f / "sweep" / f"{name}.json")) for f in (serial, broken))
        print(f"{name}: {len(one['records'])} records,", "equal" if one == other else "DIFFERENT")
    calls = [(folder / "counted.calls").stat().st_size for folder in (serial, broken)]
    print(f"evaluations: {calls[0]} of the serial sweep, {calls[1]} of the broken one")
    for path in sorted((broken / "sweep").glob("*/*.log")):
        text = path.read_text()
        runs = text.count("test session starts")
        if runs > 1:
            kept = re.findall(r"(\d+ of \d+) records are taken", text)
            print(f"{path.parent.name} {path.stem}: {runs} processes, taken over: {kept}")


def _read(path: Path) -> Any:
    return json.loads(path.read_text())


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_times(v) for k, v in value.items() if k not in LEFT_OUT}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
