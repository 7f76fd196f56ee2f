"""The bodies of the DAGs' tasks by subject: each gets its connections and calls one function of the product."""
