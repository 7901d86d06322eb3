"""Models around a model that break one law each by a known amount, and say which checks must
see it.
"""

from __future__ import annotations

from physcheck.potentials.defects.atom_curl import AtomCurl
from physcheck.potentials.defects.base import Defect, ForceDefect, StressDefect
from physcheck.potentials.defects.implementation import (
    BatchIndex,
    BatchPadding,
    Leaking,
    MutatesInput,
    NanAlone,
    StaleNeighbours,
    Stateful,
    ThreadUnsafe,
)
from physcheck.potentials.defects.local_curl import LocalCurl
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
    AtomicEnergies,
    Constant,
    Float32,
    ForcesOnly,
    Nan,
    Noise,
    Offset,
)
from physcheck.potentials.defects.stresses import (
    DirectStress,
    StressHalf,
    StressSign,
    StressSwap,
)
from physcheck.potentials.defects.symmetry import (
    Chiral,
    HardCutoff,
    Hole,
    LabFrame,
    LostOutside,
    NeighbourCap,
    NetForce,
    NetTorque,
    NonLocal,
    NotExtensive,
    OrderDependent,
)

_ALL: tuple[type[Defect], ...] = (
    Curl,
    PairCurl,
    LostReaction,
    Detached,
    SpeciesDirect,
    LocalCurl,
    AtomCurl,
    ForceScale,
    OtherEnergy,
    MissingSwitchDerivative,
    StressSign,
    StressHalf,
    StressSwap,
    DirectStress,
    Float32,
    Offset,
    ForcesOnly,
    AtomicEnergies,
    Noise,
    Nan,
    Constant,
    LabFrame,
    Chiral,
    OrderDependent,
    NotExtensive,
    LostOutside,
    NetForce,
    NetTorque,
    HardCutoff,
    NeighbourCap,
    Hole,
    NonLocal,
    StaleNeighbours,
    Stateful,
    BatchIndex,
    BatchPadding,
    MutatesInput,
    NanAlone,
    ThreadUnsafe,
    Leaking,
)

#: Name in a spec -> class.
DEFECTS: dict[str, type[Defect]] = {defect.spec: defect for defect in _ALL}

__all__ = [
    "DEFECTS",
    "AtomCurl",
    "AtomicEnergies",
    "BatchIndex",
    "BatchPadding",
    "Chiral",
    "Constant",
    "Curl",
    "Defect",
    "Detached",
    "DirectStress",
    "Float32",
    "ForceDefect",
    "ForceScale",
    "ForcesOnly",
    "HardCutoff",
    "Hole",
    "LabFrame",
    "Leaking",
    "LocalCurl",
    "LostOutside",
    "LostReaction",
    "MissingSwitchDerivative",
    "MutatesInput",
    "Nan",
    "NanAlone",
    "NeighbourCap",
    "NetForce",
    "NetTorque",
    "Noise",
    "NonLocal",
    "NotExtensive",
    "Offset",
    "OrderDependent",
    "OtherEnergy",
    "PairCurl",
    "SpeciesDirect",
    "StaleNeighbours",
    "Stateful",
    "StressDefect",
    "StressHalf",
    "StressSign",
    "StressSwap",
    "ThreadUnsafe",
]
