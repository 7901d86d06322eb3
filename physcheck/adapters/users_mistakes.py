"""What a user's own code raised while a model was loaded: their mistake, and where it is."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path

from physcheck.errors import ForwardError, ModelError, ModelFileError, SpecError

__all__ = ["as_users_mistake"]

_PACKAGE = Path(__file__).parents[1]
_MOST_FRAMES = 6


def as_users_mistake(error: ModelError, *, device: str | None) -> SpecError:
    """The mistake behind an error of loading: what to mend, and where it is.

    A file, a package or a device that isn't there is named; where the code raised for a reason of
    its own, its frames are below.
    """
    cause = error.__cause__
    if isinstance(error, ForwardError):
        return SpecError(str(error), below=error.paste)
    if isinstance(error, ModelFileError):
        return SpecError(str(error))
    if isinstance(cause, ModuleNotFoundError) and cause.name:
        package = cause.name.partition(".")[0]
        if not _is_installed(package):
            return SpecError(
                f"{error}; it isn't installed here: pip install {package}, or the package that "
                "has this module"
            )
    if device is not None and device.startswith("cuda") and not _has_cuda():
        return SpecError(
            f"the device is {device}, but torch finds no CUDA here ({error}); leave "
            "--physcheck-device out, or install torch for CUDA and its driver"
        )
    return SpecError(str(error), below=_users_traceback(error))


def _is_installed(package: str) -> bool:
    try:
        return package in sys.modules or importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):
        return False


def _has_cuda() -> bool:
    """Whether torch can use CUDA; true where torch was never imported, since nobody asked it."""
    torch = sys.modules.get("torch")
    return torch is None or bool(torch.cuda.is_available())


def _users_traceback(error: ModelError) -> str:
    """Where their code raised: its own frames and the last one; empty where there are none.

    Frames of physcheck and of the packages in between say nothing of the mistake.
    """
    cause = error.__cause__
    if cause is None:
        return ""
    frames = [f for f in traceback.extract_tb(cause.__traceback__) if not _is_ours(f.filename)]
    own = [frame for frame in frames[:-1] if not _is_of_a_package(frame.filename)]
    if not frames or not (own or not _is_of_a_package(frames[-1].filename)):
        return ""
    shown = [*own, frames[-1]][-_MOST_FRAMES:]
    lines = ["Traceback (most recent call last), of your code alone:\n"]
    return "".join([*lines, *traceback.format_list(shown)]).rstrip()


def _is_ours(file: str) -> bool:
    return Path(file).is_relative_to(_PACKAGE) or file.startswith("<frozen")


def _is_of_a_package(file: str) -> bool:
    library = Path(traceback.__file__).parent
    return "site-packages" in file or Path(file).is_relative_to(library)
