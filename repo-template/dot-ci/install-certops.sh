#!/bin/sh
# Installs certops for the jobs of this repository. This one line names its version and its source: the address of a
# package made by `npm pack`, and the SHA-256 of that file (sha256sum certops-0.1.0.tgz).
CERTOPS="https://packages.example.com/certops-0.1.0.tgz 0000000000000000000000000000000000000000000000000000000000000000"

set -eu
url=${CERTOPS% *}
sha256=${CERTOPS#* }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
curl --fail --silent --show-error --location --proto '=https' --output "$folder/certops.tgz" -- "$url"
echo "$sha256  $folder/certops.tgz" | sha256sum --check --quiet -
npm install --global --ignore-scripts --no-audit --no-fund "$folder/certops.tgz"
certops --version
