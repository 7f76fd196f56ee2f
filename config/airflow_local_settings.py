"""Pays for heavy imports once, before Airflow forks the processes that run tasks.

`import great_expectations` takes 5 to 7 seconds and 240 MiB, what else every task of ours imports from other packages a third
of a second. Airflow imports this module from `airflow.settings.initialize`, that is while `import airflow` runs, long before
the scheduler starts its LocalExecutor (or a Celery worker its pool) and forks. What is imported here is there in every task
at no cost, its memory shared. Our own modules are not: a task always runs the code that is on the disk.

Only those two commands fork task processes; the others would pay for nothing. LocalExecutor needs `[core] mp_start_method
= fork` for it: a spawned process starts from an empty interpreter and finds another command line. Celery's pool forks of
its own accord.
"""

from __future__ import annotations

import sys
from importlib import import_module

FORKS_TASKS = ("scheduler", "celery")
HEAVY = (
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.amazon.aws.hooks.sqs",
    "airflow.providers.microsoft.mssql.hooks.mssql",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.standard.decorators.short_circuit",
    "alembic.command",
    "great_expectations",
    "pydantic_settings",
)

if sys.argv[1:2] and sys.argv[1] in FORKS_TASKS:
    for name in HEAVY:
        import_module(name)

__all__: list[str] = []
