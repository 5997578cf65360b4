#!/usr/bin/env bash
# PyYAML 6.0.3: a word that ends in a question mark, unquoted in a flow list or mapping.
#
# The loader over libyaml (`CSafeLoader`) reads `[How do I export a list?]`, YAML 1.1 and 1.2 allow it
# (a `?` indicates a key only before white space), and the pure Python `SafeLoader` of the same
# release raises ParserError. A program that takes the C loader "where there is one" so accepts a
# configuration file on one machine and refuses it on the next. In block style both read it.
#
# Needs: bash, Python 3.11 or newer and a package index. Exits 1 when the behaviour has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip -q --disable-pip-version-check install 'pyyaml==6.0.3'

expected='[How do I export a list?]    CSafeLoader  list
[How do I export a list?]    SafeLoader   ParserError
{title: What now?}           CSafeLoader  dict
{title: What now?}           SafeLoader   ParserError
- How do I export a list?    CSafeLoader  list
- How do I export a list?    SafeLoader   list'
seen=$("$folder/venv/bin/python" - <<'PY'
import yaml

for text in ("[How do I export a list?]", "{title: What now?}", "- How do I export a list?"):
    for loader in (yaml.CSafeLoader, yaml.SafeLoader):
        try:
            result = type(yaml.load(text, loader)).__name__
        except yaml.YAMLError as error:
            result = type(error).__name__
        print(f"{text:28} {loader.__name__:12} {result}")
PY
)
printf '%s\n' "$seen"
if [ "$seen" != "$expected" ]; then
    echo "CHANGED: PyYAML 6.0.3 was seen to print:" >&2
    printf '%s\n' "$expected" >&2
    exit 1
fi
echo "As described."
