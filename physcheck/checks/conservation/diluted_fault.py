"""A fault in one atom or molecule of many, which the lambda of the whole system dilutes.

Along orthonormal directions u_r (r = 1 ... k) the elements a_rs = u_r.A u_s of the antisymmetric
part A of the Jacobian are known.  If A comes from one group g of atoms, they have few unknowns:

- its *own block* alone: a_rs = sum_{a<b in g} A_ab (u_ra u_sb - u_rb u_sa), m(m-1)/2 unknowns for
  the m coordinates of the group;
- its *rows and columns*, own block and all that it has with other atoms: let V (k, m) be an
  orthonormal basis of the columns u_ra with a in g; then a vanishes where V is projected out,
  which leaves m k - m(m+1)/2 unknowns.

A fit of one group after another tells which of them explains the elements, without any further
evaluation and whatever the number of atoms.  The group that chance explains least is then measured
by itself, with fresh evaluations: its own block J_gg, coordinate by coordinate, and the pair that
its violation is largest in once more at a smaller step.  What is judged is

    lambda_g = |J_gg - J_gg^T|_F / (2 |J_gg|_F),

which doesn't fall with the number of atoms as lambda of the whole does, by 1/sqrt(N).  It is a
lower bound of the violation: what the group has with other atoms isn't in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from physcheck.checks.conservation.estimate import Estimate
from physcheck.checks.conservation.fault_location import Place, groups_of, resolve_block
from physcheck.checks.conservation.jacobian_differences import (
    DifferenceFormula,
    JacobianProbe,
    slopes_of_parts,
)
from physcheck.numerics.detection import INDEPENDENT, limit_of_excess
from physcheck.numerics.quantiles import FALSE_FAIL, noise_rms_quantile
from physcheck.system import Configurations, Floats, Ints

__all__ = [
    "DilutedFault",
    "Elements",
    "Suspect",
    "diluted_fault_cost",
    "find_diluted_fault",
    "suspected_group",
]

# Tolerances of lambda were measured on structures of up to about so many atoms; of larger ones
# lambda says less of one atom.
_LARGE = 200
# A fit needs at least so many times more elements than it has unknowns.
_OVERDETERMINED = 2.0
# Elements of the fits' matrices held at once: some 30 MB.
_HELD = 4_000_000
# The pair is measured again at a step smaller by the largest of these at which noise is below an
# eighth of it.
_DIVISORS, _CLEAR = (8, 4, 2), 8


@dataclass(frozen=True, slots=True, eq=False)
class Elements:
    """What is known of the antisymmetric part along random directions.

    Attributes
    ----------
    frame : (k, 3N) float
        Orthonormal directions.
    antisymmetric : (k, k) float, eV/Å²
    total : float, eV/Å²
        |J_anti|_F of the whole, the noise's share taken out.
    """

    frame: Floats
    antisymmetric: Floats
    total: float


@dataclass(frozen=True, slots=True, eq=False)
class Suspect:
    """The group of atoms whose share of the antisymmetric elements chance explains least.

    Attributes
    ----------
    atoms : (M,) int
    what : str
        "molecule of atoms" or "atom".
    explained : float
        Its share of the sum of squares of the elements.
    chance : float
        That any group has such a share, where the elements are noise or come from a spread fault.
    """

    atoms: Ints
    what: str
    explained: float
    chance: float

    @property
    def stands_out(self) -> bool:
        """Whether chance doesn't explain the share."""
        return self.chance < FALSE_FAIL


@dataclass(frozen=True, slots=True, eq=False)
class DilutedFault:
    """The violation of one group's own block, measured afresh.

    Attributes
    ----------
    place : Place
        With the block.
    estimate : Estimate
        lambda of the block.
    norm : float, eV/Å²
        |A_gg|_F.
    suspect : Suspect
    """

    place: Place
    estimate: Estimate
    norm: float
    suspect: Suspect

    def decides(self, whole: Estimate, tolerance: float) -> bool:
        """Whether this block breaks the law, beyond its noise, where the whole doesn't show it."""
        seen = self.estimate.exceeds(0) and self.estimate.interval[1] > tolerance
        return seen and not whole.exceeds(tolerance)

    @property
    def quantities(self) -> dict[str, float]:
        """For the evidence."""
        return {
            "block_lambda": self.estimate.value,
            "block_antisymmetric_norm": self.norm,
            "block_explains": self.suspect.explained,
            "block_by_chance": self.suspect.chance,
        }

    def in_words(self, place: str, whole: float) -> dict[str, str]:
        """The entries of the evidence where this block is what is judged.

        Parameters
        ----------
        place : str
            The line of place.
        whole : float
            lambda of the whole system.
        """
        return {
            "place": f"{place}; lambda is that of its own block",
            "scale": f"lambda of the whole system is {whole:.2g}: the heat is made at this place",
        }


