"""What a case of benchmarks/faults.py is."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GOOD", "LONG", "OUT", "SHORT", "SUITE", "Case", "prepare_paths"]

SUITE = ["--pyargs", "physcheck.suite"]
GOOD = "--physcheck-model=builtin::lennard-jones"
SHORT = ["--physcheck-checks=determinism", "--physcheck-structures=H2O"]
OUT = "--physcheck-json=out.json"
LONG = "x" * 300


def _nothing(folder: Path) -> None:
    """No files."""


@dataclass(frozen=True)
class Case:
    """A command line, the files it finds, and what must come of it.

    Attributes
    ----------
    wrong : bool
        Something that must be refused: exit code 4 and one line.
    dies : bool
        The process may end with any code.
    alone : bool
        Needs a process of its own: it may end it, or leave it spoilt.
    mute : bool
        Nothing can be printed.
    unwritable : bool
        The JSON report can't be written.
    workers : bool
        Run with pytest-xdist.
    talks : bool
        pytest itself prints the traceback of what the model raised elsewhere, as in a thread.
    silent : bool
        Ends the process with code 0 and without a word; that the report isn't complete must do.
    """

    kind: str
    about: str
    arguments: tuple[str, ...]
    prepare: Callable[[Path], None] = _nothing
    wrong: bool = False
    dies: bool = False
    alone: bool = False
    mute: bool = False
    unwritable: bool = False
    workers: bool = False
    talks: bool = False
    silent: bool = False


def prepare_paths(folder: Path) -> None:
    """A folder, a file, links that lead nowhere and a pipe."""
    (folder / "folder").mkdir()
    (folder / "file.txt").write_text("x")
    (folder / "loop").symlink_to("loop")
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
