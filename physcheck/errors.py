"""What can go wrong, one class a kind, so that callers can tell them apart."""

from __future__ import annotations

__all__ = [
    "AllotmentExceeded",
    "CapabilityMissing",
    "ForwardError",
    "ModelError",
    "ModelFileError",
    "NonFiniteOutput",
    "PhyscheckError",
    "PhysicsFailure",
    "SpecError",
    "TimeIsUp",
]


class PhyscheckError(Exception):
    """Anything physcheck raises on purpose.

    Its text names what was wrong and what would be right.
    """


class SpecError(PhyscheckError):
    """A model spec, option value, file or name that can't be understood (exit code 4).

    Attributes
    ----------
    below : str
        Lines to be shown below the text: code that mends it, to paste, or where the user's own code
        raised; mostly empty.
    """

    def __init__(self, text: str = "", *, below: str = "") -> None:
        super().__init__(text)
        self.below = below


class ModelError(PhyscheckError):
    """The model raised, or gave something that is no answer.

    Wrong shape, missing output (verdict ERROR).
    """


class ModelFileError(ModelError):
    """A file that was named as a model's, but can't be read as one (exit code 4)."""


class ForwardError(ModelError):
    """A torch module's ``forward`` gives something else than was agreed (exit code 4).

    Attributes
    ----------
    paste : str
        Code that mends it, to paste; may be empty.
    """

    def __init__(self, text: str = "", *, paste: str = "") -> None:
        super().__init__(text)
        self.paste = paste


class CapabilityMissing(PhyscheckError):
    """The model or structure can't take this check (verdict NOT_APPLICABLE)."""


class NonFiniteOutput(PhyscheckError):
    """The model gave NaN or infinity at a configuration it was asked for (verdict FAIL).

    Attributes
    ----------
    of : str
        Which other model it was, such as ``the reference`` (then an error of the record); empty for
        the model.
    output : str
        ``energy``, ``forces`` or ``stress``; empty where it was another number.
    value : str
        ``nan``, ``inf`` or ``-inf``.
    """

    def __init__(self, text: str, *, of: str = "", output: str = "", value: str = "nan") -> None:
        super().__init__(f"{of}: {text}" if of else text)
        self.of, self.output, self.value = of, output, value


class AllotmentExceeded(PhyscheckError):
    """A check asked for more evaluations than its plan allows; a fault of the check."""


class TimeIsUp(BaseException):
    """The time limit of a record is over; no ``except Exception`` of a model may swallow it."""


class PhysicsFailure(AssertionError):
    """A law is violated: raised by every ``assert_*``.

    ``measurement`` and ``verdict`` hold the figures.
    """

    def __init__(self, message: str, measurement: object = None, verdict: object = None) -> None:
        super().__init__(message)
        self.measurement = measurement
        self.verdict = verdict
