"""The espeak-ng synthesiser through ctypes, from the library and data in its loader's wheel."""

from __future__ import annotations

import ctypes
import threading
from ctypes import CFUNCTYPE, POINTER, c_char, c_char_p, c_int, c_short, c_size_t, c_uint, c_void_p
from functools import cache

import espeakng_loader
import numpy as np

from lab.take import Mark, Take

# The library keeps one voice, one callback and one text per process.
_LOCK = threading.Lock()

_SYNCHRONOUS = 2
_WITHOUT_EXIT = 0x8000
_UTF8 = 1
_EVENT_END = 0
_EVENT_WORD = 1
_RATE = 1
_RANGE = 4


class _Event(ctypes.Structure):
    """espeak_EVENT."""

    _fields_ = (
        ("type", c_int),
        ("unique_identifier", c_uint),
        ("text_position", c_int),
        ("length", c_int),
        ("audio_position", c_int),
        ("sample", c_int),
        ("user_data", c_void_p),
        ("id", c_char * 8),
    )


_Callback = CFUNCTYPE(c_int, POINTER(c_short), c_int, POINTER(_Event))


class _Receiver:
    """Collects what one synthesis calls back with; kept alive as long as the library."""

    def __init__(self) -> None:
        self.blocks: list[bytes] = []
        self.words: list[tuple[int, int, int]] = []
        self.callback = _Callback(self._take)

    def _take(self, wave: ctypes._Pointer[c_short], count: int, events: object) -> int:
        if wave and count > 0:
            self.blocks.append(ctypes.string_at(wave, count * 2))
        event = ctypes.cast(events, POINTER(_Event))  # type: ignore[arg-type]
        index = 0
        while event[index].type != _EVENT_END:
            if event[index].type == _EVENT_WORD:
                found = event[index]
                self.words.append((found.text_position - 1, found.length, found.audio_position))
            index += 1
        return 0


@cache
def _library() -> tuple[ctypes.CDLL, int, _Receiver]:
    """The library, its sample rate, and the receiver it calls back."""
    lib = ctypes.CDLL(espeakng_loader.get_library_path())
    lib.espeak_Synth.argtypes = (
        c_char_p, c_size_t, c_uint, c_int, c_uint, c_uint, c_void_p, c_void_p,
    )  # fmt: skip
    data = espeakng_loader.get_data_path().encode()
    rate_hz = lib.espeak_Initialize(_SYNCHRONOUS, 0, data, _WITHOUT_EXIT)
    if rate_hz <= 0:
        raise RuntimeError("espeak-ng found no voice data beside its library")
    receiver = _Receiver()
    lib.espeak_SetSynthCallback(receiver.callback)
    return lib, rate_hz, receiver


def synthesise(text: str, *, voice: str = "en-us+f3", words_per_minute: int = 165) -> Take:
    """Say `text` with an espeak voice name such as "en-us", "en-us+m3" or "ar"."""
    with _LOCK:
        lib, rate_hz, receiver = _library()
        if lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}; try 'en-us' or 'en-us+f3'")
        lib.espeak_SetParameter(_RATE, words_per_minute, 0)
        lib.espeak_SetParameter(_RANGE, 50, 0)
        receiver.blocks, receiver.words = [], []
        said = text.encode()
        if lib.espeak_Synth(said, len(said) + 1, 0, 1, 0, _UTF8, None, None) != 0:
            raise RuntimeError("espeak-ng could not say this text")
        blocks, words = receiver.blocks, receiver.words
    samples = np.frombuffer(b"".join(blocks), np.int16).astype(np.float32) * np.float32(2**-15)
    end_s = len(samples) / rate_hz
    starts_s = [at_ms / 1000 for _, _, at_ms in words] + [end_s]
    marks = [
        Mark(text[at : at + length], starts_s[index], starts_s[index + 1])
        for index, (at, length, _) in enumerate(words)
    ]
    return Take(samples, rate_hz, marks)
