"""The profiles as data: what each check accepts, in its unit, with the reason and the source."""

from __future__ import annotations

from collections.abc import Mapping

from physcheck.errors import SpecError
from physcheck.measurement import Tolerance
from physcheck.names import nearest

PROFILES = ("screening", "md", "tight")
DEFAULT_PROFILE = "md"

__all__ = [
    "DEFAULT_PROFILE",
    "PROFILES",
    "default_tolerance",
    "register_tolerances",
    "tolerance_of",
]

_PAPER = "Bigi, Langer, Ceriotti, arXiv 2412.11569"

_TABLE: dict[str, dict[str, Tolerance]] = {}


def register_tolerances(
    check: str, unit: str, values: Mapping[str, float], *, reason: str, source: str
) -> None:
    """Give a check its tolerance in every profile.

    Parameters
    ----------
    check : str
        The check's id.
    unit : str
        The unit of ``values`` and of the check's measurements.
    values : mapping of profile to float
        One for each of ``PROFILES``.
    reason, source : str
        Why these numbers, and where they come from.

    Raises
    ------
    ValueError
        A profile is missing or unknown.
    """
    if set(values) != set(PROFILES):
        raise ValueError(
            f"tolerances of {check} are for {sorted(values)}, should be for {PROFILES}"
        )
    _TABLE[check] = {
        profile: Tolerance(values[profile], unit, reason, source, profile) for profile in PROFILES
    }


def tolerance_of(check: str, profile: str) -> Tolerance | None:
    """The tolerance of a check in a profile; None for a check that has none (kind ``info``).

    Raises
    ------
    SpecError
        The profile doesn't exist.
    """
    if profile not in PROFILES:
        raise SpecError(f"no profile is called {profile!r}; {nearest(profile, PROFILES)}")
    return _TABLE.get(check, {}).get(profile)


_LAMBDA = {"screening": 3e-4, "md": 3e-5, "tight": 3e-6}
_LAMBDA_REASON = (
    "a relative antisymmetry lambda of the force Jacobian heats by P = c lambda^2; measured c is 0.2 to 30 "
    "eV/atom/ps in crystals, 3 to 220 in a metal's melt, 85 to some 10,000 in liquid water, where lambda is set by "
    "stiff bonds and the heat goes into soft modes: md keeps 10 K/ns up to c = 2,900, and a molecular liquid with a "
    "local fault may heat by some 70 K/ns at it, so take tight for those; screening and tight are a factor 100 in "
    "heat away"
)
for _id in ("jacobian_asymmetry", "loop_work"):
    register_tolerances(
        _id, "", _LAMBDA, reason=_LAMBDA_REASON,
        source=f"docs/calibration.md; {_PAPER}: PET-NC 0.004 heats by 7 K/ps, ORB-v2 0.015 by 70 K/ps",
    )  # fmt: skip
register_tolerances(
    "force_energy_gap", "meV/Å", {"screening": 20.0, "md": 1.0, "tight": 0.01},
    reason="screening: the force error of a good MLIP, so that a gap is no worse than the fit; md: far "
    "below it, so that energies of snapshots and forces on the way tell the same story; tight: what "
    "analytic gradients in float64 reach with room for energy offsets",
    source="OpenKIM's ForcesNumerDeriv check is the ancestor; figures from physcheck's own benchmarks",
)  # fmt: skip
register_tolerances(
    "stress_energy_gap", "GPa", {"screening": 0.1, "md": 0.01, "tight": 1e-4},
    reason="screening: the stress error of a good MLIP; md: 0.01 GPa shifts a lattice constant by 3e-5 at "
    "a bulk modulus of 100 GPa, below thermal expansion over 10 K; tight: analytic stresses in float64",
    source="OpenKIM's checks of numerical derivatives are the ancestor",
)  # fmt: skip
register_tolerances(
    "strain_loop_work", "", _LAMBDA,
    reason="the same share of irreversible work as for loops in positions, since a barostat drives the "
    "cell through such loops as dynamics drives the atoms",
    source=f"{_PAPER}, as for loop_work",
)  # fmt: skip


def default_tolerance(check: str) -> float:
    """The default profile's tolerance of a check, in its unit; infinity where it has none."""
    tolerance = tolerance_of(check, DEFAULT_PROFILE)
    return float("inf") if tolerance is None else tolerance.value
