"""The contract written down: JSON Schemas, AsyncAPI document, golden samples, table of events.

`python -m pledge.events.spec --out docs/reference` writes them, `--check` lists what has drifted.
Subscribers and publishers need none of it.
"""
