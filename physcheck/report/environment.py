"""What a report must say of the machine, so that its numbers can be had again."""

from __future__ import annotations

import os
import sys
from typing import Any

__all__ = ["environment"]

_PACKAGES = ("physcheck", "pytest", "numpy", "scipy", "ase", "torch", "hypothesis", "pytest-xdist")


def environment() -> dict[str, Any]:
    """Versions, threads, and torch's flags where torch is in use; imports nothing heavy itself."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    facts: dict[str, Any] = {"python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        try:
            facts[package] = version(package)
        except PackageNotFoundError:
            facts[package] = None
    from physcheck import __version__

    facts["physcheck"] = __version__
    facts["cpus"] = os.cpu_count()
    facts["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS")
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        facts["torch_threads"] = torch.get_num_threads()
        facts["torch_deterministic"] = torch.are_deterministic_algorithms_enabled()
        facts["torch_matmul_precision"] = torch.get_float32_matmul_precision()
        facts["torch_default_dtype"] = str(torch.get_default_dtype()).removeprefix("torch.")
    return facts
