# darg and darg-worker in a small image.
#
#   docker build --target darg -t darg .    the image; BASE: another Debian 13 to begin with
#   docker build --target test .            the tests, in Debian 13, with TLS
#
# docs/containers.md says how it is meant to be run.
ARG BASE=debian:13-slim

FROM ${BASE} AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends make gcc libc6-dev pkg-config \
        libhiredis-dev libssl-dev libcjson-dev libcurl4-openssl-dev libinih-dev libsmartcols-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY Makefile ./
COPY tools tools
COPY include include
COPY common common
COPY worker worker
COPY producer producer
COPY library library
COPY handlers handlers
COPY packaging packaging
RUN make && make install DESTDIR=/out && strip /out/usr/local/bin/*

FROM ${BASE} AS darg
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates libcjson1 libcurl4t64 libhiredis1.1.0 libinih1 libsmartcols1 \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/* /var/log/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent darg
COPY --from=build /out/usr/local/bin/ /usr/local/bin/
COPY LICENSE /usr/share/doc/darg/copyright
# A number, so that "may not be root" can be checked from outside.
USER 10001:10001
# The supervisor is made to be PID 1: it passes signals on and reaps orphans.
ENTRYPOINT ["darg-worker"]
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["darg-worker", "--health"]

FROM build AS test
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates faketime iproute2 libcmocka-dev libsystemd-dev openssl procps redis-server \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make test

# What `docker build` without --target gives; BuildKit leaves the tests out then.
FROM darg
