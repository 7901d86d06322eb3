"""How many relaxations end where they should, with the error that so few runs leave."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from physcheck.numerics.quantiles import binomial_interval
from physcheck.relaxation.circling import stalled
from physcheck.relaxation.optimisers import Path

__all__ = ["RelaxationSuccess", "success_of"]


@dataclass(frozen=True, slots=True)
class RelaxationSuccess:
    """Runs that converged out of those that were made; sums are those of several structures.

    Attributes
    ----------
    converged : int
    undecided : int
        Cut off on their way: they might have converged, or not.
    runs : int
        Those two, and what stalled or ran away.
    """

    converged: int
    undecided: int
    runs: int

    def __add__(self, other: RelaxationSuccess) -> RelaxationSuccess:
        """Runs of both together."""
        return RelaxationSuccess(
            self.converged + other.converged,
            self.undecided + other.undecided,
            self.runs + other.runs,
        )

    @property
    def interval(self) -> tuple[float, float]:
        """Of the share that converges, 95 %: Clopper and Pearson's, undecided runs either way."""
        low, _ = binomial_interval(self.converged, self.runs)
        _, high = binomial_interval(self.converged + self.undecided, self.runs)
        return low, high

    @property
    def quantities(self) -> dict[str, Any]:
        """For the evidence of a measurement."""
        return {
            "converged": self.converged,
            "undecided": self.undecided,
            "runs": self.runs,
            "share": self.converged / self.runs if self.runs else None,
            "interval": list(self.interval),
        }

    def text(self, fmax: float) -> str:
        """``3 of 9 runs reach 0.005 eV/Å (33 %, 95 % interval 7 to 70 %; 1 was cut off)``."""
        if not self.runs:
            return "no run was made"
        low, high = (100 * end for end in self.interval)
        share = 100 * self.converged / self.runs
        cut = ""
        if self.undecided:
            cut = f"; {self.undecided} {'was' if self.undecided == 1 else 'were'} cut off"
        return (
            f"{self.converged} of {self.runs} runs reach {fmax:.2g} eV/Å ({share:.0f} %, 95 % "
            f"interval {low:.0f} to {high:.0f} %{cut})"
        )


def success_of(paths: Sequence[Path], fmax: float) -> RelaxationSuccess:
    """How many of ``paths`` reached ``fmax`` (eV/Å)."""
    converged = [path for path in paths if path.fmax.min() <= fmax]
    rest = [path for path in paths if not path.fmax.min() <= fmax]
    undecided = [p for p in rest if p.ended != "ran away" and not stalled(p, fmax)]
    return RelaxationSuccess(len(converged), len(undecided), len(paths))
