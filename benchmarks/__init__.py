"""The measurements behind every number in docs/measurements.md: `make bench`, or `make bench FIGURE=name`."""
