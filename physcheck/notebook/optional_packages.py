"""Packages that only a notebook needs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["optional_package"]


def optional_package(name: str, what: str) -> Any:
    """The package ``name``, which ``what`` needs.

    Raises
    ------
    ImportError
        It isn't installed; the message says how to get it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        package = name.partition(".")[0]
        if error.name != package:
            raise
        raise ImportError(
            f"{what} needs {package}, which isn't installed: pip install 'physcheck[notebook]'",
            name=package,
        ) from None
