"""What the domain needs of the keys that sign addresses and links."""

from typing import Protocol


class Signer(Protocol):
    """Signs with the newest key, reads what any of the keys signed."""

    def signature(self, message: bytes, size: int) -> bytes:
        """The message's signature of that many bytes."""

    def is_signed(self, message: bytes, signature: bytes, size: int) -> bool:
        """Whether one of the keys made this signature."""

    def seal(self, body: bytes, context: bytes, size: int) -> str:
        """The body and its signature as URL-safe text."""

    def unseal(self, token: str, context: bytes, size: int) -> bytes | None:
        """The body of a token sealed in this context; None for any other text."""
