"""No password, token or cookie comes into a log, an error, or the audit log."""

import pytest

from dashboard.settings import SettingError, read_settings

PASSWORD = "hunter2-and-more"


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CELERY_BROKER_URL", f"amqp://recon:{PASSWORD}@host"),
        ("CELERY_BROKER_URL", f"redis://:{PASSWORD}#/x@host:6379/0"),
        ("CELERY_BROKER_URL", f"recon:{PASSWORD}@host"),
        ("CELERY_RESULT_BACKEND", f"rediss//{PASSWORD}@host"),
        ("CATALOG_URL", f"postgresql://recon:{PASSWORD}@x@host:port/recon"),
        ("CATALOG_URL", f"mysql://host/recon?user=recon&password={PASSWORD}"),
        ("CATALOG_URL", f"postgresql://host?sslpassword={PASSWORD}"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(
    variable: str, value: str
) -> None:
    with pytest.raises(SettingError) as raised:
        read_settings({variable: value})
    assert variable in str(raised.value)
    assert "***" in str(raised.value)
    assert "hunter2" not in repr(raised.value)
    assert raised.value.__cause__ is None
