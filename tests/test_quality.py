"""quality.json is read with suspicion."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.quality import METRICS, THRESHOLDS, QualityError, find_lead, parse_quality


def quality(**content: Any) -> bytes:
    return json.dumps(content).encode()


def test_figures_and_settings_are_read() -> None:
    found = parse_quality(
        quality(
            status="warning",
            metrics={"psnr": 22.5, "ssim": 0.8},
            metadata={"image_resolution": [1024, 2048], "num_views": 6},
        )
    )
    assert (found.status, found.metrics["psnr"]) == ("warning", 22.5)
    assert (found.image_resolution, found.num_views) == ((1024, 2048), 6)


def test_missing_figures_are_none_and_missing_thresholds_the_pipelines() -> None:
    found = parse_quality(b'{"status": "normal"}')
    assert set(found.metrics) == {metric.key for metric in METRICS}
    assert not any(found.metrics.values())
    assert found.thresholds == THRESHOLDS


@pytest.mark.parametrize("value", ["27", None, True, [27], {"v": 27}])
def test_a_figure_of_another_type_counts_as_missing(value: object) -> None:
    found = parse_quality(quality(metrics={"psnr": value, "ssim": 0.9}))
    assert (found.metrics["psnr"], found.metrics["ssim"]) == (None, 0.9)


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_a_figure_that_is_not_finite_counts_as_missing(word: bytes) -> None:
    found = parse_quality(b'{"status": "normal", "metrics": {"psnr": ' + word + b"}}")
    assert found.metrics["psnr"] is None
    json.dumps(found.as_json(), allow_nan=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["status", "summary", "metrics", "thresholds", "metadata"]),
        JSON
        | st.dictionaries(
            st.sampled_from(["psnr", "ssim", "image_resolution", "num_views", "psnr_normal"]), JSON
        ),
    )
)
def test_any_json_object_gives_figures_that_json_can_carry(content: dict[str, Any]) -> None:
    with suppress(QualityError):
        found = parse_quality(json.dumps(content).encode())
        json.dumps(found.as_json(), allow_nan=False).encode()


def test_the_lead_is_between_the_two_best() -> None:
    found = [parse_quality(quality(metrics={"psnr": psnr})) for psnr in (21.0, 27.3, 24.1)]
    assert find_lead(found) == (1, 2, 3.2)


def test_no_lead_where_fewer_than_two_have_a_figure() -> None:
    assert find_lead([parse_quality(quality(metrics={"psnr": 21.0})), None]) is None


def test_models_with_the_same_figure_are_level() -> None:
    one = parse_quality(quality(metrics={"psnr": 21.0}))
    assert find_lead([one, one]) == (0, 1, 0.0)
