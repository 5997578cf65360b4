"""`python -m intake.gateways.mail_worker`: reads mails for another process, one after the other.

Requests come on standard input and answers go to standard output, each with its length before it.
It ends with its input, so that none outlives the process that started it.
"""

import pickle
import resource
import struct
import sys
from typing import BinaryIO, Final

from intake.mail.parse import Delivery, Mail, read_mail, unread_mail

LENGTH: Final = struct.Struct("<Q")
MAX_MEMORY: Final = 2 * 1024**3
"""Bytes of address space; the largest mail that is taken needs a tenth."""


def request(raw: bytes, delivery: Delivery, reason: str | None) -> bytes:
    """A mail to be read; with a reason, one that is not to be taken apart for it."""
    return _framed((raw, delivery, reason))


def _framed(value: object) -> bytes:
    data = pickle.dumps(value, protocol=5)
    return LENGTH.pack(len(data)) + data


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request until there is no more."""
    while len(head := requests.read(LENGTH.size)) == LENGTH.size:
        data = requests.read(LENGTH.unpack(head)[0])
        raw, delivery, reason = pickle.loads(data)  # noqa: S301 - from the process that started us
        mail: Mail = unread_mail(raw, reason, delivery) if reason else read_mail(raw, delivery)
        for each in mail.attachments:
            _ = each.sha256  # reckoned here, and carried along
        answers.write(_framed(mail))
        answers.flush()


def main() -> None:
    """Serve standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
