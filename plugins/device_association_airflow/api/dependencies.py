"""Who asks a route of the portal: the person signed in to Airflow as the portal user of that name, with a right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Depends, Request
from sqlalchemy import Engine

from device_association.bulk_changes.access import PortalUser, Right, find_caller
from device_association.database.execution import database_clock
from device_association.messaging.outbox import Send
from device_association.settings import Settings
from device_association_airflow import connections


def portal_engine() -> Engine:
    """Return the engine of the portal's database."""
    return connections.portal()


def portal_settings() -> Settings:
    """Return the product's settings."""
    return connections.settings()


def portal_send() -> Send:
    """Return what sends a message to the bulk change queue, and gives up soon: a person waits for the answer."""
    return connections.send_message


EngineDep = Annotated[Engine, Depends(portal_engine)]


def portal_now(engine: EngineDep) -> datetime:
    """Return now, as the portal's database tells it: an api-server outlives every clock that was set once."""
    return database_clock(engine)()


NowDep = Annotated[datetime, Depends(portal_now)]
SettingsDep = Annotated[Settings, Depends(portal_settings)]
SendDep = Annotated[Send, Depends(portal_send)]


def signed_in(request: Request, user: GetUserDep) -> str:
    """Return the sign-in name, and keep it for the log of denials."""
    name = user.get_name()
    request.state.user_name = name
    return name


def caller_with(right: Right) -> Callable[..., PortalUser]:
    """Return the dependency that gives the caller, or refuses one without the right."""

    def find(name: Annotated[str, Depends(signed_in)], engine: EngineDep) -> PortalUser:
        with engine.connect() as connection:
            return find_caller(connection, name, right)

    return find


ReaderDep = Annotated[PortalUser, Depends(caller_with(Right.ACCESS))]
CreatorDep = Annotated[PortalUser, Depends(caller_with(Right.CREATE))]
EditorDep = Annotated[PortalUser, Depends(caller_with(Right.EDIT))]
