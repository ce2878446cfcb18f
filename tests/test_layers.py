"""Who may import whom, read off the import statements; `make check` holds the libraries."""

import ast
from pathlib import Path

import packaging
import packaging.version
import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "dashboard").rglob("*.py")
}
# Data moves one way: a module imports only from layers before its own.
LAYERS = (
    {f"dashboard{part}" for part in ("", ".logs", ".memory", ".metrics", ".settings", ".urls")},
    {"dashboard.errors", "dashboard.celery_record", "dashboard.job_ids", "dashboard.glb"},
    {"dashboard.token_file", "dashboard.audit", "dashboard.exposure"},
    {"dashboard.tokens"},
    {
        "dashboard.status",
        "dashboard.quality",
        "dashboard.mesh_counts",
        "dashboard.preview_pairs",
        "dashboard.verdict",
    },
    {
        "dashboard.mesh_surface",
        "dashboard.mesh_conversion",
        "dashboard.drawable",
        "dashboard.job_query",
        "dashboard.comparison",
        "dashboard.quality_counts",
    },
    {"dashboard.wording"},
    {"dashboard.file_cache", "dashboard.mesh_process"},
    {"dashboard.outputs", "dashboard.records"},
    {
        "dashboard.catalog",
        "dashboard.thumbnails",
        "dashboard.meshes",
        "dashboard.mesh_views",
        "dashboard.zip_cache",
    },
    {"dashboard.reconcile", "dashboard.list_faults"},
    {"dashboard.live"},
    {"dashboard.jobs", "dashboard.verdicts"},
    {"dashboard.job_pages", "dashboard.packing_faults", "dashboard.spreadsheet"},
    {"dashboard.review_walk"},
    {"dashboard.bulk_zip", "dashboard.quality_figures"},
    {f"dashboard.report{part}" for part in ("", ".figures", ".mesh", ".models", ".pictures")},
    {"dashboard.api", "dashboard.page", "dashboard.demo"},
)
PURE = {
    "dashboard.catalog.entries",
    "dashboard.catalog.kinds",
    "dashboard.celery_record",
    "dashboard.comparison",
    "dashboard.drawable",
    "dashboard.errors",
    "dashboard.glb",
    "dashboard.job_query",
    "dashboard.mesh_counts",
    "dashboard.preview_pairs",
    "dashboard.quality",
    "dashboard.quality_counts",
    "dashboard.status",
    "dashboard.urls",
    "dashboard.verdict",
    "dashboard.wording",
}
# Only called, never decided with: the page's demo control submits a job.
ALLOWED = {("dashboard.page.job_list", "dashboard.demo.submit")}


def layer_of(module: str) -> int:
    for number, names in enumerate(LAYERS):
        if module in names or package_of(module) in names:
            return number
    raise AssertionError(f"{module} has no place in LAYERS")


def package_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def imports_of(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            deeper = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (deeper & MODULES.keys()) or {node.module}
    return names


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_layers_before_its_own(module: str) -> None:
    for imported in imports_of(MODULES[module]) & MODULES.keys():
        if (module, imported) in ALLOWED or package_of(module) == package_of(imported):
            continue
        assert layer_of(imported) < layer_of(module), f"{module} imports {imported}"


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_know_no_server_no_page_and_no_redis(module: str) -> None:
    roots = {name.partition(".")[0] for name in imports_of(MODULES[module])}
    assert roots.isdisjoint({"streamlit", "starlette", "anyio", "celery", "redis", "os", "pathlib"})


# What only some may import, from outside; for whole folders ruff's banned-api would be too coarse.
ALONE = {
    "streamlit": {"dashboard.page"},
    "pydeck": {"dashboard.page"},
    "altair": {"dashboard.page"},
    "starlette": {"dashboard.api"},
    "anyio": {"dashboard.api"},
    "celery": {"dashboard.demo"},
    "kombu": {"dashboard.demo"},
    "redis": {"dashboard.records", "dashboard.demo"},
    "sqlalchemy": {"dashboard.catalog"},
    "alembic": {"dashboard.catalog"},
    "psycopg": {"dashboard.catalog"},
    "jinja2": {"dashboard.report"},
    "authlib": set(),
    "httpx": set(),
    "itsdangerous": set(),
    "prometheus_client": {"dashboard.metrics"},
    "trimesh": {"dashboard.mesh_surface", "dashboard.mesh_conversion", "dashboard.demo"},
}


@pytest.mark.parametrize("module", MODULES)
def test_a_library_is_known_only_where_it_belongs(module: str) -> None:
    roots = {name.partition(".")[0] for name in imports_of(MODULES[module])}
    for library in roots & ALONE.keys():
        assert package_of(module) in ALONE[library], f"{module} imports {library}"


def test_the_packager_needs_none_of_us() -> None:
    for path in (ROOT / "packaging" / "result_packager").glob("*.py"):
        roots = {name.partition(".")[0] for name in imports_of(path)}
        assert roots.isdisjoint({"streamlit", "celery", "starlette", "dashboard", "redis"})


def test_the_library_named_packaging_is_not_shadowed() -> None:
    assert not (ROOT / "packaging" / "__init__.py").exists()
    assert "site-packages" in str(packaging.__file__)
    assert packaging.version.Version("1.10") > packaging.version.Version("1.9")
