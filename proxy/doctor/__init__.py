"""`doorkeeper doctor`: looks at the cluster, and says what would go wrong and what can be reached past the doorkeeper.

`survey` and `doors` ask the cluster, `machine` this machine; what judges (`brokers`, `policy`, `bypass`) asks nobody.
"""
