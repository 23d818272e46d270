"""The one flag of a record batch that decides something."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.records import is_transactional

PLAIN = bytes(16) + b"\x02" + bytes(44)


def with_byte(position: int, value: int) -> bytes:
    return PLAIN[:position] + bytes([value]) + PLAIN[position + 1 :]


@pytest.mark.parametrize("compression", range(5))
@pytest.mark.parametrize("control", [0, 0x20])
def test_the_fifth_bit_of_the_attributes_says_it(compression: int, control: int) -> None:
    assert not is_transactional(with_byte(22, compression | control), 0, 61)
    assert is_transactional(with_byte(22, compression | control | 0x10), 0, 61)


@pytest.mark.parametrize("magic", [0, 1])
def test_old_message_sets_know_no_transactions(magic: int) -> None:
    records = bytearray(with_byte(22, 0x10))
    records[16] = magic
    assert not is_transactional(bytes(records), 0, 61)


@given(records=st.binary(max_size=22), before=st.binary(max_size=5), behind=st.binary(max_size=80))
def test_records_too_short_for_a_batch_carry_no_flag(records: bytes, before: bytes, behind: bytes) -> None:
    begin = len(before)
    assert not is_transactional(before + records + behind, begin, begin + len(records))


@given(before=st.binary(max_size=40), behind=st.binary(max_size=40), flag=st.booleans())
def test_only_the_batch_at_the_position_counts(before: bytes, behind: bytes, flag: bool) -> None:
    buffer = before + with_byte(22, 0x10 * flag) + behind
    assert is_transactional(memoryview(buffer), len(before), len(before) + 61) is flag
