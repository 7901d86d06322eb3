"""Run a notebook anew and keep its output in it; exit code 1 where a cell raises.

Run: make notebook
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError


def run(path: Path) -> None:
    """Execute the notebook in its own folder and write it with what it printed."""
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    for cell in notebook.cells:
        # Times and versions of this machine would change the file at every run.
        cell.metadata.pop("execution", None)
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        try:
            run(Path(name).resolve())
        except CellExecutionError as error:
            sys.exit(f"{name}: {error}")
        print(f"run: {name}")
