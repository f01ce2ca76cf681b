# syntax=docker/dockerfile:1
# The live request mirror in a container; give other arguments to run any configuration:
#   docker run --volume ./site:/site reserve reserve --config /site/reserve.json --host 0.0.0.0
FROM python:3.13-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY .ci .ci
COPY reserve_core reserve_core
COPY plugins plugins
RUN python -m venv /opt/reserve && RESERVE_COMPILE=1 /opt/reserve/bin/pip install --no-cache-dir ".[metrics]"

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /nonexistent --shell /usr/sbin/nologin reserve
COPY --from=build /opt/reserve /opt/reserve
ENV PATH=/opt/reserve/bin:$PATH PYTHONUNBUFFERED=1
USER reserve
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:5000/healthz', timeout=2)"]
STOPSIGNAL SIGTERM
CMD ["reserve", "mirror", "--host", "0.0.0.0", "--port", "5000"]
