"""A file that only whoever has the key can read, written chunk by chunk.

Each chunk is sealed by itself (AES-256-GCM), so a killed process loses what it had not written yet
and nothing else. A chunk that was changed, moved, doubled or left out does not open; whether the
file was ended is sealed into its last chunk.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MAGIC = b"offhook sealed 1\n"
LEAST_KEY_CHARS = 32
_HEAD = struct.Struct(">IB")  # length of what is sealed, 1 for the last chunk
_MOST_HEADER_BYTES = 4096
_MOST_CHUNK_BYTES = 64 << 20


class SealedError(ValueError):
    """A sealed file that cannot be read, in one line."""


class SealedWriter:
    """Appends to a new file of its own; `about` is readable without the key."""

    def __init__(self, path: Path, *, key: str, about: dict[str, Any]) -> None:
        salt = secrets.token_bytes(16)
        header = {**about, "salt": salt.hex(), "key_id": key_id(key)}
        line = json.dumps(header, separators=(",", ":")).encode() + b"\n"
        self._bound = sha256(line).digest()
        self._cipher = AESGCM(_file_key(key, salt))
        self._count = 0
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file: BinaryIO = os.fdopen(handle, "wb", buffering=0)
        self._file.write(MAGIC + line)

    def write(self, plain: bytes, *, is_last: bool = False) -> None:
        """Seal and append one chunk; blocks on the disk."""
        head = bytes([is_last])
        sealed = self._cipher.encrypt(_nonce(self._count), plain, self._bound + head)
        self._count += 1
        self._file.write(_HEAD.pack(len(sealed), is_last) + sealed)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class SealedReader:
    """Opens a file again; `is_whole` once all was read and the last chunk was there."""

    def __init__(self, path: Path, *, key: str) -> None:
        self._file = path.open("rb")
        self.is_whole = False
        try:
            if self._file.read(len(MAGIC)) != MAGIC:
                raise SealedError("it is no sealed file")
            line = self._file.readline(_MOST_HEADER_BYTES)
            try:
                self.about: dict[str, Any] = json.loads(line)
                salt = bytes.fromhex(self.about["salt"])
            except (ValueError, KeyError, TypeError):
                raise SealedError("its first line is damaged") from None
            if self.about.get("key_id") != key_id(key):
                raise SealedError("it was sealed with another key")
        except SealedError:
            self._file.close()
            raise
        self._bound = sha256(line).digest()
        self._cipher = AESGCM(_file_key(key, salt))

    def chunks(self) -> Iterator[bytes]:
        """What was written, in order; ends early where the writer was killed."""
        index = 0
        while not self.is_whole:
            head = self._file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            length, is_last = _HEAD.unpack(head)
            sealed = self._file.read(length) if length <= _MOST_CHUNK_BYTES else b""
            if len(sealed) < length <= _MOST_CHUNK_BYTES:
                return  # it was being written
            try:
                plain = self._cipher.decrypt(_nonce(index), sealed, self._bound + head[-1:])
            except InvalidTag:
                raise SealedError(f"chunk {index + 1} is damaged") from None
            index, self.is_whole = index + 1, bool(is_last)
            yield plain

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def key_id(key: str) -> str:
    """Tells keys apart and nothing about them."""
    return _derived(key, salt=b"", purpose=b"offhook key id", length=4).hex()


def _file_key(key: str, salt: bytes) -> bytes:
    return _derived(key, salt=salt, purpose=b"offhook sealed file", length=32)


def _derived(key: str, *, salt: bytes, purpose: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length=length, salt=salt, info=purpose).derive(key.encode())


def _nonce(index: int) -> bytes:
    """Once each under a file's key, which no other file has."""
    return index.to_bytes(12, "big")
