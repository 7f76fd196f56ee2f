"""Loads the sample world into the database that DEVICE_ASSOCIATION_PORTAL_URL names."""

import os
import sys

from sqlalchemy import create_engine

from local.sample_data import load

url = os.environ.get("DEVICE_ASSOCIATION_PORTAL_URL")
if not url:
    sys.exit("DEVICE_ASSOCIATION_PORTAL_URL is not set; set it to the portal database's SQLAlchemy URL")
load(create_engine(url))
