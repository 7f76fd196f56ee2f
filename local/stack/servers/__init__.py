"""The servers beside Airflow: databases, broker, queue, receiver of notifications, accounts of the simulated Rev.io."""
