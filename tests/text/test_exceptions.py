import io
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from physcheck import errors
from physcheck.errors import ModelError, TimeIsUp
from physcheck.potentials import make_builtin
from physcheck.structures import catalogue
from physcheck.text.exceptions import description, foreign_code, replaced_by
from physcheck.text.phrases import printable


class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("no words")


class Numeric(Exception):
    def __str__(self):
        return 7


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("plain"), "ValueError: plain"),
        (ValueError(), "ValueError"),
        (Unspeakable(), "Unspeakable: (its text can't be read: that raises ValueError)"),
        (Numeric(), "Numeric: (its text can't be read: that raises TypeError)"),
        (ValueError("\x1b[2Jred\x00\ud800"), r"ValueError: \x1b[2Jred\x00\ud800"),
    ],
)
def test_any_exception_has_a_description(error, text):
    assert description(error) == text
    description(error).encode("utf-8")


def test_a_description_is_not_endless():
    assert len(description(ValueError("x" * 10**6))) < 2100


def test_printable_keeps_words_and_line_ends_and_writes_out_the_rest():
    assert printable("0.1 Å ± λ²\nnext\tcolumn") == "0.1 Å ± λ²\nnext    column"
    assert printable("a\x1b[31mb\x07\u202ec\x9b") == r"a\x1b[31mb\x07\u202ec\x9b"


def ours():
    # Raised within physcheck's own module.
    from physcheck.numerics.answers import real_array

    real_array("forces", None)


RAISED_BY_MODELS = [
    RuntimeError("x"), SystemExit(0), KeyboardInterrupt(), GeneratorExit(), MemoryError(),
    errors.PhysicsFailure("x"), errors.CapabilityMissing("x"), errors.SpecError("x"),
    errors.NonFiniteOutput("x"), errors.AllotmentExceeded("x"), errors.ModelError("x"),
    pytest.skip.Exception("x"), pytest.fail.Exception("x"), pytest.exit.Exception("x"),
    Unspeakable(),
]  # fmt: skip


@pytest.mark.parametrize("error", RAISED_BY_MODELS, ids=lambda e: type(e).__name__)
def test_whatever_a_model_raises_is_a_model_error(error):
    with (
        pytest.raises(ModelError, match=f"^the model raised {type(error).__name__}"),
        foreign_code(lambda said: f"the model raised {said}"),
    ):
        raise error


def test_what_physcheck_says_of_the_model_is_passed_on():
    with pytest.raises(ModelError, match=r"^forces is None"), foreign_code(lambda said: "x"):
        ours()
    with pytest.raises(TimeIsUp), foreign_code(lambda said: "other"):
        raise TimeIsUp


@pytest.fixture
def interrupts_are_heard():
    """A job in a shell's background ignores interrupts; a user's terminal doesn't."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts_are_heard")
@pytest.mark.parametrize("wait", ["sleep", "loop", "replaced"])
def test_the_users_interrupt_passes_through(wait):
    def work():
        if wait == "sleep":
            time.sleep(10)
        try:
            while True:
                pass
        except KeyboardInterrupt:
            if wait == "loop":
                raise
            raise KeyboardInterrupt("of the model's own words") from None

    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt), foreign_code(lambda said: "other"):
        work()
    timer.join()


def test_an_interrupt_by_a_hosts_own_handler_passes_through():
    def handler(*_):
        raise KeyboardInterrupt("host")

    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(KeyboardInterrupt, match="host"), foreign_code(lambda said: "other"):
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)


def test_os_exit_of_a_model_is_an_error_and_of_its_child_is_none():
    with pytest.raises(ModelError, match=r"SystemExit: os._exit\(0\)"), foreign_code(str):
        os._exit(0)
    script = """
import os
from physcheck.text.exceptions import foreign_code
with foreign_code(str):
    child = os.fork()
    if child == 0 and {leave!r}:
        exec({leave!r})
    if child:
        os.waitpid(child, 0)
print("went on", flush=True)
"""
    for leave in ("", "raise ValueError", "os._exit(3)", "import sys; sys.exit(0)"):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", script.format(leave=leave)],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert (done.stdout, done.returncode) == ("went on\n", 0)


def test_a_model_may_raise_physchecks_own_classes(tmp_path):
    from physcheck.model import Meter

    inner = make_builtin("morse")

    class Skips:
        capabilities = inner.capabilities

        def evaluate(self, configurations, *, want):
            pytest.skip("not today")

    with pytest.raises(ModelError, match="the model raised Skipped: not today"):
        Meter(Skips()).evaluate(catalogue()["H2O"].configurations)


def test_standard_output_stays_open_and_recursion_is_allowed_as_before():
    depth, stream = sys.getrecursionlimit(), io.TextIOWrapper(io.BytesIO())
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", stream)
        with foreign_code(str):
            sys.stdout.close()
            sys.setrecursionlimit(depth - 50)
        assert not stream.closed
    stream.close()
    assert stream.closed
    assert sys.getrecursionlimit() == depth


def test_a_function_of_a_library_that_was_replaced_is_told_by_its_place():
    def raised(function):
        try:
            function()
        except Exception as error:
            return replaced_by(error)

    assert raised(lambda: json.loads("{")) is None
    assert raised(lambda: make_builtin("no potential")) is None
    assert raised(lambda: 1 / 0).startswith(f"{__file__}:")
