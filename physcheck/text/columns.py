"""Rows of text as lines with their cells below each other."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["columns"]


def columns(
    rows: Sequence[Sequence[str]], *, widest: Sequence[int] = (), numbers_last: bool = False
) -> list[str]:
    """A line a row.

    Parameters
    ----------
    rows : sequence of rows of equally many cells
    widest : sequence of int
        The most characters that a column is widened to, where given; longer cells stick out.
    numbers_last : bool
        Whether the last column stands to the right.
    """
    if not rows:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    if widest:
        widths = [min(width, most) for width, most in zip(widths, widest, strict=True)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        if numbers_last:
            cells[-1] = row[-1].rjust(widths[-1])
        lines.append("  ".join(cells).rstrip())
    return lines
