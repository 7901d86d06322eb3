"""Cases as files: one readable JSON each, kept in a folder and asked again by every run."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from physcheck.errors import SpecError
from physcheck.files.paths import path_problem
from physcheck.search.case import Case
from physcheck.system import Configurations

__all__ = ["case_as_json", "case_from_json", "keep_case", "kept_cases"]

# The format of a case's file.
_FORMAT = "physcheck-case/1"
# What an action may hold, and the shape of each, with N for the number of atoms.
_SHAPES: dict[str, tuple[int | str, ...]] = {
    "shift": (3,),
    "rotation": (3, 3),
    "order": ("N",),
    "offsets": ("N", 3),
    "basis": (3, 3),
    "strains": ("any",),
    "move": ("N", 3),
    "circle": (2, "N", 3),
}


def case_as_json(case: Case) -> dict[str, Any]:
    """A case in plain numbers: structure, what is done to it, and how it was made."""
    start = case.start
    return {
        "format": _FORMAT,
        "check": case.check,
        "made_from": case.made_from,
        "symbols": list(start.system.symbols),
        "positions": start.positions[0].tolist(),
        "cell": start.cells[0].tolist(),
        "pbc": start.system.pbc.tolist(),
        "info": {k: v for k, v in start.system.info.items() if isinstance(v, int | float | str)},
        "action": {name: np.asarray(values).tolist() for name, values in case.action.items()},
    }


def case_from_json(document: Mapping[str, Any], name: str = "case") -> Case:
    """The inverse of :func:`case_as_json`.

    Raises
    ------
    SpecError
        The document is no case; ``name`` says which.
    """
    from ase import Atoms

    if not isinstance(document, Mapping) or document.get("format") != _FORMAT:
        raise SpecError(f"{name} is no case of physcheck: its format should be {_FORMAT!r}")
    try:
        atoms = Atoms(
            symbols=document["symbols"],
            positions=document["positions"],
            cell=document["cell"],
            pbc=document["pbc"],
            info=dict(document.get("info", {})),
        )
        case = Case(
            str(document["check"]),
            Configurations.from_atoms(atoms),
            dict(document.get("action", {})),
            str(document.get("made_from", "")),
        )
        _refuse_shapes(case)
    except (KeyError, ValueError, TypeError) as error:
        raise SpecError(f"{name} is no case of physcheck: {error}") from None
    return case


def _refuse_shapes(case: Case) -> None:
    for name, values in case.action.items():
        if name not in _SHAPES:
            raise ValueError(f"nothing is called {name!r}; {', '.join(_SHAPES)} are")
        shape = np.asarray(values, dtype=np.float64).shape
        wanted = tuple(case.start.n_atoms if n == "N" else n for n in _SHAPES[name])
        if len(shape) != len(wanted) or any(w != "any" and n != w for n, w in zip(shape, wanted)):
            raise ValueError(f"{name} has shape {shape}, should be {wanted}")


def keep_case(case: Case, folder: str, found: Mapping[str, Any]) -> Path:
    """Write a case into a folder, with what was found there; the same case has the same file.

    Raises
    ------
    OSError
    """
    document = case_as_json(case) | {"found": dict(found)}
    words = json.dumps({name: v for name, v in document.items() if name != "found"})
    path = Path(folder) / f"{case.check}-{crc32(words.encode()):08x}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(readable(document), encoding="utf-8")
    os.replace(part, path)
    return path


def readable(document: Mapping[str, Any]) -> str:
    """JSON with a line for each entry, and one for each row of numbers."""
    lines = []
    for name, value in document.items():
        text = json.dumps(value)
        if isinstance(value, list) and value and isinstance(value[0], list):
            rows = ",\n".join(f"  {json.dumps(row)}" for row in value)
            text = f"[\n{rows}\n ]"
        lines.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def kept_cases(folder: str | None) -> tuple[Case, ...]:
    """The cases of a folder, by the names of their files; none where it doesn't exist yet.

    Raises
    ------
    SpecError
        A file is no case.
    """
    if folder is None or not Path(folder).is_dir():
        return ()
    found = []
    for path in sorted(Path(folder).glob("*.json")):
        problem = path_problem(path)
        if problem is not None:
            raise SpecError(f"{path} can't be read as a case: {problem}")
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise SpecError(f"{path} can't be read as a case: {error}") from None
        found.append(case_from_json(document, str(path)))
    return tuple(found)
