"""AlterReplicaLogDirs and DescribeLogDirs 0: laid out as version 1, which only throttles in another way."""

from typing import Final

from kio.schema.alter_replica_log_dirs.v1.request import AlterReplicaLogDirsRequest
from kio.schema.alter_replica_log_dirs.v1.response import AlterReplicaLogDirsResponse
from kio.schema.describe_log_dirs.v1.request import DescribeLogDirsRequest
from kio.schema.describe_log_dirs.v1.response import DescribeLogDirsResponse

from protocol.legacy.shape import Pairs, at_version

ALTER_VERSIONS: Final[Pairs] = (
    (at_version(0, AlterReplicaLogDirsRequest), at_version(0, AlterReplicaLogDirsResponse)),
)
DESCRIBE_VERSIONS: Final[Pairs] = ((at_version(0, DescribeLogDirsRequest), at_version(0, DescribeLogDirsResponse)),)
