"""One law a function, by family.  Importing this package registers the shipped checks."""

from __future__ import annotations

from functools import cache

from physcheck.checks import conservation as conservation
from physcheck.checks import dynamics as dynamics
from physcheck.checks import implementation as implementation
from physcheck.checks import relaxation as relaxation
from physcheck.checks import sampling as sampling
from physcheck.checks import smoothness as smoothness
from physcheck.checks import symmetry as symmetry
from physcheck.errors import SpecError

__all__ = ["load_entry_points"]


@cache
def load_entry_points() -> None:
    """Import the modules that other packages registered in the group ``physcheck.checks``.

    Raises
    ------
    SpecError
        One can't be imported: its checks would be missing without a word.
    """
    from importlib.metadata import entry_points

    for entry in entry_points(group="physcheck.checks"):
        try:
            entry.load()
        except Exception as error:
            package = "?" if entry.dist is None else entry.dist.name
            raise SpecError(
                f"the checks of the package {package} (entry point {entry.name} = {entry.value}) can't be "
                f"imported: {type(error).__name__}: {error}"
            ) from error
