"""A believable telecom to try everything on: `load(engine)` for the portal, `revio_seed(secret)` for Rev.io."""

from local.sample_data.load import load
from local.sample_data.seed import revio_seed
from local.sample_data.world import Groups, groups

__all__ = ["Groups", "groups", "load", "revio_seed"]
