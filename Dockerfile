# The image of vmha-controller. `make image` builds it (scripts/image); `docker build .` does, too. Aim: below 360 MB, kept by e2e/image.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      g++ cmake ninja-build ccache pkg-config \
      libcpp-httplib-dev nlohmann-json3-dev librados-dev libradospp-dev librbd-dev prometheus-cpp-dev libspdlog-dev libfmt-dev libcli11-dev libyaml-cpp-dev \
      libexpected-dev libssl-dev libgtest-dev libgmock-dev librapidcheck-dev >/dev/null
COPY . /src
# /ccache is empty in a plain `docker build`; scripts/image mounts the cache folder there where it can.
RUN export CCACHE_DIR=/ccache CCACHE_BASEDIR=/src && cmake -S /src -B /src/build -G Ninja >/dev/null \
    && ninja -C /src/build --quiet vmha-controller && install -s -D /src/build/controller/vmha-controller /out/usr/bin/vmha-controller

FROM ${BASE}
# What runs: the libraries of the program, ipmitool, and fence-agents with the programs that its agents for power controllers call (snmpget, ssh).
# Nothing in here may raise its rights: no setuid bits.
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
      ca-certificates libcpp-httplib0.11 librados2 libprometheus-cpp-core1.0 libspdlog1.10 libfmt9 libyaml-cpp0.7 libssl3 \
      ipmitool fence-agents snmp openssh-client >/dev/null \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /usr/share/doc/* /usr/share/man/* \
    && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --from=build /out/ /
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="vmha" \
      org.opencontainers.image.description="Instance high availability for OpenStack on Kubernetes, powered by Ceph" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.base.name="debian:bookworm-slim"
# By number, so that the kubelet can see that it is not root; without a name or a home of its own.
USER 65532:65532
ENTRYPOINT ["/usr/bin/vmha-controller"]
CMD ["--config", "/etc/vmha/vmha.yaml"]
