"""What a model that raises refuses: structures wider than so much, or atoms without neighbours."""

from __future__ import annotations

import numpy as np

from physcheck.errors import ModelError, NonFiniteOutput
from physcheck.model import Meter
from physcheck.run.trial_calls import REFUSED
from physcheck.system import Configurations, System

__all__ = ["LONELY_LABEL", "lonely_atoms_refused", "refused_width"]

#: How the situations of ``finite_outputs`` end in which an atom has no neighbour.
LONELY_LABEL = "atom alone"
# Å between atoms of a chain: a stretched bond, so that none is without neighbours; the shortest and
# the longest chain; and how exactly its length is told.
_SPACING, _SHORT, _LONG, _SHARE = 2.5, 5.0, 80.0, 0.1


def refused_width(meter: Meter, start: Configurations, message: str) -> str | None:
    """A remark that structures wider than some length are refused, where chains show it.

    Chains of the structure's first species are tried, the length bisected to 10 %, as far as the
    model raises the words of ``message``.

    Cost: at most 7 evaluations of up to 33 atoms; 1 where short chains are refused, too, 2 where
    long ones are taken.
    """
    if _refusal(meter, start, _SHORT) is not None:
        return None
    words = _refusal(meter, start, _LONG)
    if words is None or words not in message:
        return None
    taken, refused = _SHORT, _LONG
    while refused > (1 + _SHARE) * taken:
        middle = float(np.sqrt(taken * refused))
        if _refusal(meter, start, middle) is None:
            taken = middle
        else:
            refused = middle
    return f"{REFUSED}structures wider than about {taken:.2g} Å ({words})"


def lonely_atoms_refused(refused: dict[str, str]) -> str | None:
    """A remark that atoms without neighbours are refused, from what ``finite_outputs`` met."""
    words = [said for label, said in refused.items() if label.endswith(LONELY_LABEL)]
    if not words:
        return None
    return f"{REFUSED}atoms without neighbours ({words[0].partition(': ')[2] or words[0]})"


def _refusal(meter: Meter, start: Configurations, length: float) -> str | None:
    """What the model raises at a chain of this length; None where it answers."""
    count = max(2, round(length / _SPACING) + 1)
    numbers = np.full(count, start.system.numbers[0])
    masses = np.full(count, start.system.masses[0])
    positions = np.zeros((1, count, 3))
    positions[0, :, 0] = np.linspace(0, length, count)
    chain = Configurations(
        System(numbers, masses, np.zeros(3, bool)), positions, np.zeros((1, 3, 3))
    )
    try:
        meter.evaluate(chain)
    except NonFiniteOutput:
        return None
    except ModelError as error:
        text = str(error)
        return text.partition(": ")[2] or text
    return None
