"""`offhook check`: is a message that a caller leaves told to somebody, and in private?"""

from __future__ import annotations

from bot.addresses import is_loopback
from bot.finding import Finding, good, note, problem
from bot.settings import Loaded


def check_way_out(loaded: Loaded) -> list[Finding]:
    """What becomes of voicemail."""
    url = loaded.settings.voicemail.notify_url
    if loaded.settings.wire.kind != "twilio":
        return []
    if not url:
        remedy = "set voicemail.notify_url (docs/way-out.md)"
        return [note("voicemail", "messages are listed, and nobody is told of them", remedy)]
    if url.startswith("http://") and not is_loopback(url):
        text = "voicemail.notify_url is http: whoever is on the way can read where messages are"
        return [problem("voicemail", text, "write it with https://")]
    if not loaded.secrets.value("OFFHOOK_NOTIFY_SECRET"):
        remedy = "set OFFHOOK_NOTIFY_SECRET, here and at the receiver (docs/way-out.md)"
        return [note("voicemail", "announcements of messages are not signed", remedy)]
    return [good("voicemail", "messages are announced, signed")]
