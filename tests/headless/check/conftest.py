"""The example workflows."""

import json
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[3] / "example_workflows"


@pytest.fixture
def examples():
    def read(name):
        return json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))

    return read
