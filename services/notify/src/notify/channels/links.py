"""Acknowledgement links as the HTTP side sees them: a token, or an answer for people."""

from datetime import datetime

from notify.channels.ack_tokens import AckLink, BadToken, read_token
from pledge.runtime.http.app import HttpProblem


class AckLinks:
    """Reads the tokens of links with the service's key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def read(self, token: str, now: datetime) -> AckLink:
        """What the link says. Raises HttpProblem 404 for one that is not ours or is over."""
        try:
            return read_token(self._key, token, now)
        except BadToken as error:
            told = f"{error}; open the page in Pledge to acknowledge it"
            raise HttpProblem(404, told, title="This link does not work") from error
