"""User names on their way into LDAP: nothing in them is ever read as anything but a name, and each user has one."""

import re
import unicodedata
from typing import Final

from proxy.config.ldap import PLACE

_MARKS: Final = "._-@+$ "
_FILTER_SPECIALS: Final = str.maketrans({each: f"\\{ord(each):02x}" for each in "\\*()\0"})
_NAME_SPECIALS: Final = re.compile(r'[\x00-\x1F\x7F,+"\\<>;=#]')


def canonical_name(username: str) -> str | None:
    """Return the one form of a name that all forms come to which a directory takes for the same, or None.

    A directory compares names without regard to case, width, blanks and characters that cannot be seen (RFC 4518). Were
    `ALICE` a principal beside `alice`, then whoever is denied something would only have to press another key.
    """
    name = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", username).casefold())
    is_plain = all(unicodedata.category(each)[0] in "LN" or each in _MARKS for each in name)
    if not is_plain or name != " ".join(name.split()):
        return None
    return name or None


def in_filter(template: str, username: str) -> str:
    """Return a search filter with the name in its place, escaped (RFC 4515)."""
    return template.replace(PLACE, username.translate(_FILTER_SPECIALS))


def in_name(template: str, username: str) -> str:
    """Return a distinguished name with the name in its place, escaped (RFC 4514)."""
    escaped = _NAME_SPECIALS.sub(lambda found: f"\\{ord(found[0]):02x}", username)
    # A blank is significant only where it is escaped.
    if escaped.startswith(" "):
        escaped = f"\\20{escaped[1:]}"
    if escaped.endswith(" "):
        escaped = f"{escaped[:-1]}\\20"
    return template.replace(PLACE, escaped)
