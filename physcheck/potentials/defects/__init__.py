"""Models around a model that break one law each by a known amount, and say which checks must see it."""

from __future__ import annotations

from physcheck.potentials.defects.base import Defect, ForceDefect, StressDefect
from physcheck.potentials.defects.non_gradient import (
    Curl,
    Detached,
    LostReaction,
    PairCurl,
    SpeciesDirect,
)
from physcheck.potentials.defects.other_energy import (
    ForceScale,
    MissingSwitchDerivative,
    OtherEnergy,
)
from physcheck.potentials.defects.outputs import (
    Constant,
    Float32,
    ForcesOnly,
    Nan,
    Noise,
    Offset,
)

_ALL: tuple[type[Defect], ...] = (
    Curl,
    PairCurl,
    LostReaction,
    Detached,
    SpeciesDirect,
    ForceScale,
    OtherEnergy,
    MissingSwitchDerivative,
    Float32,
    Offset,
    ForcesOnly,
    Noise,
    Nan,
    Constant,
)

#: Name in a spec -> class.
DEFECTS: dict[str, type[Defect]] = {defect.spec: defect for defect in _ALL}

__all__ = [
    "DEFECTS",
    "Constant",
    "Curl",
    "Defect",
    "Detached",
    "Float32",
    "ForceDefect",
    "ForceScale",
    "ForcesOnly",
    "LostReaction",
    "MissingSwitchDerivative",
    "Nan",
    "Noise",
    "Offset",
    "OtherEnergy",
    "PairCurl",
    "SpeciesDirect",
    "StressDefect",
]
