# One image for every part: `storefront serve SERVICE`, `storefront router` and the commands beside them.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# What the last stage needs beside the binary: a user, certificate authorities, time zones, and two
# folders that the user may write to.
RUN mkdir -p /rootfs/etc/ssl/certs /rootfs/data /rootfs/tmp \
 && echo 'storefront:x:65532:65532:storefront:/data:/sbin/nologin' > /rootfs/etc/passwd \
 && echo 'storefront:x:65532:' > /rootfs/etc/group \
 && cp /etc/ssl/certs/ca-certificates.crt /rootfs/etc/ssl/certs/ \
 && cp /usr/local/go/lib/time/zoneinfo.zip /rootfs/etc/zoneinfo.zip \
 && CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o /rootfs/storefront ./cmd/storefront

FROM scratch
COPY --from=build /rootfs/etc /etc
COPY --from=build --chown=65532:65532 /rootfs/data /data
COPY --from=build --chown=65532:65532 /rootfs/tmp /tmp
COPY --from=build /rootfs/storefront /storefront
ENV ZONEINFO=/etc/zoneinfo.zip \
    STOREFRONT_DATA_DIR=/data
USER 65532:65532
WORKDIR /data
EXPOSE 4000
ENTRYPOINT ["/storefront"]
CMD ["help"]
