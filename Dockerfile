# The production image: Airflow with the product in it. Build: docker build -t device-association:0.9.0 .
#
# The slim image, because it holds Airflow and nothing that our pins do not name. The full one brings many providers, fitted
# together by Airflow's own constraints; our pins, which the tests ran with, are newer, and the providers they do not name
# would be left with libraries that they refuse.
FROM apache/airflow:slim-3.3.2-python3.11

COPY requirements.txt requirements-image.txt /opt/airflow/
# Everything in one resolution: the pins name Airflow itself, so that pip can neither up- nor downgrade it. A build whose
# packages do not fit together, or whose Airflow is not the base image's, ends here.
RUN pip install --no-cache-dir -r /opt/airflow/requirements.txt -r /opt/airflow/requirements-image.txt \
    && pip check \
    && python -c "import os; from importlib.metadata import version; assert version('apache-airflow') == os.environ['AIRFLOW_VERSION']" \
    && mkdir /opt/airflow/data_docs

COPY --chown=airflow:root dags /opt/airflow/dags
COPY --chown=airflow:root plugins /opt/airflow/plugins
COPY --chown=airflow:root include /opt/airflow/include
COPY --chown=airflow:root config /opt/airflow/config

# One place for the image: every service finds the product, the triggerer too.
ENV PYTHONPATH=/opt/airflow/include \
    GX_ANALYTICS_ENABLED=false
USER airflow
