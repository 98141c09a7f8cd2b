#!/bin/bash
# ensure_sushy.sh: prints the interpreter of an environment that has the Redfish emulator sushy-tools; makes it once in the cache folder.
set -euo pipefail
version=2.2.0
cache=${VMHA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vmha}
if [ -e "$cache/sushy-tools-$version/complete" ]; then  # the lab's own
  echo "$cache/sushy-tools-$version/bin/python3"
  exit
fi
folder=$cache/sushy
mkdir -p "$folder"
exec 9>"$folder/lock"
flock 9  # a second caller waits here and then finds the result
if [ "$(cat "$folder/complete" 2>/dev/null)" != "$version" ]; then
  rm -f "$folder/complete"
  /usr/bin/python3 -m venv --clear "$folder/env" >&2
  "$folder/env/bin/python3" -m pip install -q --disable-pip-version-check "sushy-tools==$version" >&2
  echo "$version" >"$folder/complete"
fi
echo "$folder/env/bin/python3"
