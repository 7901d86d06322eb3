"""One law a function, by family.  Importing this package registers the shipped checks."""

from __future__ import annotations

from functools import cache

from physcheck.checks import conservation as conservation
from physcheck.checks import dynamics as dynamics
from physcheck.checks import implementation as implementation
from physcheck.checks import relaxation as relaxation
from physcheck.checks import smoothness as smoothness
from physcheck.checks import symmetry as symmetry

__all__ = ["load_entry_points"]


@cache
def load_entry_points() -> None:
    """Import the modules that other packages registered in the group ``physcheck.checks``."""
    from importlib.metadata import entry_points

    for entry in entry_points(group="physcheck.checks"):
        entry.load()
