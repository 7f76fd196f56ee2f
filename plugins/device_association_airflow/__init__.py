"""Everything of the product that touches Airflow; the rules are in `device_association`."""
