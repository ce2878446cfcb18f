"""Two models' figures against each other: who is ahead, by how much, and whether they compare."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.comparison import LEFT, RIGHT, choose_models, compare, level_of, limits
from dashboard.quality import METRICS, Quality, QualityStatus, find_lead, parse_quality

PSNR, SSIM, DEPTH_MAE, _ = METRICS


def quality(metadata: dict[str, Any] | None = None, **metrics: Any) -> Quality:
    content = {"summary": "Measured", "metrics": metrics, "metadata": metadata or {}}
    return parse_quality(json.dumps(content).encode())


FIGURES = st.none() | st.floats(allow_nan=False, allow_infinity=False)
QUALITIES = st.none() | st.builds(
    quality,
    st.fixed_dictionaries(
        {
            "num_views": st.sampled_from([None, 6, 8]),
            "image_resolution": st.sampled_from([None, [512, 512], [768, 512]]),
        }
    ),
    psnr=FIGURES,
    ssim=FIGURES,
    depth_mae=FIGURES,
    depth_rmse=FIGURES,
)


def test_the_better_side_wins_each_metric_in_its_own_direction() -> None:
    left = quality(psnr=30.0, ssim=0.90, depth_mae=0.010, depth_rmse=0.030)
    right = quality(psnr=27.0, ssim=0.92, depth_mae=0.012, depth_rmse=0.020)
    found = compare(left, right)
    assert [row.winner for row in found.rows] == [LEFT, RIGHT, LEFT, RIGHT]
    assert [row.difference for row in found.rows] == [3.0, -0.02, -0.002, 0.01]
    assert (found.wins, found.compared, found.ahead, found.lead) == ((2, 2), 4, None, (LEFT, 3.0))


def test_nobody_wins_by_what_is_not_shown() -> None:
    found = compare(quality(psnr=27.01), quality(psnr=27.04))
    assert (found.rows[0].difference, found.rows[0].winner, found.lead) == (0, None, (RIGHT, 0.0))
    # Both are shown as 25.0 dB, though there is nearly 0.1 dB between them.
    found = compare(quality(psnr=25.04), quality(psnr=24.96))
    assert (found.rows[0].difference, found.rows[0].winner, found.lead) == (0, None, (LEFT, 0.0))


def test_a_missing_figure_has_no_winner() -> None:
    found = compare(quality(psnr=27.0, ssim=0.9), quality(psnr=25.0))
    assert [row.winner for row in found.rows] == [LEFT, None, None, None]
    assert (found.compared, found.wins, found.ahead) == (1, (1, 0), LEFT)
    nothing = compare(None, quality(psnr=25.0))
    assert (nothing.compared, nothing.ahead, nothing.lead) == (0, None, None)


@pytest.mark.parametrize(
    ("metadata", "name"),
    [({"num_views": 8}, "Views"), ({"image_resolution": [512, 768]}, "Resolution")],
)
def test_under_different_settings_nobody_is_ahead(metadata: dict[str, Any], name: str) -> None:
    usual = {"num_views": 6, "image_resolution": [512, 512]}
    found = compare(quality(usual, psnr=30.0), quality(usual | metadata, psnr=20.0))
    assert [setting.name for setting in found.differing] == [name]
    assert found.rows[0].difference == 10.0
    assert (found.rows[0].winner, found.ahead, found.lead) == (None, None, None)


def test_a_setting_that_is_not_told_does_not_differ() -> None:
    found = compare(quality({"num_views": 6}, psnr=30.0), quality(psnr=20.0))
    assert found.differing == ()
    assert found.ahead == LEFT
    assert found.settings[1].values == ("6", None)


def test_a_resolution_reads_width_first() -> None:
    found = compare(quality({"image_resolution": [512, 768]}), None)
    assert found.settings[0].values == ("768 × 512 px", None)


@given(QUALITIES, QUALITIES)
def test_swapping_the_sides_swaps_the_winners(left: Quality | None, right: Quality | None) -> None:
    there, back = compare(left, right), compare(right, left)
    assert there.wins == back.wins[::-1]
    assert there.compared == back.compared
    for one, other in zip(there.rows, back.rows, strict=True):
        assert one.values == other.values[::-1]
        assert (one.winner is None) == (other.winner is None)
        assert one.winner is None or one.winner != other.winner
        assert one.difference is None or one.difference == -(other.difference or 0)


@given(QUALITIES, QUALITIES)
def test_the_lead_is_the_one_of_the_job_page(left: Quality | None, right: Quality | None) -> None:
    found, lead = compare(left, right), find_lead([left, right])
    if found.differing or lead is None:
        assert found.lead is None
    else:
        assert found.lead == (lead[0], lead[2])


@pytest.mark.parametrize(
    ("psnr", "level"),
    [(19.99, "failure"), (20.0, "warning"), (24.99, "warning"), (25.0, "normal"), (None, None)],
)
def test_each_figure_is_judged_by_its_limits(psnr: float | None, level: str | None) -> None:
    assert level_of(PSNR, quality(psnr=psnr)) == level


def test_limits_are_those_of_the_file() -> None:
    own = parse_quality(b'{"metrics": {"ssim": 0.8}, "thresholds": {"ssim_normal": 0.8}}')
    assert limits(SSIM, own) == {QualityStatus.WARNING: 0.75, QualityStatus.NORMAL: 0.8}
    assert level_of(SSIM, own) == "normal"
    assert limits(DEPTH_MAE, own) == {}
    assert level_of(DEPTH_MAE, quality(depth_mae=0.1)) is None


GOOD, FAIR, POOR = quality(psnr=31.0), quality(psnr=27.0), quality(psnr=21.0)
NOBODY = (None, None)


def test_of_one_job_its_two_best_stand_in_the_order_of_the_list() -> None:
    models = {"a": POOR, "b": FAIR, "c": GOOD, "d": None}
    assert choose_models(models, models, NOBODY, same_job=True) == ("b", "c")


def test_of_one_job_a_model_is_never_compared_with_itself() -> None:
    models = {"a": POOR, "b": FAIR, "c": GOOD}
    assert choose_models(models, models, ("c", "c"), same_job=True) == ("c", "b")
    assert choose_models(models, models, (None, "c"), same_job=True) == ("b", "c")
    assert choose_models({"a": GOOD}, {"a": GOOD}, NOBODY, same_job=True) == ("a", None)
    assert choose_models({}, {}, ("a", "b"), same_job=True) == NOBODY


def test_of_two_jobs_the_same_model_is_compared_else_the_best() -> None:
    first, second = {"a": GOOD, "b": POOR}, {"b": POOR, "c": GOOD}
    assert choose_models(first, second, NOBODY, same_job=False) == ("b", "b")
    assert choose_models({"a": POOR, "b": GOOD}, {"c": FAIR}, NOBODY, same_job=False) == ("b", "c")
    assert choose_models({}, {"c": FAIR}, NOBODY, same_job=False) == (None, "c")


def test_what_is_asked_for_is_shown_where_there_is_such_a_model() -> None:
    first, second = {"a": GOOD, "b": POOR}, {"a": POOR, "b": GOOD}
    assert choose_models(first, second, ("a", "b"), same_job=False) == ("a", "b")
    assert choose_models(first, second, ("b", None), same_job=False) == ("b", "b")
    assert choose_models(first, second, (None, "b"), same_job=False) == ("b", "b")
    assert choose_models(first, second, ("gone", "gone"), same_job=False) == ("a", "a")


NAMES = st.sampled_from("abcd")
MODELS = st.dictionaries(NAMES, st.sampled_from([GOOD, FAIR, POOR, None]))
ASKED = st.tuples(st.none() | NAMES, st.none() | NAMES)


@given(MODELS, MODELS, ASKED)
def test_every_job_with_models_shows_one(left: Any, right: Any, asked: Any) -> None:
    first, second = choose_models(left, right, asked, same_job=False)
    assert first in left if left else first is None
    assert second in right if right else second is None
    assert asked[0] not in left or first == asked[0]
    assert asked[1] not in right or second == asked[1]


@given(MODELS, ASKED)
def test_two_models_of_one_job_are_two(models: Any, asked: Any) -> None:
    found = choose_models(models, models, asked, same_job=True)
    shown = [name for name in found if name is not None]
    assert len(set(shown)) == len(shown) == min(len(models), 2)
    assert set(shown) <= models.keys()
    assert asked[0] not in models or found[0] == asked[0]
