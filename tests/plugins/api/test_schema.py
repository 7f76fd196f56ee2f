"""Whatever its own description allows or forbids is sent to the API: every answer is one that the description names."""

from __future__ import annotations

from collections import Counter
from typing import Any

import schemathesis
from hypothesis import given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.applications import Starlette
from starlette.routing import Mount

from device_association_airflow.api.app import PREFIX
from device_association_airflow.ui.app import portal_app
from local.sample_data import groups
from tests.flow import Flow, request
from tests.hunts import SAME_EACH_TIME, few_and_many
from tests.portal_client import TOKEN, Portal

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


@few_and_many(6, 75)
def test_every_case_of_the_description_gets_an_answer_that_it_names(api: Portal, flow: Flow, examples: int) -> None:
    """Sends so many cases to each operation."""
    flow.run(request([groups().plain[0], groups().archived[0]]))
    described = schemathesis.openapi.from_dict(api.get("/openapi.json").json())
    described.app = Starlette(routes=[Mount(PREFIX, portal_app)])
    answers: Counter[int] = Counter()
    results = list(described.get_all_operations())
    operations = [result.ok() for result in results if isinstance(result, Ok)]
    assert len(operations) == len(results)
    for operation in operations:
        modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
        cases = [operation.as_strategy(generation_mode=mode) for mode in modes]

        @given(case=cases[0] | cases[1])
        @settings(SAME_EACH_TIME, max_examples=examples)
        def send(case: Any) -> None:
            answer = case.call(headers={"Authorization": f"{TOKEN}dora.ops"})
            answers[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        send()
    assert answers.total() >= examples * len(operations) * 0.8, "an operation without parameters has one case"
    assert answers.keys() >= {200, 404, 422}
