"""Writes the blocking half of the face from the one for asyncio, so that both can the same.

`python generate/unasync.py` writes, `--check` compares.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent
FACE = PACKAGE / "src" / "rfe"
TESTS = PACKAGE / "tests"
# What waits in another way in each half, and so is written by hand.
BY_HAND = {"__init__.py", "event_sender.py", "query.py", "wire.py"}
WORDS = [
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"\bAsync(Background|Client|EventSender|Iterator|Iterable)\b", r"\1"),
    (r"__a(enter|exit)__", r"__\1__"),
    (r"\brfe\._async\b", "rfe._sync"),
    (r"\basyncio\.sleep\b", "time.sleep"),
    (r"^import asyncio\n", ""),
]


def blocking(text: str) -> str:
    """The text of a module without its waiting, formatted."""
    for pattern, word in WORDS:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    # Parentheses that held an `await` alone.
    text = re.sub(
        r"\(((?:self\._wire|client|stranger|empty)\.\w+\([^\n()]*(?:\([^\n()]*\)[^\n()]*)*\))\)\.", r"\1.", text
    )
    for step in (["check", "--quiet", "--fix", "--select=I"], ["format"]):
        ruff = [
            sys.executable,
            "-m",
            "ruff",
            *step,
            "--no-cache",
            "--stdin-filename",
            str(FACE / "_sync" / "x.py"),
            "-",
        ]
        text = subprocess.run(ruff, input=text, capture_output=True, check=True, text=True).stdout
    return text


def pairs() -> Iterator[tuple[Path, Path]]:
    """Each module that waits, and where its blocking twin is."""
    for path in sorted((FACE / "_async").glob("*.py")):
        if path.name not in BY_HAND:
            yield path, FACE / "_sync" / path.name
    yield TESTS / "scenario_async.py", TESTS / "scenario_sync.py"


def main() -> int:
    """Writes or compares each module; the answer is the exit code."""
    check, stale = "--check" in sys.argv[1:], []
    for path, twin in pairs():
        text = blocking(path.read_text())
        if not check:
            twin.write_text(text)
        elif not twin.exists() or twin.read_text() != text:
            stale.append(twin.name)
    if stale:
        print(f"not what generate/unasync.py writes: {', '.join(stale)}", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
