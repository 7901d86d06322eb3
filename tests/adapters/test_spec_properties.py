"""Whatever text is given as a spec or a structure file: it is read, or refused in a line."""

import contextlib
import string

from hypothesis import example, given
from hypothesis import strategies as st
from support.hypothesis_settings import FEW

from physcheck.adapters.spec import parse_spec
from physcheck.errors import SpecError
from physcheck.files.structure_reading import parse_structure_file

NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=8)
# No false or true, which are read as such, and nothing that looks like a number.
WORDS = st.text("qwrtzp", min_size=1, max_size=5)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(-1e300, 1e300, allow_nan=False).filter(lambda x: "." in repr(x)),
    WORDS,
)
PIECES = st.sampled_from(
    ["~", "/", "..", ":", "::", "@", ",", "=", "+", "\0", "\udc80", "é", "\n", "x.py", "builtin",
     "torch", "m.pt", "H2O", "nan", "1e300", "9" * 400, "-", " ", "a" * 260, "true", "'"]
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=20), st.lists(PIECES, max_size=7).map("".join))


@FEW
@given(NAMES, NAMES, st.dictionaries(NAMES, VALUES, max_size=3))
def test_options_come_out_as_they_were_put_in(file, factory, options):
    written = "".join(f",{key}={value}" for key, value in options.items())
    for target, kind in ((f"{file}.py:{factory}", "file"), (f"{file}::{factory}", "adapter")):
        spec = parse_spec(target + written)
        assert spec.kind == kind
        assert spec.attribute == factory
        assert dict(spec.options) == options
        assert [type(v) for v in spec.options.values()] == [type(v) for v in options.values()]


@FEW
@given(TEXTS)
@example("a" * 300)
def test_any_text_is_a_spec_or_refused(text):
    # Any other exception fails the test.
    with contextlib.suppress(SpecError):
        assert parse_spec(text).text == text


@FEW
@given(TEXTS)
def test_any_text_is_a_structure_file_or_refused(text):
    with contextlib.suppress(SpecError):
        assert parse_structure_file(text).name == text
