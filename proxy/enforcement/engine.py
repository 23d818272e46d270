"""One request in, one verdict out."""

from __future__ import annotations

from protocol.apis import ApiKey
from proxy.enforcement.call import Call
from proxy.enforcement.table import TABLE
from proxy.enforcement.verdict import Verdict


def judge(call: Call) -> Verdict:
    """Judge a request of an API and version that the table has."""
    return TABLE[ApiKey(call.head.api_key)].apply(call)
