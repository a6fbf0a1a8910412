"""`offhook bench [latency]`: which table is measured is the first word."""

from __future__ import annotations

import importlib
import sys

TABLES = (
    "latency",
    "manners",
    "faults",
    "capacity",
    "cost",
    "overhead",
    "privacy",
    "recording",
    "soak",
    "tail",
    "workers",
)


def main(arguments: list[str]) -> int:
    """Run one table's own command line."""
    name = arguments[0] if arguments else "latency"
    if name not in TABLES:
        sys.stderr.write(f"offhook bench: {name!r} is not measured; choose {', '.join(TABLES)}\n")
        return 2
    return int(importlib.import_module(f"bench.{name}").main(arguments[1:]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
