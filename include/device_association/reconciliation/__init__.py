"""The comparison of the portal, its mirror of Rev.io and Rev.io itself, and the repair of differences."""
