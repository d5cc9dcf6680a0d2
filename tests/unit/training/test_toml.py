"""What is written as TOML reads back as the same values, to the last bit."""

import math
import struct
import tomllib
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.models import MODELS, CohortEntry, Moments, PriorFile
from detector.training.toml import packed

VALUES = st.one_of(st.text(), st.dates(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
TABLES = st.dictionaries(
    st.text(),
    st.recursive(
        VALUES | st.lists(VALUES), lambda inner: st.dictionaries(st.text(), inner) | st.lists(VALUES), max_leaves=20
    ),
)


@given(TABLES)
def test_what_is_written_reads_back(table: dict[str, object]) -> None:
    assert tomllib.loads(packed(table).decode()) == table


@given(st.floats())
def test_floats_keep_every_bit(value: float) -> None:
    found = tomllib.loads(packed({"value": value}).decode())["value"]
    assert (math.isnan(found) and math.isnan(value)) or struct.pack("<d", found) == struct.pack("<d", value)


def test_a_prior_reads_like_a_page_that_somebody_wrote() -> None:
    entry = CohortEntry({"copies_24h": Moments(1.1, 0.5, 1.5)}, {"personal": (2.0, 98.0)}, {}, (2.0, 6.0, 0.1))
    assert packed(PriorFile({"person": entry})).decode().splitlines() == [
        "[cohorts.person]",
        "strangers = [2.0, 6.0, 0.1]",
        "",
        "[cohorts.person.features.copies_24h]",
        "mean = 1.1",
        "variance = 0.5",
        "dispersion = 1.5",
        "",
        "[cohorts.person.refusals]",
        "personal = [2.0, 98.0]",
        "",
        "[cohorts.person.objections]",
    ]


def test_dates_and_lists_of_texts_are_written_as_such() -> None:
    written = packed({"created": date(2026, 11, 22), "trained_on": ["a", 'b "c"']}).decode()
    assert written == 'created = 2026-11-22\ntrained_on = [\n  "a",\n  "b \\"c\\"",\n]\n'


@pytest.mark.parametrize("value", [None, True])
def test_what_no_model_file_holds_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="model files hold no"):
        packed({"value": [value]})


def test_shipped_files_are_written_in_this_form() -> None:
    for path in sorted(MODELS.glob("*/*.toml")):
        content = path.read_bytes()
        assert packed(tomllib.loads(content.decode())) == content
    assert len(list(MODELS.glob("*/*.toml"))) == 3
