"""Secrets: which names mean one, and texts without them. What is kept of one is a hash that is slow to guess from."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from urllib.parse import quote, quote_plus

# not every key is one: `partition_key` is not
_SECRET = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|authorization|connection.string|(^|[^a-z])pass([^a-z]|$)|(^|\.)key$"
    r"|(api|access|private|account|encryption|signing|session|shared|master)[-_.]?key",
    re.I,
)
_USER_INFO = re.compile(r"(://[^:/@\s]*:)\S+@")
_PARAMETER = re.compile(r"([?&;][^=&;\s]*(?:pass|secret|token|credential|key|pwd)[^=&;\s]*=)[^&;\s]+", re.I)
_PASSWORD = re.compile(r"://[^:/@\s]*:(\S+)@")
# shorter ones would be found in half of all words
_SHORTEST = 4
_hidden: set[str] = set()


def is_secret(name: str) -> bool:
    """Whether the name of a setting or variable says that its value must not be shown."""
    return _SECRET.search(name) is not None


def mask(uri: str) -> str:
    """A URI without the password in it: fit for screens, logs and errors."""
    return _PARAMETER.sub(r"\1***", _USER_INFO.sub(r"\1***@", uri))


def hide(value: object) -> None:
    """From now on `redacted` takes this value out of texts; of a URI only the password in it."""
    text = str(value)
    if "://" in text:
        found = _PASSWORD.search(text)
        text = found[1] if found else ""
        if "@" in text:  # which a driver takes for the end of it, and tells the rest as the host
            for part in text.split("@"):
                hide(part)
    if len(text) >= _SHORTEST:
        # as it is, as JSON and Python write it, and as a URL does
        _hidden.update({text, json.dumps(text)[1:-1], repr(text)[1:-1], quote(text, safe=""), quote_plus(text)})


def redacted(text: str) -> str:
    """A text without the secrets of this process."""
    for value in sorted(_hidden, key=len, reverse=True):
        text = text.replace(value, "***")
    return text


def stand_in(name: str, value: object) -> dict[str, str]:
    """What is kept of a secret value in its place: equal for equal values of one name, and slow to guess (scrypt)."""
    return {"scrypt": _scrypt(name, json.dumps(value, default=str))}


@functools.lru_cache(maxsize=256)
def _scrypt(name: str, text: str) -> str:
    salt = f"lakeorch variable {name}".encode()
    return hashlib.scrypt(text.encode(), salt=salt, n=2**14, r=8, p=1, dklen=16).hex()
