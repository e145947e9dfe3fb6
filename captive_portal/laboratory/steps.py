"""Which packets and calls follow a redirect, in order and in plain words, from what its driver says will happen."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qsl, urlsplit

from captive_portal.gateways.base import (
    Action,
    Arrival,
    BrowserForm,
    BrowserRedirect,
    GatewayDriver,
    Outcome,
    Pass,
    PolledGrant,
    Reauthentication,
    ResolvingDriver,
    ReturningDriver,
    ServerCall,
)
from captive_portal.gateways.gateway import Gateway

_KEPT: Final = "The portal keeps what the gateway handed over, and shows its first page."
_HIDDEN: Final = "The portal asks the controller for the device's address, which is hidden in the redirect."
_PROOF: Final = "Accounting-Start comes for that user name: this is the proof, and the waiting page goes on."
_AT_THE_END: Final = "Interim-Updates follow, and at the end Accounting-Stop with the reason why it ended."
_GRANTED: Final = (
    "The gateway says that it let the device on. The portal's page waits for the proof, which is accounting."
)
_MEANWHILE: Final = "Meanwhile the browser is at the portal's waiting page, which reloads itself without a script."
_OTHER_OUTCOMES: Final = {
    Outcome.GRANTED: (_GRANTED,),
    Outcome.ALREADY_ONLINE: (
        "The gateway says that the device is on already.",
        "The portal looks for an open session of the device, however old, and shows that the resident is online.",
    ),
    Outcome.REFUSED: (
        "The gateway says that it did not let the device on.",
        "The portal shows a page with a button to try again, which fetches a fresh redirect first.",
    ),
    Outcome.LOGGED_OFF: (
        "The gateway says that the session has ended.",
        "The portal says so, and offers to connect again.",
    ),
}


def following(
    driver: GatewayDriver, gateway: Gateway, arrival: Arrival, portal_url: str, dynamic_authorization: str | None
) -> tuple[str, ...]:
    """What follows a redirect that was checked. ``dynamic_authorization`` is where RFC 5176's requests go."""
    if arrival.outcome is not Outcome.CAPTIVE:
        return _OTHER_OUTCOMES[arrival.outcome]
    credentials = Pass("USER-NAME", "PASSWORD", arrival.hand_over, return_url=f"{portal_url}/j/…/waiting")
    action = driver.release(credentials, gateway)
    hidden = (_HIDDEN,) if isinstance(driver, ResolvingDriver) and isinstance(arrival.device, str) else ()
    return (*hidden, _KEPT, *_release(action, driver, gateway, dynamic_authorization), _end(driver, gateway, arrival))


def _release(
    action: Action, driver: GatewayDriver, gateway: Gateway, dynamic_authorization: str | None
) -> tuple[str, ...]:
    match action:
        case BrowserRedirect(url):
            names = [name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)]
            with_names = f" with {', '.join(names)}" if names else ""
            return (
                f"When the resident may go on, the browser opens {_place(url)}{with_names}.",
                *_asked(driver, gateway),
            )
        case BrowserForm(url, fields):
            names = list(fields)
            posted = f"When the resident may go on, one button posts {', '.join(names)} to {_place(url)}."
            return (posted, *_asked(driver, gateway))
        case ServerCall():
            called = (
                f"When the resident may go on, the portal itself calls the controller at {gateway.login_url}, and "
                "again after an error that may pass."
            )
            if driver.capabilities.sends_accounting:
                return (called, _MEANWHILE, *_access_request(gateway))
            yes = "The controller's yes is the proof: the portal begins a session, marked as learnt from the API."
            return (called, _MEANWHILE, yes)
        case PolledGrant():
            return (
                "When the resident may go on, the portal leaves the grant ready. The gateway asks for it every few "
                "seconds.",
                _MEANWHILE,
                "The gateway's acknowledgement is the proof: the portal begins a session, marked as learnt from it.",
            )
        case Reauthentication() if driver.capabilities.asks_by_itself:
            return (
                "When the resident may go on, the gateway's agent is told so when it asks again, within seconds.",
                _MEANWHILE,
                "The agent's report that the device is on is the proof: the portal begins a session.",
            )
        case Reauthentication():
            where = dynamic_authorization or "the gateway (no place is entered: citywifi nas change --disconnect-host)"
            return (
                f"When the resident may go on, a request by RFC 5176 goes to {where}.",
                _MEANWHILE,
                "The gateway answers ACK and asks RADIUS about the device anew; Access-Accept has no restriction now.",
                _PROOF,
                _AT_THE_END,
            )


def _asked(driver: GatewayDriver, gateway: Gateway) -> tuple[str, ...]:
    """What the gateway asks RADIUS when a browser brought it something."""
    if not driver.capabilities.sends_accounting and isinstance(driver, ReturningDriver):
        return ("The gateway asks nobody and reports nothing: the portal begins a session when the browser is back.",)
    if not driver.capabilities.sends_accounting:
        return (
            "The gateway asks nobody. It reports to its own arrival address whom it let on: that is the proof, and the "
            "portal begins a session, marked as learnt from it.",
        )
    return _access_request(gateway)


def _access_request(gateway: Gateway) -> tuple[str, ...]:
    source = f" from {gateway.network}" if gateway.network else ""
    called = f" and NAS-Identifier {gateway.nas_identifier}" if gateway.nas_identifier else ""
    return (
        f"The gateway sends Access-Request{source} with the one-time user name, its password (PAP or CHAP), "
        f"Calling-Station-Id{called}.",
        "The RADIUS server answers Access-Accept with the limits of the place, or Access-Reject with the reason in "
        "its log.",
        _PROOF,
        _AT_THE_END,
    )


def _end(driver: GatewayDriver, gateway: Gateway, arrival: Arrival) -> str:
    if not driver.capabilities.can_log_out:
        return "The resident cannot log out: this kind of gateway has no way to."
    match driver.log_out(arrival.hand_over, gateway):
        case BrowserRedirect(url) | BrowserForm(url):
            return f"To log out, the browser goes to {_place(url)}."
        case ServerCall():
            return "To log out, the portal tells the controller to take the device off."
        case PolledGrant():
            return "To log out, the portal has the gateway take the device off when it asks the next time."
        case Reauthentication() if driver.capabilities.asks_by_itself:
            return "To log out, the gateway's agent takes the device off when it asks the next time."
        case Reauthentication():
            return "To log out, a Disconnect-Request goes to the gateway."


def _place(url: str) -> str:
    """An address without its parameters, which hold what is nobody's business."""
    return url.partition("?")[0]
