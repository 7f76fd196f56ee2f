"""What a person is answered whose change was stored, waits for the queue, or was only previewed."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from device_association.domain.encoding import as_json
from device_association.requests.create import Created
from device_association.requests.preview import Preview

WAITS = "stored; the queue does not answer at the moment, so the change waits and starts once it does"


def created_to_api(created: Created, *, waits: bool) -> dict[str, Any]:
    """Return what the caller is told of a change that was stored."""
    answer = {
        "Success": True,
        "ChangeId": created.change_id,
        "Accepted": created.accepted,
        "Rejected": created.rejected,
    }
    if created.needs_approval:
        return answer | {"Message": f"stored; it starts once a second person has approved it: {created.needs_approval}"}
    return answer | ({"Message": WAITS} if waits else {})


def preview_to_api(seen: Preview) -> Response:
    """Return what a preview saw as an answer."""
    answer = {
        "Success": True,
        "Message": "a preview: nothing was stored and Rev.io was not asked",
        "Accepted": seen.accepted,
        "Rejected": len(seen.devices) - seen.accepted,
        "Lines": seen.lines,
        "CallsPerMinute": seen.calls_per_minute,
        "Seconds": seen.seconds,
        "NeedsApproval": seen.needs_approval,
        "Codes": seen.codes,
        "Devices": [{"ICCID": one.iccid, "Code": one.code, "Message": one.message} for one in seen.devices],
    }
    return Response(as_json(answer), media_type="application/json")  # 100,000 verdicts: nothing walks over them again
