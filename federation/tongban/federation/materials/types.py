"""What the first bytes of a material say about its media type.

Each signature comes from the standard of its format. A type that is not listed has none that is looked for.
"""

from collections.abc import Callable, Mapping

HEAD = 4096
"""Bytes at the beginning by which a type is known."""

_PDF_WITHIN = 1024
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


def problem_of(media_type: str, head: bytes) -> str:
    """Return why a material that begins so cannot be of a type, in words; empty if it can."""
    fits = _KNOWN.get(media_type, _text if media_type.startswith("text/") else None)
    return "" if fits is None or fits(head) else f"the first bytes of the content are not those of {media_type}"


def _begins(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(signatures)


def _pdf(head: bytes) -> bool:
    """Look for the header where readers do, for what scanners put before it is common (ISO 32000-2, 7.5.2)."""
    return b"%PDF-" in head[:_PDF_WITHIN]


def _webp(head: bytes) -> bool:
    return head.startswith(b"RIFF") and head[8:12] == b"WEBP"  # RFC 9649, 2.4


def _media_file(head: bytes) -> bool:
    return head[4:8] == b"ftyp"  # ISO/IEC 14496-12, 4.3


def _text(head: bytes) -> bool:
    """Take any encoding, as UTF-8 or GB 18030: none of them but UTF-16 has control characters in a text."""
    return head.startswith(_BYTE_ORDER_MARKS) or not _CONTROLS.intersection(head)


_ZIP = _begins(b"PK\x03\x04", b"PK\x05\x06")  # PKWARE APPNOTE 6.3.10, 4.3.7 and 4.3.16
_COMPOUND = _begins(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # [MS-CFB] 2.2
_OOXML = "application/vnd.openxmlformats-officedocument"

_KNOWN: Mapping[str, Callable[[bytes], bool]] = {
    "application/pdf": _pdf,
    "application/ofd": _ZIP,  # GB/T 33190-2016: a ZIP archive
    f"{_OOXML}.wordprocessingml.document": _ZIP,  # ISO/IEC 29500-2
    f"{_OOXML}.spreadsheetml.sheet": _ZIP,
    f"{_OOXML}.presentationml.presentation": _ZIP,
    "application/zip": _ZIP,
    "application/msword": _COMPOUND,
    "application/vnd.ms-excel": _COMPOUND,
    "application/vnd.ms-powerpoint": _COMPOUND,
    "image/jpeg": _begins(b"\xff\xd8\xff"),  # ITU-T T.81, B.1.1.3
    "image/png": _begins(b"\x89PNG\r\n\x1a\n"),  # ISO/IEC 15948, 5.2
    "image/tiff": _begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),  # TIFF 6.0, section 2; BigTIFF
    "image/gif": _begins(b"GIF87a", b"GIF89a"),
    "image/bmp": _begins(b"BM"),
    "image/webp": _webp,
    "image/heic": _media_file,  # ISO/IEC 23008-12
    "video/mp4": _media_file,
    "audio/mp4": _media_file,
    "application/json": _text,
    "application/xml": _text,
}
