"""The decision: Kafka's access rules, compiled, asked and explained.

Pure and synchronous: no clock, no files, no sockets, nothing of the wire. Text comes in, values go out.

The nouns, in the order in which they meet:

`AclBinding`      one right given to or taken from one principal on one resource pattern, as Kafka stores it.
`PolicyDocument`  what a policy file says, as bindings that each know their policy, file and line.
`Authorizer`      bindings compiled into tables; answers (principal, host, operation, resource) with a `Decision`.
`Decision`        allowed or denied, why, and the binding that decided.
`Explanation`     a decision told to a person, with the policies that nearly applied.
"""
