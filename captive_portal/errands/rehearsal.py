"""What stands in for access equipment when the portal is only tried out: nothing leaves this process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from captive_portal.errands.controllers import Controllers
from captive_portal.errands.errands import Carrier, ErrandAction


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The stand-ins: for each kind of errand one that carries it, and controllers that are asked nothing."""

    carriers: Mapping[type[ErrandAction], Carrier]
    controllers: Controllers
