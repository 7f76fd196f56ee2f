"""The JSON body of a request: read within its limit, and described by the model that checks it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from pydantic import BaseModel

from device_association_airflow.api.body_limit import limited_body

BodyDep = Annotated[bytes, Depends(limited_body)]


def described_body(model: type[BaseModel], **example: object) -> dict[str, Any]:
    """Return what the description of the API says of a route's body."""
    content = {"application/json": {"schema": model.model_json_schema(), "example": example}}
    return {"requestBody": {"required": True, "content": content}}
