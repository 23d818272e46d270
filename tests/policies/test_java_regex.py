"""Java's regular expressions."""

import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.java_regex import InvalidPattern, compile_java


def matches(pattern, text):
    return compile_java(pattern).fullmatch(text) is not None


@pytest.mark.parametrize(
    ("pattern", "text", "matched"),
    [
        (".", "\r", False),
        (".", "\u2028", False),
        ("[^,]", "\r", True),
        (r"\w", "é", False),
        (r"\d", "٣", False),
        ("(?i)cn", "CN", True),
        ("(?i)é", "É", False),
        ("(?i:c)n", "Cn", True),
        ("(?i:c)n", "CN", False),
        (r"\Qa.(b\E.", "a.(bc", True),
        (r"[\Q]^\E]", "^", True),
        (r"\p{Alpha}\P{Digit}", "ab", True),
        (r"\P{Alpha}", "a", False),
        (r"[\p{Upper}_]+", "A_B", True),
        (r"\p{Punct}", "~", True),
        (r"\p{Punct}", "a", False),
        ("[]a]+", "a]", True),
        ("[^]a]+", "]", False),
        ("[a&b|~-]+", "a&b|~-", True),
        ("a]}", "a]}", True),
        ("(?<n>a)\\k<n>", "aa", True),
        (r"(a)\1", "aa", True),
        ("a{2,3}", "aaa", True),
        ("(?>a*)a", "aaa", False),
        ("a*+b", "aab", True),
        (r"\u0041\x42", "AB", True),
        (r"\/\-\,", "/-,", True),
    ],
)
def test_the_meaning_is_javas(pattern, text, matched):
    assert matches(pattern, text) is matched


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n", "\x85", "\u2028"])
@pytest.mark.parametrize("anchor", ["$", r"\Z"])
def test_the_end_may_be_before_one_last_line_end(anchor, line_end):
    assert compile_java(f"a{anchor}").search(f"a{line_end}")
    assert not compile_java(f"a{anchor}").search(f"a{line_end}b")
    assert not compile_java(r"a\z").search(f"a{line_end}")


def test_the_end_is_not_inside_of_a_line_end():
    assert not compile_java("\r$").search("\r\n")


@pytest.mark.parametrize(
    "pattern",
    [
        "[a[b]]",
        "[a&&b]",
        r"\p{L}",
        r"[\P{Digit}]",
        "(?x)a",
        "a(?i)b",
        "(?P<n>a)",
        "(?#a)",
        "{",
        "a{,2}",
        r"\e",
        r"\11",
        "(",
        "a**",
        "a{99999999999}",
        "[",
    ],
)
def test_what_cannot_be_said_is_refused(pattern):
    with pytest.raises(InvalidPattern, match="is not understood"):
        compile_java(pattern)


@given(st.text(alphabet="ab.,=^$*+?()[]{}|\\dwsQE&-~ \n", max_size=12))
def test_any_text_is_a_pattern_or_refused(text):
    """Never another exception, never a warning of Python's about its own future syntax."""
    with suppress(InvalidPattern):
        assert isinstance(compile_java(text), re.Pattern)


@given(st.text(alphabet=st.characters(exclude_characters="\\"), max_size=12))
def test_quoted_text_matches_itself(text):
    assert matches(f"\\Q{text}\\E", text)
    assert matches(f"[\\Q{text}x\\E]", "x")
