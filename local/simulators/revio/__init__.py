"""A Rev.io that runs on this machine and fails in the ways the real one does.

    python -m local.simulators.revio --port 18500 --seed-file seed.json --state-file state.jsonl

It speaks the contract of Rev.io under `/v1`, and keeps a journal of real creations: a test asserts on that, not on what
the client believes. `/_control` is for tests and the demo, without credentials, on 127.0.0.1 only:

| route | what |
| --- | --- |
| GET `/_control/health` | answers when the simulator does |
| GET `/_control/journal?account=&number2=` | every real creation and disconnection, in order |
| GET `/_control/lines` | active lines by SIM (number2) |
| GET `/_control/counters` | calls by verb and path, and by the status they were told (`none`: no answer) |
| GET `/_control/timeline` | by account and second: accepted calls by verb and status, and how many met a limit |
| GET, POST, DELETE `/_control/faults` | the rules of the fault plan: see `faults.plan.Fault`; DELETE `.../{id}` ends one |
| GET, PUT `/_control/plan` | all rules at once, with the seed: see `faults.plan.Plan` |
| GET, POST, DELETE `/_control/outage` | for `seconds`, every call meets `kind`: `refuse`, `hang` or `error` |
| GET, PATCH `/_control/settings` | latency, limits, lag, filters, 'no date', order, time zones: see `settings.Settings` |
| POST `/_control/services?account=` | plants a line, as if it had always been there |
| POST `/_control/records?account=&customer_id=` | plants raw JSON in the list of lines: see `ledger.records.RawRecord` |
| POST `/_control/people` | a person makes, moves, renumbers, ends ... a line: see `ledger.people.Deed` |
| POST `/_control/reset` | forgets everything and starts from the seed; settings stay |

The same seed and plan give the same request the same fate and the same latency, whatever comes in between and in which
order: they are drawn from the seed, the rule, and what the request asks for (verb, numbers of the SIM, customer, product,
page) with how many times it has come since the plan was set. Only `after` and `times` count calls in the order they come.
"""
