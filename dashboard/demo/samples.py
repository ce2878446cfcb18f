"""The sample jobs: between them they show every row of the contract's decision table."""

from dataclasses import dataclass

from dashboard.demo.plan import Outcome, Plan
from dashboard.demo.seeds import seeded_job_id


@dataclass(frozen=True)
class Sample:
    """One sample job; its id depends on its name only, so that pictures of it can be repeated."""

    name: str
    model_type: str
    plan: Plan

    @property
    def job_id(self) -> str:
        """Eight characters of 0-9a-z."""
        return seeded_job_id(self.name)


def _sample(
    name: str, kind: str, model_type: str = "both", outcome: Outcome = Outcome.COMPLETED, *,
    reconviagen: float = 1.0, nvdiffrec: float = 1.0,
) -> Sample:  # fmt: skip
    severity = {"reconviagen": reconviagen, "nvdiffrec": nvdiffrec}
    return Sample(name, model_type, Plan(kind, severity, outcome))


# In the order of submission: the first is ready soonest, and what is rare comes before what is
# more of the same. The severities are chosen so that the measured quality is what is said here.
SAMPLES = (
    _sample("first vase", "vase", "nvdiffrec"),  # normal
    _sample("queued shell", "shell", outcome=Outcome.QUEUED),
    _sample("amphora", "amphora", reconviagen=1.6),  # warning and normal
    _sample("raising rock", "rock", "nvdiffrec", Outcome.RAISES),
    _sample("revoked column", "column", outcome=Outcome.REVOKED_QUEUED),
    _sample("toadstool", "mushroom", reconviagen=0.6, nvdiffrec=0.7),  # both normal
    _sample("failing helmet", "helmet", outcome=Outcome.RETURNS_FAILED),
    _sample("knot", "knot", reconviagen=4.0, nvdiffrec=2.0),  # failure and warning
    _sample("cancelled vase", "vase", "nvdiffrec", Outcome.RETURNS_CANCELLED),
    _sample("expired pumpkin", "pumpkin", "reconviagen", Outcome.EXPIRED),
    _sample("teapot", "teapot", reconviagen=1.4),  # warning and normal
    _sample("incomplete shell", "shell", outcome=Outcome.INCOMPLETE),
    _sample("odd mushroom", "mushroom", outcome=Outcome.ODD),
    _sample("revoked amphora", "amphora", outcome=Outcome.REVOKED_RUNNING),
    _sample("helmet", "helmet"),  # both normal
    _sample("unrecorded teapot", "teapot", "nvdiffrec", Outcome.UNRECORDED),
    _sample("bare column", "column", "reconviagen", Outcome.BARE),
    _sample("pumpkin", "pumpkin", "reconviagen"),  # normal
    _sample("swapped rock", "rock", reconviagen=0.7, nvdiffrec=6.0),  # normal and warning
    _sample("shell", "shell", reconviagen=0.7),  # both normal
    _sample("column", "column", nvdiffrec=0.7),  # both normal
    _sample("poor vase", "vase", "reconviagen", reconviagen=5.0),  # failure
)
