"""DescribeCluster: never denied; its bits are the policy's."""

from __future__ import annotations

from typing import Final

from kio.schema.errors import ErrorCode

from protocol.apis import ApiKey
from protocol.splice import Message
from proxy.enforcement.apis.metadata import cluster_bits
from proxy.enforcement.call import Call
from proxy.enforcement.rule import ApiRule
from proxy.enforcement.verdict import Verdict


def judge_describe_cluster(call: Call) -> Verdict:
    """Judge a DescribeCluster request."""
    if not call.request.include_cluster_authorized_operations:
        return call.forward()

    def bits(answer: Message) -> None:
        if answer.value("error_code") == ErrorCode.none:
            answer.replace("cluster_authorized_operations", cluster_bits(call))

    return call.forward(bits)


RULES: Final = (
    ApiRule(
        ApiKey.DESCRIBE_CLUSTER,
        judge=judge_describe_cluster,
        summary="Nothing: whoever is authenticated sees the brokers. The bits need Describe Cluster, else they are 0.",
    ),
)
