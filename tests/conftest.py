import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(autouse=True)
def small_budget(request, monkeypatch):
    """Runs inside tests spend little and the same on every machine, unless they say otherwise.

    An ini value, so that it doesn't count as an option that the test's user has given.
    """
    if "pytester" in request.fixturenames:
        request.getfixturevalue("pytester")
        monkeypatch.setenv("PYTEST_ADDOPTS", "-o physcheck_budget=quick")
