"""As much of DER (X.690) as it takes to find a name in a certificate."""

from dataclasses import dataclass


class InvalidDer(ValueError):
    """Bytes that are not DER, or not of the form expected."""


@dataclass(frozen=True, slots=True)
class Element:
    """One tag-length-value; `encoded` is all of it."""

    tag: int
    content: bytes
    encoded: bytes


def read_elements(data: bytes) -> list[Element]:
    """Return the elements that `data` is made of. Raises InvalidDer."""
    elements = []
    offset = 0
    while offset < len(data):
        element = _read_element(data, offset)
        elements.append(element)
        offset += len(element.encoded)
    return elements


def read_children(element: Element, tag: int) -> list[Element]:
    """Return the elements inside one that must have this tag. Raises InvalidDer."""
    if element.tag != tag:
        raise InvalidDer(f"expected the tag 0x{tag:02X}, found 0x{element.tag:02X}")
    return read_elements(element.content)


def read_only(data: bytes) -> Element:
    """Return the one element that `data` is. Raises InvalidDer."""
    elements = read_elements(data)
    if len(elements) != 1:
        raise InvalidDer(f"expected one element, found {len(elements)}")
    return elements[0]


def object_identifier(element: Element) -> str:
    """Return an OBJECT IDENTIFIER in dotted form. Raises InvalidDer."""
    if element.tag != 0x06 or not element.content or element.content[-1] & 0x80:
        raise InvalidDer("expected an object identifier")
    arcs = []
    value = 0
    for byte in element.content:
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            arcs.append(value)
            value = 0
    root = min(arcs[0] // 40, 2)  # the first number holds two: X.690 section 8.19.4
    return ".".join(str(arc) for arc in (root, arcs[0] - 40 * root, *arcs[1:]))


def _read_element(data: bytes, start: int) -> Element:
    if len(data) - start < 2:
        raise InvalidDer("an element is cut short")
    tag, length = data[start], data[start + 1]
    offset = start + 2
    if tag & 0x1F == 0x1F:
        raise InvalidDer("tags of several bytes are not supported")
    if length >= 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[offset : offset + size], "big")
        offset += size
        if length < 0x80 or length.bit_length() <= 8 * (size - 1):
            raise InvalidDer("a length is not in its shortest form")
    end = offset + length
    if end > len(data):
        raise InvalidDer("an element is cut short")
    return Element(tag, data[offset:end], data[start:end])
