"""The measurements behind every number in docs/measurements.md: `make bench`, or `make bench FIGURE=name`.

`figures` names them and their goals; `benches` measure, on what `rig` sets up, some of them against `baselines`.
"""
