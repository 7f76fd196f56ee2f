"""Every table that we work with, declared once for both databases: the portal's (schema dbo) and ours (device_association).

The migrations never import this: they are written out, and a test compares what they make with what is declared here.
"""

from device_association.database.tables import (
    changes,
    lines,
    operation,
    portal_changes,
    portal_customers,
    portal_devices,
    portal_tenants,
    requests,
)
from device_association.database.tables.columns import METADATA

PORTAL, OURS = "dbo", "device_association"

__all__ = [
    "METADATA",
    "OURS",
    "PORTAL",
    "changes",
    "lines",
    "operation",
    "portal_changes",
    "portal_customers",
    "portal_devices",
    "portal_tenants",
    "requests",
]
