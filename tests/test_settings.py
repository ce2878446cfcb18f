"""Settings: named, bounded, and in README's table."""

import re
from pathlib import Path

import pytest

from dashboard.job_ids import NotAJobIdError, get_job_path, is_job_id
from dashboard.settings import SETTINGS, Setting, SettingError, read_settings

README = Path(__file__).parents[1] / "README.md"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CELERY_BROKER_URL", "amqp://localhost"),
        ("CELERY_RESULT_BACKEND", "db+sqlite:///x"),
        ("MAX_BUILDS", "0"),
        ("MAX_BUILDS", "two"),
        ("MAX_BUILDS", "٢"),
        ("RECON_DEMO", "yes"),
        ("CATALOG_URL", "mysql://host/catalog"),
        ("CATALOG_URL", "sqlite://"),
        ("CATALOG_URL", "postgresql://host:port/catalog"),
        ("RESULT_RETENTION_HOURS", "0"),
    ],
)
def test_a_bad_value_is_named_with_its_variable(variable: str, value: str) -> None:
    with pytest.raises(SettingError, match=re.escape(f"{variable}={value!r}")):
        read_settings({variable: value})


def test_the_result_backend_is_the_broker_where_it_is_not_set() -> None:
    url = "redis://elsewhere:6379/3"
    assert read_settings({"CELERY_BROKER_URL": url}).result_backend_url == url


def test_the_catalog_lies_beside_the_storage_where_it_is_not_set() -> None:
    settings = read_settings({"JOB_STORAGE_PATH": "/srv/recon/jobs"})
    assert settings.catalog_url == "sqlite:////srv/recon/jobs.catalog.sqlite3"
    odd = read_settings({"JOB_STORAGE_PATH": "/srv/50% #1?/jobs"})
    assert odd.catalog_url == "sqlite:////srv/50%25%20%231%3F/jobs.catalog.sqlite3"


def test_an_empty_value_counts_as_not_set() -> None:
    assert read_settings({"MAX_BUILDS": ""}) == read_settings({})


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())
def test_readme_lists_every_setting_with_default_and_meaning(setting: Setting) -> None:
    lines = README.read_text().splitlines()
    [row] = [line for line in lines if line.startswith(f"| `{setting.variable}` |")]
    assert setting.meaning in row
    assert not setting.default or f"`{setting.default}`" in row


@pytest.mark.parametrize("text", ["a", "abcd1234", "A-b_c", "6b0f5a0e-6f3c-4a55-9d8f-0c1b2a3d4e5f"])
def test_ids_of_the_contract_are_job_ids(text: str) -> None:
    assert is_job_id(text)


@pytest.mark.parametrize(
    "text", ["", "-a", "_a", "a/b", "..", "a.b", "a\n", "a b", "é", "\u0430" * 3, "a\0", "x" * 65]
)
def test_nothing_else_becomes_a_path(text: str) -> None:
    assert not is_job_id(text)
    with pytest.raises(NotAJobIdError):
        get_job_path(text)


def test_a_job_path_lies_below_the_storage(storage: Path) -> None:
    assert get_job_path("abcd1234") == storage / "abcd1234"
