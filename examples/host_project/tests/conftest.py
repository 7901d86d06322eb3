"""The model under test, by the name that physcheck knows."""

import pytest
from silica import Silica


@pytest.fixture(scope="session")
def physcheck_model():
    return Silica()
