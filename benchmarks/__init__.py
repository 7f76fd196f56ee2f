"""The measurements behind every number in the README: `make bench`, or `make bench FIGURE=name`."""
