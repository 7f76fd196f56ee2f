"""Pays for the data checks' import once, before Airflow forks the processes that run tasks.

`import great_expectations` takes 5 to 7 seconds and 240 MiB. Airflow imports this module from
`airflow.settings.initialize`, that is while `import airflow` runs, long before the scheduler starts its LocalExecutor
(or a Celery worker its pool) and forks. What is imported here is there in every task at no cost, its memory shared.

Only those two commands fork task processes; the others would pay for nothing. LocalExecutor needs `[core] mp_start_method
= fork` for it: a spawned process starts from an empty interpreter and finds another command line. Celery's pool forks of
its own accord.
"""

from __future__ import annotations

import sys

FORKS_TASKS = ("scheduler", "celery")

if sys.argv[1:2] and sys.argv[1] in FORKS_TASKS:
    import great_expectations  # noqa: F401 -- importing it is the purpose

__all__: list[str] = []
