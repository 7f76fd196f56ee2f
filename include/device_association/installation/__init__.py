"""The installation of our schema: migrations, and the adoption of a portal that is there already."""
