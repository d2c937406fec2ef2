#!/usr/bin/env bash
# The script that certops stands beside: for each name an ACME client, age, git add and git commit; one push for all.
# Usage: lego-age-git.sh CLONE LEGO_FOLDER DIRECTORY_URL RECIPIENT HTTP_PORT NAME…
set -euo pipefail
clone=$1 folder=$2 directory=$3 recipient=$4 port=$5
shift 5
cd "$clone"
mkdir -p secrets
for name in "$@"; do
  lego --accept-tos --email ops@example.com --server "$directory" --path "$folder" --key-type ec256 \
    --http --http.port "127.0.0.1:$port" --domains "$name" run >>"$folder.log" 2>&1
  cat "$folder/certificates/$name.key" "$folder/certificates/$name.crt" |
    age --encrypt --recipient "$recipient" --output "secrets/$name.pem.age"
  git add "secrets/$name.pem.age"
  git commit -q -m "Issue $name"
done
git push -q origin HEAD:main
