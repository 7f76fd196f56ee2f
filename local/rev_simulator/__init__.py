"""A Rev.io that runs on this machine and fails in the ways the real one does.

    python -m local.rev_simulator --port 18500 --seed-file seed.json --state-file state.jsonl

It speaks the contract of Rev.io under `/v1`, and keeps a journal of real creations: a test asserts on that, not on what
the client believes. `/_control` is for tests and the demo, without credentials, on 127.0.0.1 only:

| route | what |
| --- | --- |
| GET `/_control/health` | answers when the simulator does |
| GET `/_control/journal?account=&number2=` | every real creation and disconnection, in order |
| GET `/_control/lines` | active lines by SIM (number2) |
| GET `/_control/counters` | calls by verb and path, with what was turned away |
| GET, POST, DELETE `/_control/faults` | the fault plan: see `faults.Fault` |
| PATCH `/_control/settings` | latency, limits, search lag, how 'no date' is written |
| POST `/_control/services?account=` | plants a line, as if it had always been there |
| POST `/_control/reset` | forgets everything and starts from the seed |
"""
