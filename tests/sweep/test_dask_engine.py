"""Dask as the engine of a sweep, with a scheduler in this process and with one that is lost."""

import pytest

from physcheck.sweep import engines
from physcheck.sweep.engines import DaskEngine


class PlayedFuture:
    def __init__(self, status, value=None):
        self.status, self.value = status, value

    def result(self, timeout):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


class PlayedClient:
    """A client whose scheduler goes away with the first call."""

    def __init__(self, *, lost):
        self.status = "running"
        self.lost = lost
        self.keys = []
        self.scheduler = type("Scheduler", (), {"address": "tcp://played"})

    def submit(self, function, *arguments, pure, key):
        self.keys.append(key)
        if self.lost:
            self.status = "closed"
            return PlayedFuture("cancelled")
        return PlayedFuture("finished", function(*arguments))

    def nthreads(self):
        return {"a": 2, "b": 1}

    def close(self, timeout=None):
        self.status = "closed"


def results(engine, count):
    found = {}
    while len(found) < count:
        found |= dict(engine.done())
    return found


def test_a_scheduler_that_is_lost_is_waited_for_and_its_calls_are_told(monkeypatch):
    monkeypatch.setattr(engines.time, "sleep", lambda seconds: None)
    clients = [PlayedClient(lost=True), OSError("not yet"), PlayedClient(lost=False)]

    def connect():
        client = clients.pop(0)
        if isinstance(client, OSError):
            raise client
        return client

    engine = DaskEngine(connect)
    assert engine.workers == 3
    engine.start("one", abs, -1)
    assert isinstance(results(engine, 1)["one"], ConnectionError)
    engine.start("one", abs, -1)
    assert results(engine, 1) == {"one": 1}
    assert clients == []


@pytest.mark.filterwarnings("ignore")
def test_calls_come_back_from_dask():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None, protocol="tcp",
    ) as cluster:  # fmt: skip
        engine = DaskEngine(lambda: distributed.Client(cluster))
        assert engine.workers == 2
        engine.start("good", abs, -1)
        engine.start("bad", int, "x")
        found = results(engine, 2)
        engine.close()
    assert found["good"] == 1
    assert isinstance(found["bad"], ValueError)
