"""Text of the form that mail programs wrap and unwrap (format=flowed, RFC 3676 §4)."""

from typing import Final

_SIGNATURE: Final = "-- "


def unflowed(text: str, *, is_space_deleted: bool) -> str:
    """The text with its paragraphs joined, by depth of quote; a line that ends with a space goes
    on in the next. ``is_space_deleted`` is the parameter DelSp."""
    out: list[str] = []
    paragraph: list[str] = []
    depth = 0
    for line in text.split("\n"):
        quotes = len(line) - len(line.lstrip(">"))
        words = line[quotes:]
        if words.startswith(" "):  # stuffed
            words = words[1:]
        is_signature = words == _SIGNATURE
        if paragraph and (quotes != depth or is_signature):
            out.append(_line(depth, paragraph))
            paragraph = []
        depth = quotes
        if words.endswith(" ") and not is_signature:
            paragraph.append(words[:-1] if is_space_deleted else words)
        else:
            paragraph.append(words)
            out.append(_line(depth, paragraph))
            paragraph = []
    if paragraph:
        out.append(_line(depth, paragraph))
    return "\n".join(out)


def _line(depth: int, paragraph: list[str]) -> str:
    words = "".join(paragraph)
    return f"{'>' * depth} {words}" if depth else words
