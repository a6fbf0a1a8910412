"""When a voice begins and when it fades: the detector's windows, and the loudness of each packet.

The detector is sure of a voice within two windows, but lets go of one late: its last sound rings on
in the model for 0.1 to 0.2 s. Loudness falls at once. So a voice has faded when the detector says
so, or when it is far below its own recent loudness for a moment; on a noisy line, where the noise
fills the gap, the detector alone decides. A voice that grows loud again begins anew.

A voice falls silent within a word, too, before a "p" or a "k". There the detector stays sure of it;
behind a last word it begins to doubt. A pause in which it does is an ebb: it may have been the end.

Plain calls, once for each packet of 20 ms.
"""

from __future__ import annotations

_FORGETS = 0.5 ** (1 / 25)  # of the loudest so far, with each packet: half in half a second
_AGAIN = 10.0  # times above the fading level: the voice is back


class VoiceEdge:
    """Tells the changes; starts in silence."""

    def __init__(
        self, *, windows: int, fade_db: float, fade_packets: int, ebbs_below: float = 0.0
    ) -> None:
        """`windows` alike make the detector's verdict; `fade_db` 0 leaves loudness out."""
        self._windows = windows
        self._ratio = 10 ** (-fade_db / 10) if fade_db else 0.0
        self._packets = fade_packets
        self._ebbs_below = ebbs_below
        self._may_ebb = False
        self._is_voiced = False
        self._loudest = 0.0
        self._quiet = 0  # packets below the fading level, in a row
        self._has_faded = False  # by loudness, while the detector still hears the voice

    def hear(self, *, is_voice: bool, alike: int, energy: float) -> bool | None:
        """The detector's last window and how many before it were like it, and the packet's mean
        square: True for a voice that begins, False for one that fades, else None."""
        before = self._is_voiced
        is_sure = alike >= self._windows
        if is_voice:
            self._listen(energy)
            self._is_voiced = not self._has_faded if is_sure else before and not self._has_faded
        elif is_sure:
            self._is_voiced = self._has_faded = False
            self._loudest, self._quiet = 0.0, 0
        if self._is_voiced == before:
            return None
        self._may_ebb = not self._is_voiced
        return self._is_voiced

    def ebbs(self, score: float) -> bool:
        """Whether the voice ebbs with this packet, by the detector's score of the last window; once
        in each pause."""
        if not self._may_ebb or score >= self._ebbs_below:
            return False
        self._may_ebb = False
        return True

    def _listen(self, energy: float) -> None:
        self._loudest = max(self._loudest * _FORGETS, energy)
        level = self._loudest * self._ratio
        self._quiet = self._quiet + 1 if energy < level else 0
        if self._quiet >= self._packets:
            self._has_faded = True
        elif energy >= level * _AGAIN:
            self._has_faded = False
