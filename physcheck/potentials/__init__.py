"""Built-in potentials that prove the harness right, and defects that prove it can fail."""

from __future__ import annotations

from physcheck.potentials.catalogue import BUILTINS, DEFECTS, make_builtin
from physcheck.potentials.gupta import Gupta
from physcheck.potentials.harmonic import HarmonicBonds, HarmonicNetwork
from physcheck.potentials.lennard_jones import LennardJones
from physcheck.potentials.morse import Morse
from physcheck.potentials.stillinger_weber import StillingerWeber
from physcheck.potentials.water import Water

__all__ = [
    "BUILTINS",
    "DEFECTS",
    "Gupta",
    "HarmonicBonds",
    "HarmonicNetwork",
    "LennardJones",
    "Morse",
    "StillingerWeber",
    "Water",
    "make_builtin",
]
