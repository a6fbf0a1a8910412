"""Written and spoken pairs, one per line, kept as data."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "vectors" / "text"


def vectors(name: str) -> list[tuple[str, str]]:
    """Pairs of `tests/vectors/text/<name>.tsv`: what is written, what is said."""
    lines = (_FOLDER / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
    return [(written, said) for written, _, said in (line.partition("\t") for line in lines)]
