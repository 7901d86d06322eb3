"""The Stillinger-Weber potential of silicon: pairs and angles."""

from __future__ import annotations

from typing import ClassVar, final

import numpy as np

from physcheck.potentials.analytic import AnalyticPotential
from physcheck.potentials.neighbours import Pairs, mirrored
from physcheck.system import Configurations, Floats, Ints

__all__ = ["StillingerWeber"]

# Decay of the two-body term's attractive part is r^0 in the published set: it has A and B only.
_A, _B, _REPULSION, _REACH, _GAMMA = 7.049556277, 0.6022245584, 4, 1.80, 1.20
# exp(-700) is the last that is not denormal: beyond, the tail towards the cutoff is zero anyway.
_DEEPEST = 1.0 / 700.0


@final
class StillingerWeber(AnalyticPotential):
    """Silicon with directional bonds, infinitely smooth at its cutoff ``1.8 sigma``.

    ``E = sum over pairs of epsilon A (B (sigma/r)^4 - 1) exp(sigma/(r - c)) + sum over i and pairs
    j, k of its neighbours of lambda epsilon (cos theta_jik + 1/3)² exp(gamma sigma/(r_ij - c) +
    gamma sigma/(r_ik - c))``, c the cutoff.

    Source: Stillinger and Weber, Phys. Rev. B 31, 5262 (1985), eqs. 2.1-2.5 and table of section
    II.

    Parameters
    ----------
    epsilon : float, eV
    sigma : float, Å
    three_body : float
        lambda, dimensionless; 0 leaves the pair term.
    """

    name: ClassVar[str] = "stillinger-weber"
    many_body: ClassVar[bool] = True
    species: ClassVar[frozenset[int] | None] = frozenset({14})

    def __init__(
        self, *, epsilon: float = 2.1683, sigma: float = 2.0951, three_body: float = 21.0
    ) -> None:
        self.epsilon, self.sigma, self.three_body = epsilon, sigma, three_body
        self.cutoff = _REACH * sigma

    def _tail(self, distances: Floats, weight: float) -> tuple[Floats, Floats]:
        """exp(weight sigma/(r - c)) and its derivative by r."""
        room = np.minimum(distances - self.cutoff, -_DEEPEST * weight * self.sigma)
        value = np.exp(weight * self.sigma / room)
        return value, -weight * self.sigma / room**2 * value

    def gradients(self, configurations: Configurations, pairs: Pairs) -> tuple[Floats, Floats]:
        """Energies (B,), eV, and dE/d(vectors) (P, 3), eV/Å."""
        if (configurations.system.numbers != 14).any():
            raise ValueError(f"{self.name} knows silicon only, not {configurations.system.formula}")
        r = pairs.distances
        tail, tail_slope = self._tail(r, 1.0)
        power = _B * (self.sigma / r) ** _REPULSION
        scale = self.epsilon * _A
        slopes = scale * ((power - 1.0) * tail_slope - _REPULSION * power / r * tail)
        energy = pairs.sum_configs(scale * (power - 1.0) * tail)
        angle_energy, angle_gradients = self._angles(pairs)
        return energy + angle_energy, slopes[:, None] * pairs.directions + angle_gradients

    def _angles(self, pairs: Pairs) -> tuple[Floats, Floats]:
        both = mirrored(pairs)
        left, right = _corners(both)
        tail, tail_slope = self._tail(both.distances, _GAMMA)
        unit, r = both.directions, both.distances
        cosine = np.einsum("tk,tk->t", unit[left], unit[right])
        bend = cosine + 1.0 / 3.0
        strength = self.three_body * self.epsilon
        energy = strength * bend**2 * tail[left] * tail[right]
        by_cosine = 2.0 * strength * bend * tail[left] * tail[right]
        gradients = np.zeros((len(pairs), 3))
        for this, other in ((left, right), (right, left)):
            radial = strength * bend**2 * tail_slope[this] * tail[other]
            across = unit[other] - cosine[:, None] * unit[this]
            part = radial[:, None] * unit[this] + (by_cosine / r[this])[:, None] * across
            # A mirrored pair's vector is minus the original's.
            original = this % len(pairs)
            part *= np.where(this < len(pairs), 1.0, -1.0)[:, None]
            for k in range(3):
                gradients[:, k] += np.bincount(original, part[:, k], minlength=len(pairs))
        total = np.bincount(both.config[left], energy, minlength=pairs.n_batch)
        return np.asarray(total, dtype=np.float64), gradients


def _corners(both: Pairs) -> tuple[Ints, Ints]:
    """(T,) and (T,) rows of ``both`` that share their first atom, each unordered couple once."""
    order = np.argsort(both.first_rows, kind="stable")
    counts = np.bincount(both.first_rows, minlength=both.n_batch * both.n_atoms)
    ends = np.repeat(np.cumsum(counts), counts)
    place = np.arange(len(order))
    later = ends - place - 1
    left = np.repeat(place, later)
    starts = np.repeat(np.cumsum(later) - later, later)
    right = left + 1 + np.arange(len(left)) - starts
    return order[left], order[right]
