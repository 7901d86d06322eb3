"""Paths as users write them."""

import os

import pytest

from physcheck.errors import SpecError
from physcheck.files.paths import (
    files_in,
    is_folder,
    one_line,
    path_problem,
    readable_file,
    relative_to,
    user_path,
)


def test_relative_paths_are_those_of_the_folder_that_was_named(tmp_path, monkeypatch):
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    monkeypatch.chdir(second)
    assert user_path("x/y.z") == second / "x/y.z"
    with relative_to(first):
        assert user_path("x/y.z") == first / "x/y.z"
        assert user_path("/x") == user_path("/x").resolve()
    assert user_path("x") == second / "x"
    monkeypatch.setenv("HOME", str(first))
    assert user_path("~/x") == first / "x"
    # Names of 255 bytes exist.
    assert user_path("ä" * 127).name == "ä" * 127


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("~nosuchuser/x", "there is no such user"),
        ("a\0b", "NUL character"),
        ("x" * 256, "a name of 256 bytes"),
        ("ä" * 128, "a name of 256 bytes"),
        ("/".join(["d" * 200] * 40), "more than the 4096"),
        ("a\udcff", "isn't UTF-8"),
    ],
)
def test_what_no_path_can_be(text, message):
    with pytest.raises(SpecError, match=message):
        user_path(text)


def test_what_is_no_file(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    for name, problem in [
        ("missing", "doesn't exist"),
        ("file/x", "doesn't exist"),
        ("loop", "is a link that leads back to itself"),
        ("broken", "is a link to nothing"),
        (".", "is a folder, should be a file"),
        ("pipe", "is a pipe, should be a file"),
        ("x" * 300, "can't be read: File name too long"),
        ("file", None),
    ]:
        assert path_problem(tmp_path / name) == problem
        assert readable_file(tmp_path / name) is (problem is None)
    assert files_in(tmp_path) == ["file"]
    assert files_in(tmp_path / "file") == []
    assert not is_folder(tmp_path / ("x" * 300))


def test_messages_are_one_line_that_a_terminal_can_print():
    assert one_line("a\nb\t\x1b[31m\udcff\x85é") == r"a\nb\t\x1b[31m\udcff\x85é"
    assert one_line("x" * 5000 + " y").endswith("...(5,000 characters)..." + "x" * 50 + " y")
    assert len(one_line("word " * 10_000)) < 3000
    assert one_line("plain text") == "plain text"
