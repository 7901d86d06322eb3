from plugin.conftest import subject  # noqa: F401
