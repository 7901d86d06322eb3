import tempfile

import pytest

pytest_plugins = ["pytester"]


# What a CI machine sets and pytest or physcheck reads: lines are cut otherwise, files are written.
CI_VARIABLES = ("CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "COLUMNS")


@pytest.fixture(autouse=True)
def as_at_a_desk(monkeypatch):
    """A test sees the same on a CI machine as at a desk; one about CI sets what it needs."""
    for name in CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True, scope="session")
def temporary_folder(tmp_path_factory):
    """What runs leave in the system's temporary folder goes where pytest clears up."""
    with pytest.MonkeyPatch.context() as patch:
        folder = str(tmp_path_factory.mktemp("temporary"))
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture(autouse=True)
def small_budget(request, monkeypatch):
    """Runs inside tests spend little and the same on every machine, unless they say otherwise.

    An ini value, so that it doesn't count as an option that the test's user has given.
    """
    if "pytester" in request.fixturenames:
        request.getfixturevalue("pytester")
        monkeypatch.setenv("PYTEST_ADDOPTS", "-o physcheck_budget=quick")
