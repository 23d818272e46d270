"""Client telemetry (KIP-714): open to whoever is authenticated, and offered only by brokers that collect it."""

from __future__ import annotations

from typing import Final

from protocol.apis import ApiKey
from proxy.enforcement.call import Call
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Verdict


def judge_telemetry(call: Call) -> Verdict:
    """Let a telemetry request go on."""
    return call.forward()


_SUMMARY: Final = "Nothing: a client may always tell its own metrics."

RULES: Final = (
    ApiRule(ApiKey.GET_TELEMETRY_SUBSCRIPTIONS, judge=judge_telemetry, summary=_SUMMARY),
    ApiRule(ApiKey.PUSH_TELEMETRY, judge=judge_telemetry, summary=_SUMMARY),
)
