"""Are generated structures what they promise?  Overlaps, rejections and coverage, by an independent
measure.

    python benchmarks/strategies.py [--examples 10000] [--seed 0]

Half of the examples are crystals of any pbc, a fifth clusters, the rest crystals and clusters
rattled. Prints the smallest contact (distance over the sum of covalent radii, ASE's neighbour list
with periodic images), what hypothesis threw away, and how many of the pairs (species, pbc) came.
Exits 1 if a contact is below the promise, an example was rejected or a pair is missing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter, defaultdict

import numpy as np
from ase.data import covalent_radii
from ase.neighborlist import primitive_neighbor_list
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from hypothesis.statistics import collector

from physcheck.strategies import PBCS, SPECIES, clusters, crystals, rattled
from physcheck.system import Configurations

CLOSEST = 0.8


def smallest_contact(one: Configurations) -> float:
    """The smallest distance over the sum of covalent radii within ``2 CLOSEST``.

    Infinite if none is.
    """
    numbers = one.system.numbers
    radii = covalent_radii[numbers]
    i, j, d = primitive_neighbor_list(
        "ijd", one.system.pbc, one.cells[0], one.positions[0], 2 * CLOSEST * radii,
        self_interaction=False,
    )  # fmt: skip
    return float((d / (radii[i] + radii[j])).min(initial=np.inf))


def check(
    name: str,
    strategy: st.SearchStrategy[Configurations],
    examples: int,
    entropy: int,
    covered: dict[tuple[bool, ...], set[int]],
) -> bool:
    """Generate, measure, count.

    True if all is as promised.  Adds to ``covered`` the species of each pbc.
    """
    contacts: list[float] = []
    sizes: Counter[int] = Counter()

    @seed(entropy)
    @settings(
        max_examples=examples, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(strategy)
    def look(one: Configurations) -> None:
        contacts.append(smallest_contact(one))
        sizes[one.n_atoms] += 1
        covered[tuple(one.system.pbc.tolist())] |= set(one.system.numbers.tolist())

    statistics: list[dict] = []
    started = time.perf_counter()
    with collector.with_value(statistics.append):
        look()
    seconds = time.perf_counter() - started
    cases = statistics[0]["generate-phase"]["test-cases"]
    rejected = sum(case["status"] != "valid" for case in cases)
    print(
        f"{name:18s} {len(contacts)} structures in {seconds:.0f} s, {rejected} rejected, smallest "
        f"contact {min(contacts):.9f}, atoms {min(sizes)} to {max(sizes)}"
    )
    return len(contacts) >= examples and rejected == 0 and min(contacts) >= CLOSEST


def main() -> int:
    """All families, and the coverage of all of them together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    families = {
        "crystals": crystals(closest=CLOSEST),
        "clusters": clusters(closest=CLOSEST),
        "rattled crystals": rattled(crystals(closest=CLOSEST), closest=CLOSEST),
        "rattled clusters": rattled(clusters(closest=CLOSEST), closest=CLOSEST),
    }
    shares = {"crystals": 0.5, "clusters": 0.2, "rattled crystals": 0.2, "rattled clusters": 0.1}
    covered: dict[tuple[bool, ...], set[int]] = defaultdict(set)
    fine = True
    for name, strategy in families.items():
        fine &= check(name, strategy, round(shares[name] * args.examples), args.seed, covered)
    pairs = sum(len(covered[pbc] & set(SPECIES)) for pbc in PBCS)
    print(f"(species, pbc) pairs: {pairs} of {len(SPECIES) * len(PBCS)}")
    fine &= pairs == len(SPECIES) * len(PBCS)
    print("as promised" if fine else "NOT as promised")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
