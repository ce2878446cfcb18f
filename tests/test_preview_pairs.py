"""Previews are paired by kind and number, and none is lost."""

from hypothesis import given
from hypothesis import strategies as st

from dashboard.preview_pairs import Pair, pair_previews


def test_the_same_angle_is_paired_and_a_gap_stays_a_gap() -> None:
    left = ["previews/textured_00.png", "previews/textured_02.png", "previews/wireframe_00.png"]
    right = ["previews/textured_00.png", "previews/textured_01.png"]
    assert pair_previews(left, right) == (
        Pair("textured", "00", ("previews/textured_00.png", "previews/textured_00.png")),
        Pair("textured", "01", (None, "previews/textured_01.png")),
        Pair("textured", "02", ("previews/textured_02.png", None)),
        Pair("wireframe", "00", ("previews/wireframe_00.png", None)),
    )


def test_numbers_count_however_they_are_written() -> None:
    [pair] = pair_previews(["previews/textured_3.png"], ["previews/textured_03.png"])
    assert (pair.angle, None in pair.names) == ("03", False)


def test_angles_are_in_the_order_of_their_numbers() -> None:
    names = [f"previews/textured_{number}.png" for number in (10, 9, 100, 0)]
    assert [pair.angle for pair in pair_previews(names, [])] == ["00", "09", "10", "100"]


def test_other_previews_are_paired_by_their_names() -> None:
    found = pair_previews(["previews/top.png", "previews/textured_x.png"], ["previews/top.png"])
    assert [(pair.kind, pair.angle) for pair in found] == [
        ("other", "textured_x.png"),
        ("other", "top.png"),
    ]
    assert found[1].names == ("previews/top.png", "previews/top.png")


NAMES = st.sets(
    st.builds(
        "previews/{}{}.png".format,
        st.sampled_from(["textured_", "wireframe_", "textured", ""]),
        st.sampled_from(["0", "00", "000", "1", "01", "٣", "-1", "x"]),
    )
)


@given(NAMES, NAMES)
def test_every_preview_is_in_exactly_one_pair(left: set[str], right: set[str]) -> None:
    pairs = pair_previews(left, right)
    for position, names in enumerate((left, right)):
        found = [pair.names[position] for pair in pairs if pair.names[position] is not None]
        assert sorted(filter(None, found)) == sorted(names)
    assert len({(pair.kind, pair.angle) for pair in pairs}) == len(pairs)
    assert all(pair.names != (None, None) for pair in pairs)
