"""Bindings and questions on small alphabets, so that they meet: overlapping prefixes, few principals, few hosts."""

from hypothesis import strategies as st

from policies.model import AclBinding, Operation, PatternType, Permission, Principal, ResourceType

NAMES = ("a", "ab", "abc", "abcd", "b", "*", "a*", "h", "hardcode", "")
HOSTS = ("10.0.0.1", "10.1.2.3", "0:0:0:0:0:0:0:1")
TYPES = (ResourceType.TOPIC, ResourceType.GROUP)

principals = st.sampled_from([Principal.parse(text) for text in ("User:x", "User:y", "Group:x", "Group:*")])
granted_to = principals | st.just(Principal("User", "*"))
hosts = st.sampled_from(HOSTS)
host_patterns = st.sampled_from(["*", "*", *HOSTS, "10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "::/0"])
operations = st.sampled_from([each for each in Operation if each > Operation.ANY])
resource_types = st.sampled_from(TYPES)
names = st.sampled_from(NAMES)


def acl_bindings(permission=None):
    return st.builds(
        AclBinding,
        resource_type=resource_types,
        resource_name=names,
        pattern_type=st.sampled_from([PatternType.LITERAL, PatternType.PREFIXED]),
        principal=granted_to,
        host=host_patterns,
        operation=operations,
        permission=st.just(permission) if permission else st.sampled_from([Permission.ALLOW, Permission.DENY]),
    )


binding_lists = st.lists(acl_bindings(), max_size=12)
super_user_sets = st.sets(granted_to, max_size=1)
questions = st.tuples(principals, hosts, operations, resource_types, names)


def acl(text, principal="User:alice", host="*", *, deny=False, source=None):
    """`acl("Read topic orders.*")`: the binding that a policy would write so."""
    operation, resource_type, name = text.split(" ")
    is_prefix = name.endswith("*") and name != "*"
    return AclBinding(
        ResourceType.parse(resource_type),
        name.removesuffix("*") if is_prefix else name,
        PatternType.PREFIXED if is_prefix else PatternType.LITERAL,
        Principal.parse(principal),
        host,
        Operation.parse(operation),
        Permission.DENY if deny else Permission.ALLOW,
        source,
    )
