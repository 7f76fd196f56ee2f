-- Lists the runs of the associating DAG with their states, from Airflow's own tables.
-- Reads only.
SELECT run_id, state FROM dag_run WHERE dag_id = 'associate_customer'
