# syntax=docker/dockerfile:1
# Foremend in one image, whatever its command: run, gateway, worker, service, topics create, history create, ...
# Built in the repository's root: docker build -t foremend .

# Every package is checked against the hashes of requirements-all.lock; what only building needs stays behind in this
# stage, because the next one installs the package from these wheels and nothing else.
FROM python:3.11-slim AS build
WORKDIR /src
COPY requirements-all.lock ./
RUN pip wheel --no-cache-dir --no-deps --require-hashes --requirement requirements-all.lock --wheel-dir /wheels
COPY . .
# Nothing is pinned here, as /wheels holds one version of each and there is no index.
# hadolint ignore=DL3013
RUN pip install --no-cache-dir --no-index --find-links /wheels hatchling editables \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --no-index --wheel-dir /wheels .

FROM python:3.11-slim
# hadolint ignore=DL3013
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    pip install --no-cache-dir --no-index --find-links /wheels "foremend[kafka,influx,notify,postgres]" \
    && useradd --uid 10001 --create-home --home-dir /var/lib/foremend --shell /usr/sbin/nologin foremend \
    && install -d -o foremend -g foremend /var/cache/foremend /var/lib/foremend/local /var/lib/foremend/shared

# Where numba keeps what it compiled. On a processor of another kind than the builder's it compiles again, once a
# container, for half a minute.
ENV NUMBA_CACHE_DIR=/var/cache/foremend PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/foremend
RUN python -m foremend.jobs.kernels

EXPOSE 8080
# Only a restart mends what /livez complains of. /readyz, where a broker or the database that is away shows, is for
# Prometheus: containers that are restarted because a database is away do not bring it back.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["foremend"]
CMD ["--help"]
