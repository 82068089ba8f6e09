"""The installation under test, as its environment file names it, and how a check waits for something."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

Found = TypeVar("Found")

# What is waited for comes within a second; a busy machine is given this.
WAIT_S = 60.0


@dataclass(frozen=True)
class Installation:
    """Where everything listens, and the keys that it takes."""

    variables: dict[str, str]
    api_key: str

    @classmethod
    def running(cls) -> "Installation":
        state = Path(os.environ["TRUNKLINE_STATE_DIR"])
        text = (state / "environment").read_text()
        lines = re.findall(r"^(\w+)='(.*)'$", text, re.M)
        return cls(dict(lines), (state / "api-key").read_text().strip())

    def __getitem__(self, name: str) -> str:
        return self.variables[name]

    def url(self, name: str) -> str:
        """A base URL without the slash at its end."""
        return self.variables[name].rstrip("/")


def wait_for(what: str, look: Callable[[], Found | None]) -> Found:
    """Looks until there is something, with a deadline."""
    deadline = time.monotonic() + WAIT_S
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {WAIT_S:.0f} s")


def same(actual: object, expected: object, what: str) -> None:
    assert actual == expected, f"{what} is {actual!r}, not {expected!r}"
