"""How much memory a call takes, measured on the call itself, and how much there is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

__all__ = ["available_bytes", "fitting_atoms", "is_out_of_memory", "peak_bytes"]

# Of the free memory.  Neighbours, and so the memory of an atom, vary between configurations of one
# system; and the process shares the machine with others.
_SHARE = 0.25
# A call gets as many atoms whatever the memory says: a batch that is split further gains nothing.
_FEWEST_ATOMS = 64
# /proc counts in kB.
_KILOBYTE = 1024


def peak_bytes(call: Callable[[], object], device: str = "cpu") -> int:
    """The most memory that the process, or torch on its GPU, held while ``call`` ran; bytes.

    On Linux the kernel's mark is reset before; elsewhere it is the most since the process began.
    """
    if device.startswith("cuda"):
        import torch

        torch.cuda.reset_peak_memory_stats(device)
        call()
        return int(torch.cuda.max_memory_allocated(device))
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    call()
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * _KILOBYTE
    # Not on every system.
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * _KILOBYTE


def available_bytes(device: str = "cpu") -> int | None:
    """Bytes that may still be taken, on the machine, in its control group, or on the GPU.

    None if it can't be told.
    """
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    found = []
    with suppress(OSError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                found.append(int(line.split()[1]) * _KILOBYTE)
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit = (group / "memory.max").read_text()
        found.append(int(limit) - int((group / "memory.current").read_text()))
    if not found:
        with suppress(OSError, ValueError, AttributeError):
            found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(found) if found else None


def fitting_atoms(more_atoms: int, growth: int, device: str = "cpu") -> int:
    """Atoms that one call may have, where ``growth`` bytes came with ``more_atoms`` more.

    A power of two, so that batches, and with them the last digits of float32 results, don't follow
    every change of the free memory.
    """
    free = available_bytes(device)
    if free is None or growth <= 0:
        return sys.maxsize
    workers = 1
    with suppress(ValueError):
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    atoms = int(_SHARE * free / max(1, workers) * more_atoms / growth)
    return max(_FEWEST_ATOMS, 1 << max(0, atoms.bit_length() - 1))


def is_out_of_memory(error: BaseException) -> bool:
    """True for what Python, numpy and torch raise where an allocation failed."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )
