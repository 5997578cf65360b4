"""What Outlook wraps into ``winmail.dat`` (TNEF, MS-OXTNEF): the files by their long names, and the
words. One pass, bounded; a file that is not whole gives what came before the fault."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from intake.mail.charsets import decode_bytes

MAX_ATTRIBUTES: Final = 5_000
MAX_PROPERTIES: Final = 2_000
MAX_FILES: Final = 200

_SIGNATURE: Final = b"\x78\x9f\x3e\x22"
_BODY, _ATTACH_DATA, _ATTACH_TITLE = 0x800C, 0x800F, 0x8010
_ATTACH_BEGINS, _MESSAGE_PROPERTIES, _ATTACH_PROPERTIES = 0x9002, 0x9003, 0x9005
_OEM_CODE_PAGE: Final = 0x9007

_P_BODY, _P_RTF, _P_HTML = 0x1000, 0x1009, 0x1013
_P_DISPLAY_NAME, _P_CODE_PAGE = 0x3001, 0x3FDE
_P_DATA, _P_SHORT_NAME, _P_LONG_NAME = 0x3701, 0x3704, 0x3707
_P_MEDIA_TYPE, _P_CONTENT_ID = 0x370E, 0x3712

_SIZES: Final = {2: 4, 3: 4, 4: 4, 0xA: 4, 0xB: 4, 5: 8, 6: 8, 7: 8, 0x14: 8, 0x40: 8, 0x48: 16}
_VARIABLE: Final = frozenset((0x0D, 0x1E, 0x1F, 0x102))
_OBJECT, _UNICODE, _MULTIPLE = 0x0D, 0x1F, 0x1000
_CODE_PAGES: Final = {65001: "utf-8", 20127: "us-ascii", 20866: "koi8-r", 28591: "iso-8859-1",
                      50220: "iso-2022-jp", 932: "cp932", 936: "gb18030"}  # fmt: skip


@dataclass(slots=True)
class TnefFile:
    """A file in it."""

    name: str = ""
    content_type: str = ""
    content_id: str = ""
    content: bytes = b""


@dataclass(slots=True)
class Tnef:
    """What stands in it. ``is_whole``: all of it could be read, and nothing else is in it."""

    text: str = ""
    html: str = ""
    files: list[TnefFile] = field(default_factory=list)
    is_whole: bool = True


class _Fault(Exception):
    """The bytes are not what they should be."""


def read_tnef(data: bytes) -> Tnef | None:
    """What is in it, None if it is none."""
    if not data.startswith(_SIGNATURE):
        return None
    found = _Reader()
    try:
        for attribute, content in _attributes(data):
            found.take(attribute, content)
    except _Fault:
        found.tnef.is_whole = False
    return found.tnef


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 6
    for _ in range(MAX_ATTRIBUTES):
        if position + 11 > len(data):
            return
        attribute, length = struct.unpack_from("<HxxI", data, position + 1)
        begin = position + 9
        if begin + length > len(data):
            raise _Fault
        yield attribute, data[begin : begin + length]
        position = begin + length + 2
    raise _Fault


class _Reader:
    def __init__(self) -> None:
        self.tnef = Tnef()
        self._charset = "windows-1252"

    def take(self, attribute: int, content: bytes) -> None:
        """Take what one attribute says."""
        if attribute == _OEM_CODE_PAGE and len(content) >= 4:
            self._charset = _code_page(struct.unpack_from("<I", content)[0])
        elif attribute == _BODY and not self.tnef.text:
            self.tnef.text = self._words(content)
        elif attribute == _MESSAGE_PROPERTIES:
            self._message(content)
        elif attribute == _ATTACH_BEGINS:
            if len(self.tnef.files) >= MAX_FILES:
                raise _Fault
            self.tnef.files.append(TnefFile())
        elif self.tnef.files:
            self._attachment(self.tnef.files[-1], attribute, content)

    def _attachment(self, file: TnefFile, attribute: int, content: bytes) -> None:
        if attribute == _ATTACH_TITLE:
            file.name = file.name or self._words(content)
        elif attribute == _ATTACH_DATA:
            file.content = content
        elif attribute == _ATTACH_PROPERTIES:
            names: dict[int, str] = {}
            for number, kind, value in _properties(content):
                if number == _P_DATA:
                    file.content = value[16:] if kind == _OBJECT else value
                elif number in {_P_LONG_NAME, _P_SHORT_NAME, _P_DISPLAY_NAME}:
                    names[number] = self._words(value, kind)
                elif number == _P_MEDIA_TYPE:
                    file.content_type = self._words(value, kind).lower()
                elif number == _P_CONTENT_ID:
                    file.content_id = self._words(value, kind)
            for number in (_P_DISPLAY_NAME, _P_SHORT_NAME, _P_LONG_NAME):
                file.name = names.get(number) or file.name

    def _message(self, content: bytes) -> None:
        values = {number: (kind, value) for number, kind, value in _properties(content)}
        page = values.get(_P_CODE_PAGE)
        charset = _code_page(struct.unpack_from("<I", page[1])[0]) if page else None
        if _P_BODY in values:
            kind, value = values[_P_BODY]
            self.tnef.text = self._words(value, kind, charset) or self.tnef.text
        if _P_HTML in values:
            kind, value = values[_P_HTML]
            self.tnef.html = self._words(value, kind, charset)
        if _P_RTF in values and not self.tnef.text and not self.tnef.html:
            self.tnef.is_whole = False

    def _words(self, value: bytes, kind: int = 0, charset: str | None = None) -> str:
        if kind == _UNICODE:
            return value[: len(value) // 2 * 2].decode("utf-16-le", "replace").rstrip("\0")
        return decode_bytes(value.rstrip(b"\0"), charset or self._charset)


def _code_page(number: int) -> str:
    return _CODE_PAGES.get(number, f"cp{number}" if number < 1259 else "windows-1252")


def _properties(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Number, type and value of each property."""
    try:
        (count,) = struct.unpack_from("<I", data)
        position = 4
        for _ in range(min(count, MAX_PROPERTIES)):
            kind, number = struct.unpack_from("<HH", data, position)
            position += 4
            if number >= 0x8000:
                position = _after_name(data, position)
            values, position = _values(data, position, kind)
            if values:
                yield number, kind & ~_MULTIPLE, values[0]
    except struct.error as error:
        raise _Fault from error


def _after_name(data: bytes, position: int) -> int:
    (is_named,) = struct.unpack_from("<I", data, position + 16)
    position += 20
    if not is_named:
        return position + 4
    length = int.from_bytes(data[position : position + 4], "little")
    return position + 4 + length + -length % 4


def _values(data: bytes, position: int, kind: int) -> tuple[list[bytes], int]:
    simple = kind & ~_MULTIPLE
    count = 1
    if kind & _MULTIPLE or simple in _VARIABLE:
        (count,) = struct.unpack_from("<I", data, position)
        position += 4
    if count > MAX_PROPERTIES or (simple not in _VARIABLE and simple not in _SIZES):
        raise _Fault
    values: list[bytes] = []
    for _ in range(count):
        length = _SIZES.get(simple, 0)
        if simple in _VARIABLE:
            (length,) = struct.unpack_from("<I", data, position)
            position += 4
        if position + length > len(data):
            raise _Fault
        values.append(data[position : position + length])
        position += length + -length % 4
    return values, position
