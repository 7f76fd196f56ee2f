"""The reports of the data checks, served to people who are signed in to Airflow."""
