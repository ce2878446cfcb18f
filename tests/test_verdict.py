"""A review as text: bounded, clean, and the same after a way through a file."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.verdict import (
    NAME_MAX_CHARS,
    NOTE_MAX_CHARS,
    VERDICTS,
    Review,
    UnreadableReviewError,
    Verdict,
    as_line,
    clean_name,
    clean_note,
    read_lines,
)

REVIEW = Review(
    id="a" * 32,
    job_id="abcd1234",
    verdict=Verdict.REWORK,
    note="Holes at the neck,\nand a seam",
    reviewer="Ada",
    decided_at=datetime(2026, 2, 3, 4, 5, 6, 789, tzinfo=UTC),
    replaced="b" * 32,
)


def test_unreviewed_is_no_verdict_but_a_filter() -> None:
    assert set(VERDICTS) == {"unreviewed", *Verdict}


@given(note=st.text(), reviewer=st.text())
def test_a_review_is_the_same_after_a_way_through_a_file(note: str, reviewer: str) -> None:
    name = clean_name(reviewer) or "Ada"
    review = Review(**{**vars(REVIEW), "note": clean_note(note), "reviewer": name})
    line = as_line(review)
    assert line.count("\n") == 1
    assert list(read_lines([line])) == [review]


@given(text=st.text())
def test_texts_are_bounded_and_hold_no_control_characters(text: str) -> None:
    for cleaned, limit, kept in (
        (clean_note(text), NOTE_MAX_CHARS, {"\n"}),
        (clean_name(text), NAME_MAX_CHARS, set()),
    ):
        assert len(cleaned) <= limit
        assert not {char for char in cleaned if ord(char) < 32 or ord(char) == 127} - kept
        assert cleaned.encode().decode() == cleaned


def test_what_would_turn_the_line_around_goes() -> None:
    assert clean_note("fine\u202eton") == "fineton"
    assert clean_name("  Ada\t\nLovelace\x1b ") == "Ada Lovelace"
    assert clean_note("x" * 5000) == "x" * NOTE_MAX_CHARS
    assert clean_name(None) == clean_note(7) == ""


@pytest.mark.parametrize(
    "broken",
    [
        {"id": "../x"},
        {"id": None},
        {"job_id": "a/b"},
        {"verdict": "unreviewed"},
        {"verdict": ["accepted"]},
        {"reviewer": " "},
        {"decided_at": "yesterday"},
        {"decided_at": "2026-02-03T04:05:06"},
        {"decided_at": 5},
        {"replaced": "x"},
    ],
)
def test_a_line_that_is_no_review_is_named(broken: dict[str, object]) -> None:
    line = json.dumps(REVIEW.as_json() | broken)
    good, bad = read_lines([as_line(REVIEW), line])
    assert good == REVIEW
    assert isinstance(bad, UnreadableReviewError)
    assert str(bad) == "line 2 is not a review"


@pytest.mark.parametrize("line", ["{", "[]", "7", '"x"', "{}", "[" * 100_000, '{"id": 1'])
def test_junk_is_no_review(line: str) -> None:
    [found] = read_lines([line])
    assert isinstance(found, UnreadableReviewError)


def test_the_same_once_more_says_nothing_new() -> None:
    assert REVIEW.says(Verdict.REWORK, REVIEW.note, "Ada")
    assert REVIEW.says(Verdict.REWORK, "", "Ada")
    assert not REVIEW.says(Verdict.REWORK, "Another note", "Ada")
    assert not REVIEW.says(Verdict.ACCEPTED, REVIEW.note, "Ada")
    assert not REVIEW.says(Verdict.REWORK, REVIEW.note, "Grace")
