# The dashboard in a container: set up and started by the same make targets as anywhere else.
# How it is configured and what was never tried: docs/operations.md.
FROM python:3.12.11-slim-bookworm

RUN apt-get update \
    && apt-get install --yes --no-install-recommends make=4.3-4.1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home recon \
    && install --directory --owner=recon --group=recon \
        /srv/recon-dashboard /var/lib/recon-dashboard /var/cache/recon-dashboard

WORKDIR /srv/recon-dashboard
COPY --chown=10001:10001 . .
USER 10001
RUN make setup

# The storage is the pipeline's, so it may be mounted read-only; the rest is ours. TOKENS_PATH is
# the path of a file with hashes, no secret.
# hadolint ignore=DL3064
ENV JOB_STORAGE_PATH=/srv/recon/jobs \
    CATALOG_URL=sqlite:////var/lib/recon-dashboard/catalog.sqlite3 \
    TOKENS_PATH=/var/lib/recon-dashboard/tokens.json \
    CACHE_PATH=/var/cache/recon-dashboard
VOLUME ["/var/lib/recon-dashboard", "/var/cache/recon-dashboard"]
EXPOSE 8501

# Whether the process answers; whether Redis, storage and catalog do is for GET /health to say.
HEALTHCHECK --start-period=60s --timeout=5s \
    CMD [".venv/bin/python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]

CMD ["make", "run"]
