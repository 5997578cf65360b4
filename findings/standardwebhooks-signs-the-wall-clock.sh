#!/usr/bin/env bash
# standardwebhooks 1.1.0 (Python), Webhook.sign: an instant given in any zone but UTC is signed as another.
#
# `sign` puts UTC in the place of the datetime's own zone (`timestamp.replace(tzinfo=timezone.utc)`)
# where it should convert it. Whoever sends with `datetime.now(ZoneInfo("Europe/Zurich"))` signs a time
# one or two hours from the one in `webhook-timestamp`, and each receiver answers that no signature
# matches: the same library, and standardwebhooks 1.1.1 for JavaScript. The same instant in UTC passes.
# The zone is best made UTC before the call.
#
# Needs: bash, Python 3.9 or newer with pip, Node 18 or newer with npm. Exits 1 when the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

python3 -m venv venv
venv/bin/pip -q --disable-pip-version-check install standardwebhooks==1.1.0
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund standardwebhooks@1.1.1 >&2

cat > receive.cjs <<'JS'
const { Webhook } = require("standardwebhooks");
const { secret, body, headers } = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
try {
  new Webhook(secret).verify(body, headers);
  console.log("accepted");
} catch (error) {
  console.log(error.message);
}
JS
cat > send.py <<'PY'
import base64
import json
import subprocess
from datetime import datetime, timedelta, timezone

from standardwebhooks import Webhook, WebhookVerificationError

secret = "whsec_" + base64.b64encode(bytes(range(32))).decode()
body = json.dumps({"type": "ticket.opened", "data": {"number": "SUP-1"}})
webhook = Webhook(secret)
now = datetime.now(timezone.utc)
for name, zone in (("UTC", timezone.utc), ("+02:00", timezone(timedelta(hours=2)))):
    instant = now.astimezone(zone)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(instant.timestamp())),
        "webhook-signature": webhook.sign("msg_1", instant, body),
    }
    try:
        webhook.verify(body, headers)
        python = "accepted"
    except WebhookVerificationError as error:
        python = str(error)
    message = json.dumps({"secret": secret, "body": body, "headers": headers})
    node = subprocess.run(
        ["node", "receive.cjs"], input=message, capture_output=True, text=True, check=True
    ).stdout.strip()
    print(f"{name}: Python: {python}; JavaScript: {node}")
PY

expected='UTC: Python: accepted; JavaScript: accepted
+02:00: Python: No matching signature found; JavaScript: No matching signature found'
seen=$(venv/bin/python send.py)
printf '%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    echo "CHANGED: standardwebhooks 1.1.0 was seen to print:" >&2
    printf '%s\n' "$expected" >&2
    exit 1
fi
echo "As described."
