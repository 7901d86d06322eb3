"""Every Python and bash block of the documentation is run, in the order of its page.

Comments before a block say what the reader sees otherwise: which file it is, what exists already,
which exit code is meant, why it can't be run.  Blocks that are marked slow run in ``make docs``
(``PHYSCHECK_DOCS=all``).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.markdown_blocks import blocks_of

from physcheck.checks import all_checks
from physcheck.registry import registration

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(page for page in DOCS.glob("*.md"))
ALL = os.environ.get("PHYSCHECK_DOCS") == "all"


def shell(command, folder):
    """A command as a reader types it, with this environment's pytest and physcheck."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    places = [str(DOCS.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment["PYTHONPATH"] = os.pathsep.join(places)
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip


def commands_of(text):
    """The commands of a block: lines that end with a backslash go on; comments are left out."""
    joined = re.sub(r"\\\n\s*", "", text)
    lines = (line for line in joined.splitlines() if line.strip())
    return [line for line in lines if not line.startswith("#")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of its own for a page; checks and modules that the page makes end with it."""
    all_checks()
    monkeypatch.setattr(registration, "_REGISTRY", registration.registered_checks())
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run(page, folder):
    namespace = {"__name__": "documentation"}
    for block in blocks_of(page):
        notes, where = block.notes, f"{page.name}:{block.line}"
        if "not run" in notes:
            assert notes["not run"], f"{where}: say why it isn't run"
            continue
        if "file" in notes:
            Path(notes["file"]).parent.mkdir(parents=True, exist_ok=True)
            Path(notes["file"]).write_text(block.text + "\n", encoding="utf8")
        if "file" in notes or ("slow" in notes and not ALL):
            continue
        if block.language == "python":
            exec(compile(notes.get("given", ""), f"{where} (given)", "exec"), namespace)
            source = "\n" * (block.line - 1) + block.text
            exec(compile(source, str(page), "exec"), namespace)
            continue
        commands = commands_of(block.text)
        for command in commands:
            expected = int(notes.get("exit", 0)) if command == commands[-1] else 0
            done = shell(command, folder)
            said = f"{where}: {command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            assert done.returncode == expected, said


def test_a_block_that_is_not_run_says_so_on_the_page():
    """Readers can't see comments: where code wasn't run, the page's text says it."""
    silent = [
        page.name
        for page in PAGES
        if any("not run" in block.notes for block in blocks_of(page))
        and not re.search(r"not run|[Nn]ot (?:been )?run", re.sub(r"<!--.*?-->", "",
                          page.read_text(encoding="utf8"), flags=re.DOTALL))
    ]  # fmt: skip
    assert silent == []
