"""Records that share a trajectory go to one worker, and a lost worker costs one item."""

from types import SimpleNamespace

import pytest

from physcheck.plugin.distribution import make_scheduler, work_unit

ID = "physcheck/suite/laws.py::{}[{}]"


class Node:
    """A worker as the scheduler sees it."""

    shutting_down = False

    def __init__(self, name):
        self.gateway = SimpleNamespace(id=name)
        self.sent = []

    def send_runtest_some(self, indices):
        self.sent += indices

    def shutdown(self):
        self.shutting_down = True


def test_a_unit_is_a_structures_trajectory_or_an_item():
    names = ("equipartition", "thermostat_heat")
    units = {work_unit(ID.format(name, "H2O-box")) for name in names}
    assert units == {"trajectory[H2O-box]"}
    assert work_unit(ID.format("equipartition", "a[1].xyz")) == "trajectory[a[1].xyz]"
    for other in (ID.format("loop_work", "H2O-box"), "tests/test_host.py::test_equipartition[x]"):
        assert work_unit(other) == other


@pytest.fixture
def scheduler(monkeypatch):
    from xdist.scheduler import loadscope

    monkeypatch.setattr(loadscope, "parse_tx_spec_config", lambda config: [1, 1])

    class Options:
        loadscopereorder = True

    class Config:
        option = Options

    return make_scheduler(Config, None)


def test_a_lost_worker_costs_one_item_and_no_unit_is_made_twice(scheduler):
    shared = [ID.format(n, "A") for n in ("equipartition", "kinetic_distribution")]
    items = [ID.format("loop_work", k) for k in range(12)] + shared
    first, second = Node("gw0"), Node("gw1")
    for node in (first, second):
        scheduler.add_node(node)
        scheduler.add_node_collection(node, items)
    scheduler.schedule()
    owner = first if 12 in first.sent else second
    other = second if owner is first else first
    assert {12, 13} <= set(owner.sent)
    assert not {12, 13} & set(other.sent)
    # The owner makes its first item and dies of its second.
    scheduler.mark_test_complete(owner, owner.sent[0])
    done, lost = owner.sent[0], owner.sent[1]
    assert scheduler.remove_node(owner) == items[lost]
    made = set()
    for _ in range(len(items)):
        waiting = [index for index in other.sent if index not in made]
        if waiting:
            made.add(waiting[0])
            scheduler.mark_test_complete(other, waiting[0])
    assert made == set(range(len(items))) - {done, lost}
    assert len(other.sent) == len(set(other.sent))
    assert scheduler.tests_finished


def test_what_a_plan_asks_first_is_asked_by_one_worker(subject):
    """Whether forces are a gradient: 528 evaluations, which each worker made."""
    subject.pytester.makeconftest(
        """
        from pathlib import Path
        from physcheck.run.runner import Runner

        settles = Runner.settles

        def counted(self, entries):
            with open(Path(__file__).with_name("asked.txt"), "a") as file:
                file.write("asked ")
            return settles(self, entries)

        Runner.settles = counted
        """
    )
    result = subject.run(
        "-n2", "--physcheck-checks=thermostat_heat,net_force", "--physcheck-structures=H2O",
        "--physcheck-budget=25000",
    )  # fmt: skip
    assert result.ret == 0
    assert (subject.pytester.path / "asked.txt").read_text() == "asked "
    assert {verdict for verdict, *_ in subject.verdicts().values()} == {"pass"}
