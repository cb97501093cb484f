# The running service in a container: `docker build .`, or `make image` where there is no container engine.
#
# Package sources are the builder's own: Debian's packages come from where the base image's apt takes them, Python's
# from PyPI or from the build arguments below. What stands in them stays in the first stage. A CA of your own is a
# build secret: --secret id=ca,src=FILE.

ARG BASE=debian:bookworm-slim

# hadolint ignore=DL3006
FROM ${BASE} AS build

# Without versions: what Debian's stable release has today, with its security fixes.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 python3-venv \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*

# pip reads these from its environment.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL

# The tool stays here, what it installs goes on into the second stage.
RUN python3 -m venv /pip && python3 -m venv --without-pip /opt/tpcharness

WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY packaging/list-dependencies packaging/
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
 && python3 packaging/list-dependencies postgresql > /tmp/dependencies.txt \
 && /pip/bin/pip --python /opt/tpcharness/bin/python install --no-cache-dir --requirement /tmp/dependencies.txt

COPY tpcharness tpcharness
RUN --mount=type=secret,id=ca,target=/run/secrets/ca \
    if [ -s /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi \
 && /pip/bin/pip --python /opt/tpcharness/bin/python install --no-cache-dir --no-deps .


# hadolint ignore=DL3006
FROM ${BASE}

# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
 && mkdir /etc/tpcharness \
 && install --directory --owner=10919 --group=10919 --mode=0700 /var/lib/tpcharness

COPY --from=build /opt/tpcharness /opt/tpcharness

ENV PATH=/opt/tpcharness/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    TPCHARNESS_STATE_DIR=/var/lib/tpcharness

# A number, so that an orchestrator can see that it is not root. Nothing but the volume is written to.
USER 10919:10919
WORKDIR /var/lib/tpcharness
VOLUME ["/var/lib/tpcharness"]
EXPOSE 10919
STOPSIGNAL SIGTERM

# All addresses of the container's own network: what of it the world sees is said by whoever publishes the port.
ENTRYPOINT ["tpcharness"]
CMD ["daemon", "/etc/tpcharness/endpoints.toml", "--listen", "0.0.0.0:10919"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["tpcharness", "health"]

LABEL org.opencontainers.image.title="tpcharness" \
      org.opencontainers.image.description="Probes third-party copies between storages and names who is at fault" \
      org.opencontainers.image.licenses="Apache-2.0"
