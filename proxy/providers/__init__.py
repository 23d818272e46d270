"""Who knows, outside, who somebody is: token issuers, directories, Kerberos. All of it reads files or asks machines.

It is handed to `proxy.authentication` behind the interfaces declared there, and runs in threads of its own.
"""
