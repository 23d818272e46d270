"""Prefixes and folded rows."""

from hypothesis import given
from hypothesis import strategies as st

from policies.index import EMPTY_ROW, PrefixIndex, ResourceTable
from policies.model import Operation
from tests.policies.bindings import acl

texts = st.text(alphabet="ab\U0001f600\ud800", max_size=6)


@given(st.sets(texts), texts)
def test_the_longest_prefix_is_found(prefixes, name):
    index = PrefixIndex(prefixes)
    place = index.longest(name)
    found = index.prefixes[place] if place >= 0 else None
    assert found == max((prefix for prefix in prefixes if name.startswith(prefix)), key=len, default=None)


def test_a_name_that_nothing_covers_has_the_empty_row():
    table = ResourceTable([acl("Read topic orders"), acl("Read topic pay*")])
    assert table.row("order") is EMPTY_ROW
    assert table.row("orders")[Operation.READ] is not None


def test_a_row_holds_what_all_covering_patterns_say():
    table = ResourceTable([acl("Read topic orders"), acl("Write topic ord*"), acl("Alter topic *", deny=True)])
    row = table.row("orders")
    assert row[Operation.READ].allowed
    assert row[Operation.WRITE].allowed
    assert not row[Operation.ALTER].allowed
    assert row[Operation.CREATE] is None
