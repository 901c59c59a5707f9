# Limpet from Debian 12's own packages.   docker build -t limpet .
FROM debian:12-slim AS build
WORKDIR /src
COPY scripts/setup scripts/setup
RUN scripts/setup --build
COPY . .
RUN cmake --preset release -DLIMPET_TESTS=OFF -DLIMPET_EXAMPLES=OFF \
 && cmake --build build/release --target limpet \
 && strip build/release/limpet

FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      libre2-9 libspdlog1.10 libfmt9 libyaml-cpp0.7 libprometheus-cpp-core1.0 liburing2 libssl3 libsqlite3-0 libcrypt1 \
      libstdc++6 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --no-create-home limpet
COPY --from=build /src/build/release/limpet /usr/local/bin/limpet
COPY deploy/docker-entrypoint /usr/local/bin/docker-entrypoint
# The health check asks /ping, on entry point traefik.
ENV LIMPET_PING=true
EXPOSE 80
# Starts as root only to find the group that may talk to Docker; Limpet itself runs as limpet.
ENTRYPOINT ["docker-entrypoint"]
# With the flags of the running Limpet, so that it asks at the right address.
HEALTHCHECK --interval=10s --timeout=5s --start-period=5s \
  CMD tail -z -n +2 /proc/1/cmdline | grep -zvx run | xargs -0 limpet healthcheck
