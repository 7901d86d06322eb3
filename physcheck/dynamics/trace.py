"""The energy account of a run: what it writes down at each moment, and the trace made of that."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from physcheck.system import Floats

__all__ = ["EnergyAccount", "Trace"]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Energies of B replicas at T + 1 moments (the start and T steps), eV.

    Attributes
    ----------
    time_fs : (T + 1,) float
    potential : (T + 1, B) float
        The model's energy; NaN where it gives none.
    kinetic : (T + 1, B) float
        At the end of steps.  Biased by ``-(omega dt)²/4`` at a given total energy: for
        temperatures take ``middle``.
    heat : (T + 1, B) float
        What the bath put in since the start.  A Simulation counts its effect on the shadow energy
        too, a MultipleTimeStepping the kinetic energy only (the rest is of order dt²).
    work : (T + 1, B) float
        Kinetic energy that the forces put in since the start.
    shadow : (T + 1, B) float
        The integrator's own conserved energy.  A Simulation without a bath: to dt^8, NaN in the
        first and last few moments.  Otherwise: to dt^4, NaN in the first and last.
    middle : (T, B) float, or (T, B, N)
        Kinetic energy in the middle of each (inner) step, around O: of all atoms or, if asked for,
        of each.
    """

    time_fs: Floats
    potential: Floats
    kinetic: Floats
    heat: Floats
    work: Floats
    shadow: Floats
    middle: Floats

    @property
    def total(self) -> Floats:
        """(T + 1, B) E + K."""
        return self.potential + self.kinetic

    @property
    def conserved(self) -> Floats:
        """(T + 1, B) the shadow energy less the heat."""
        return self.shadow - self.heat


@dataclass(frozen=True, slots=True, eq=False)
class EnergyAccount:
    """Rows of a run as they come in, one a moment (``middle``: one a step); see :class:`Trace`.

    ``shadow`` has rows only for the moments whose shadow energy is known.
    """

    potential: list[Floats] = field(default_factory=list)
    kinetic: list[Floats] = field(default_factory=list)
    heat: list[Floats] = field(default_factory=list)
    work: list[Floats] = field(default_factory=list)
    shadow: list[Floats] = field(default_factory=list)
    middle: list[Floats] = field(default_factory=list)

    @property
    def first_total(self) -> Floats:
        """(B,) E + K at the start, eV."""
        return self.potential[0] + self.kinetic[0]

    @property
    def last_total(self) -> Floats:
        """(B,) E + K at the last moment, eV."""
        return self.potential[-1] + self.kinetic[-1]

    def trace(self, interval_fs: float, first_shadow: int, middle_shape: tuple[int, ...]) -> Trace:
        """All moments so far.

        Parameters
        ----------
        interval_fs : float
            Between two moments.
        first_shadow : int
            The first moment whose shadow energy can be known.
        middle_shape : tuple of int
            Of a row of ``middle``.
        """
        kinetic = np.array(self.kinetic)
        shadow = np.full(kinetic.shape, np.nan)
        if self.shadow:
            shadow[first_shadow : first_shadow + len(self.shadow)] = self.shadow
        return Trace(
            time_fs=interval_fs * np.arange(len(kinetic), dtype=np.float64),
            potential=np.array(self.potential),
            kinetic=kinetic,
            heat=np.array(self.heat),
            work=np.array(self.work),
            shadow=shadow,
            middle=np.array(self.middle) if self.middle else np.zeros((0, *middle_shape)),
        )
