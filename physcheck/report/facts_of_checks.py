"""What reports know of the checks of this installation, whoever wrote them."""

from __future__ import annotations

from collections.abc import Mapping

from physcheck.errors import SpecError
from physcheck.registry import CheckSpec, registered_checks

__all__ = ["known_checks"]


def known_checks() -> Mapping[str, CheckSpec]:
    """The checks by id; without those of a package that can't be imported.

    A report is shown where its checks no longer are.
    """
    # Not where this module is imported: a run that ends before its model is loaded has no checks.
    from physcheck.checks import all_checks

    try:
        return all_checks()
    except SpecError:
        return registered_checks()