def _fitting_size(pairs: int) -> int:
    """The most atoms of a group whose block so many elements determine."""
    size = 0
    while 3 * (size + 1) * (3 * size + 2) / 2 * _OVERDETERMINED <= pairs:
        size += 1
    return size


def diluted_fault_cost(start: Configurations, directions: int, points: int = 2) -> int:
    """The most evaluations that :func:`find_diluted_fault` makes."""
    if start.n_atoms <= _LARGE:
        return 0
    groups, _ = groups_of(start)
    pairs = directions * (directions - 1) // 2
    sizes = [len(g) for g in groups if len(g) <= _fitting_size(pairs)]
    return 3 * points * max(sizes) + 4 if sizes else 0


def find_diluted_fault(
    probe: JacobianProbe, formula: DifferenceFormula, elements: Elements, target: float
) -> DilutedFault | None:
    """The atom or molecule that explains the elements, measured by itself, where one does.

    Parameters
    ----------
    target : float
        The tolerance of lambda, for the detection limit.

    Returns
    -------
    DilutedFault or None
        None in systems of at most 200 atoms, where chance explains the elements as well, and
        where the allotment has no room.

    Cost: none where none does; else 6 evaluations an atom of the group (12 with 4 points), and 4.
    """
    start, meter = probe.subject.start, probe.subject.meter
    suspect = suspected_group(start, elements.frame, elements.antisymmetric)
    cost = diluted_fault_cost(start, len(elements.frame), formula.order)
    affordable = meter.remaining is None or cost <= meter.remaining
    if suspect is None or not (suspect.stands_out and affordable):
        return None
    return _measure_suspect(probe, formula, suspect, elements.total, target)


def suspected_group(start: Configurations, frame: Floats, antisymmetric: Floats) -> Suspect | None:
    """The group whose block explains the antisymmetric elements best; no evaluations.

    Parameters
    ----------
    frame : (k, 3N) orthonormal directions
    antisymmetric : (k, k) float, eV/Å²

    Returns
    -------
    Suspect or None
        None in systems of at most 200 atoms, and where all groups are too large for a fit.
    """
    if start.n_atoms <= _LARGE:
        return None
    groups, what = groups_of(start)
    pairs = len(frame) * (len(frame) - 1) // 2
    total = float(np.sum(np.triu(antisymmetric, 1) ** 2)) or 1.0
    directions = frame.reshape(len(frame), start.n_atoms, 3)
    found = []
    for size in sorted({len(g) for g in groups if len(g) <= _fitting_size(pairs)}):
        chosen = np.array([group for group in groups if len(group) == size])
        shares = _by_group(directions, chosen, antisymmetric) / total
        for share, unknown in zip(shares.T, _unknowns(3 * size, len(frame))):
            if unknown * _OVERDETERMINED <= pairs:
                most = int(np.argmax(share))
                # Two shapes of a fault are tried in each group.
                chance = 2 * len(groups) * _chance(float(share[most]), unknown, pairs)
                found.append(Suspect(chosen[most], what, float(share[most]), chance))
    return min(found, key=lambda suspect: suspect.chance, default=None)


def _unknowns(size: int, k: int) -> tuple[int, int]:
    """Of an own block of ``size`` coordinates, and of its rows and columns."""
    return size * (size - 1) // 2, size * k - size * (size + 1) // 2


