#!/usr/bin/env bash
# email-reply-parser 0.5.12: `parse_reply` leaves out words that the writer of a mail wrote.
#
# A paragraph that begins with "Sent from my" counts as a phone's signature however long it is; a line
# that begins with two dashes makes its paragraph, and what follows it, a signature; and a sentence
# between "On" and "wrote:" counts as the introduction of a quote, also when nothing is quoted. A
# help desk that shows or answers by the result alone loses the question.
#
# Needs: bash, Python 3.11 or newer and a package index. Exits 1 when the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip -q --disable-pip-version-check install 'email-reply-parser==0.5.12'

expected="'It fails.'
'The menu has:'
''"
seen=$("$folder/venv/bin/python" - <<'PY'
from email_reply_parser import EmailReplyParser

for text in (
    "It fails.\n\nSent from my phone it works, from the PC it does not.\nPlease check the PC.\n",
    "The menu has:\n\n--verbose\n--quiet\n\nWhich one?\n",
    "On Monday I wrote to you, on Tuesday the\ngateway stopped, and nobody wrote:\nplease answer.\n",
):
    print(repr(EmailReplyParser.parse_reply(text)))
PY
)
printf '%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    echo "CHANGED: email-reply-parser 0.5.12 was seen to print:" >&2
    printf '%s\n' "$expected" >&2
    exit 1
fi
echo "As described."
