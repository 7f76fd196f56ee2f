"""Associates IoT devices with billing customers in bulk. Pure Python: never imports Airflow or a web framework."""
