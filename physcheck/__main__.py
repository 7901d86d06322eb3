"""``python -m physcheck`` is the ``physcheck`` command."""

from __future__ import annotations

import sys

from physcheck.cli import main

if __name__ == "__main__":
    sys.exit(main())
