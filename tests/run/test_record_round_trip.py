"""Records and reports come out of JSON as they went in, whatever is in them."""

import json
import math

from hypothesis import given
from hypothesis import strategies as st
from support.hypothesis_settings import FEW

from physcheck.measurement import Outcome
from physcheck.report.json_report import json_text
from physcheck.report.loading import load_report
from physcheck.report.markdown import markdown
from physcheck.report.terminal import terminal_lines
from physcheck.run.record import Record, Report
from physcheck.run.settings import Settings

# Lone surrogates are escaped when they are written: they come back as text.
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.none() | st.floats(allow_nan=True, allow_infinity=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | WORDS
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip
RECORDS = st.builds(
    Record,
    check=st.sampled_from(["loop_work", "net_force", "force_energy_gap"]),
    family=WORDS,
    kind=st.sampled_from(["law", "practice", "info"]),
    structure=WORDS,
    verdict=st.sampled_from(Outcome),
    reason=st.none() | WORDS,
    quantity=WORDS,
    unit=WORDS,
    value=NUMBERS,
    uncertainty=NUMBERS,
    uncertainty_components=st.dictionaries(WORDS, st.floats(allow_nan=False), max_size=2),
    interval=st.none() | st.tuples(st.floats(allow_nan=False), st.floats(allow_nan=False)),
    tolerance=NUMBERS,
    detection_limit=NUMBERS,
    noise_floor=NUMBERS,
    force_evaluations=st.none() | st.integers(0, 10**9),
    seconds=st.none() | st.floats(0, 1e6),
    level=st.none() | st.sampled_from(["quick", "standard"]),
    seed=st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=2).map(tuple),
    message=WORDS,
    evidence=st.fixed_dictionaries({"quantities": st.dictionaries(WORDS, JSON, max_size=2)}),
)


def same(one, other):
    """Equal, with NaN equal to itself."""
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    return one == other


@FEW
@given(RECORDS)
def test_a_record_is_read_as_it_was_written(record):
    text = json.dumps(record.to_json(), allow_nan=False)
    again = Record.from_json(json.loads(text))
    for name in Record.__dataclass_fields__:
        assert same(getattr(record, name), getattr(again, name)), name


@FEW
@given(st.lists(RECORDS, max_size=3))
def test_a_report_is_read_as_it_was_written_and_can_be_printed(tmp_path_factory, records):
    report = Report(
        created="2026-01-01T00:00:00+00:00", settings=Settings(model="m.py:f"),
        records=tuple(records), complete=True, exit_code=0,
    )  # fmt: skip
    path = tmp_path_factory.mktemp("report") / "r.json"
    path.write_text(json_text(report), encoding="utf-8")
    again = load_report(path)
    assert json_text(again) == json_text(report)
    assert markdown(again) == markdown(report)
    assert terminal_lines(again, width=80, verbose=True)
