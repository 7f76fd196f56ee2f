"""The parts of a stack that are Airflow, or talk to it: its environment, database, API and Celery workers."""
