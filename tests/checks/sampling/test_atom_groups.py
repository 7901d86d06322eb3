"""Groups of atoms: species, or what the caller names."""

from __future__ import annotations

import numpy as np
import pytest
from support.springs import salt

from physcheck.checks.sampling.atom_groups import groups_of
from physcheck.system import Configurations


def test_species_are_the_groups_unless_some_are_named():
    atoms = salt()
    system = Configurations.from_atoms(atoms).system
    found = groups_of(system, None)
    assert list(found) == ["H", "O"]
    np.testing.assert_array_equal(found["H"], atoms.numbers == 1)
    named = groups_of(system, {"first": [0, 1], "last": np.arange(16) > 10})
    assert [int(mask.sum()) for mask in named.values()] == [2, 5]
    with pytest.raises(ValueError, match="should be a part"):
        groups_of(system, {"all": np.arange(16)})
