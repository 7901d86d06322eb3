"""Reports that can't be written, and texts that a terminal or page must not act on."""

import json
import os

import pytest

ONE = ("--physcheck-structures=H2O", "--physcheck-checks=net_force")


@pytest.fixture
def full_disk(subject):
    """A run in a process that can't write files beyond a few bytes, as on a full disk."""
    subject.pytester.makepyfile(
        full="""
        import resource
        from ase.calculators.emt import EMT

        def model(late=False):
            limit(2500)
            return EMT()

        def limit(size):
            hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        """
    )
    return subject


def test_a_full_disk_costs_a_report_but_no_verdict(full_disk):
    result = full_disk.run(
        *ONE, "--physcheck-model=full.py:model", "--physcheck-markdown=out.md",
        factory=None, process=True,
    )  # fmt: skip
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "warning: the report *out.json can't be written: OSError: * File too large",
            "physcheck: PASS: *",
        ]
    )
    assert result.stdout.str().count("out.json can't be written") == 1
    # What was written before the disk was full is still there, and whole.
    assert not json.loads((full_disk.pytester.path / "out.json").read_text())["complete"]
    assert not list(full_disk.pytester.path.glob(".out*"))


def test_a_folder_that_goes_is_made_again_unless_a_file_is_there(subject):
    subject.pytester.makepyfile(
        reaper="""
        import pathlib, shutil

        def pytest_runtest_teardown(item):
            shutil.rmtree("reports")
            if item.config.getoption("physcheck_seed") == "1":
                pathlib.Path("reports").write_text("in the way")
        """
    )
    args = (*ONE, "-p", "reaper", "--physcheck-html=out.html")
    reports = subject.pytester.mkdir("reports")
    assert subject.run(*args, json_name="reports/out.json", process=True).ret == 0
    assert subject.report("reports/out.json")["complete"]
    reports.mkdir(exist_ok=True)
    args = (*args, "--physcheck-seed=1")
    result = subject.run(*args, json_name="reports/out.json", process=True)
    assert result.ret == 1
    result.stdout.fnmatch_lines(["warning: the report */reports/out.json can't be written: *"])
    assert "PASS" in (subject.pytester.path / "out.html").read_text()


def test_devices_pipes_and_equal_paths_are_refused(subject):
    path = subject.pytester.path
    os.mkfifo(path / "pipe")
    (path / "known.toml").write_text("")
    (path / "page.html").write_text("")
    os.link(path / "page.html", path / "same.md")
    for options, text in {
        ("--physcheck-json=/dev/full",): "/dev/full is a device or a pipe",
        ("--physcheck-html=pipe",): "pipe is a device or a pipe",
        ("--physcheck-html=a.html", "--physcheck-markdown=./a.html"): "are both",
        ("--physcheck-html=page.html", "--physcheck-markdown=same.md"): "are one file",
        ("--physcheck-json=known.toml", "--physcheck-known-failures=known.toml"): "are both",
        ("--physcheck-evidence=known.toml",): "should be a folder",
        ("--physcheck-json=" + 300 * "x",): "longer than the 255",
        ("--physcheck-timeout=inf",): "should be less than",
        ("--physcheck-timeout=nan",): "should be less than",
    }.items():
        result = subject.run(*ONE, *options, json_name=None)
        assert result.ret == 4
        result.stderr.fnmatch_lines([f"ERROR: physcheck: *{text}*"])
    assert (path / "known.toml").read_text() == ""


@pytest.mark.parametrize("timeout", ["1e300", "1e9", "3600"])
def test_long_timeouts_are_none(subject, timeout):
    assert subject.run(*ONE, f"--physcheck-timeout={timeout}").ret == 0


def test_a_tiny_timeout_is_over_at_once(subject):
    assert subject.run(*ONE, "--physcheck-timeout=1e-300").ret == 1
    (record,) = subject.report()["records"]
    assert "took longer than" in record["message"]


def test_what_does_not_apply_costs_no_traceback(subject):
    subject.pytester.makepyfile(
        counting="""
        from physcheck.plugin.items import LawItem

        formatted = []
        before = LawItem.repr_failure

        def repr_failure(self, excinfo, style=None):
            formatted.append(self.name)
            return before(self, excinfo, style)

        LawItem.repr_failure = repr_failure

        def pytest_unconfigure():
            print("formatted:", formatted)
        """
    )
    args = ("-p", "counting", "--physcheck-structures=H2O", "--junitxml=junit.xml", "-s")
    result = subject.run(*args, "--physcheck-checks=locality,net_force", process=True)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*1 passed, 1 not applicable*", "formatted: []"])
    text = (subject.pytester.path / "junit.xml").read_text()
    assert 'message="not applicable: the model declares no interaction_range"' in text
