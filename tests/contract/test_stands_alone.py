"""A downstream system installs the contract and pydantic, nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

from pledge.events import ALL_EVENTS, Topic

ROOT = Path(__file__).parents[2]
SNIPPET = ROOT / "docs" / "reference" / "breach_consumer.py"

# Refuses every import but the standard library's, pydantic's own and the contract's.
GUARD = """
import sys

ALLOWED = {"pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}


class Guard:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        known = top in sys.stdlib_module_names or top in ALLOWED
        known = known or top.startswith("_sysconfigdata")  # the standard library's, by platform
        if known or name == "pledge" or f"{name}.".startswith("pledge.events."):
            return None
        raise ImportError(f"the contract imports {name}")


for name in [name for name in sys.modules if name.split(".")[0] not in sys.stdlib_module_names]:
    if name != "__main__":
        del sys.modules[name]
sys.meta_path.insert(0, Guard())
"""

READER = """
import json, pathlib
from pledge.events import Decoded, decode

for path in sorted(pathlib.Path(sys.argv[1]).glob("*.json")):
    sample = json.loads(path.read_text(encoding="utf-8"))
    headers = [(name, text.encode()) for name, text in sample["headers"].items()]
    decoded = decode(headers, json.dumps(sample["value"]).encode())
    assert isinstance(decoded, Decoded), path
    print(decoded.event.type)
"""


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )


def test_a_subscriber_needs_pydantic_alone() -> None:
    done = run(GUARD + READER, str(ROOT / "tests" / "contract" / "samples"))

    assert done.returncode == 0, done.stderr
    assert sorted(set(done.stdout.split())) == sorted(model.TYPE for model in ALL_EVENTS)


def test_the_documents_are_made_with_pydantic_alone(tmp_path: Path) -> None:
    program = "from pledge.events.spec.__main__ import main; sys.exit(main(sys.argv[1:]))"
    folders = ["--out", str(tmp_path / "out"), "--samples", str(tmp_path / "samples")]

    done = run(GUARD + program, *folders)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "asyncapi.json").exists()


def test_the_guard_of_these_tests_guards() -> None:
    assert "the contract imports aiokafka" in run(GUARD + "import aiokafka").stderr
    assert "the contract imports pledge.runtime" in run(GUARD + "import pledge.runtime").stderr


def test_reading_events_does_not_load_the_generator() -> None:
    done = run("import sys, pledge.events; print('pledge.events.spec' in sys.modules)")

    assert done.stdout.strip() == "False"


def test_the_breach_consumer_is_seven_lines_with_aiokafka_and_the_contract_alone() -> None:
    text = SNIPPET.read_text(encoding="utf-8")
    code = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    imported = {
        name
        for node in ast.walk(ast.parse(text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert len(code) == 7
    assert imported == {"asyncio", "aiokafka", "pledge.events"}
    assert f'"{Topic.SLA_BREACHES.value}"' in text
