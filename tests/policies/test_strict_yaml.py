"""YAML read strictly: places, refusals, and a reader that tells every fault."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.strict_yaml import Fault, InvalidDocument, Node, Reader, did_you_mean, parse


def faults_of(text):
    with pytest.raises(InvalidDocument) as caught:
        parse(text, "f.yaml")
    return [str(fault) for fault in caught.value.faults]


def plain(node):
    """The tree as plain Python values."""
    if node.kind == "map":
        return {key: plain(entry.value) for key, entry in node.value.items()}
    if node.kind == "list":
        return [plain(item) for item in node.value]
    return node.value


def test_nodes_keep_their_places():
    root = parse("a: 1\nb:\n  - x\n  - {c: true}\n", "f.yaml")
    a, b = root.value["a"], root.value["b"]
    assert [(a.key.line, a.key.column), (a.value.line, a.value.column)] == [(1, 1), (1, 4)]
    assert (b.value.line, b.value.column) == (3, 3)
    inner = b.value.value[1]
    assert (inner.kind, inner.line, inner.column, inner.value["c"].value.value) == ("map", 4, 5, True)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("12", "int", 12),
        ("-3", "int", -3),
        ("1.50", "float", 1.5),
        ("true", "bool", True),
        ("false", "bool", False),
        ("null", "null", None),
        ("~", "null", None),
        ("", "null", None),
        ("'12'", "str", "12"),
        ('"true"', "str", "true"),
        *(
            (text, "str", text)
            for text in ("no", "on", "yes", "True", "0x10", "0777", "1_000", "12:30", "1e3", "orders.*")
        ),
        ("9" * 30, "str", "9" * 30),
    ],
)
def test_only_plain_decimals_and_true_false_null_are_not_text(text, kind, value):
    node = parse(text, "f.yaml")
    assert (node.kind, node.value) == (kind, value)


def test_keys_are_text_as_written():
    assert plain(parse("1: a\ntrue: b\n'': c", "f.yaml")) == {"1": "a", "true": "b", "": "c"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\nb: 2\na: 3", "f.yaml:3:1: key 'a' is given twice (first on line 1)"),
        ("a: &x 1", "f.yaml:1:4: anchors are not supported, found '&x' (put text with a leading & in quotes)"),
        ("a: *x", "f.yaml:1:4: aliases are not supported, found '*x' (put text with a leading * in quotes)"),
        (
            "a: !secret 1",
            "f.yaml:1:4: tags are not supported, found '!secret' (put text with a leading ! in quotes)",
        ),
        ("? [a]\n: b", "f.yaml:1:3: expected text as a key, found a list"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document (one document a file; remove this '---')"),
        ("a: \x07", "f.yaml:1:4: not valid YAML: the character U+0007 is not allowed"),
        ("a: 1\nb: \ud800", "f.yaml:2:4: not valid YAML: the character U+D800 is not allowed"),
        ("[" * 100 + "]" * 100, "f.yaml:1:33: nested too deeply"),
    ],
)
def test_cleverness_is_refused(text, fault):
    assert faults_of(text) == [fault]


@pytest.mark.parametrize(
    ("text", "beginning"),
    [
        ("a: b: c", "f.yaml:1:5: not valid YAML: mapping values are not allowed"),
        ("a:\n\t- b", "f.yaml:2:1: not valid YAML: found character"),
        ("a: [1,\n  b\nc: 2", "f.yaml:3:2: not valid YAML:"),
    ],
)
def test_bad_yaml_is_told_with_its_place(text, beginning):
    [fault] = faults_of(text)
    assert fault.startswith(beginning)


def test_a_bare_star_is_told_how_to_be_written():
    [fault] = faults_of("topics: [*]")
    assert fault.endswith("(put text with a leading * in quotes)")


def test_all_faults_are_told_in_reading_order():
    assert [fault.split(": ")[0] for fault in faults_of("a: *x\nb: &y 1\na: 2")] == [
        "f.yaml:1:4",
        "f.yaml:2:4",
        "f.yaml:3:1",
    ]


def test_an_empty_document_is_nothing():
    assert parse("# only this\n", "f.yaml") == Node("null", None, 1, 1)


@given(st.text(alphabet=st.characters(codec=None) | st.sampled_from(":-[]{}&*!|>'\"%@`#?,\n\t ab1~"), max_size=40))
def test_any_text_is_read_or_refused(text):
    with suppress(InvalidDocument):
        assert isinstance(parse(text, "f.yaml"), Node)


class TestReader:
    def read(self, text, take):
        reader = Reader("f.yaml")
        taken = take(reader, parse(text, "f.yaml"))
        return taken, [str(fault) for fault in reader.faults]

    def test_known_keys_are_taken_and_others_told(self):
        taken, faults = self.read("topcs: 1\nhost: 2", lambda r, n: r.mapping(n, ("topics", "host"), ("topics",)))
        assert list(taken) == ["host"]
        assert faults == [
            "f.yaml:1:1: the key 'topics' is missing",
            "f.yaml:1:1: unknown key 'topcs' (did you mean 'topics'?)",
        ]

    def test_a_strange_key_is_answered_with_all_known_ones(self):
        _, faults = self.read("zzz: 1", lambda r, n: r.mapping(n, ("topics", "hosts")))
        assert faults == ["f.yaml:1:1: unknown key 'zzz' (known: topics, hosts)"]

    def test_any_keys_are_taken_when_none_are_named(self):
        taken, faults = self.read("x: 1", lambda r, n: r.mapping(n))
        assert (list(taken), faults) == (["x"], [])

    @pytest.mark.parametrize(
        ("text", "method", "fault"),
        [
            ("a", "mapping", "expected a mapping, found 'a'"),
            ("a", "items", "expected a list, found 'a'"),
            ("[]", "items", "the list is empty"),
            ("", "items", "expected a list, found nothing"),
            ("7", "text", 'expected text, found the number 7 (write "7" with the quotes)'),
            ("1.10", "text", 'expected text, found the number 1.10 (write "1.10" with the quotes)'),
            ("true", "text", 'expected text, found true (write "true" with the quotes)'),
            ("[a]", "text", "expected text, found a list"),
            ("''", "text", "the text is empty"),
            ("yes", "boolean", "expected true or false, found 'yes'"),
            ("'7'", "integer", "expected an integer, found '7'"),
            ("1.5", "integer", "expected an integer, found the number 1.5"),
            ("x", "number", "expected a number, found 'x'"),
        ],
    )
    def test_a_wrong_kind_is_told_with_what_was_found(self, text, method, fault):
        taken, faults = self.read(text, lambda r, n: getattr(r, method)(n))
        assert not taken
        assert faults == [f"f.yaml:1:1: {fault}"]

    @pytest.mark.parametrize(
        ("value", "bounds", "fault"),
        [
            ("0", (1, 9), "expected at least 1 and at most 9, found 0"),
            ("10", (None, 9), "expected at most 9, found 10"),
            ("0", (1, None), "expected at least 1, found 0"),
        ],
    )
    def test_bounds_are_told(self, value, bounds, fault):
        taken, faults = self.read(value, lambda r, n: r.integer(n, *bounds))
        assert (taken, faults) == (None, [f"f.yaml:1:1: {fault}"])

    def test_values_are_taken(self):
        assert self.read("5", lambda r, n: r.integer(n, 5, 5)) == (5, [])
        assert self.read("5", lambda r, n: r.number(n)) == (5.0, [])
        assert self.read("0.5", lambda r, n: r.number(n, 0, 1)) == (0.5, [])
        assert self.read("false", lambda r, n: r.boolean(n)) == (False, [])
        assert self.read("[]", lambda r, n: r.items(n, allow_empty=True)) == ([], [])
        assert self.read("SSL", lambda r, n: r.choice(n, ("SSL", "PLAINTEXT"))) == ("SSL", [])

    def test_a_choice_tells_its_options_and_the_nearest(self):
        _, faults = self.read("ssl", lambda r, n: r.choice(n, ("SSL", "PLAINTEXT")))
        assert faults == ["f.yaml:1:1: expected one of SSL, PLAINTEXT, found 'ssl' (did you mean 'SSL'?)"]
        _, faults = self.read("xyz", lambda r, n: r.choice(n, ("SSL", "PLAINTEXT")))
        assert faults == ["f.yaml:1:1: expected one of SSL, PLAINTEXT, found 'xyz'"]

    def test_texts_leaves_out_what_is_none(self):
        taken, faults = self.read("[a, 1, b]", lambda r, n: r.texts(n))
        assert (taken, len(faults)) == (["a", "b"], 1)

    def test_finish_raises_all_faults_sorted(self):
        reader = Reader("f.yaml")
        reader.finish()
        reader.fault(Node("null", None, 9, 1), "late")
        reader.fault(Node("null", None, 2, 1), "early", "a hint")
        with pytest.raises(InvalidDocument, match=r"f.yaml:2:1: early \(a hint\)\nf.yaml:9:1: late") as caught:
            reader.finish()
        assert caught.value.faults[0] == Fault("f.yaml", 2, 1, "early", "a hint")


def test_did_you_mean_knows_no_case_and_admits_knowing_nothing():
    assert did_you_mean("TOPICS", ["topics"]) == "did you mean 'topics'?"
    assert did_you_mean("x", []) == "known: none"
