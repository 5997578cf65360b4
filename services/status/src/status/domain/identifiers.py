"""Public identifiers of pages, components, incidents and updates."""

from hashlib import sha256

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_LENGTH = 12


def public_id(*parts: str) -> str:
    """Twelve characters of `[a-z0-9]` that depend on `parts` alone.

    The Statuspage API shows ids of this shape only, and clients check it. Deriving them makes a
    replayed event open the same incident again instead of a second one.
    """
    digest = sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest, "big")
    characters = []
    for _ in range(_LENGTH):
        number, index = divmod(number, len(_ALPHABET))
        characters.append(_ALPHABET[index])
    return "".join(characters)
