"""Where the tasks of a sweep run: threads of this process, or the workers of Dask."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from physcheck.errors import SpecError

__all__ = ["DaskEngine", "Engine", "ThreadEngine", "engine_for"]

# s between two looks at what is done: tasks take seconds to hours.
_PAUSE = 0.1
# A scheduler that is restarted is waited for, s; so is one that a batch system hasn't started yet.
_PATIENCE = 600.0
# So many workers of a local cluster may be lost with one task.
_LOST_WORKERS = 20


class Engine(Protocol):
    """Something that calls functions of this package elsewhere, each with any one argument.

    Attributes
    ----------
    about : str
        Where, in a few words.
    workers : int
        How many calls go on at one time.
    """

    about: str

    @property
    def workers(self) -> int:
        """How many calls go on at one time."""
        ...

    def start(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Let a call begin when a worker is free; ``name`` is given back with its result."""
        ...

    def done(self) -> Iterator[tuple[str, Any]]:
        """Name and result of each call that has ended: an exception where it raised or was lost."""
        ...


class ThreadEngine:
    """Threads of this process, each of which waits for the process of a task.

    Daemons, so that Ctrl-C ends the sweep at once; the processes end with it.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        processes = "process" if workers == 1 else "processes"
        self.about = f"{workers} {processes} of this machine"
        self._calls: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        for _ in range(workers):
            threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            name, function, arguments = call
            try:
                self._results.put((name, function(*arguments)))
            except Exception as error:
                self._results.put((name, error))

    def start(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Put a call into the queue."""
        self._calls.put((name, function, arguments))

    def done(self) -> Iterator[tuple[str, Any]]:
        """What has ended, after a short wait."""
        with suppress(queue.Empty):
            yield self._results.get(timeout=_PAUSE)

    def close(self) -> None:
        """Let the threads end that wait for a call."""
        for _ in range(self.workers):
            self._calls.put(None)


class DaskEngine:
    """The workers of a Dask scheduler.

    A worker that is lost, a walltime that is over: the scheduler gives its tasks to others.  A
    scheduler that is lost is waited for, and gets anew what wasn't done.

    Parameters
    ----------
    connect : callable
        A new ``distributed.Client``.
    """

    def __init__(self, connect: Callable[[], Any]) -> None:
        self._connect = connect
        self._client = connect()
        self._futures: dict[str, Any] = {}
        self._trials = 0
        self.about = f"Dask at {self._client.scheduler.address}"

    @property
    def workers(self) -> int:
        """Threads of all workers that are there now."""
        with suppress(Exception):
            return max(1, int(sum(self._client.nthreads().values())))
        return 1

    def start(self, name: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Submit a call."""
        self._trials += 1
        try:
            # A name of its own: what another client or an earlier trial of it came to stays theirs.
            key = f"physcheck-{name}-{self._trials}-{time.time_ns()}"
            self._futures[name] = self._client.submit(function, *arguments, pure=False, key=key)
        except Exception as error:
            self._futures[name] = error

    def done(self) -> Iterator[tuple[str, Any]]:
        """What has ended, after a short wait."""
        time.sleep(_PAUSE)
        if self._client.status not in ("running", "connecting"):
            self._reconnect()
        for name, future in list(self._futures.items()):
            if isinstance(future, Exception):
                del self._futures[name]
                yield name, future
            elif future.status != "pending":
                del self._futures[name]
                yield name, self._result(future)

    def _result(self, future: Any) -> Any:
        if future.status in ("cancelled", "lost"):
            if self._client.status != "running":
                self._reconnect()
            return ConnectionError("the scheduler was lost")
        try:
            return future.result(timeout=_PATIENCE)
        except Exception as error:
            return error

    def _reconnect(self) -> None:
        """A new client, as soon as there is a scheduler again.

        Raises
        ------
        SpecError
            None came.
        """
        end = time.monotonic() + _PATIENCE
        with suppress(Exception):
            self._client.close(timeout=1)
        while True:
            try:
                self._client = self._connect()
            except OSError as error:
                if time.monotonic() > end:
                    raise SpecError(
                        f"the scheduler was lost and didn't come back in {_PATIENCE / 60:.0f} "
                        f"minutes: {error}; the same command goes on where this one ended"
                    ) from None
                time.sleep(1)
            else:
                return

    def close(self) -> None:
        """Leave the scheduler; what isn't done is cancelled."""
        with suppress(Exception):
            self._client.close()


@contextmanager
def engine_for(scheduler: str | None, workers: int) -> Iterator[Engine]:
    """Dask at a scheduler's address, or as a cluster of this machine; threads without Dask.

    Raises
    ------
    SpecError
        A scheduler is named and Dask is missing, or nothing answers at its address.
    """
    try:
        import distributed
    except ImportError:
        if scheduler is not None:
            raise SpecError("--scheduler needs Dask: pip install 'physcheck[sweep]'") from None
        threads = ThreadEngine(workers)
        try:
            yield threads
        finally:
            threads.close()
        return
    with _dask(distributed, scheduler, workers) as engine:
        yield engine


@contextmanager
def _dask(distributed: Any, scheduler: str | None, workers: int) -> Iterator[DaskEngine]:
    import dask

    # What a walltime or a signal does to workers is no fault of the task that they had.
    with dask.config.set({"distributed.scheduler.allowed-failures": _LOST_WORKERS}):
        if scheduler is not None:
            try:
                engine = DaskEngine(lambda: distributed.Client(scheduler, timeout=30))
            except (OSError, ValueError) as error:
                raise SpecError(f"no Dask scheduler answers at {scheduler}: {error}") from None
            try:
                yield engine
            finally:
                engine.close()
            return
        with distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            dashboard_address=None,
            memory_limit=None,
            silence_logs=50,
        ) as cluster:
            engine = DaskEngine(lambda: distributed.Client(cluster))
            try:
                yield engine
            finally:
                engine.close()
