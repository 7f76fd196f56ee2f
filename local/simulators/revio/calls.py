"""One call as the simulator sees it: what it asks for, which SIM it is about, and what makes two calls the same request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request

from local.simulators.revio.ledger.records import Shown, value_of, whole_number
from local.simulators.revio.ledger.store import AccountStore

PAGING = frozenset({"page", "page_size"})
TELLS_REQUESTS_APART = ("customer_id", "product_id", "page", "status")


@dataclass(frozen=True, slots=True)
class Call:
    """A call under /v1; the names in its query come without the optional prefix `search.`."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any = None

    @property
    def resource(self) -> str:
        """What is called: `Services` of `/v1/Services/5`."""
        return self.path.removeprefix("/v1/").partition("/")[0]

    @property
    def key(self) -> str:
        """The id in the path, or nothing."""
        return self.path.removeprefix("/v1/").partition("/")[2]

    @property
    def verb(self) -> str:
        """How counters name the call: `POST /v1/Services`."""
        return f"{self.method} /v1/{self.resource}"

    @property
    def page(self) -> int:
        """The page of a list that is asked for."""
        return whole_number(self.query.get("page", "1")) or 0

    @property
    def filters(self) -> frozenset[str]:
        """The filters of a list, by name."""
        return frozenset(self.query) - PAGING

    @property
    def lines(self) -> frozenset[int]:
        """The ids of lines that the call names: in its path, its query or its body."""
        named = [source.get("service_id") for source in self._sources()]
        if self.resource == "Services":
            named.append(self.key)
        return frozenset(one for one in map(whole_number, named) if one is not None)

    def numbers(self, store: AccountStore) -> frozenset[str]:
        """Return the numbers the call names, and those of the line it names by an id."""
        line = self._line(store)
        named = [value_of(line, name) for name in ("number", "number2")] if line else []
        given = [source.get(name) for source in self._sources() for name in ("number", "number2")]
        return frozenset(str(one) for one in [*named, *given] if one)

    def identity(self, numbers: frozenset[str]) -> str:
        """Return what the same request has in common whenever it comes; `numbers` are those of the call.

        Ids that depend on who came first are left out where the SIM's number says the same.
        """
        apart = [str(source[name]) for source in self._sources() for name in TELLS_REQUESTS_APART if name in source]
        return "|".join((self.verb, "one" if self.key else "", *(sorted(numbers) or [self.key]), *apart))

    def _sources(self) -> Iterator[Mapping[str, Any]]:
        yield self.query
        if isinstance(self.body, dict):
            yield self.body

    def _line(self, store: AccountStore) -> Shown | None:
        if self.resource == "Services" and self.key:
            return store.shown.get(_id(self.key))
        for source in self._sources():
            if "service_id" in source:
                return store.shown.get(_id(source["service_id"]))
            product = store.service_products.get(_id(source.get("service_product_id")))
            if product is not None:
                return store.shown.get(product.service_id)
        return None


async def read_call(request: Request) -> Call:
    """Return the call with its body; one that is no JSON counts as none."""
    raw = await request.body()
    try:
        body = json.loads(raw) if raw else None
    except ValueError:
        body = None
    query = {name.removeprefix("search."): value for name, value in request.query_params.items()}
    return Call(request.method, request.url.path, query, body)


def _id(value: object) -> int:
    return whole_number(value) or 0
