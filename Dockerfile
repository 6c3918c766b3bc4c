# docker build -t celery-exporter .
# docker run --read-only --cap-drop ALL -p 9808:9808 -e CE_BROKER_URL=redis://... celery-exporter
ARG BASE=debian:trixie-slim

FROM ${BASE} AS build
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    gcc libc6-dev meson ninja-build pkg-config libuv1-dev libhiredis-dev \
    libjansson-dev libmicrohttpd-dev libdeflate-dev libxxhash-dev libmsgpack-dev \
    librabbitmq-dev libssl-dev ca-certificates \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
ARG REVISION=unknown
ARG BRANCH=unknown
ENV BUILD_REVISION=${REVISION} BUILD_BRANCH=${BRANCH}
RUN meson setup build -Doptimization=2 -Db_lto=true -Dtests=false \
 && ninja -C build celery-exporter \
 && strip build/celery-exporter
# The image's root: the program, the libraries it loads, and what dpkg knows of
# these, so that scanners can tell which versions they are; and the CAs that
# OpenSSL trusts by default.
RUN mkdir -p /image/usr/bin /image/etc /image/var/lib/dpkg/status.d \
    /image/usr/share/doc/celery-exporter \
 && cp build/celery-exporter /image/usr/bin/ \
 && cp LICENSE /image/usr/share/doc/celery-exporter/copyright \
 && ldd build/celery-exporter | grep -o '/[^ ]*' | sort -u > libraries \
 && xargs -a libraries cp --dereference --parents -t /image \
 && xargs -a libraries -n1 basename | sed 's,^,*/,' \
  | xargs -n1 dpkg-query -S | grep -v '^diversion ' | cut -d: -f1 | sort -u > packages \
 && while read -r package; do \
        dpkg-query -s "$package" > "/image/var/lib/dpkg/status.d/$package"; \
        cp --dereference --parents "/usr/share/doc/$package/copyright" /image; \
    done < packages \
 && cp --dereference --parents /etc/ssl/certs/ca-certificates.crt /image \
 && mkdir -p /image/usr/lib/ssl \
 && ln -s /etc/ssl/certs/ca-certificates.crt /image/usr/lib/ssl/cert.pem \
 && echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' > /image/etc/passwd \
 && echo 'nonroot:x:65532:' > /image/etc/group \
 && echo 'hosts: files dns' > /image/etc/nsswitch.conf

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="celery-exporter" \
      org.opencontainers.image.description="Prometheus metrics from Celery's event stream" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image /
USER 65532:65532
EXPOSE 9808
ENTRYPOINT ["/usr/bin/celery-exporter"]
