#!/usr/bin/env bash
# lego, a process for each name.
# Usage: lego.sh LEGO_FOLDER DIRECTORY_URL HTTP_PORT NAME…
set -euo pipefail
folder=$1 directory=$2 port=$3
shift 3
for name in "$@"; do
  lego --accept-tos --email ops@example.com --server "$directory" --path "$folder" --key-type ec256 \
    --http --http.port "127.0.0.1:$port" --domains "$name" run >>"$folder.log" 2>&1
done
