"""How many of our pairs each library takes apart; docs/intake.md has the table.

    python -m venv /tmp/beside && /tmp/beside/bin/pip install email-reply-parser \\
        mail-parser-reply quotequail email-reply-extractor talon
    PYTHONPATH=tests /tmp/beside/bin/python -m bench.reply_text    # those that are installed
    PYTHONPATH=tests .venv/bin/python -m bench.reply_text          # ours
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib import import_module

from support.reply_pairs import pairs

Split = Callable[[str], str]


def _ours() -> Split:
    split = import_module("intake.mail.reply_text").split_reply
    return lambda text: str(split(text).visible)


def _email_reply_parser() -> Split:
    parser = import_module("email_reply_parser").EmailReplyParser
    return lambda text: str(parser.parse_reply(text))


def _mail_parser_reply() -> Split:
    package = import_module("mailparser_reply")
    languages = list(import_module("mailparser_reply.constants").MAIL_LANGUAGES)
    parser = package.EmailReplyParser(languages=languages)
    return lambda text: str(parser.parse_reply(text=text) or "")


def _quotequail() -> Split:
    quote = import_module("quotequail").quote
    return lambda text: "\n".join(
        part for is_shown, part in quote(text, limit=100_000, quote_intro_line=True) if is_shown
    )


def _email_reply_extractor() -> Split:
    package = import_module("email_reply_extractor")
    return lambda text: str(package.clean_for_scoring(package.extract_new_text(text).text).text)


def _talon() -> Split:
    quotations = import_module("talon.quotations")
    signature = import_module("talon.signature.bruteforce")
    return lambda text: str(signature.extract_signature(quotations.extract_from_plain(text))[0])


def _words(text: str) -> list[str]:
    return [each for each in text.split() if each != "--"]


def measure() -> Iterator[tuple[str, int, int]]:
    """Name, pairs whose quote is taken off, pairs whose signature is too; of what is installed."""
    for name, make in (
        ("pledge", _ours),
        ("email-reply-parser", _email_reply_parser),
        ("mail-parser-reply", _mail_parser_reply),
        ("quotequail", _quotequail),
        ("email-reply-extractor", _email_reply_extractor),
        ("talon", _talon),
    ):
        try:
            split = make()
        except ImportError:
            continue
        quotes = whole = 0
        for pair in pairs():
            visible = _words(split(pair.text))
            right = _words(pair.visible)
            whole += visible == right
            quotes += visible in (right, right + _words(pair.signature))
        yield name, quotes, whole


if __name__ == "__main__":
    total = len(list(pairs()))
    for name, quotes, whole in measure():
        sys.stdout.write(f"{name}: {quotes} of {total} without quote, {whole} also signature\n")
