"""Which old versions there are: of each API those from 0 up to where kio's own begin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from protocol.legacy import (
    acls,
    delegation_tokens,
    describe_configs,
    fetch,
    list_offsets,
    log_dirs,
    offset_commit,
    offset_fetch,
    offset_for_leader_epoch,
    produce,
    topics,
    write_txn_markers,
)
from protocol.legacy.shape import Pairs

LEGACY: Final[Mapping[int, Pairs]] = {
    found[0][0].__api_key__: found
    for found in (
        produce.VERSIONS,
        fetch.VERSIONS,
        list_offsets.VERSIONS,
        offset_commit.VERSIONS,
        offset_fetch.VERSIONS,
        topics.CREATE_VERSIONS,
        topics.DELETE_VERSIONS,
        offset_for_leader_epoch.VERSIONS,
        write_txn_markers.VERSIONS,
        acls.DESCRIBE_VERSIONS,
        acls.CREATE_VERSIONS,
        acls.DELETE_VERSIONS,
        describe_configs.VERSIONS,
        log_dirs.ALTER_VERSIONS,
        log_dirs.DESCRIBE_VERSIONS,
        delegation_tokens.CREATE_VERSIONS,
        delegation_tokens.RENEW_VERSIONS,
        delegation_tokens.EXPIRE_VERSIONS,
        delegation_tokens.DESCRIBE_VERSIONS,
    )
}
