"""What the person who takes over a call is told before they hear the caller: one spoken line.

It is made of what the model wrote or the record holds, where personal data has stand-ins; a
stand-in is said as the kind of thing it stands for. The values themselves are not told: the line is
spoken by the carrier, and the caller can say them again.
"""

from __future__ import annotations

import re
import unicodedata

from call.privacy_finding import TOKEN

MOST_CHARS = 160  # ten seconds of speech: the caller waits meanwhile
_KINDS = {
    "en": {
        "card": "a card number",
        "bank": "a bank account",
        "ssn": "a security number",
        "phone": "a telephone number",
        "email": "an email address",
        "birthdate": "a date of birth",
        "address": "an address",
        "record": "a record number",
        "policy": "a policy number",
        "claim": "a claim number",
        "account": "an account number",
        "passport": "a passport number",
        "licence": "a licence number",
        "code": "a code",
        "name": "a name",
    },
}
_UNNAMED = {"en": "a number", "ar": "رقم"}


def whisper(summary: str, *, language: str) -> str:
    """The summary as it can be spoken: stand-ins named, on one line, not too long."""
    tongue = language.partition("-")[0]
    names, unnamed = _KINDS.get(tongue, {}), _UNNAMED.get(tongue, "…")

    def named(found: re.Match[str]) -> str:
        return names.get(found[1].rpartition("_")[0].lower(), unnamed)

    spoken = " ".join(TOKEN.sub(named, summary).split())
    spoken = "".join(c for c in spoken if unicodedata.category(c)[0] != "C")
    if len(spoken) <= MOST_CHARS:
        return spoken
    return spoken[:MOST_CHARS].rpartition(" ")[0] + " …"
