from __future__ import annotations

from pathlib import Path

from physcheck.commands.checks import checks_as_markdown

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_has_the_table_of_checks():
    text = README.read_text(encoding="utf8")
    table = text.split("<!-- physcheck checks --markdown -->\n")[1].split("<!-- end -->")[0]
    assert table.splitlines() == checks_as_markdown(), (
        "paste the output of `physcheck checks --markdown` between the marks in README.md"
    )
