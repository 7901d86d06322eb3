"""What a report must say of the machine, so that its numbers can be had again."""

from __future__ import annotations

import os
import sys
import warnings
from functools import cache
from typing import Any

__all__ = ["environment", "versions"]

_PACKAGES = ("physcheck", "pytest", "numpy", "scipy", "ase", "torch", "hypothesis", "pytest-xdist")


@cache
def versions() -> dict[str, str | None]:
    """Versions of packages, None of those that aren't there.

    Read once, and by a run before its model is loaded: that may leave no path to look them up in,
    and no file descriptor.
    """
    from importlib.metadata import PackageNotFoundError, version

    found: dict[str, str | None] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    found["physcheck"] = sys.modules["physcheck"].__version__
    return found


def environment() -> dict[str, Any]:
    """Versions, threads, and torch's flags where torch is in use; imports nothing heavy itself."""
    import platform

    facts: dict[str, Any] = {"python": platform.python_version(), "platform": platform.platform()}
    facts |= versions()
    facts["cpus"] = os.cpu_count()
    facts["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS")
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "get_num_threads"):
        facts["torch_threads"] = torch.get_num_threads()
        facts["torch_deterministic"] = torch.are_deterministic_algorithms_enabled()
        facts["torch_matmul_precision"] = torch.get_float32_matmul_precision()
        facts["torch_default_dtype"] = str(torch.get_default_dtype()).removeprefix("torch.")
        # TF32 has 10 bits of mantissa: on a GPU it is the noise floor of a float32 model.
        with warnings.catch_warnings():
            # Newer versions have other names for these beside them.
            warnings.simplefilter("ignore")
            facts["torch_tf32_matmul"] = bool(torch.backends.cuda.matmul.allow_tf32)
            facts["torch_tf32_cudnn"] = bool(torch.backends.cudnn.allow_tf32)
        facts["torch_cudnn_deterministic"] = bool(torch.backends.cudnn.deterministic)
        facts["torch_cudnn_benchmark"] = bool(torch.backends.cudnn.benchmark)
        facts["torch_cuda"] = torch.version.cuda
        if torch.cuda.is_available() and torch.cuda.is_initialized():
            facts["gpu"] = torch.cuda.get_device_name()
    for variable in ("NVIDIA_TF32_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG", "PYTORCH_JIT"):
        if variable in os.environ:
            facts[variable] = os.environ[variable]
    return facts
