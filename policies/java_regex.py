r"""Regular expressions as Java reads them, for rules that were written for Kafka.

The two languages look alike and differ where it hurts: `.` and `$` know more line ends in Java, `\d`, `\w` and letter
case are ASCII there, groups are named `(?<name>...)`. What is the same or can be said in Python is translated; what
cannot be (class arithmetic, Unicode properties, flags but `i`) is refused rather than read with another meaning.
"""

import re

_LINE_ENDS = r"\n\r\x85\u2028\u2029"
_DOT = f"[^{_LINE_ENDS}]"
# Java's $ stands at the end or before one last line end, but never inside of \r\n.
_END = rf"(?:(?<!\r(?=\n))(?=(?:\r\n|[{_LINE_ENDS}])?\Z))"

_POSIX = {
    "Lower": "a-z",
    "Upper": "A-Z",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "XDigit": "0-9a-fA-F",
    "Punct": r"!-/:-@\[-`{-~",
    "Blank": r"\x20\t",
    "Space": r"\x20\t-\r",
    "ASCII": r"\x00-\x7f",
}

_QUOTED = r"\\Q(?P<quoted>.*?)(?:\\E|\Z)"
_POSIX_ESCAPE = rf"\\(?P<sign>[pP])\{{(?P<posix>{'|'.join(_POSIX)})\}}"
_ESCAPE = r"(?P<escape>\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|[dDwWsStnrfa]|[^A-Za-z0-9]))"
_OUTSIDE = re.compile(
    rf"{_QUOTED}|{_POSIX_ESCAPE}|{_ESCAPE}"
    r"|(?P<anchor>\\[AbBzZ]|\$)"
    r"|\\(?P<reference>[1-9](?![0-9])|k<(?P<referred>[A-Za-z][A-Za-z0-9]*)>)"
    r"|\(\?<(?P<named>[A-Za-z][A-Za-z0-9]*)>"
    r"|(?P<group>\((?:\?(?:-?i:|:|=|!|>|<=|<!)|(?!\?)))"
    r"|(?P<dot>\.)"
    r"|(?P<open>\[\^?)"
    r"|(?P<same>\{[0-9]+(?:,[0-9]*)?\}|[^\\\[({.$])",
    re.DOTALL,
)
_INSIDE = re.compile(rf"{_QUOTED}|{_POSIX_ESCAPE}|{_ESCAPE}|(?P<close>\])|(?P<plain>&(?!&)|[^\\\[\]&])", re.DOTALL)
_ANCHORS = {"$": _END, r"\Z": _END, r"\z": r"\Z"}
_IGNORE_CASE = "(?i)"


class InvalidPattern(ValueError):
    """A regular expression that is wrong in Java, or that cannot be said in Python."""


def compile_java(pattern: str) -> re.Pattern[str]:
    """The pattern for Python, with the meaning that it has in java.util.regex.

    Raises:
        InvalidPattern: with the place from which on the pattern cannot be used.
    """
    flags = re.ASCII
    body = pattern
    if pattern.startswith(_IGNORE_CASE):
        flags |= re.IGNORECASE
        body = pattern.removeprefix(_IGNORE_CASE)
    try:
        return re.compile(_translated(body), flags)
    except (re.error, OverflowError) as error:
        raise InvalidPattern(f"the pattern {pattern!r} is not understood: {error}") from error


def _translated(pattern: str) -> str:
    pieces: list[str] = []
    place = 0
    inside = False
    while place < len(pattern):
        token = (_INSIDE if inside else _OUTSIDE).match(pattern, place)
        if token is None:
            raise InvalidPattern(f"the pattern {pattern!r} is not understood from {pattern[place:]!r} on")
        place = token.end()
        pieces.append(_inside(token) if inside else _outside(token))
        if token.lastgroup == "open" and pattern.startswith("]", place):
            pieces.append(r"\]")
            place += 1
        inside = token.lastgroup == "open" or (inside and token.lastgroup != "close")
    return "".join(pieces)


def _outside(token: re.Match[str]) -> str:
    found = token.groupdict()
    if found["posix"]:
        negation = "^" if found["sign"] == "P" else ""
        return f"[{negation}{_POSIX[found['posix']]}]"
    if found["quoted"] is not None:
        return re.escape(found["quoted"])
    if found["named"]:
        return f"(?P<{found['named']}>"
    if found["referred"]:
        return f"(?P={found['referred']})"
    if found["dot"]:
        return _DOT
    return _ANCHORS.get(token[0], token[0])


def _inside(token: re.Match[str]) -> str:
    found = token.groupdict()
    if found["posix"]:
        if found["sign"] == "P":
            raise InvalidPattern(f"the pattern is not understood: {token[0]} inside of [...]")
        return _POSIX[found["posix"]]
    if found["quoted"] is not None:
        return re.escape(found["quoted"])
    # Python warns of | ~ - & doubled in a class, which it keeps for a later meaning.
    return f"\\{token[0]}" if token[0] in "|~&" else token[0]
