"""The two runs of hypothesis: one that explores, one that makes a failing case simpler.

Both are told everything that they would else take from the environment: seed, database, deadline,
profile of a host's settings.  What they draw is one string of bytes of a fixed length (see
:class:`physcheck.search.tape.Tape`), so that they visit the same cases in any folder.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["explore", "smallest_failing"]

# A choice is left as it is where its byte is at least this: a random string of bytes then changes
# few choices, and most such cases still fail, from where hypothesis can go down.
_AS_IT_IS = 8
# Strings that hypothesis draws before it gives up finding one that fails.
_TRIES = 200


def _settings(**more: Any) -> Any:
    from hypothesis import HealthCheck, Verbosity, settings

    return settings(
        database=None, deadline=None, derandomize=False, print_blob=False,
        report_multiple_bugs=False, suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet, **more,
    )  # fmt: skip


@contextmanager
def _no_files() -> Iterator[None]:
    """Within, hypothesis writes nothing into the folder it runs in, and then goes on as before.

    Even without a database it keeps a cache of the modules around it.
    """
    from hypothesis import configuration

    before = vars(configuration).get("__hypothesis_home_directory")
    with tempfile.TemporaryDirectory(prefix="physcheck-") as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)


def explore(
    visit: Callable[[bytes], float | None],
    is_spent: Callable[[], bool],
    *,
    seed: int,
    most: int,
) -> None:
    """Call ``visit`` with strings of ``TAPE_BYTES`` bytes, more of those where it is large.

    Parameters
    ----------
    visit : callable (bytes) -> float or None
        What hypothesis's ``target`` climbs; None where there is nothing to climb.
    is_spent : callable () -> bool
        Whether no more is to be visited.
    seed : int
    most : int
        Strings at most.
    """
    from hypothesis import Phase, given, target
    from hypothesis import seed as seeded
    from hypothesis import strategies as st

    from physcheck.search.tape import TAPE_BYTES

    raised: list[BaseException] = []

    def one(tape: bytes) -> None:
        if raised or is_spent():
            return
        try:
            size = visit(tape)
        except BaseException as error:
            # hypothesis would call again with the same string, to see it raise once more.
            raised.append(error)
            return
        if size is not None:
            target(float(size))

    tapes = st.binary(min_size=TAPE_BYTES, max_size=TAPE_BYTES)
    run = seeded(seed)(
        _settings(max_examples=max(1, most), phases=(Phase.generate, Phase.target))(
            given(tapes)(one)
        )
    )
    with _no_files():
        run()
    if raised:
        raise raised[0]


def smallest_failing(
    counts: Sequence[int], fails: Callable[[Sequence[int]], bool], *, seed: int
) -> list[int]:
    """One option of each choice, as small as can be while ``fails`` holds, first choices first.

    Parameters
    ----------
    counts : sequence of int
        The options of each choice; the last one of each leaves things as they are, and fails.
    fails : callable (list of int) -> bool
    seed : int
    """
    from hypothesis import Phase, find
    from hypothesis import strategies as st
    from hypothesis.errors import NoSuchExample

    known: dict[tuple[int, ...], bool] = {}
    raised: list[BaseException] = []

    def decoded(tape: bytes) -> tuple[int, ...]:
        return tuple(
            count - 1 if byte >= _AS_IT_IS else byte * (count - 1) // _AS_IT_IS
            for byte, count in zip(tape, counts)
        )

    def failing(tape: bytes) -> bool:
        taken = decoded(tape)
        if taken not in known and not raised:
            try:
                known[taken] = fails(taken)
            except BaseException as error:
                raised.append(error)
        return known.get(taken, False)

    unchanged = [count - 1 for count in counts]
    settings = _settings(max_examples=_TRIES, phases=(Phase.generate, Phase.shrink))
    tapes = st.binary(min_size=len(counts), max_size=len(counts))
    try:
        with _no_files():
            tape = find(tapes, failing, settings=settings, random=random.Random(seed))
    except NoSuchExample:
        tape = bytes([255] * len(counts))
    if raised:
        raise raised[0]
    found = list(decoded(tape))
    return found if known.get(tuple(found)) else unchanged
