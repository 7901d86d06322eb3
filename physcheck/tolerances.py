"""What a tolerance is, and what the profiles mean.

The numbers stand beside each check, in ``@check``.
"""

from __future__ import annotations

from dataclasses import dataclass

from physcheck.errors import SpecError
from physcheck.names import nearest

__all__ = ["DEFAULT_PROFILE", "PROFILES", "Tolerance", "Tolerances"]

#: ``screening``: structures and energies are compared, no long dynamics.  ``md``: nanoseconds of
#: molecular dynamics. ``tight``: free energies, phonons and reference calculations; mostly needs
#: float64.
PROFILES = ("screening", "md", "tight")
DEFAULT_PROFILE = "md"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The largest violation that a profile accepts.  Zero is legal.

    Attributes
    ----------
    value : float, in ``unit``
    unit : str
    reason : str
        Why this number and no other.
    source : str
        Paper, measurement or benchmark it came from.
    profile : str
    """

    value: float
    unit: str
    reason: str
    source: str
    profile: str = "md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerances:
    """The tolerances of a check in every profile, in the unit of the check.

    Attributes
    ----------
    screening, md, tight : float
    reason, source : str
        Why these numbers, and where they come from.
    """

    screening: float
    md: float
    tight: float
    reason: str
    source: str

    def of(self, profile: str, unit: str) -> Tolerance:
        """The tolerance of one profile.

        Raises
        ------
        SpecError
            The profile doesn't exist; the nearest names are given.
        """
        if profile not in PROFILES:
            raise SpecError(f"no profile is called {profile!r}; {nearest(profile, PROFILES)}")
        return Tolerance(getattr(self, profile), unit, self.reason, self.source, profile)