def _by_group(directions: Floats, groups: Ints, antisymmetric: Floats) -> Floats:
    """Sums of squares of the elements that own block, and rows and columns, explain, (G, 2)."""
    k, size = len(directions), 3 * groups.shape[1]
    elements = k * (k - 1) // 2
    together = max(1, _HELD // (elements * _unknowns(size, k)[0]))
    found = []
    for begin in range(0, len(groups), together):
        # (G, k, m): the parts of the directions that move the groups.
        own = directions[:, groups[begin : begin + together]].reshape(k, -1, size)
        own = own.transpose(1, 0, 2)
        found.append(
            np.stack([_of_block(own, antisymmetric), _of_rows(own, antisymmetric)], axis=1)
        )
    return np.concatenate(found)


def _of_block(own: Floats, antisymmetric: Floats) -> Floats:
    """What own blocks explain, (G,), from the groups' parts of the directions (G, k, m)."""
    first, second = np.triu_indices(own.shape[1], 1)
    row, column = np.triu_indices(own.shape[2], 1)
    one, other = own[:, first], own[:, second]
    columns = one[:, :, row] * other[:, :, column] - one[:, :, column] * other[:, :, row]
    basis, _ = np.linalg.qr(columns)
    explained: Floats = np.sum((antisymmetric[first, second] @ basis) ** 2, axis=1)
    return explained


def _of_rows(own: Floats, antisymmetric: Floats) -> Floats:
    """What rows and columns explain, (G,): |a|^2 - |Q a Q|^2 = 2 |V^T a|^2 - |V^T a V|^2, halved.

    Q = 1 - V V^T; half, since each pair stands twice in the matrix.
    """
    basis, _ = np.linalg.qr(own)
    across = np.einsum("gkm,kl->gml", basis, antisymmetric)
    within = np.einsum("gml,gln->gmn", across, basis)
    explained: Floats = np.sum(across**2, axis=(1, 2)) - np.sum(within**2, axis=(1, 2)) / 2
    return explained


def _chance(share: float, unknown: int, pairs: int) -> float:
    """That p unknowns hold such a share of the squares of P independent normal elements.

    The share is a variate Beta(p/2, (P - p)/2).
    """
    from scipy.special import betainc

    # By the complement, which keeps the digits of a small chance.
    return float(betainc((pairs - unknown) / 2, unknown / 2, max(0.0, 1 - share)))


def _measure_suspect(
    probe: JacobianProbe, formula: DifferenceFormula, suspect: Suspect, total: float, target: float
) -> DilutedFault:
    """lambda of the suspect's own block, and what of it stays at a smaller step."""
    start, size = probe.subject.start, 3 * len(suspect.atoms)
    nobody = Place(suspect.atoms, 0.0, np.zeros((2, start.n_atoms, 3)), suspect.what)
    place = resolve_block(start, slopes_of_parts(probe, formula), 1.0, nobody)
    assert place.block is not None
    block = place.block
    norm = float(np.linalg.norm(block - block.T)) / 2
    # What noise was taken out of the whole may leave less than the block has.
    share = (norm / max(total, norm)) ** 2 if norm > 0 else 0.0
    own = Place(place.atoms, share, place.plane, place.what, block, stands_out=True)
    change, noise = _change_at_smaller_step(probe, formula, own, size)
    scale = float(np.linalg.norm(block)) or math.inf
    # Of the elements above the diagonal, each of which counts twice in the norm.
    floor = noise * math.sqrt(size * (size - 1))
    hidden = floor * noise_rms_quantile(INDEPENDENT, probe.subject.resolution.dof)
    # A change of the pair is truncation, in both of the pair's elements.
    truncation = math.sqrt(2) * change
    low = max(0.0, norm - hidden - truncation) / scale
    components = {"truncation": truncation / scale, "rounding": floor / scale, "sampling": 0.0}
    estimate = Estimate(
        value=norm / scale,
        uncertainty=math.hypot(truncation, floor) / scale,
        components=components,
        interval=(low, (norm + hidden + truncation) / scale),
        detection_limit=limit_of_excess(target, (hidden + truncation) / scale, floor / scale),
        noise_floor=hidden / scale,
        work_needed=math.inf,
    )
    return DilutedFault(own, estimate, norm, suspect)


def _change_at_smaller_step(
    probe: JacobianProbe, formula: DifferenceFormula, place: Place, size: int
) -> tuple[float, float]:
    """How much the largest pair changes, and the noise of an element at the first step, eV/Å²."""

    def noise(used: DifferenceFormula) -> float:
        # Of directions that move ``size`` coordinates instead of all.
        return probe.noise(used) * math.sqrt(probe.subject.n_coordinates / size)

    pair = place.plane.reshape(2, -1)
    assert place.block is not None
    own = place.plane[:, place.atoms].reshape(2, -1)
    found = float(own[0] @ (place.block - place.block.T) @ own[1]) / 2
    tried = [DifferenceFormula(formula.base / divisor, 2, 0.0) for divisor in _DIVISORS]
    shorter = next((f for f in tried if noise(f) <= abs(found) / _CLEAR), tried[-1])
    responses = probe.slopes(pair, shorter.steps, size)[shorter.base]
    again = float(pair[0] @ responses[1] - pair[1] @ responses[0]) / 2
    return abs(again - found), noise(formula)
