"""The flite synthesiser through ctypes, where `apt-get install libflite1` was run."""

from __future__ import annotations

import ctypes
import threading
from ctypes import POINTER, c_char_p, c_float, c_int, c_short, c_void_p
from functools import cache

import numpy as np

from lab.take import Mark, Take

VOICES = ("slt", "rms", "awb", "kal16", "kal")
"""Voices of Debian's libflite1: female, male, Scottish male, and two small diphone males."""

# The voices share lexicon tables that are not safe to touch from two threads.
_LOCK = threading.Lock()


class _Wave(ctypes.Structure):
    """flite's cst_wave."""

    _fields_ = (
        ("type", c_char_p),
        ("sample_rate", c_int),
        ("num_samples", c_int),
        ("num_channels", c_int),
        ("samples", POINTER(c_short)),
    )


class _Voice(ctypes.Structure):
    """The head of flite's cst_voice."""

    _fields_ = (("name", c_char_p), ("features", c_void_p))


@cache
def _library() -> ctypes.CDLL | None:
    """The library with the signatures we use, or None where it is not installed."""
    try:
        lib = ctypes.CDLL("libflite.so.1")
        ctypes.CDLL("libflite_cmu_us_slt.so.1")
    except OSError:
        return None
    lib.flite_synth_text.restype = c_void_p
    lib.flite_synth_text.argtypes = (c_char_p, c_void_p)
    lib.utt_wave.restype = POINTER(_Wave)
    lib.utt_wave.argtypes = (c_void_p,)
    lib.utt_relation.restype = c_void_p
    lib.utt_relation.argtypes = (c_void_p, c_char_p)
    lib.relation_head.restype = c_void_p
    lib.relation_head.argtypes = (c_void_p,)
    lib.item_next.restype = c_void_p
    lib.item_next.argtypes = (c_void_p,)
    lib.item_feat_string.restype = c_char_p
    lib.item_feat_string.argtypes = (c_void_p, c_char_p)
    lib.ffeature_float.restype = c_float
    lib.ffeature_float.argtypes = (c_void_p, c_char_p)
    lib.delete_utterance.argtypes = (c_void_p,)
    lib.flite_feat_set_float.argtypes = (c_void_p, c_char_p, c_float)
    lib.flite_init()
    return lib


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


@cache
def _voice(name: str) -> c_void_p:
    voices = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")
    register = getattr(voices, f"register_cmu_us_{name}")
    register.restype = c_void_p
    register.argtypes = (c_char_p,)
    return c_void_p(register(None))


def is_available() -> bool:
    """Is libflite with its voices installed on this machine?"""
    return _library() is not None


def synthesise(text: str, *, voice: str = "slt", stretch: float = 1.0, pitch: float = 1.0) -> Take:
    """Say `text`; `stretch` above 1 is slower, `pitch` above 1 higher. Releases the GIL."""
    lib = _library()
    if lib is None:
        raise RuntimeError("libflite is not installed; use lab.espeak instead")
    with _LOCK:
        handle = _voice(voice)
        features = ctypes.cast(handle, POINTER(_Voice)).contents.features
        lib.flite_feat_set_float(features, b"duration_stretch", stretch)
        lib.flite_feat_set_float(features, b"f0_shift", pitch)
        _libc().srand(1)  # its breath is drawn from there: the same text always sounds the same
        utterance = lib.flite_synth_text(text.encode(), handle)
        if not utterance:
            raise RuntimeError("flite could not say this text")
        try:
            wave = lib.utt_wave(utterance).contents
            pcm = np.ctypeslib.as_array(wave.samples, shape=(wave.num_samples,))
            samples = pcm.astype(np.float32) * np.float32(2**-15)
            return Take(samples, wave.sample_rate, _marks(lib, utterance))
        finally:
            lib.delete_utterance(utterance)


def _marks(lib: ctypes.CDLL, utterance: int) -> list[Mark]:
    """Tokens as written, with the ends of their first and last sounds."""
    relation = lib.utt_relation(utterance, b"Token")
    token = lib.relation_head(relation) if relation else None
    marks: list[Mark] = []
    while token:
        first = b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
        last = b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"
        start_s, end_s = (lib.ffeature_float(token, path) for path in (first, last))
        if end_s > start_s:
            name = lib.item_feat_string(token, b"name")
            marks.append(Mark(name.decode(errors="replace"), start_s, end_s))
        token = lib.item_next(token)
    return marks
