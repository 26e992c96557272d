#!/usr/bin/env bash
# One request of an agent in the middle of an episode. Start the service with `make serve` first.
set -euo pipefail
url=${1:-http://127.0.0.1:8000}

curl --silent --show-error --fail-with-body "$url/retrieve" \
    --header 'content-type: application/json' --data @- <<'JSON'
{"collection": "babyai",
 "instruction": "pick up the purple box",
 "history": [{"observation": "You see:\n- a wall 1 step to the right\n- an open green door 1 step ahead\nYou carry nothing.",
              "action": "go forward"}],
 "observation": "You see:\n- a wall 5 steps ahead\n- a wall 1 step to the left\n- a wall 1 step to the right\n- a purple box 3 steps ahead and 3 steps to the left\nYou carry nothing.",
 "limits": {"total": 3, "tokens": 600},
 "render": "text"}
JSON
echo
