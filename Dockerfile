# The production image: Airflow with the product in it. Build: docker build -t device-association:0.1.0 .
FROM apache/airflow:3.3.2-python3.11

COPY --chown=airflow:root requirements.txt /tmp/requirements.txt
RUN pip install --no-cache-dir -r /tmp/requirements.txt && rm /tmp/requirements.txt

COPY --chown=airflow:root dags /opt/airflow/dags
COPY --chown=airflow:root plugins /opt/airflow/plugins
COPY --chown=airflow:root include /opt/airflow/include
COPY --chown=airflow:root config /opt/airflow/config

# One place for the image: every service finds the product, the triggerer too.
ENV PYTHONPATH=/opt/airflow/include \
    GX_ANALYTICS_ENABLED=false
USER airflow
