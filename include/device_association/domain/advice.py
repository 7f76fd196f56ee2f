"""What a code means for a group of devices, and what a person can do about it; the screens show it beside the count."""

from __future__ import annotations

from dataclasses import dataclass

from device_association.domain.codes import DeviceCode


@dataclass(frozen=True, slots=True)
class Advice:
    """A code in words, and the next step."""

    title: str
    to_do: str


AGAIN = "Retry these devices."
ADVICE: dict[str, Advice] = {
    DeviceCode.INVALID_ICCID: Advice(
        "Not an ICCID", "An ICCID has 18 to 22 digits. Correct the number and send the device in a new request."
    ),
    DeviceCode.DEVICE_NOT_FOUND: Advice(
        "Unknown to the service provider", "Check the number, and that the right service provider is chosen."
    ),
    DeviceCode.DEVICE_NOT_IN_TENANT: Advice(
        "Not in this tenant's inventory", "Have the device moved into the tenant's inventory, then retry."
    ),
    DeviceCode.DEVICE_ARCHIVED: Advice("Archived", "Restore the device in the portal, then retry."),
    DeviceCode.DEVICE_STATUS_NOT_ALLOWED: Advice(
        "Status allows no customer", "Change the device's status first, then retry."
    ),
    DeviceCode.DEVICE_IN_OTHER_CHANGE: Advice(
        "Held by another change", "Wait until that change has ended, or cancel it, then retry."
    ),
    DeviceCode.DEVICE_ASSIGNED_TO_OTHER_CUSTOMER: Advice(
        "Billed to another customer", "Disconnect the other customer's line in Rev.io first, then retry."
    ),
    DeviceCode.DEVICE_HAS_ACTIVE_SERVICE: Advice(
        "Already has a line", "Send these devices again without creating a line."
    ),
    DeviceCode.CHANGED_SINCE: Advice(
        "Changed since", "Look at the device's history; give it to the right customer by a request of its own."
    ),
    DeviceCode.REV_REJECTED: Advice(
        "Refused by Rev.io", "Read the device's message, correct what it names in Rev.io, then retry."
    ),
    DeviceCode.REV_LINE_AMBIGUOUS: Advice(
        "Not clear which Rev.io line is the SIM's",
        "Name the line that is the SIM's at the device below, or leave it one active line in Rev.io, then retry.",
    ),
    DeviceCode.REV_LINE_OF_OTHER_CUSTOMER: Advice(
        "Billed to another customer in Rev.io",
        "Have the other customer's line disconnected in Rev.io, or moved to this customer, then retry.",
    ),
    DeviceCode.REV_PRODUCT_FAILED: Advice(
        "Line made, a product is missing", "Correct the product in Rev.io, then retry: only what is missing is made."
    ),
    DeviceCode.REV_OUTCOME_UNKNOWN: Advice(
        "Rev.io's answer never came", "Nothing to do now: the line is looked up, and never ordered twice."
    ),
    DeviceCode.DATA_CHECK_FAILED: Advice(
        "Stopped by the data checks", "Read the data check report, correct the data, then retry."
    ),
    DeviceCode.STEP_FAILED: Advice("A step of ours failed", "Open the run and read the failed task's log, then retry."),
    DeviceCode.DEADLINE_EXCEEDED: Advice("Ran out of time", AGAIN),
    DeviceCode.CANCELED_BY_USER: Advice("Canceled by a person", "Retry if these devices are wanted after all."),
    DeviceCode.APPROVAL_REFUSED: Advice(
        "Not approved",
        "Read the reason; correct the request, then send it again or retry, which asks for approval anew.",
    ),
    DeviceCode.APPROVAL_EXPIRED: Advice(
        "Nobody approved it in time", "Retry, which asks for approval anew, and tell somebody who may approve."
    ),
    DeviceCode.STOPPED: Advice("Stopped: too many failures", "Correct what made the others fail, then retry."),
    DeviceCode.REV_UNAUTHORIZED: Advice(
        "Rev.io refused our credentials", "Have the account's credentials corrected in Airflow, then retry."
    ),
}


def advice(code: str) -> Advice:
    """Return what a code means; one that we don't know speaks for itself."""
    return ADVICE.get(code) or Advice(code, "Read the devices' own messages.")
