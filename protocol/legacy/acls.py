"""DescribeAcls, CreateAcls and DeleteAcls 0: no pattern types, for there were no prefixed names yet."""

from typing import Final

from kio.schema.create_acls.v1.response import CreateAclsResponse
from kio.schema.describe_acls.v1.response import AclDescription
from kio.schema.errors import ErrorCode
from kio.static.primitive import i8, i32Timedelta

from protocol.legacy.shape import Pairs, at_version, of, request, response


@request(29, 0)
class DescribeAclsRequestV0:
    """Which ACLs to describe; null is any."""

    resource_type_filter: i8 = of("int8")
    resource_name_filter: str | None = of("string")
    principal_filter: str | None = of("string")
    host_filter: str | None = of("string")
    operation: i8 = of("int8")
    permission_type: i8 = of("int8")


@response(29, 0, nested=True)
class DescribeAclsResource:
    """The ACLs of one resource."""

    resource_type: i8 = of("int8")
    resource_name: str = of("string")
    acls: tuple[AclDescription, ...]


@response(29, 0)
class DescribeAclsResponseV0:
    """The ACLs that were found."""

    throttle_time: i32Timedelta = of("timedelta_i32")
    error_code: ErrorCode = of("error_code")
    error_message: str | None = of("string")
    resources: tuple[DescribeAclsResource, ...]


@request(30, 0, nested=True)
class AclCreation:
    """One ACL to create."""

    resource_type: i8 = of("int8")
    resource_name: str = of("string")
    principal: str = of("string")
    host: str = of("string")
    operation: i8 = of("int8")
    permission_type: i8 = of("int8")


@request(30, 0)
class CreateAclsRequestV0:
    """The ACLs to create."""

    creations: tuple[AclCreation, ...]


@request(31, 0, nested=True)
class DeleteAclsFilter:
    """Which ACLs to delete; null is any."""

    resource_type_filter: i8 = of("int8")
    resource_name_filter: str | None = of("string")
    principal_filter: str | None = of("string")
    host_filter: str | None = of("string")
    operation: i8 = of("int8")
    permission_type: i8 = of("int8")


@request(31, 0)
class DeleteAclsRequestV0:
    """The ACLs to delete."""

    filters: tuple[DeleteAclsFilter, ...]


@response(31, 0, nested=True)
class DeleteAclsMatchingAcl:
    """One ACL that was deleted, or was not."""

    error_code: ErrorCode = of("error_code")
    error_message: str | None = of("string")
    resource_type: i8 = of("int8")
    resource_name: str = of("string")
    principal: str = of("string")
    host: str = of("string")
    operation: i8 = of("int8")
    permission_type: i8 = of("int8")


@response(31, 0, nested=True)
class DeleteAclsFilterResult:
    """What one filter found."""

    error_code: ErrorCode = of("error_code")
    error_message: str | None = of("string")
    matching_acls: tuple[DeleteAclsMatchingAcl, ...]


@response(31, 0)
class DeleteAclsResponseV0:
    """What the filters found."""

    throttle_time: i32Timedelta = of("timedelta_i32")
    filter_results: tuple[DeleteAclsFilterResult, ...]


DESCRIBE_VERSIONS: Final[Pairs] = ((DescribeAclsRequestV0, DescribeAclsResponseV0),)
CREATE_VERSIONS: Final[Pairs] = ((CreateAclsRequestV0, at_version(0, CreateAclsResponse)),)
DELETE_VERSIONS: Final[Pairs] = ((DeleteAclsRequestV0, DeleteAclsResponseV0),)
