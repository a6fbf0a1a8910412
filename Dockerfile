# syntax=docker/dockerfile:1
# The phone agent in a slim image: no compiler, no root, nothing written but under /tmp.
#
#   docker build -t offhook .
#   docker run --rm -p 7860:7860 --env-file keys.env --read-only --tmpfs /tmp offhook
#
# Call records go to /tmp and end with the container; point the store at a Postgres to keep them.
# Keys come from the environment when it starts; the image holds none. Settings and agent:
# `-v ./pipecat.toml:/app/pipecat.toml:ro -v ./agent.toml:/app/agent.toml:ro`, or OFFHOOK__ variables.

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.lock /tmp/requirements.lock
# Exactly the locked files, by hash. docopt is the one package that exists only as source (pure
# Python); everything else has to be a wheel, so that no compiler is needed. The voice detector and
# turn model are inside the pipecat-ai wheel: nothing is fetched when a call comes.
RUN /opt/venv/bin/pip install --require-hashes --only-binary=:all: --no-binary=docopt \
    -r /tmp/requirements.lock
# The console script, as an installation would write it; the rooms themselves are copied below.
RUN printf '#!/opt/venv/bin/python\nfrom bot.__main__ import main\n\nmain()\n' \
    > /opt/venv/bin/offhook && chmod 755 /opt/venv/bin/offhook
RUN /opt/venv/bin/python -m compileall -q -j 0 /opt/venv/lib || true

FROM python:3.12-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    NUMBA_CACHE_DIR=/tmp/numba \
    OFFHOOK__LOGS__JSON=true \
    OFFHOOK__STORE__URL=sqlite:////tmp/offhook.db \
    OFFHOOK__RECORDINGS__FOLDER=/tmp/recordings
WORKDIR /app
COPY --from=build /opt/venv /opt/venv
COPY agent.toml pipecat.toml ./
COPY call ./call
COPY frames ./frames
COPY processors ./processors
COPY services ./services
COPY transports ./transports
COPY telemetry ./telemetry
COPY bot ./bot
COPY lab ./lab
# Compiled as root, once: the process itself can write nothing here.
RUN python -m compileall -q /app
USER 10001:10001
EXPOSE 7860
# SIGTERM: no new calls, living calls finish (capacity.drain_s), exit 0. Give the container that long and half a minute.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:7860/healthz', timeout=2)"]
CMD ["offhook", "serve", "--host", "0.0.0.0"]
